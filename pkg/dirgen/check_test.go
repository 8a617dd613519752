package dirgen_test

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/dirgen"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// read is an entry that was read from the text.
type read struct {
	dn    string
	kind  string
	attrs map[string][]string // by lower-case name
}

func (r *read) has(class string) bool {
	return slices.ContainsFunc(r.attrs["objectclass"], func(c string) bool { return strings.EqualFold(c, class) })
}

func (r *read) first(attr string) string {
	if v := r.attrs[attr]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// text is the output of a directory.
type text struct {
	ldif, cs6, cs7 []byte
	entries        []*read
	found          findings // what reading alone finds
}

// findings are findings by rule, each one as a string of its sorted DNs.
type findings map[string][]string

func (f findings) add(rule string, dns ...string) {
	slices.Sort(dns)
	f[rule] = append(f[rule], strings.Join(dns, " | "))
}

func write(t testing.TB, d *dirgen.Directory) *text {
	t.Helper()
	var a, b, c bytes.Buffer
	for _, err := range []error{d.WriteLDIF(t.Context(), &a), d.WriteCS6List(t.Context(), &b), d.WriteCS7List(t.Context(), &c)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &text{ldif: a.Bytes(), cs6: b.Bytes(), cs7: c.Bytes(), found: findings{}}
}

// parse reads the text.
func (x *text) parse(t testing.TB) {
	t.Helper()
	r := ldif.NewReader(bytes.NewReader(x.ldif), ldif.Options{})
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if broken, ok := errors.AsType[*ldif.RecordError](err); ok {
			x.found.add("record-broken", broken.DN)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Kind != ldif.KindContent {
			x.found.add("change-record", string(rec.DN))
			continue
		}
		e := &read{dn: string(rec.DN), attrs: map[string][]string{}}
		for _, a := range rec.Attributes {
			name := strings.ToLower(string(a.Name))
			e.attrs[name] = append(e.attrs[name], string(a.Value))
		}
		if e.kind = kindOf(e); len(e.attrs["nsds5replconflict"]) > 0 {
			x.found.add("replication-conflict", e.dn)
			continue
		}
		x.entries = append(x.entries, e)
	}
}

func kindOf(e *read) string {
	for _, k := range [][2]string{
		{"icsCalendarUser", "user"}, {"icsCalendarGroup", "group"}, {"icsCalendarResource", "resource"},
		{"sunManagedOrganization", "domain"}, {"inetDomain", "domain"},
	} {
		if e.has(k[0]) {
			return k[1]
		}
	}
	return "container"
}

func (x *text) counts() map[string]int {
	n := map[string]int{}
	for _, e := range x.entries {
		n[e.kind]++
	}
	return n
}

// judge finds the entries that violate a rule, with an independent implementation of
// the rules that keeps everything in maps.
func (x *text) judge(t testing.TB, backends []string) {
	t.Helper()
	old, now := people(t, x.cs6), people(t, x.cs7)
	dns, domains := map[string]bool{}, map[string]bool{}
	for _, e := range x.entries {
		dn := fold(e.dn)
		if dns[dn] {
			t.Errorf("%s is repeated", e.dn)
		}
		if parent := dn[strings.IndexByte(dn, ',')+1:]; parent != dn && !dns[parent] {
			t.Errorf("%s comes before its parent", e.dn)
		}
		dns[dn] = true
		for _, name := range domainsOf(e) {
			domains[name] = true
		}
	}
	taken6, taken7 := map[int]bool{}, map[int]bool{}
	for _, e := range x.entries {
		on6, on7 := listed(e, old, taken6), listed(e, now, taken7)
		if (e.kind == "user") != (on6 != on7) {
			t.Errorf("%s (%s): on the list of 6 %v, of 7 %v", e.dn, e.kind, on6, on7)
		}
		switch e.kind {
		case "user", "group", "resource":
			x.judgeIDs(e)
			x.judgeStores(e, on6, on7, backends)
			x.judgeMail(e, domains)
			x.judgeStatus(e, on7)
			x.judgeReferences(e, dns)
		}
	}
	if len(taken6) != old.Len() || len(taken7) != now.Len() {
		t.Errorf("lists of %d and %d people match %d and %d", old.Len(), now.Len(), len(taken6), len(taken7))
	}
	x.judgeGroups()
}

func people(t testing.TB, list []byte) *cs6.UserSet {
	t.Helper()
	set := cs6.NewUserSet(cs6.SetOptions{})
	lines := 0
	for p, err := range cs6.ReadUsers(bytes.NewReader(list), cs6.ListOptions{}) {
		if err == nil {
			err = set.Add(p)
		}
		if err != nil {
			t.Fatal(err)
		}
		lines++
	}
	if set.Len() != lines {
		t.Errorf("a list of %d lines names %d people", lines, set.Len())
	}
	return set
}

// listed looks an entry up in a list, with and without its domain. Both must have the
// same result.
func listed(e *read, set *cs6.UserSet, taken map[int]bool) bool {
	ask := cs6.Entry{UID: []byte(e.first("uid")), Mail: []byte(e.first("mail"))}
	for _, m := range e.attrs["mailalternateaddress"] {
		ask.Alternates = append(ask.Alternates, []byte(m))
	}
	m, ok := set.Find(ask)
	if _, rest, under := strings.Cut(e.dn, ",o="); under {
		domain, _, _ := strings.Cut(rest, ",")
		ask.Domain = []byte(domain)
		if again, okAgain := set.Find(ask); ok != okAgain || m.Number != again.Number {
			return false
		}
	}
	if ok && taken[m.Number] {
		return false
	}
	if ok {
		taken[m.Number] = true
	}
	return ok
}

func domainsOf(e *read) []string {
	if e.kind != "domain" {
		return nil
	}
	if e.has("inetDomain") {
		return []string{strings.ReplaceAll(strings.TrimPrefix(strings.TrimSuffix(e.dn, ",o=internet"), "dc="), ",dc=", ".")}
	}
	return slices.Concat(e.attrs["sunpreferreddomain"], e.attrs["associateddomain"])
}

// fold maps texts that are equal to a directory to the same text, as far as it is
// needed here.
func fold(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	return strings.ReplaceAll(s, ", ", ",")
}

var (
	idShape   = regexp.MustCompile(`(?i)^([0-9a-f]{8}(-[0-9a-f]{8}){3}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	mailShape = regexp.MustCompile(`^[A-Za-z0-9._'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

func (x *text) judgeIDs(e *read) {
	ids := e.attrs["davuniqueid"]
	some := slices.DeleteFunc(slices.Clone(ids), func(s string) bool { return s == "" })
	switch {
	case len(ids) == 0:
		x.found.add("uniqueid-missing", e.dn)
	case len(some) == 0:
		x.found.add("uniqueid-empty", e.dn)
	case len(ids) > 1:
		x.found.add("uniqueid-multivalued", e.dn)
	case !idShape.MatchString(ids[0]):
		x.found.add("uniqueid-malformed", e.dn)
	}
	if len(ids) > 0 && !e.has("davEntity") && len(e.attrs["davstore"]) == 0 {
		x.found.add("uniqueid-class-missing", e.dn)
	}
	if len(e.attrs["davstore"]) > 0 && !e.has("davEntity") {
		x.found.add("davstore without its class", e.dn)
	}
}

func (x *text) judgeStores(e *read, on6, on7 bool, backends []string) {
	stores := e.attrs["davstore"]
	switch {
	case on7 && len(stores) == 0:
		x.found.add("davstore-missing", e.dn)
	case on6 && len(stores) > 0:
		x.found.add("davstore-present", e.dn)
	}
	switch {
	case len(stores) == 1 && stores[0] == "":
		x.found.add("davstore-empty", e.dn)
	case len(stores) > 1:
		x.found.add("davstore-multivalued", e.dn)
	}
	if slices.ContainsFunc(stores, func(s string) bool { return s != "" && !slices.Contains(backends, s) }) {
		x.found.add("davstore-unknown-backend", e.dn)
	}
}

func (x *text) judgeMail(e *read, domains map[string]bool) {
	mails := e.attrs["mail"]
	if len(mails) == 0 {
		x.found.add("mail-missing", e.dn)
	}
	for _, m := range slices.Concat(mails, e.attrs["mailalternateaddress"]) {
		if !mailShape.MatchString(m) {
			x.found.add("mail-malformed", e.dn)
		}
	}
	for _, m := range e.attrs["mailalternateaddress"] {
		if _, domain, _ := strings.Cut(m, "@"); !domains[domain] {
			x.found.add("alternate address in an unknown domain", e.dn)
		}
	}
	// judgeGroups groups the addresses in unknown domains.
	for _, m := range mails {
		if _, domain, _ := strings.Cut(strings.ToLower(m), "@"); mailShape.MatchString(m) && !domains[domain] {
			e.attrs["unknown domain"] = []string{domain}
		}
	}
}

func (x *text) judgeStatus(e *read, on7 bool) {
	denied := strings.Contains(strings.ToLower(e.first("icsallowedserviceaccess")), "-http:all")
	ics := e.first("icsstatus")
	if denied && ics != "" {
		x.found.add("lockout-ineffective", e.dn)
	}
	if on7 && !denied && (ics == "" || ics == "active") {
		x.found.add("lockout-missing", e.dn)
	}
	for _, attr := range []string{"icsstatus", "inetuserstatus", "inetresourcestatus"} {
		switch s := e.first(attr); {
		case s == "" || s == "active":
		case s == "inactive" && len(e.attrs["davstore"]) > 0:
			x.found.add("status-inactive-with-davstore", e.dn)
		case s != "inactive" && s != "deleted" && s != "removed":
			x.found.add("status-unknown", e.dn)
		}
	}
}

func (x *text) judgeReferences(e *read, dns map[string]bool) {
	members := map[string]bool{}
	for _, m := range e.attrs["uniquemember"] {
		if members[fold(m)] {
			x.found.add("member twice", e.dn)
		}
		members[fold(m)] = true
		if !dns[fold(m)] {
			x.found.add("group-member-dangling", e.dn)
		}
	}
	for _, o := range e.attrs["owner"] {
		if !dns[fold(o)] {
			x.found.add(e.kind+"-owner-dangling", e.dn)
		}
	}
}

// judgeGroups finds the faults that concern several entries.
func (x *text) judgeGroups() {
	ids, mails, unknown := map[string][]*read{}, map[string][]*read{}, map[string][]string{}
	for _, e := range x.entries {
		for _, id := range e.attrs["davuniqueid"] {
			if id != "" {
				ids[fold(id)] = append(ids[fold(id)], e)
			}
		}
		addresses := slices.Concat(e.attrs["mail"], e.attrs["mailalternateaddress"])
		for i := range addresses {
			addresses[i] = strings.ToLower(addresses[i])
		}
		slices.Sort(addresses)
		for _, m := range slices.Compact(addresses) {
			mails[m] = append(mails[m], e)
		}
		for _, domain := range e.attrs["unknown domain"] {
			unknown[domain] = append(unknown[domain], e.dn)
		}
	}
	for _, group := range ids {
		if len(group) > 1 {
			x.found.add(sharedID(group), dnsOf(group)...)
		}
	}
	for _, group := range mails {
		if len(group) > 1 {
			x.found.add("mail-duplicate", dnsOf(group)...)
		}
	}
	for _, group := range unknown {
		x.found.add("domain-unknown", group...)
	}
}

// sharedID returns the rule that a group violates: it has either one spelling, or as
// many spellings as entries. A mixture would be two faults.
func sharedID(group []*read) string {
	spellings := map[string]bool{}
	for _, e := range group {
		spellings[e.first("davuniqueid")] = true
	}
	switch len(spellings) {
	case 1:
		return "uniqueid-duplicate"
	case len(group):
		return "uniqueid-case-collision"
	}
	return "duplicate and collision"
}

func dnsOf(group []*read) []string {
	dns := make([]string, len(group))
	for i, e := range group {
		dns[i] = e.dn
	}
	return dns
}
