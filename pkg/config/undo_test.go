package config

import (
	"errors"
	"slices"
	"testing"
)

func TestUndo(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after, current string
		none                   string // which of the three is no file: "before", "current" or ""
		want                   string
		wantNil                bool
		keys                   []string
		refused                bool
	}{
		"last change":                  {before: "# c\na=1\n", after: "a=2\n", current: "a=2\n", want: "# c\na=1\n"},
		"already undone":               {before: "a=1\n", after: "a=2\n", current: "a=1\n", want: "a=1\n"},
		"later change is kept":         {before: "a=1\n", after: "a=2\n", current: "# x\na=2\nb=3\n", want: "# x\na=1\nb=3\n"},
		"added key is removed":         {before: "", after: "a=2\n", current: "a=2\nb=3\n", want: "b=3\n"},
		"removed key comes back":       {before: "a=1\nb=2\n", after: "b=2\n", current: "b=3\n", want: "b=3\na=1\n"},
		"changed again":                {before: "a=1\nb=1\n", after: "a=2\nb=2\n", current: "a=3\nb=2\n", refused: true, keys: []string{"a"}},
		"removed since":                {before: "a=1\n", after: "a=2\n", current: "", refused: true, keys: []string{"a"}},
		"half of it undone":            {before: "a=1\nb=1\n", after: "a=2\nb=2\n", current: "a=1\nb=2\nc=3\n", want: "a=1\nb=1\nc=3\n"},
		"only a comment":               {before: "# x\na=1\n", after: "a=1\n", current: "a=2\n", refused: true},
		"new file":                     {none: "before", after: "a=1\n", current: "a=1\n", wantNil: true},
		"new file, changed since":      {none: "before", after: "a=1\n", current: "a=1\nb=2\n", want: "b=2\n"},
		"file removed since":           {before: "a=1\n", after: "a=2\n", none: "current", refused: true, keys: []string{"a"}},
		"before not readable":          {before: `a=\u12` + "\n", after: "a=2\n", current: "a=2\nb=1\n", refused: true},
		"before not readable but last": {before: `a=\u12` + "\n", after: "a=2\n", current: "a=2\n", want: `a=\u12` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			bytes := func(which, text string) []byte {
				if tc.none == which {
					return nil
				}
				return []byte(text)
			}
			got, _, err := Undo(bytes("current", tc.current), bytes("before", tc.before), bytes("after", tc.after))
			var since *ChangedSinceError
			switch {
			case errors.As(err, &since):
				if !tc.refused || !slices.Equal(since.Keys, tc.keys) {
					t.Errorf("refused because of %q", since.Keys)
				}
			case err != nil || tc.refused:
				t.Errorf("error %v, want refused %v", err, tc.refused)
			case string(got) != tc.want || (got == nil) != tc.wantNil:
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
