package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What root writes to a home belongs to the owner of the home, so that the server can use
// it: also the copy that 'db init --overwrite' keeps, and one made in the same second.
func TestRootWritesForTheOwnerOfTheHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can write to a home of another user")
	}
	u := newUnprivileged(t)
	home := u.home(t, "home", "# site\n")
	mustRun(t, "db", "init", "-q", "--home", home)
	// As made by another tool, or by root before the home got its owner.
	if err := os.Chown(filepath.Join(home, "data/db/defaultbackend.sqlite"), 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DAVADMIN_TEST_TIME", "2026-11-03T02:15:00Z")
	for range 2 {
		out := mustRun(t, "db", "init", "--overwrite", "--yes", "-q", "--home", home)
		if !strings.Contains(out, "kept: ") {
			t.Errorf("the output is %q", out)
		}
	}
	kept, err := filepath.Glob(filepath.Join(home, "data/db/*.replaced-*"))
	if err != nil || len(kept) != 2 {
		t.Errorf("kept: %q, %v", kept, err)
	}
	err = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Uid != nobody || st.Gid != nobody {
			t.Errorf("%s belongs to root", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if errs, err := u.run(t, "account", "list", "--home", home); err != nil {
		t.Errorf("the owner cannot use the store: %v: %s", err, errs)
	}
}
