package ldapcheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// seen is a watcher that records the accounts.
type seen struct{ lines []string }

func (s *seen) Watch(a *ldapcheck.Account) {
	line := fmt.Sprintf("%s uid=%s mail=%s", a.Entry.Kind, a.UID, a.Mail)
	for word, holds := range map[string]bool{" marked": a.Marked, " on6": a.On6 != nil, " on7": a.On7 != nil, " locked": a.LockedOut, " denied": a.Denied} {
		if holds {
			line += word
		}
	}
	if a.Modified != nil {
		line += " " + string(a.Modified)
	}
	words := strings.Fields(line)
	slices.Sort(words[3:])
	s.lines = append(s.lines, strings.Join(words, " "))
}

func peopleSet(t *testing.T, people ...cs6.ListedUser) *cs6.UserSet {
	t.Helper()
	set := cs6.NewUserSet(cs6.SetOptions{})
	for _, p := range people {
		if err := set.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// Extra rules and watchers see each account as the rules do, and start again when the
// source restarts.
func TestExtrasAndWatchers(t *testing.T) {
	src := &script{steps: []step{
		person("lost", "1"),
		{err: &directory.RestartError{}},
		{dn: "uid=a,o=isp", kind: directory.User, values: []string{
			"uid", "a", "mail", "a@example.com", "davStore", "x", "icsStatus", "deleted", "icsAllowedServiceAccess", "-http:ALL", "modifyTimestamp", "20261101120000Z"}},
		{dn: "uid=b,o=isp", kind: directory.User, values: []string{"uid", "b", "mail", "b@example.com", "davStore", "  "}},
		{dn: "cn=g,o=isp", kind: directory.Group, values: []string{"mail", "g@example.com"}},
	}}
	extra := func(id string, skip error) ldapcheck.Extra {
		return ldapcheck.Extra{
			Rule: finding.Rule{ID: id, Severity: finding.Warning}, Kinds: []directory.Kind{directory.User}, Skip: skip,
			Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
				return ldapcheck.Hit{Value: a.Mail, Other: []byte("more")}, string(a.UID) == "b"
			},
			Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
				return string(f.Value) + " " + string(f.Other), finding.Text(finding.FixCommand, "repair "+string(f.DN))
			},
		}
	}
	audit, err := ldapcheck.New(ldapcheck.Options{
		Names: ldapcheck.DefaultNames(), Rules: []string{"audit-incomplete"}, Times: true,
		CS6: peopleSet(t, cs6.ListedUser{UID: "b"}), CS7: peopleSet(t, cs6.ListedUser{Address: "a@example.com"}),
		Extras: []ldapcheck.Extra{extra("mine", nil), extra("idle", finding.NotApplicable("nothing to look at"))},
		Watch:  func() ldapcheck.Watcher { return &seen{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Run(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if len(r.Watchers()) != 1 {
		t.Fatalf("%d watchers", len(r.Watchers()))
	}
	want := []string{
		"user uid=a mail=a@example.com 20261101120000Z denied locked marked on7",
		"user uid=b mail=b@example.com on6",
		"group uid= mail=g@example.com",
	}
	if diff := cmp.Diff(want, r.Watchers()[0].(*seen).lines); diff != "" {
		t.Errorf("watched (-want +got):\n%s", diff)
	}
	if o := outcome(t, r, "mine"); o.Result != finding.Failed || o.Count != 1 || o.Severity != finding.Warning {
		t.Errorf("mine: %+v", o)
	}
	if o := outcome(t, r, "idle"); o.Result != finding.NotRun || o.Reason != "nothing to look at" || o.Count != 0 {
		t.Errorf("idle: %+v", o)
	}
	var got []string
	for f, err := range r.Findings(0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %s: %s", f.Rule, f.Severity, f.DN, f.Detail, f.Fix.String()))
	}
	for f, err := range r.Facts("mine") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("fact %s %s %s %s", f.Kind, f.DN, f.Value, f.Other))
	}
	if diff := cmp.Diff([]string{
		"mine warning [uid=b,o=isp] b@example.com more: repair uid=b,o=isp",
		"fact user uid=b,o=isp b@example.com more",
	}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// Without a list of the new server, MarkedOnCS7 makes people with the attribute count
// as people on it, and the fix that removes the attribute warns that the person may
// have been moved.
func TestMarkedOnCS7ReplacesList(t *testing.T) {
	steps := []step{
		{dn: "uid=a,o=isp", kind: directory.User, values: []string{"uid", "a", "mail", "a@example.com", "davStore", "x"}},
		{dn: "uid=b,o=isp", kind: directory.User, values: []string{"uid", "b", "mail", "b@example.com", "davStore", "x"}},
		{dn: "uid=c,o=isp", kind: directory.User, values: []string{"uid", "c", "mail", "c@example.com"}},
	}
	for _, marked := range []bool{false, true} {
		audit, err := ldapcheck.New(ldapcheck.Options{
			Names: ldapcheck.DefaultNames(), Rules: []string{"lockout-missing", "davstore-present"}, MarkedOnCS7: marked, CS6: peopleSet(t, cs6.ListedUser{UID: "b"}),
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.Run(context.Background(), &script{steps: steps})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f, err := range r.Findings(0) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Rule+" "+f.DN[0])
			if f.Rule == "davstore-present" && !strings.HasPrefix(f.Fix.String(), "# only if the person has not been moved") {
				t.Errorf("the fix has no warning: %s", f.Fix.String())
			}
		}
		want := []string{"davstore-present uid=b,o=isp"}
		if marked {
			want = append(want, "lockout-missing uid=a,o=isp")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("marked %v (-want +got):\n%s", marked, diff)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTooManyExtras(t *testing.T) {
	_, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Extras: make([]ldapcheck.Extra, 64)})
	if err == nil || errors.Is(err, ldapcheck.ErrRule) || !strings.Contains(err.Error(), "extra rules") {
		t.Errorf("%v", err)
	}
}
