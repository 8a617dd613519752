package configcmd

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func parseEdits(args ...string) (*editOptions, error) {
	e := &editOptions{}
	f := pflag.NewFlagSet("modify", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	e.Add(f)
	err := f.Parse(args)
	if err == nil {
		err = e.Check()
	}
	return e, err
}

func TestEditOptionsApplyToTheOptionBefore(t *testing.T) {
	for _, c := range []struct {
		line string
		want []editItem
	}{
		{"", nil},
		{"-o a", []editItem{{Name: "a"}}},
		{"-o a -v 1", []editItem{{Name: "a", Kind: editSet, Value: "1"}}},
		{"-v 1 -o a", []editItem{{Name: "a", Kind: editSet, Value: "1"}}},
		{"-o a -v 1 -o b -v 2", []editItem{{Name: "a", Kind: editSet, Value: "1"}, {Name: "b", Kind: editSet, Value: "2"}}},
		{"-o a -v -1", []editItem{{Name: "a", Kind: editSet, Value: "-1"}}},
		{"-o a --value=-o", []editItem{{Name: "a", Kind: editSet, Value: "-o"}}},
		{"-oa -v1", []editItem{{Name: "a", Kind: editSet, Value: "1"}}},
		{"-o a --value-file f", []editItem{{Name: "a", Kind: editFile, Value: "f"}}},
		{"-o a --add x --remove y --add z", []editItem{{Name: "a", Kind: editMembers, Add: []string{"x", "z"}, Remove: []string{"y"}}}},
		{"--add x -o a --add y", []editItem{{Name: "a", Kind: editMembers, Add: []string{"x", "y"}}}},
		{"-o a --default -o b", []editItem{{Name: "a", Kind: editUnset}, {Name: "b", Kind: editUnset}}},
		{"-d -o a -o b", []editItem{{Name: "a", Kind: editUnset}, {Name: "b", Kind: editUnset}}},
		{"-o a -o b -d", []editItem{{Name: "a", Kind: editUnset}, {Name: "b", Kind: editUnset}}},
		{"-d -o a -o b -d", []editItem{{Name: "a", Kind: editUnset}, {Name: "b", Kind: editUnset}}},
		{"-do a", []editItem{{Name: "a", Kind: editUnset}}},
	} {
		e, err := parseEdits(strings.Fields(c.line)...)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if diff := cmp.Diff(c.want, e.Items, cmp.AllowUnexported(editItem{})); diff != "" {
			t.Errorf("%s: %s", c.line, diff)
		}
	}
}

// An empty value is a value.
func TestEditOptionsEmptyValue(t *testing.T) {
	e, err := parseEdits("-o", "a", "-v", "")
	if err != nil || len(e.Items) != 1 || e.Items[0].Kind != editSet {
		t.Errorf("%+v, %v", e.Items, err)
	}
}

func TestEditOptionsRefuse(t *testing.T) {
	for _, line := range []string{
		"-v 1", "--add x", "--remove x", "--default", "--value-file f",
		"-o a -v 1 -v 2", "-o a -v 1 --default", "-o a --default -v 1", "-o a --default -o b -v 1", "-o a -v 1 -o b --default", "-d -o a --add x", "-o a --remove x -d", "-d -o a --value-file f",
		"-o a --add x -v 1", "-o a -v 1 --remove x", "-o a --value-file f -v 1", "-o a --value-file f --value-file g",
		"-v 1 -o a -v 2", "-o a --default=false", "-o", "-o a -v",
	} {
		if e, err := parseEdits(strings.Fields(line)...); err == nil {
			t.Errorf("%s was read as %+v", line, e.Items)
		}
	}
}

func TestBatchLine(t *testing.T) {
	for _, c := range []struct {
		line, name, value string
		given, wrong      bool
	}{
		{line: "a=1\n", name: "a", value: "1", given: true},
		{line: " \ta \t= \t1 2 \r\n", name: "a", value: "1 2", given: true},
		{line: "a==1=", name: "a", value: "=1=", given: true},
		{line: "a=", name: "a", given: true},
		{line: "a=#1", name: "a", value: "#1", given: true},
		{line: "\r\n"}, {line: ""}, {line: " # a=1\n"},
		{line: "a 1\n", wrong: true}, {line: "a:1\n", wrong: true},
	} {
		q, given, err := parseBatchLine(c.line, "batch:7")
		if given != c.given || q.Name != c.name || q.Value != c.value || (err != nil) != c.wrong {
			t.Errorf("%q: %+v, %v, %v", c.line, q, given, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "batch:7: ") {
			t.Errorf("%q: %v", c.line, err)
		}
	}
}
