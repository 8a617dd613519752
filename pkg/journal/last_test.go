package journal

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// graveText returns the details of the grave problems of a verification.
func graveText(v *Verification) string {
	var out []string
	for _, p := range v.Problems {
		if p.Grave {
			out = append(out, p.Detail)
		}
	}
	return strings.Join(out, "; ")
}

// The hash chain of a journal that was cut after a record is intact.
func TestVerifyFindsACutJournal(t *testing.T) {
	for _, c := range []struct {
		name     string
		keep     int  // lines; -1: the journal is removed
		noLast   bool // the file with the last record is lost, too
		want     string
		versions bool // versions that no record names are kept
	}{
		{"cut", 2, false, "the journal was cut: it ends with record 2, but the last one was record 6, of change 3", true},
		{"cut-result", 5, false, "it ends with record 5, but the last one was record 6", true},
		{"cut-without-last", 2, true, "no record names 2 of the versions that are kept", true},
		{"emptied", 0, false, "it ends with record 0", true},
		{"emptied-without-last", 0, true, "no record names 4 of the versions", true},
		{"removed", -1, false, "journal.jsonl is missing", true},
		{"removed-without-last", -1, true, "journal.jsonl is missing", true},
		{"removed-without-versions", -1, false, "journal.jsonl is missing", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			h.write("a=1")
			for _, x := range [][2]string{{"a=1", "a=2"}, {"a=2", "a=3"}, {"a=3", "a=4"}} {
				h.change(x[0], x[1])
			}
			if v := h.verify(); len(v.Problems) > 0 {
				t.Fatalf("an intact journal: %+v", v.Problems)
			}
			if lines := bytes.SplitAfter(h.text(), []byte("\n")); c.keep >= 0 {
				if err := os.WriteFile(h.file(), bytes.Join(lines[:c.keep], nil), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if err := os.Remove(h.file()); err != nil {
				t.Fatal(err)
			}
			if c.noLast {
				if err := os.Remove(h.j.lastFile()); err != nil {
					t.Fatal(err)
				}
			}
			if !c.versions {
				if err := os.RemoveAll(h.j.versions()); err != nil {
					t.Fatal(err)
				}
			}
			if got := graveText(h.verify()); !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if c.keep > 0 {
				return
			}
			// A journal without records is not a list of no changes, and nothing is pruned.
			if _, err := h.j.Entries(t.Context(), ""); !errors.Is(err, ErrLost) {
				t.Errorf("the list: %v", err)
			}
			if _, err := h.j.PlanPrune(t.Context(), h.now.Add(time.Hour)); !errors.Is(err, ErrLost) {
				t.Errorf("a prune: %v", err)
			}
		})
	}
}

// The next change tells that records are lost, does not use their numbers again, and the
// journal keeps saying so.
func TestChangeAfterACut(t *testing.T) {
	for _, keep := range []int{0, 2, 3} {
		h := newHome(t)
		h.write("a=1")
		for _, x := range [][2]string{{"a=1", "a=2"}, {"a=2", "a=3"}, {"a=3", "a=4"}} {
			h.change(x[0], x[1])
		}
		lines := bytes.SplitAfter(h.text(), []byte("\n"))
		if err := os.WriteFile(h.file(), bytes.Join(lines[:keep], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		s := h.open()
		if len(s.Notes) == 0 || !errors.Is(s.Notes[0].Err, ErrDamaged) {
			t.Errorf("%d kept: notes are %+v", keep, s.Notes)
		}
		n := h.begin(s, "a=4", "a=5")
		h.write("a=5")
		if err := s.End(t.Context(), n, Done, ""); err != nil {
			t.Fatal(err)
		}
		h.close(s)
		if n != 4 {
			t.Errorf("%d kept: the number of the next change is %d", keep, n)
		}
		for range 2 {
			if got := graveText(h.verify()); !strings.Contains(got, "records of the journal are lost") {
				t.Errorf("%d kept: found %q", keep, got)
			}
			h.change("a=5", "a=5")
		}
		s = h.open()
		h.close(s)
		if len(s.Notes) > 0 {
			t.Errorf("%d kept: said again: %+v", keep, s.Notes)
		}
	}
}

// A journal of an earlier version has no file with the last record.
func TestJournalWithoutALastRecord(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	if err := os.Remove(h.j.lastFile()); err != nil {
		t.Fatal(err)
	}
	if v := h.verify(); len(v.Problems) != 1 || v.Problems[0].Grave {
		t.Errorf("problems: %+v", v.Problems)
	}
	h.change("a=2", "a=3")
	if v := h.verify(); len(v.Problems) != 0 {
		t.Errorf("problems: %+v", v.Problems)
	}
	if err := os.WriteFile(h.j.lastFile(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := graveText(h.verify()); !strings.Contains(got, "journal.last") {
		t.Errorf("an empty file: %q", got)
	}
	h.change("a=3", "a=4")
	if v := h.verify(); len(v.Problems) != 0 {
		t.Errorf("problems: %+v", v.Problems)
	}
}
