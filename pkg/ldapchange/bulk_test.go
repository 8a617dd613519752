package ldapchange

import (
	"slices"
	"testing"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// A plan for a good part of the directory reads it in one go, with the same
// outcome.
func TestSlapdBulkThereAndBack(t *testing.T) { thereAndBack(t, slapd(t, bulkFrom+200), GuardAssertion) }

func TestSlapdBulkConflicts(t *testing.T) { conflicts(t, slapd(t, bulkFrom+200)) }

// What a scan cannot tell, as values with options, is asked for.
func TestBulkIsBelievedOnlyWhereItFits(t *testing.T) {
	r := slapd(t, bulkFrom+200)
	plan := r.newIDs(t)
	var first []Record
	for group, err := range plan.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, group...)
	}
	// To the scan the entry has a description, to the server it has none without an option.
	r.change(t, first[0].DN, "description")
	r.change(t, first[0].DN, "description;lang-de", "changed")
	a, err := NewApplier(t.Context(), plan, Options{Directory: r.options})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c, err := a.Check(t.Context())
	if err != nil || c.ToChange != plan.Records || c.Conflicts != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	if a.bulk == nil || slices.Contains(a.bulk.places, int64(-1)) {
		t.Error("the directory was not read in one go")
	}

	// A small plan, one that does not know how large the directory is, and one with
	// options in it ask for each entry.
	for name, text := range map[string][]byte{
		"small":   planText(t, header(), first[:10]...),
		"unknown": planText(t, Header{}, first...),
		"options": planText(t, Header{Entries: 1}, Record{DN: first[0].DN, Changes: []ldif.Modification{{Op: ldif.OpAdd, Name: "cn;lang-de", Values: bytesOf("x")}}}),
	} {
		b, err := NewApplier(t.Context(), openPlan(t, text), Options{Directory: r.options})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Check(t.Context()); err != nil || b.bulk != nil {
			t.Errorf("%s: %v, read in one go %v", name, err, b.bulk != nil)
		}
		b.Close()
	}
}
