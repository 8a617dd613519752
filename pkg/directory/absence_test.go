package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/internal/seed"
)

// showing is a Viewer that answers the same about every entry, and records the entries.
type showing struct {
	view  AttributeView
	gone  bool
	err   error
	asked []string
}

func (s *showing) View(_ context.Context, dn string, attributes []string) ([]AttributeView, error) {
	s.asked = append(s.asked, dn)
	if s.gone || s.err != nil {
		return nil, s.err
	}
	out := make([]AttributeView, len(attributes))
	for i := range out {
		out[i] = s.view
	}
	return out, nil
}

// Of many entries a limited number is asked about. They are the same in any order, by any
// number of workers, and for several attributes.
func TestAbsenceAsksASample(t *testing.T) {
	const entries, of = 5000, 2
	var want []string
	random := seed.New(t)
	for round := range 3 {
		workers := make([]*Absence, of)
		for i := range workers {
			workers[i] = NewAbsence([]string{"mail", "davStore"}, []string{"o=isp", "o=other"})
		}
		for n, i := range random.Perm(entries) {
			workers[n%of].Note(fmt.Appendf(nil, "uid=u%d,ou=People,o=isp", i), 0, 3)
		}
		workers[0].Merge(workers[1])
		v := &showing{}
		got, err := workers[0].Ask(t.Context(), &Prover{Viewer: v})
		if err != nil || len(got) != 2 || got[0].Entries != entries || got[0].Asked != mostAsked || got[1].Asked != mostAsked || got[0].Result != AbsenceNotProven {
			t.Fatalf("%+v, %v", got, err)
		}
		slices.Sort(v.asked)
		if len(v.asked) != mostAsked {
			t.Errorf("%d entries were asked about, want %d for both attributes", len(v.asked), mostAsked)
		}
		if round == 0 {
			want = v.asked
		}
		if !slices.Equal(v.asked, want) {
			t.Error("another sample in the next run")
		}
	}
	for _, s := range NewAbsence([]string{"mail"}, nil).contexts[0].samples {
		for i := range 10 * mostAsked {
			s.keep(keptDN{uint64(i), "x"})
		}
		if len(s.kept) >= 2*mostAsked {
			t.Errorf("%d entries are kept", len(s.kept))
		}
	}
}

