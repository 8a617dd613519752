package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A clifile that belongs to another user is refused, unless this user owns the home as well:
// the configuration is theirs in any case.
func TestClifileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to another user")
	}
	u := newUnprivileged(t)
	home := u.home(t, "home", "site.name=a\n")
	path := filepath.Join(home, "config/davadmin.properties")
	write(t, path, []byte("output=json\n"))
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, nil, "config", "list", "--home", home); a.code != 0 || !strings.HasPrefix(a.out, "{") {
		t.Errorf("of the owner of the home: code %d, %s%s", a.code, a.out, a.notes)
	}
	if a := davadminRun(t, nil, "config", "list", "--home", home, "-F", path); a.code != 1 || !strings.Contains(a.notes, "can be changed by others") {
		t.Errorf("named with -F: code %d, %s", a.code, a.notes)
	}
}
