package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// The home keeps the CA file of its directory, for every command that connects to it.
func TestHomeKeepsTheCAFile(t *testing.T) {
	home := newHome(t)
	s := ldaptest.Start(t, ldaptest.Options{TLS: true, Entries: []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}})
	args := []string{"ldap", "audit", "--home", home, "-H", s.LDAPSURL(), "-B", "o=isp"}
	if a := davadminRun(t, nil, args...); a.code != 5 || !strings.Contains(a.notes, "certificate") {
		t.Fatalf("without it: code %d, %s", a.code, a.notes)
	}
	write(t, filepath.Join(home, "config/isp.pem"), s.CAPEM())
	if err := os.WriteFile(filepath.Join(home, "config/davadmin.properties"), []byte("ca-file=isp.pem\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, nil, args...); a.code != 0 && a.code != 3 {
		t.Errorf("with it: code %d, %s", a.code, a.notes)
	}
}
