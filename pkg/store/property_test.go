package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

func setProperty(namespace, local, value string) store.PropertyChange {
	return store.PropertyChange{Property: store.Property{PropertyName: store.PropertyName{Namespace: namespace, Local: local}, Value: value}}
}

func TestPropertyCheck(t *testing.T) {
	for what, c := range map[string]struct {
		change store.PropertyChange
		bad    bool
	}{
		"a usual one":                  {setProperty("http://apple.com/ns/ical/", "calendar-order", "<x>1</x>"), false},
		"no namespace, no value":       {setProperty("", "x", ""), false},
		"letters of other scripts":     {setProperty("urn:ä", "_ä·2.-", "\t\r\n👍"), false},
		"the longest":                  {setProperty(strings.Repeat("n", 1024), strings.Repeat("x", 255), strings.Repeat("v", 64<<10)), false},
		"no name":                      {setProperty("DAV:", "", "x"), true},
		"a name with a colon":          {setProperty("DAV:", "a:b", "x"), true},
		"a name that begins with -":    {setProperty("DAV:", "-a", "x"), true},
		"a name with a multiplication": {setProperty("DAV:", "×", "x"), true},
		"a name with a blank":          {setProperty("DAV:", "a b", "x"), true},
		"a name that is not UTF-8":     {setProperty("DAV:", "a\xff", "x"), true},
		"a long name":                  {setProperty("DAV:", strings.Repeat("x", 256), "x"), true},
		"a long namespace":             {setProperty(strings.Repeat("n", 1025), "x", "x"), true},
		"a namespace with a line feed": {setProperty("a\nb", "x", "x"), true},
		"the namespace of namespaces":  {setProperty("http://www.w3.org/2000/xmlns/", "x", "x"), true},
		"a namespace with NUL":         {setProperty("a\x00", "x", "x"), true},
		"a value with NUL":             {setProperty("DAV:", "x", "\x00"), true},
		"a value with an escape":       {setProperty("DAV:", "x", "\x1b"), true},
		"a value that is not UTF-8":    {setProperty("DAV:", "x", "\xff"), true},
		"a long value":                 {setProperty("DAV:", "x", strings.Repeat("v", 64<<10+1)), true},
	} {
		field := map[bool]string{true: "property"}[c.bad]
		wantInvalid(t, c.change.Check(), field, what)
		c.change.Remove = true
		if c.change.Value = "\xff"; c.change.Check() != nil && !c.bad {
			t.Errorf("%s: removing it: %v", what, c.change.Check())
		}
	}
}

func TestChangeProperties(t *testing.T) {
	remove := setProperty("b", "x", "")
	remove.Remove = true
	got, err := store.ChangeProperties([]store.Property{setProperty("b", "x", "old").Property, setProperty("b", "y", "kept").Property},
		[]store.PropertyChange{setProperty("b", "z", "1"), remove, setProperty("a", "z", "2"), setProperty("b", "z", "3"), remove})
	want := []store.Property{setProperty("a", "z", "2").Property, setProperty("b", "y", "kept").Property, setProperty("b", "z", "3").Property}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, error %v", got, err)
	}
	var many []store.PropertyChange
	for i := range store.MaxProperties + 1 {
		many = append(many, setProperty("n", fmt.Sprintf("x%d", i), "v"))
	}
	_, err = store.ChangeProperties(nil, many[1:])
	wantInvalid(t, err, "", "the most properties")
	_, err = store.ChangeProperties(nil, many)
	wantInvalid(t, err, "properties", "too many")
	var large []store.PropertyChange
	for i := range 5 {
		large = append(large, setProperty("n", fmt.Sprintf("x%d", i), strings.Repeat("v", store.MaxPropertyValue)))
	}
	_, err = store.ChangeProperties(nil, large)
	wantInvalid(t, err, "properties", "too large")
}

func TestDecodeProperties(t *testing.T) {
	list := []store.Property{setProperty("", "a", "").Property, setProperty("1:2:", "b", "3:x\x00\xff").Property, setProperty("n", "c", "ä\r\n").Property}
	got, err := store.DecodeProperties(store.EncodeProperties(list))
	if err != nil || !slices.Equal(got, list) {
		t.Errorf("got %v, error %v", got, err)
	}
	if got, err := store.DecodeProperties(""); len(got) > 0 || err != nil {
		t.Errorf("got %v, error %v", got, err)
	}
	text := store.EncodeProperties(list)
	for i := range text {
		if got, err := store.DecodeProperties(text[:i]); err == nil && len(got) == 3 || err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("a part of %d bytes: got %v, error %v", i, got, err)
		}
	}
	for _, bad := range []string{":", "1", "x:", "-1:", "0:0:0:", "1:a1:b9:c", "99999999999999999999:", "+1:a1:b1:c"} {
		if _, err := store.DecodeProperties(bad); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%q: got error %v", bad, err)
		}
	}
}
