package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A home that the user may not read is named, with its owner and mode.
func TestClosedHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a home that another user cannot read")
	}
	u := newUnprivileged(t)
	home := u.home(t, "home", "davcore.a=b\n")
	config := filepath.Join(home, "config")
	for path, mode := range map[string]os.FileMode{config: 0o750, home: 0o700, serverFile(home): 0o600} {
		if err := os.Chown(path, 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"config", "list"}, {"config", "check"}, {"domainmap", "list"}, {"account", "list"}, {"ldap", "test"}, {"coexist", "status"}, {"passfile", "list"}, {"ldappool", "list"}} {
			text, err := u.run(t, append(args, "--home", home)...)
			want := "no right to read " + path
			if path != serverFile(home) {
				want += "/"
			} else if args[0] == "passfile" || args[0] == "domainmap" {
				continue // these read other files
			}
			if want += ", owner root (uid 0), group root (gid 0), mode 0"; err == nil || !strings.Contains(text, want) {
				t.Errorf("%q: %s", args, text)
			}
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
