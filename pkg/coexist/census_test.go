package coexist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

func census(t *testing.T, d *deployment, sides []coexist.Side, domain string, workers int) *coexist.CensusResult {
	t.Helper()
	o := d.options(t).Directory
	o.Workers = workers
	c, err := coexist.NewCensus(o, sides, domain)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Run(context.Background(), d.source(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func row(d coexist.DomainCount) string {
	return fmt.Sprintf("%s 6:%d 7:%d both:%d neither:%d inactive:%d calendars:%d", d.Name, d.On6, d.On7, d.Both, d.Neither, d.Inactive, d.Calendars)
}

func rows(r *coexist.CensusResult) []string {
	var out []string
	for _, d := range r.Domains {
		out = append(out, row(d))
	}
	return out
}

const moreUsers = `dn: uid=both,o=isp
objectClass: icsCalendarUser
uid: both
mail: both@bücher.example
davStore: defaultbackend

dn: uid=none,o=isp
objectClass: icsCalendarUser
uid: none
mail: none@XN--BCHER-KVA.example.

dn: uid=mute,o=isp
objectClass: icsCalendarUser
uid: mute

dn: uid=odd,o=isp
objectClass: icsCalendarUser
uid: odd
mail: odd@no domain
davStore: defaultbackend

`

func TestCensus(t *testing.T) {
	d := good()
	d.people += moreUsers
	d.on6 += "both: owner=both status=enabled\nlost: owner=lost status=enabled\n"
	r := census(t, d, []coexist.Side{coexist.OnBoth, coexist.OnNeither}, "", 1)
	if diff := cmp.Diff([]string{
		"example.com 6:1 7:3 both:0 neither:0 inactive:1 calendars:2",
		"example.org 6:1 7:0 both:0 neither:0 inactive:0 calendars:1",
		"xn--bcher-kva.example 6:0 7:0 both:1 neither:1 inactive:0 calendars:0",
		" 6:0 7:1 both:0 neither:1 inactive:0 calendars:0",
	}, rows(r)); diff != "" {
		t.Errorf("domains (-want +got):\n%s", diff)
	}
	if got := row(r.Total); got != " 6:2 7:4 both:1 neither:2 inactive:1 calendars:3" || r.Total.People() != 9 {
		t.Errorf("total %s, %d users", got, r.Total.People())
	}
	if !r.Complete || r.Unread != 0 || !r.Compared || r.NotFound != 1 {
		t.Errorf("%+v", r)
	}
	var entries []string
	for p, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf("%s %s %s %s %d %s:%d %s", p.Side, p.UID, p.Mail, p.Domain, p.Calendars, p.File, p.Line, p.DN))
	}
	if diff := cmp.Diff([]string{
		"both both both@bücher.example xn--bcher-kva.example 1 people.ldif:63 uid=both,o=isp",
		"neither none none@XN--BCHER-KVA.example. xn--bcher-kva.example 0 people.ldif:69 uid=none,o=isp",
		"neither mute   0 people.ldif:74 uid=mute,o=isp",
	}, entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// Without the list of the old server, anyone who is not marked counts as a user of it.
func TestCensusWithoutTheListOfTheOldServer(t *testing.T) {
	d := good()
	d.on6, d.on7 = "", ""
	r := census(t, d, []coexist.Side{coexist.On6}, "example.com", 1)
	if diff := cmp.Diff([]string{
		"example.com 6:1 7:3 both:0 neither:0 inactive:1 calendars:0",
		"example.org 6:1 7:0 both:0 neither:0 inactive:0 calendars:0",
	}, rows(r)); diff != "" {
		t.Errorf("domains (-want +got):\n%s", diff)
	}
	var uids []string
	for p, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, p.UID)
	}
	if diff := cmp.Diff([]string{"adam"}, uids); diff != "" || r.Compared {
		t.Errorf("compared %v; user ids (-want +got):\n%s", r.Compared, diff)
	}
}

// Several workers give the same counts and examples as one.
func TestCensusDoesNotDependOnWorkers(t *testing.T) {
	random := seed.New(t)
	d := good()
	var b strings.Builder
	var want [4]int
	for i := range 5000 {
		fmt.Fprintf(&b, "dn: uid=x%d,o=isp\nobjectClass: icsCalendarUser\nuid: x%d\nmail: x%d@d%d.example\n", i, i, i, random.IntN(7))
		listed, marked := random.IntN(2), random.IntN(2)
		if listed == 1 {
			d.on6 += fmt.Sprintf("x%d: owner=x%d status=enabled\n", i, i)
		}
		if marked == 1 {
			b.WriteString("davStore: defaultbackend\n")
		}
		want[2*listed+marked]++
		b.WriteString("\n")
	}
	d.people = b.String()
	one, many := census(t, d, nil, "", 1), census(t, d, nil, "", 3)
	if diff := cmp.Diff(rows(one), rows(many)); diff != "" {
		t.Errorf("one worker and three (-one +three):\n%s", diff)
	}
	got := [4]int{one.Total.Neither, one.Total.On7, one.Total.On6, one.Total.Both}
	if got != want || many.Total.Example6 != one.Total.Example6 || one.Total.Example6 == "" {
		t.Errorf("counted %v, want %v; examples %s and %s", got, want, one.Total.Example6, many.Total.Example6)
	}
}

// SideOf agrees with the guide for every combination.
func TestSideOf(t *testing.T) {
	on := &cs6.Match{}
	for _, c := range []struct {
		marked, on6, on7, locked bool
		list                     coexist.Side // with the list of the old server
		noList                   coexist.Side // without it
	}{
		{false, false, false, false, coexist.OnNeither, coexist.On6},
		{false, false, false, true, coexist.Inactive, coexist.Inactive},
		{true, false, false, false, coexist.On7, coexist.On7},
		{true, false, false, true, coexist.On7, coexist.On7},
		{false, false, true, false, coexist.On7, coexist.On7},
		{true, false, true, false, coexist.On7, coexist.On7},
		{false, true, false, false, coexist.On6, ""},
		{false, true, false, true, coexist.On6, ""},
		{true, true, false, false, coexist.OnBoth, ""},
		{false, true, true, false, coexist.OnBoth, ""},
		{true, true, true, false, coexist.OnBoth, ""},
	} {
		a := &ldapcheck.Account{Marked: c.marked, LockedOut: c.locked}
		if c.on6 {
			a.On6 = on
		}
		if c.on7 {
			a.On7 = on
		}
		if got := coexist.SideOf(a, true); got != c.list {
			t.Errorf("%+v: %s with the list", c, got)
		}
		if got := coexist.SideOf(a, false); c.noList != "" && got != c.noList {
			t.Errorf("%+v: %s without the list", c, got)
		}
	}
}

// truncated is a source that ends with an error after two entries.
type truncated struct{ directory.Source }

func (b truncated) Entries(ctx context.Context, q directory.Query) iter.Seq2[*directory.Entry, error] {
	return func(yield func(*directory.Entry, error) bool) {
		n := 0
		for e, err := range b.Source.Entries(ctx, q) {
			if n++; n > 2 {
				yield(nil, &directory.IncompleteError{What: "test", Entries: n, Err: errors.New("connection lost")})
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// A directory that could not be read to its end never passes.
func TestTruncatedDirectoryNeverPasses(t *testing.T) {
	d := good()
	d.domainMap += "nobody.example=http://cs6.example.com:8080/ischedule/\n"
	o := d.options(t)
	c, err := coexist.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Run(context.Background(), truncated{d.source(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if r.Complete || r.Ended == nil {
		t.Error("the report says that it is complete")
	}
	about := []string{"domain-not-mapped", "mapped-domain-unused", "davstore-missing", "old-calendars-left", "redirect-loop", "on-neither", "changed-just-now", "uniqueid-missing"}
	for _, o := range r.Outcomes {
		if slices.Contains(about, o.Rule) && (o.Result != "not-run" || o.Reason != "only a part was read") {
			t.Errorf("%+v", o)
		}
		if o.Rule == "audit-incomplete" && o.Count != 1 {
			t.Errorf("%+v", o)
		}
	}
	census, err := coexist.NewCensus(o.Directory, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	counted, err := census.Run(context.Background(), truncated{d.source(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = counted.Close() }()
	if counted.Complete || counted.Ended == nil || counted.Compared {
		t.Errorf("%+v", counted)
	}
}

// Without any input, every rule ends as not-run with a reason.
func TestNothingGiven(t *testing.T) {
	d := &deployment{}
	c, err := coexist.New(d.options(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for _, o := range r.Outcomes {
		if o.Rule != "check-not-run" && (o.Result != "not-run" || o.Reason == "") {
			t.Errorf("%+v", o)
		}
	}
	if all := findings(t, r); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestPatchLevelsAndVersions(t *testing.T) {
	for text, want := range map[string]int{"44": 44, "121657-37": 37, "121659-44": 44, "-44": 44, "0": 0} {
		if p, err := coexist.ParseOldPatch(text); err != nil || p.Level != want || p.Text != text {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "x", "121656-44", "121657-", "121657-x", "--3", "+5", "1-2-3", "121657-44; rm"} {
		if p, err := coexist.ParseOldPatch(text); !errors.Is(err, coexist.ErrValue) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
	for text, want := range map[string][2]int{
		"7": {7, 0}, "7.0": {7, 0}, "7.0-0.13": {7, 0}, "7u1": {7, 1}, "7 Update 3": {7, 3}, "7U2": {7, 2}, "7.0.4.14.0": {7, 4}, "7.0.5": {7, 5}, "8.0": {8, 0}, "8.0.0.5": {8, 0}, "6.3": {6, 0},
	} {
		if v, err := coexist.ParseNewVersion(text); err != nil || [2]int{v.Major, v.Update} != want {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "seven", "7x", "7u", "v7", "7.", "7 update", "7u1; rm"} {
		if v, err := coexist.ParseNewVersion(text); !errors.Is(err, coexist.ErrValue) {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
}

// Names from the directory are used in commands and LDIF only if they are safe there.
func TestHostileNames(t *testing.T) {
	d := good()
	d.people += "dn: uid=evil,o=isp\nobjectClass: icsCalendarUser\nuid: evil\nmail: evil@a';reboot;'.example\ndavUniqueId: 00000008-00000000-00000000-000000aa\n\n" +
		"dn: uid=dash,o=isp\nobjectClass: icsCalendarUser\nuid: -rf\nmail: dash@example.com\ndavStore: defaultbackend\nicsAllowedServiceAccess: -http:all\ndavUniqueId: 00000009-00000000-00000000-000000aa\n\n" +
		"dn: uid=quote,o=isp\nobjectClass: icsCalendarUser\nuid: o'neil\nmail: quote@example.com\ndavStore: defaultbackend\nicsAllowedServiceAccess: -http:all\ndavUniqueId: 00000010-00000000-00000000-000000aa\n\n"
	d.on6 += "evil: owner=evil status=enabled\n-rf: owner=-rf status=enabled\no'neil: owner=o'neil status=enabled\n"
	d.on7 += "dash@example.com\nquote@example.com\n"
	var fixes []string
	for _, f := range findings(t, d.check(t)) {
		if f.Rule == "old-calendars-left" || f.Rule == "domain-not-mapped" {
			fixes = append(fixes, f.Fix.String())
		}
	}
	if diff := cmp.Diff([]string{"", `cscal delete -o 'o'\''neil'`}, fixes); diff != "" {
		t.Errorf("fixes (-want +got):\n%s", diff)
	}
	if bytes.Contains([]byte(strings.Join(fixes, "\n")), []byte("reboot")) {
		t.Error("a name is executed as a command")
	}
}
