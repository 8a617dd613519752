package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func registry(t testing.TB) *Registry {
	t.Helper()
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func document(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestModify(t *testing.T) {
	const attrs = "davcore.uriinfo.subjectattributes"
	for _, tt := range []struct {
		name     string
		before   string
		requests []Request
		after    string
		warned   []string // a part of each warning
	}{
		{
			"set", "", []Request{{Name: "davcore.scheduling.localuserattr", Value: "davstore"}},
			"davcore.scheduling.localuserattr=davstore\n", nil,
		},
		{
			"clear", "davcore.scheduling.localuserattr=davstore\n", []Request{{Name: "davcore.scheduling.localuserattr"}},
			"davcore.scheduling.localuserattr=\n", nil,
		},
		{
			"back to the default", "a=1\nlog.dav.errors.loglevel=FINE\n", []Request{{Name: "log.dav.errors.loglevel", Action: ActionUnset}},
			"a=1\n", nil,
		},
		{
			"an unknown parameter can be removed", "typo=1\n", []Request{{Name: "typo", Action: ActionUnset}}, "", nil,
		},
		{
			"settings that are there by mistake can be removed", "store.dav.*.dbdir=x\nashttpd\\:service.port=1\n=nothing\n",
			[]Request{{Name: "store.dav.*.dbdir", Action: ActionUnset}, {Name: "ashttpd:service.port", Action: ActionUnset}, {Action: ActionUnset}},
			"", nil,
		},
		{
			"add ignores letter case and adds nothing twice", attrs + "=cn mail\n",
			[]Request{{Name: attrs, Action: ActionMembers, Add: []string{"davstore MAIL", "Davstore"}}},
			attrs + "=cn mail davstore\n", nil,
		},
		{
			"add to a list that is not set starts from the default", "",
			[]Request{{Name: "base.ldapinfo.userattrs", Action: ActionMembers, Add: []string{"uid"}}},
			"base.ldapinfo.userattrs=mail ismemberof uid\n", nil,
		},
		{
			"a default that already has the members stays a default", "",
			[]Request{{Name: attrs, Action: ActionMembers, Add: []string{"davstore"}, Remove: []string{"x"}}},
			"", []string{"has no member 'x'"},
		},
		{
			"remove what the server needs", attrs + "=cn davstore mail ou x\n",
			[]Request{{Name: attrs, Action: ActionMembers, Remove: []string{"Mail", "x", "y"}}},
			attrs + "=cn davstore ou\n", []string{"has no member 'y'", "loses members that the server needs: mail (the mail address)"},
		},
		{
			"the guide's first example replaces the list", attrs + "=cn davstore icsstatus mail\n",
			[]Request{{Name: attrs, Value: "davstore"}},
			attrs + "=davstore\n", []string{"cn icsstatus (of the default list)"},
		},
		{
			"the attribute that another request of the batch names is needed too", attrs + "=cn mail xcs7user\n",
			[]Request{{Name: attrs, Value: "cn mail"}, {Name: "davcore.scheduling.localuserattr", Value: "xcs7user"}},
			"davcore.scheduling.localuserattr=xcs7user\n", []string{"xcs7user (marks local users)"},
		},
		{
			"a limit that is a guess", "", []Request{{Name: "base.ldapinfo.ugldap.ldappoolsize", Value: "5000"}},
			"base.ldapinfo.ugldap.ldappoolsize=5000\n", []string{"guess"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := document(t, tt.before)
			warnings, err := registry(t).Modify(d, tt.requests, ModifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			after, err := d.Render()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(after.Source()); !strings.Contains(got, tt.after) || tt.before == "" && got != tt.after {
				t.Errorf("became %q, want %q", got, tt.after)
			}
			if len(warnings) != len(tt.warned) {
				t.Fatalf("warnings: %+v", warnings)
			}
			for i, w := range warnings {
				if !strings.Contains(w.Text, tt.warned[i]) {
					t.Errorf("warning %d: %q does not contain %q", i, w.Text, tt.warned[i])
				}
			}
		})
	}
}

func TestModifyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		requests []Request
		options  ModifyOptions
		want     string
		reason   error
	}{
		{"a mistyped name", []Request{{Name: "davcore.scheduling.localuseratr", Value: "x"}}, ModifyOptions{},
			"davcore.scheduling.localuseratr: not a known parameter; did you mean davcore.scheduling.localuserattr?", ErrUnknownParameter},
		{"an unknown name", []Request{{Name: "nothing.like.it.at.all", Value: "x"}}, ModifyOptions{}, "nothing.like.it.at.all: not a known parameter", ErrUnknownParameter},
		{"an empty number", []Request{{Name: "davcore.serverlimits.maxresults"}}, ModifyOptions{}, "the value is empty instead of an integer", ErrEmptyValue},
		{"a family", []Request{{Name: "store.dav.*.dbdir", Value: "x"}}, ModifyOptions{Force: true}, "name of a family", nil},
		{"a parameter of another file", []Request{{Name: "ashttpd:service.port", Value: "1"}}, ModifyOptions{Force: true}, "belongs in ashttpd.properties", nil},
		{"a value of the wrong type, with its position", []Request{{Name: "davcore.serverlimits.maxresults", Value: "many", Where: "b.txt:3"}}, ModifyOptions{},
			"b.txt:3: davcore.serverlimits.maxresults: 'many' is not an integer (1 to 2147483647)", nil},
		{"members of something that is not a list", []Request{{Name: "davcore.scheduling.localuserattr", Action: ActionMembers, Add: []string{"x"}}}, ModifyOptions{}, "not a list", ErrNotList},
		{"a member that is not an attribute", []Request{{Name: "base.ldapinfo.userattrs", Action: ActionMembers, Add: []string{"a=b"}}}, ModifyOptions{}, "a=b", nil},
		{"a name listed twice", []Request{{Name: "a", Value: "1", Where: "f:1"}, {Name: "a", Value: "2", Where: "f:9"}}, ModifyOptions{Force: true}, "f:9: a: listed twice (first at f:1)", nil},
		{"no name", []Request{{Value: "1"}}, ModifyOptions{Force: true}, "the name of the parameter is empty", nil},
		{"a loss, strictly", []Request{{Name: "davcore.uriinfo.subjectattributes", Value: "cn"}}, ModifyOptions{Strict: true}, "loses members that the server needs", ErrMembersLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := document(t, "a=1\n")
			_, err := registry(t).Modify(d, tt.requests, tt.options)
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			} else if !errors.Is(refused.Reason, tt.reason) {
				t.Errorf("reason %v, want %v", refused.Reason, tt.reason)
			}
		})
	}
}

