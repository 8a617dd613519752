package property

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	known := Known{Names: []string{"displayname", "notifemail", "acl", "binddn"}}
	for text, want := range map[string][]Property{
		"":                                nil,
		" \t":                             nil,
		"displayname=":                    {{"displayname", ""}},
		"displayname=a,notifemail=0":      {{"displayname", "a"}, {"notifemail", "0"}},
		" displayname =a, notifemail =0 ": {{"displayname", "a"}, {"notifemail", "0 "}},
		`displayname=Smith\, John`:        {{"displayname", "Smith, John"}},
		"displayname=Smith, John":         {{"displayname", "Smith, John"}},
		"displayname=a,":                  {{"displayname", "a,"}},
		`displayname=a\\,acl=x`:           {{"displayname", `a\`}, {"acl", "x"}},
		`displayname=a\,acl=x`:            {{"displayname", "a,acl=x"}},
		`displayname=C:\new\x\`:           {{"displayname", `C:\new\x\`}},
		"binddn=cn=a,ou=b,o=c,acl=r":      {{"binddn", "cn=a,ou=b,o=c"}, {"acl", "r"}},
		"acl=a=b=c":                       {{"acl", "a=b=c"}},
		"acl=x,acl=y":                     {{"acl", "x"}, {"acl", "y"}},
		"acl=x,serialnumber=7":            {{"acl", "x,serialnumber=7"}},
		"acl=x," + strings.Repeat("y", 200) + "=1": {{"acl", "x," + strings.Repeat("y", 200) + "=1"}},
	} {
		got, err := Parse(text, known)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for text, want := range map[string]UnknownError{
		"nosuch=1":                  {Name: "nosuch"},
		"displaynam=1":              {Name: "displaynam", Near: "displayname"},
		"acl=x,notifemial=0":        {Name: "notifemial", Near: "notifemail", Later: true},
		"acl=x, NotifEmail =0":      {Name: "NotifEmail", Near: "notifemail", Later: true},
		"Displayname=x":             {Name: "Displayname", Near: "displayname"},
		"displayname=x,dn=1,bindn=": {Name: "bindn", Near: "binddn", Later: true},
	} {
		var unknown *UnknownError
		if got, err := Parse(text, known); !errors.As(err, &unknown) || *unknown != want {
			t.Errorf("%q: %v, %v %+v", text, got, err, unknown)
		}
	}
	for _, text := range []string{"x", ",acl=x", "=x", " =x"} {
		if _, err := Parse(text, known); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	fold := Known{Names: []string{"binddn"}, Fold: true}
	if got, err := Parse("BindDN=cn=a,BINDDN=b", fold); err != nil || len(got) != 2 || got[0].Name != "binddn" {
		t.Error(got, err)
	}
}

// Escaping commas and backslashes keeps any value.
func FuzzParse(f *testing.F) {
	f.Add("a,b=c\\", "x")
	f.Fuzz(func(t *testing.T, a, b string) {
		known := Known{Names: []string{"one", "other"}}
		escape := strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace
		want := []Property{{"one", a}, {"other", b}}
		got, err := Parse("one="+escape(a)+",other="+escape(b), known)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}
