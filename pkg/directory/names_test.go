package directory

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/ldif"

	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	n := newNames([]string{"cn", "mail", "davUniqueId", "CN", "mail;binary", "mailAlternateAddress", "", "_a", "2.5.4.3", "o"})
	for name, want := range map[string]int{
		"cn": 0, "CN": 0, "Cn": 0, "cn;lang-de": 0, "CN;x;y": 0, "cn;": 0,
		"mail": 1, "MAIL": 1, "mail2": -1, "mai": -1, "maim": -1,
		"davuniqueid": 2, "DAVUNIQUEID": 2, "davUniqueIe": -1, "dbvUniqueId": -1,
		"mailalternateaddress": 5, "mailAlternateBddress": -1, // the same first and last eight bytes
		"": -1, ";": -1, "sn": -1, "_a": 7, "_b": -1, "2.5.4.3": 8, "2.5.4.4": -1, "o": 9, "O": 9, "p": -1,
		"\x0d\x0e": -1, "c\x0e": -1, "\x7fa": -1, "cn\x00": -1, // nearly the same bits
	} {
		if got := n.find([]byte(name)); got != want {
			t.Errorf("%q has the index %d, want %d", name, got, want)
		}
		if !strings.ContainsAny(name, ";\x00\x0d\x0e\x7f") {
			if got := n.findValid([]byte(name)); got != want {
				t.Errorf("the valid name %q has the index %d, want %d", name, got, want)
			}
		}
	}
	if got := n.firstPlaces(1<<3 | 1<<4 | 1<<5 | 1<<6); got != 1<<0|1<<1|1<<5 {
		t.Errorf("the first indexes of repeated names are %b", got)
	}
}

// TestNamesAreFound compares with a linear search in the list.
func TestNamesAreFound(t *testing.T) {
	rapidChecks(t, "2000")
	hits := 0
	alphabet := rapid.StringMatching(`[a-cA-C1._-]{0,4}|[abAB]{7,9}|[abAB]{15,18}|[a-zA-Z]{20}`)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(alphabet, 0, 64).Draw(t, "attributes")
		n := newNames(list)
		asked := append(rapid.SliceOfN(alphabet, 1, 20).Draw(t, "asked"), list...)
		for _, name := range asked {
			if rapid.Bool().Draw(t, "upper") {
				name = strings.ToUpper(name)
			}
			want := -1
			for i, have := range list {
				if name != "" && strings.EqualFold(have, name) {
					want = i
					hits++
					break
				}
			}
			if got := n.find([]byte(name)); got != want {
				t.Fatalf("%q in %q has the index %d, want %d", name, list, got, want)
			}
			if got := n.findValid([]byte(name)); got != want {
				t.Fatalf("the valid name %q in %q has the index %d, want %d", name, list, got, want)
			}
		}
	})
	if hits < 1000 {
		t.Errorf("only %d names were found", hits)
	}
}

func TestClasses(t *testing.T) {
	c := newClasses([]Selection{
		{Kind: Resource, Classes: []string{"icsCalendarResource"}},
		{Kind: Group, Classes: []string{"groupOfNames", " groupOfUniqueNames "}},
		{Kind: User, Classes: []string{"inetOrgPerson", "groupOfNames", "top", ""}},
	})
	for class, want := range map[string]int{
		"icsCalendarResource": 0, "ICSCALENDARRESOURCE": 0, " icsCalendarResource\t": 0,
		"groupofnames": 1, "groupOfUniqueNames": 1,
		"inetorgperson": 2, "top": 2, "  top": 2,
		"person": 3, "": 3, " ": 3, "inetOrgPerson x": 3, "inet OrgPerson": 3, "t\x0fp": 3,
		"nsTombstone": deletedSelection, "NSTOMBSTONE ": deletedSelection,
	} {
		if got := c.find([]byte(class)); got != want {
			t.Errorf("%q belongs to selection %d, want %d", class, got, want)
		}
	}
	c = newClasses([]Selection{{Classes: []string{"nstombstone"}}})
	if got := c.find([]byte("nsTombstone")); got != 0 {
		t.Errorf("requested deleted entries belong to selection %d", got)
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	n, c := newNames([]string{"mail", "davUniqueId"}), newClasses([]Selection{{Classes: []string{"person"}}})
	b, err := newBases([]string{"ou=Sales,o=isp"}, OneLevel)
	if err != nil {
		t.Fatal(err)
	}
	m, err := compileFilter("(&(cn=anna)(sn=*b*)(uidNumber>=7))", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := &ldif.Record{Attributes: ldifAttributes("cn: Anna", "sn: Abel", "uidNumber: 8")}
	name, class, dn := []byte("DAVUniqueID;x"), []byte(" PERSON "), []byte("uid=u1, OU=sales,o=ISP")
	var normal []byte
	var state matchState
	if got := testing.AllocsPerRun(100, func() {
		in, err := b.contains(dn, &normal)
		chosen, bad := m.matches(rec, &state)
		if n.find(name) != 1 || c.find(class) != 0 || !in || err != nil || !chosen || bad != nil {
			t.Error("not found")
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
