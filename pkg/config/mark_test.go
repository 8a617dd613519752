package config

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRemoveMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for name, c := range map[string]struct {
		file, want string
		changes    []Change
	}{
		"none":                     {"a=b\n" + mark + "c=d\n", "a=b\n" + mark + "c=d\n", nil},
		"empty":                    {mark, "", nil},
		"a setting":                {mark + "a=b\r\nc=d", "a=b\r\nc=d", []Change{{Key: "a", New: "b", HasNew: true}}},
		"twice":                    {mark + mark + "a=b\n", "a=b\n", []Change{{Key: "a", New: "b", HasNew: true}}},
		"set again":                {mark + "a=b\na=c\n", "a=b\na=c\n", nil},
		"a comment":                {mark + "# x\na=b\n", "# x\na=b\n", nil},
		"a comment that continues": {mark + "# x \\\na=b\n", "# x \\\na=b\n", []Change{{Key: "a", New: "b", HasNew: true}}},
	} {
		after, changes, err := RemoveMark([]byte(c.file))
		if err != nil || string(after) != c.want {
			t.Errorf("%s: %q, %v", name, after, err)
		}
		if diff := cmp.Diff(c.changes, changes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var syntax *SyntaxError
	if _, _, err := RemoveMark([]byte(mark + `a=\u00`)); !errors.As(err, &syntax) {
		t.Errorf("%v", err)
	}
}