// Few entries are all asked about, each once.
func TestAbsenceAsksEveryEntry(t *testing.T) {
	a := NewAbsence([]string{"a", "b"}, nil)
	a.Note([]byte("uid=1"), 0, 1)
	a.Note([]byte("uid=2"), 1, 2)
	a.Note([]byte("uid=3"), 2, 1)
	a.Note([]byte("uid=4"), 3, 0)
	v := &showing{}
	got, err := a.Ask(t.Context(), &Prover{Viewer: v})
	want := []AttributeAbsence{{Attribute: "a", Entries: 2, Asked: 2}, {Attribute: "b", Entries: 1, Asked: 1}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	slices.Sort(v.asked)
	if !slices.Equal(v.asked, []string{"uid=1", "uid=2", "uid=3"}) {
		t.Errorf("asked about %q", v.asked)
	}
}

// An entry belongs to the innermost naming context above it, however its DN is written.
func TestAbsenceContexts(t *testing.T) {
	for dn, want := range map[string]string{
		"uid=a,o=isp": "o=isp", "O = ISP": "o=isp", "uid=a, ou=X, o=isp": "ou=x,o=isp", "uid=a,o=nisp": "", "uid=a\\,o=isp": "", "no DN": "", "": "",
	} {
		if got := NewAbsence([]string{"a"}, []string{"o=isp", "ou=x,o=isp", "no DN"}).contextOf([]byte(dn)); string(got.name) != want {
			t.Errorf("%s: %q, want %q", dn, got.name, want)
		}
		want = strings.TrimPrefix(want, "ou=x,")
		if got := NewAbsence([]string{"a"}, []string{"o=isp"}).contextOf([]byte(dn)); string(got.name) != want {
			t.Errorf("%s: %q, want %q", dn, got.name, want)
		}
	}
	many := make([]string, 10*mostContexts)
	for i := range many {
		many[i] = fmt.Sprint("o=", i)
	}
	if got := len(NewAbsence(nil, many).contexts); got != mostContexts+1 {
		t.Errorf("%d naming contexts", got)
	}
}

func TestAbsenceResults(t *testing.T) {
	lost := &lostError{errors.New("gone away")}
	hidden := func(e HiddenError) *HiddenError {
		e.Attribute, e.BindDN, e.DN, e.Asked = "davUniqueId", "cn=r", "uid=a,o=isp", 1
		return &e
	}
	for name, c := range map[string]struct {
		viewer, second *showing
		seen           string // the naming context in which a value was seen
		want           AbsenceResult
		hidden         *HiddenError
		says           string
	}{
		"nothing known":               {viewer: &showing{}, want: AbsenceNotProven, says: "the server returned 1 entry below 'o=isp' without davUniqueId and none with it, so it is unknown whether the bind DN 'cn=r' can read it"},
		"a value was seen":            {viewer: &showing{}, seen: "o=isp", want: AbsenceProven},
		"a value was seen elsewhere":  {viewer: &showing{}, seen: "o=other", want: AbsenceNotProven},
		"the filter matches":          {viewer: &showing{view: AttributeView{Present: true}}, seen: "o=isp", want: AbsenceContradicted, hidden: hidden(HiddenError{Hidden: 1}), says: "the bind DN 'cn=r' may search for davUniqueId but cannot read it: the server finds a value in the entry 'uid=a,o=isp'"},
		"another name":                {viewer: &showing{view: AttributeView{Present: true, As: "uniqueId"}}, want: AbsenceContradicted, hidden: hidden(HiddenError{Hidden: 1, As: "uniqueId"}), says: "under the name uniqueId"},
		"rights to read":              {viewer: &showing{view: AttributeView{Rights: RightsRead}}, want: AbsenceProven},
		"no rights":                   {viewer: &showing{view: AttributeView{Rights: RightsDenied}}, seen: "o=isp", want: AbsenceContradicted, hidden: hidden(HiddenError{}), says: "may not read davUniqueId, according to the effective rights"},
		"added in the meantime":       {viewer: &showing{view: AttributeView{Present: true, Shown: true}}, want: AbsenceProven},
		"the entry is gone":           {viewer: &showing{gone: true}, want: AbsenceNotProven},
		"the entry of many is gone":   {viewer: &showing{gone: true}, seen: "o=isp", want: AbsenceProven},
		"no answer":                   {viewer: &showing{err: errors.New("busy")}, seen: "o=isp", want: AbsenceNotProven, says: "and could not be asked whether it is hidden: busy"},
		"the connection is lost":      {viewer: &showing{err: lost}, seen: "o=isp", want: AbsenceNotProven, says: "gone away"},
		"the second sees nothing":     {viewer: &showing{}, second: &showing{}, want: AbsenceProven},
		"the second sees a value":     {viewer: &showing{}, second: &showing{view: AttributeView{Present: true, Shown: true}}, seen: "o=isp", want: AbsenceContradicted, hidden: hidden(HiddenError{Hidden: 1, SeenBy: "cn=m"}), says: "'cn=m' sees a value in the entry 'uid=a,o=isp'"},
		"the second finds a value":    {viewer: &showing{}, second: &showing{view: AttributeView{Present: true}}, want: AbsenceContradicted, hidden: hidden(HiddenError{Hidden: 1, SeenBy: "cn=m"})},
		"the second does not answer":  {viewer: &showing{}, second: &showing{err: errors.New("busy")}, want: AbsenceNotProven},
		"the second, nothing to show": {viewer: &showing{gone: true}, second: &showing{}, want: AbsenceNotProven},
	} {
		a := NewAbsence([]string{"davUniqueId"}, []string{"o=other", "o=ISP"})
		a.Note([]byte("uid=a,o=isp"), 0, 1)
		a.Note([]byte("uid=b,"+c.seen), 1, 0)
		p := &Prover{Viewer: c.viewer, BindDN: "cn=r", SecondDN: "cn=m"}
		if c.second != nil {
			p.Second = c.second
		}
		got, err := a.Ask(t.Context(), p)
		if err != nil || len(got) != 1 || got[0].Result != c.want || WorstAbsence(got) != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if diff := cmp.Diff(c.hidden, FirstHidden(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		says := got[0].Describe("cn=r")
		if got[0].Hidden != nil {
			says = got[0].Hidden.Error()
		}
		if !strings.Contains(says, c.says) {
			t.Errorf("%s: %s", name, says)
		}
	}
}

func TestRights(t *testing.T) {
	const ds, dsee = "attributelevelrights", "aclrights;attributelevel;mail"
	for text, want := range map[string]Rights{
		"cn:rsc, mail:rscwo, sn:none": RightsRead,
		"cn:rsc, mail:sc":             RightsDenied,
		"cn:rsc, mail:none":           RightsUnknown, // the classes of the entry may not allow it
		"cn:rsc":                      RightsUnknown,
		"mail":                        RightsUnknown,
	} {
		if got := rightsIn(&Found{Attrs: map[string][]string{ds: {text}}}, "Mail", false); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := rightsIn(&Found{Attrs: map[string][]string{ds: {"mail:none"}}}, "mail", true); got != RightsDenied {
		t.Errorf("an entry that allows everything: %v", got)
	}
	for text, want := range map[string]Rights{
		"search:1,read:1,compare:1,write:0,selfwrite_add:0,selfwrite_delete:0,proxy:0": RightsRead,
		"search:1,read:0,compare:1,write:1":                                            RightsDenied,
		"":                                                                             RightsUnknown,
	} {
		if got := rightsIn(&Found{Attrs: map[string][]string{dsee: {text}}}, "mail", false); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// Only the entries concerned are searched, whatever is asked: nothing is searched that
// the server would have to look for.
func TestViewSearchesOnlyTheEntry(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("uid=a,o=isp", "objectClass", "person", "uid", "a", "mail", "a@example.com"),
	}})
	l, err := Open(t.Context(), Options{URLs: []string{s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got, err := l.View(t.Context(), "uid=a,o=isp", []string{"davStore", "mail"})
	if diff := cmp.Diff([]AttributeView{{}, {Present: true, Shown: true}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := l.View(t.Context(), "uid=b,o=isp", []string{"mail"}); got != nil || err != nil {
		t.Errorf("no such entry: %v, %v", got, err)
	}
	for _, r := range s.Searches() {
		if r.Scope != 0 || !strings.HasPrefix(r.DN, "uid=") {
			t.Errorf("searched %s, scope %d, for %s", r.DN, r.Scope, r.Filter)
		}
	}
}

// TestViewAsksTogether checks that OpenLDAP is asked about all attributes at once, and
// about single ones only if the entry has one of them. A server that is not known to
// evaluate each part of an "or" is asked about each.
func TestViewAsksTogether(t *testing.T) {
	for _, c := range []struct {
		class string
		more  int // searches for an entry with none of the attributes
	}{{"OpenLDAProotDSE", 1}, {"top", 3}} {
		s := ldaptest.Start(t, ldaptest.Options{
			RootDSE: []ldaptest.Attr{{Name: "objectClass", Values: []string{"top", c.class}}},
			Entries: []ldaptest.Entry{
				ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
				ldaptest.NewEntry("uid=a,o=isp", "objectClass", "person", "uid", "a", "mail", "a@example.com"),
				ldaptest.NewEntry("uid=b,o=isp", "objectClass", "person", "uid", "b"),
			},
		})
		l := openLive(t, Options{URLs: []string{s.URL()}})
		names := []string{"davStore", "mail", "davUniqueId"}
		got, err := l.View(t.Context(), "uid=a,o=isp", names)
		if diff := cmp.Diff([]AttributeView{{}, {Present: true, Shown: true}, {}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.class, err, diff)
		}
		before := len(s.Searches())
		got, err = l.View(t.Context(), "uid=b,o=isp", names)
		if diff := cmp.Diff(make([]AttributeView, 3), got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.class, err, diff)
		}
		if n := len(s.Searches()) - before; n != c.more {
			t.Errorf("%s: %d searches instead of %d", c.class, n, c.more)
		}
		if got, err := l.View(t.Context(), "uid=c,o=isp", names); got != nil || err != nil {
			t.Errorf("%s: no such entry: %v, %v", c.class, got, err)
		}
	}
}

// Attributes without any value are described together, with all that is known about each.
func TestDescribeUnproven(t *testing.T) {
	lost := errors.New("the connection was closed")
	some := func(name, context string, entries int, err error) AttributeAbsence {
		return AttributeAbsence{Attribute: name, Context: context, Entries: entries, Err: err, Result: AbsenceNotProven}
	}
	for _, c := range []struct {
		list []AttributeAbsence
		want string
	}{
		{[]AttributeAbsence{some("a", "o=isp", 1, nil)}, "the server returned 1 entry below 'o=isp' without a and none with it, so it is unknown whether the bind DN 'cn=r' can read it"},
		{[]AttributeAbsence{some("a", "o=isp", 1, nil), some("b", "o=isp", 2, nil)},
			"the server returned entries below 'o=isp' without these attributes and none with them, so it is unknown whether the bind DN 'cn=r' can read them: a (1 entry), b (2 entries)"},
		{[]AttributeAbsence{some("a", "o=isp", 1, nil), some("b", "", 2, nil), some("c", "", 3, lost), some("d", "", 3, lost), {Attribute: "e"}},
			"the server returned entries without these attributes and none with them, so it is unknown whether the bind DN 'cn=r' can read them: a (1 entry below 'o=isp'), b (2 entries); " +
				"the server returned entries without these attributes, and could not be asked whether they are hidden (the connection was closed): c (3 entries), d (3 entries)"},
	} {
		if got := DescribeUnproven(Unproven(c.list), "cn=r"); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
