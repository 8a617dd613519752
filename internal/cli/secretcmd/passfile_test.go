package secretcmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

func TestValueFileBelongsToThePrecedingName(t *testing.T) {
	var p passItems
	for _, err := range []error{p.file("a"), p.name("x"), p.name("y"), p.file("b"), p.name("z")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []passItem{{name: "x", file: "a"}, {name: "y", file: "b"}, {name: "z"}}
	for i, it := range p.items {
		if it.name != want[i].name || it.file != want[i].file {
			t.Errorf("%d: %s %s", i, it.name, it.file)
		}
	}
	if err := p.file("c"); err != nil {
		t.Error(err)
	}
	if err := p.file("d"); err == nil {
		t.Error("a second file for the same name was accepted")
	}
}

// The table is sorted, so that listings are, and every name has a purpose.
func TestSecretNames(t *testing.T) {
	hints := cmdutil.NewFactory(&cmdutil.Environment{}).Hints
	last := ""
	for _, n := range secretNames() {
		if n.name <= last || n.purpose == "" || (n.members != nil) != strings.HasSuffix(n.name, ".") || (n.members == nil) != (n.missing == nil) {
			t.Errorf("%+v", n)
		}
		last = n.name
	}
	for _, name := range []string{"", ".", "ldap.", "ldap", "store.", "*", "ldap.*", "\xff", strings.Repeat("x", 1<<16)} {
		err := checkSecretName(hints, []knownSecret{{"ldap.ugldap", ""}, {"store.a", ""}}, name, "")
		var usage *cmdutil.UsageError
		if !errors.As(err, &usage) || len(err.Error()) > 400 {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if bytes.Contains([]byte(checkSecretName(hints, nil, "admin=hunter2", "").Error()), []byte("hunter2")) {
		t.Error("the message contains the password")
	}
}
