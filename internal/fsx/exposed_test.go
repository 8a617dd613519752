package fsx

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestExposedToOthers(t *testing.T) {
	for _, c := range []struct {
		name      string
		file, dir fs.FileMode
		owner     string // "file" or "dir": what belongs to another user
		link      bool   // the path is a link in a directory of mode dir to a file in a private one
		want      string
	}{
		{"private", 0o600, 0o755, "", false, ""},
		{"world", 0o606, 0o755, "", false, "file 0606"},
		{"group", 0o660, 0o755, "", false, "file 0660"},
		{"dir", 0o600, 0o777, "", false, "dir 0777"},
		{"group-dir", 0o600, 0o775, "", false, ""},
		{"sticky", 0o600, 0o777 | fs.ModeSticky, "", false, ""},
		{"link", 0o600, 0o777, "", true, "dir 0777"},
		{"file-owner", 0o600, 0o755, "file", false, "file owner"},
		{"dir-owner", 0o600, 0o755, "dir", false, "dir owner"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.owner != "" && os.Geteuid() != 0 {
				t.Skip("only root can change the owner of a file")
			}
			dir := openDir(t, 0o755)
			path := in(dir, "plan")
			if c.link {
				symlink(t, put(t, in(openDir(t, 0o755), "plan"), "x", c.file), path)
			} else {
				put(t, path, "x", c.file)
			}
			if err := os.Chmod(path, c.file); err != nil {
				t.Fatal(err)
			}
			if other := map[string]string{"file": path, "dir": dir}[c.owner]; other != "" {
				if err := os.Chown(other, nobody, nobody); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, c.dir); err != nil {
				t.Fatal(err)
			}
			found, err := ExposedToOthers(path)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range found {
				what := map[bool]string{true: "dir", false: "file"}[e.Dir]
				if e.Owner != "" {
					got = append(got, what+" owner")
				} else {
					got = append(got, fmt.Sprintf("%s %04o", what, e.Mode))
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