func TestForceAcceptsAnUnknownName(t *testing.T) {
	d := document(t, "a=1\n")
	if _, err := registry(t).Modify(d, []Request{{Name: "site.own", Value: "x"}}, ModifyOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if v, ok := d.Get("site.own"); !ok || v != "x" {
		t.Errorf("%q, %v", v, ok)
	}
}

func TestMaskTexts(t *testing.T) {
	old := "# bind\n#base.ldapinfo.ugldap.bindpassword=inacomment\nbase.ldapinfo.ugldap.bindpassword: s3cret\\\n  more\n" +
		"store.document.password=same\nstore.dav.b.dburl=postgres://u:pw1@h/db\na=1\nx.password.y=http://n:pw2@h/\n"
	next := strings.Replace(old, "s3cret", "changedsecret", 1)
	shownOld, shownNext := registry(t).MaskTexts([]byte(old), []byte(next))
	for _, secret := range []string{"s3cret", "more", "inacomment", "same", "pw1", "pw2", "changedsecret"} {
		if strings.Contains(string(shownOld)+string(shownNext), secret) {
			t.Errorf("%q is shown:\n%s\n%s", secret, shownOld, shownNext)
		}
	}
	want := strings.Split(string(shownOld), "\n")
	want[2] = "base.ldapinfo.ugldap.bindpassword: ******** (changed)"
	if diff := cmp.Diff(strings.Join(want, "\n"), string(shownNext)); diff != "" {
		t.Errorf("only the changed secret may differ (-want +got):\n%s", diff)
	}
	empty := []byte("store.document.password=\n#store.document.password=\n")
	if shown, _ := registry(t).MaskTexts(empty, nil); string(shown) != string(empty) {
		t.Errorf("an empty password is shown as one that is set: %q", shown)
	}
	broken := []byte("store.document.password=s3cret\na=\\u12\n")
	if shown, _ := registry(t).MaskTexts(broken, nil); strings.Contains(string(shown), "s3cret") {
		t.Errorf("a file that Java refuses shows %q", shown)
	}
}

func TestMaskByName(t *testing.T) {
	r := registry(t)
	for _, tt := range []struct{ name, value, want string }{
		{"store.document.password", "s3cret", "********"},
		{"store.document.password", "", ""},
		{"store.document.pasword", "x", "x"},
		{"store.dokument.password", "s3cret", "********"},
		{"store.dav.b.dburl", "postgres://u:s3cret@h/db", "postgres://u:****@h/db"},
		{"store.dav.b.dburl", "postgres://h/db;password=s3cret", "********"},
		{"site.own", "http://n:s3cret@h/", "http://n:****@h/"},
		{"site.own", "plain", "plain"},
	} {
		if got := r.Mask(tt.name, tt.value); got != tt.want {
			t.Errorf("%s=%s is shown as %q, want %q", tt.name, tt.value, got, tt.want)
		}
	}
}
