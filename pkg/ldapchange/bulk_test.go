package ldapchange

import (
	"slices"
	"testing"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// A plan that changes a large part of the directory reads it in one scan, with the
// same result.
func TestSlapdBulkApplyAndUndo(t *testing.T) { applyAndUndo(t, slapd(t, bulkFrom+200), GuardAssertion) }

func TestSlapdBulkConflicts(t *testing.T) { conflicts(t, slapd(t, bulkFrom+200)) }

// An entry that the scan cannot represent, such as one with attribute options, is
// read by itself.
func TestBulkIsUsedOnlyForMatchingEntries(t *testing.T) {
	r := slapd(t, bulkFrom+200)
	plan := r.newIDs(t)
	var first []Record
	for group, err := range plan.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, group...)
	}
	// In the scan the entry has a description; on the server it has one only with an option.
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
	if a.bulk == nil || slices.Contains(a.bulk.offsets, int64(-1)) {
		t.Error("the directory was not scanned")
	}

	// No scan is made for a small plan, for one that does not state the size of the
	// directory, and for one with attribute options.
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
			t.Errorf("%s: %v, scanned %v", name, err, b.bulk != nil)
		}
		b.Close()
	}
}
