package cmdutil

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
)

// clifileCommand returns an operation with the action 'try', whose options a clifile can set, and the
// parts of its run.
func clifileCommand(t *testing.T, text string, environment map[string]string) (*Factory, *cobra.Command) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "clifile")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := NewFactory(&Environment{Streams: &ui.Streams{Err: &strings.Builder{}}, Getenv: func(name string) string { return environment[name] }})
	build := func() (root, try *cobra.Command) {
		root, op, try := &cobra.Command{Use: "davadmin"}, &cobra.Command{Use: "ldap"}, &cobra.Command{Use: "audit"}
		var o DirectoryOptions
		o.Add(try)
		o.AddProof(try)
		try.RunE = func(*cobra.Command, []string) error { return nil }
		root.AddCommand(op)
		op.AddCommand(try)
		return root, try
	}
	f.Homes.Commands = func() *cobra.Command { root, _ := build(); return root }
	_, try := build()
	if err := try.ParseFlags([]string{"-F", path}); err != nil {
		t.Fatal(err)
	}
	return f, try
}

// An identity in a clifile is not sent to a server that the command line names, and a password
// not with another identity.
func TestClifileIdentityStaysWithItsServer(t *testing.T) {
	const text = "binddn=cn=reader\npassword-file=pw\ncert-file=c\nkey-file=k\nprove-as=cn=m\nprove-password-file=mpw\nldap.audit.hostname=a.example.com\nldap.port=1389\nca-file=ca\n"
	secrets := []string{"binddn", "password-file", "cert-file", "key-file", "prove-as", "prove-password-file", "port"}
	for name, tt := range map[string]struct {
		args    []string
		env     map[string]string
		without []string
	}{
		"nothing":           {nil, nil, nil},
		"another host":      {[]string{"-H", "b.example.com"}, nil, append(secrets, "hostname")},
		"another identity":  {[]string{"-D", "cn=other"}, nil, []string{"binddn", "password-file"}},
		"external":          {[]string{"--external"}, nil, []string{"binddn", "password-file"}},
		"another password":  {nil, map[string]string{"DAVADMIN_LDAP_PASSWORD": "x"}, []string{"password-file"}},
		"another cert":      {[]string{"--cert-file", "x"}, nil, []string{"cert-file", "key-file"}},
		"another authority": {[]string{"--ca-file", "x"}, nil, []string{"ca-file"}},
	} {
		f, cmd := clifileCommand(t, text, tt.env)
		if err := cmd.ParseFlags(tt.args); err != nil {
			t.Fatal(err)
		}
		if err := f.Homes.ApplyClifiles(cmd); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		applied := map[string]bool{}
		for _, d := range f.Homes.applied {
			applied[d.option] = true
		}
		for _, option := range append(secrets, "hostname", "ca-file") {
			want := true
			for _, w := range tt.without {
				want = want && w != option
			}
			if applied[option] != want {
				t.Errorf("%s: --%s applied: %v", name, option, applied[option])
			}
		}
	}
}

// A default does not count as given: -B of the command line selects entries, a default says
// where they are.
func TestClifileDefaultIsNotGiven(t *testing.T) {
	f, cmd := clifileCommand(t, "base=o=isp\nBASE=o=other\n", nil)
	if err := f.Homes.ApplyClifiles(cmd); err != nil {
		t.Fatal(err)
	}
	base := cmd.Flags().Lookup("base")
	if base.Changed || base.Value.String() != "[o=isp,o=other]" {
		t.Errorf("changed %v: %s", base.Changed, base.Value)
	}
}

func TestNamesOption(t *testing.T) {
	for message, want := range map[string]bool{
		"--page: -1 is less than 0": true, "use --page": true, "--page-size 3": false, "--pages --page": true, "page": false,
	} {
		if namesOption(message, "page") != want {
			t.Errorf("%q: want %v", message, want)
		}
	}
}
