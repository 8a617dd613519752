package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/finding"
)

// homePath is a file or, if dir, a directory with a mode.
func homePath(t *testing.T, mode fs.FileMode, dir bool, p HomePath) HomePath {
	t.Helper()
	p.Path = filepath.Join(t.TempDir(), "f")
	err := os.WriteFile(p.Path, nil, 0o600)
	if dir {
		p.Path = filepath.Dir(p.Path)
	}
	if err := errors.Join(err, os.Chmod(p.Path, mode)); err != nil {
		t.Fatal(err)
	}
	if p.Info, err = os.Stat(p.Path); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHomeModes(t *testing.T) {
	const all = fs.FileMode(0o111)
	for _, c := range []struct {
		name string
		mode fs.FileMode
		dir  bool
		p    HomePath
		want string // rule, severity and fix without the path
	}{
		{"closed", 0o600, false, HomePath{Reach: all, Private: true, Key: true}, ""},
		{"open", 0o644, false, HomePath{Reach: all}, ""},
		{"written by all", 0o646, false, HomePath{Reach: all}, "home-writable error chmod go-w"},
		{"written by the group", 0o664, false, HomePath{Reach: all}, "home-writable warning chmod go-w"},
		{"store of the group", 0o620, false, HomePath{Reach: all, Private: true}, "home-writable error chmod go-w"},
		{"store for all", 0o604, false, HomePath{Reach: all, Private: true}, "home-readable error chmod go-rwx"},
		{"store for the group", 0o640, false, HomePath{Reach: all, Private: true}, "home-readable warning chmod go-rwx"},
		{"key for the group", 0o640, false, HomePath{Reach: all, Private: true, Key: true}, "home-readable error chmod go-rwx"},
		{"out of reach", 0o666, false, HomePath{Reach: 0o100, Private: true, Key: true}, ""},
		{"only the group reaches it", 0o666, false, HomePath{Reach: 0o110, Private: true}, "home-writable error chmod go-w; home-readable warning chmod go-rwx"},
		{"history to enter", 0o701, true, HomePath{Reach: all, Private: true}, "home-readable error chmod go-rwx"},
		{"sticky", 0o777 | fs.ModeSticky, true, HomePath{Reach: all}, ""},
		{"not sticky", 0o777, true, HomePath{Reach: all}, "home-writable error chmod go-w"},
		{"another owner", 0o600, false, HomePath{Reach: all, UID: 7}, "home-owner error chown 1000:1001 --"},
		{"root", 0o600, false, HomePath{Reach: all, UID: 0}, "home-owner warning chown 1000:1001 --"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.p.UID == 0 && c.name != "root" {
				c.p.UID = 1000
			}
			home := homePath(t, 0o755, true, HomePath{What: "the home", Reach: all, UID: 1000, GID: 1001})
			p := homePath(t, c.mode, c.dir, c.p)
			in := inputOf(t, goodFile)
			in.Home = []HomePath{home, p}
			var got []string
			for _, f := range Check(t.Context(), in).Findings {
				if f.Where == nil || f.Where.File != p.Path {
					t.Errorf("a finding about %+v", f.Where)
				}
				got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Severity, strings.TrimSuffix(f.Fix.String(), " "+p.Path)))
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A path that cannot be looked at is not one without fault.
func TestHomePathThatCannotBeSeen(t *testing.T) {
	in := inputOf(t, goodFile)
	home := homePath(t, 0o777, true, HomePath{Reach: 0o111, UID: 1000})
	in.Home = []HomePath{home, {Path: "/home/data/db", Err: fs.ErrPermission}}
	r := Check(t.Context(), in)
	for _, rule := range []string{"home-writable", "home-readable", "home-owner"} {
		found := false
		for _, f := range r.Findings {
			found = found || f.Rule == finding.CheckNotRun().ID && strings.Contains(f.Detail, rule)
		}
		if !found {
			t.Errorf("%s: no finding says that it could not run: %s", rule, describeAll(r.Findings))
		}
	}
	in.Home = nil
	if o := outcomeOf(t, Check(t.Context(), in), "home-writable"); o.Result != finding.NotRun {
		t.Errorf("%+v", o)
	}
}
