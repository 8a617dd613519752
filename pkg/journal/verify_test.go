package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestVerifyFindsEveryAlteredByte(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	h.change("a=1", "a=2")
	h.change("a=2", "a=3")
	whole := h.text()
	for i := range whole {
		altered := bytes.Clone(whole)
		altered[i] ^= 1
		if err := os.WriteFile(h.file(), altered, 0o600); err != nil {
			t.Fatal(err)
		}
		v := h.verify()
		if len(v.Problems) == 0 {
			t.Fatalf("byte %d altered (%q): nothing found", i, whole[i])
		}
	}
}

func TestVerifyFindsRemovedAndSwappedLines(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	h.change("a=2", "a=3")
	lines := bytes.SplitAfter(h.text(), []byte("\n"))
	for name, order := range map[string][]int{"removed": {0, 2, 3}, "swapped": {0, 2, 1, 3}, "repeated": {0, 1, 1, 2, 3}} {
		var text []byte
		for _, i := range order {
			text = append(text, lines[i]...)
		}
		if err := os.WriteFile(h.file(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		grave := 0
		for _, p := range h.verify().Problems {
			if p.Grave {
				grave++
			}
		}
		if grave == 0 {
			t.Errorf("a line %s: nothing found", name)
		}
	}
}

func TestDamagedVersionIsNotReturned(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	v := VersionOf([]byte("a=2"))
	path := filepath.Join(h.base, "history", "versions", v.SHA256+".gz")
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(h.base, "history", "versions", VersionOf([]byte("a=1")).SHA256+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut": packed[:len(packed)-3], "other": other, "empty": nil} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := h.j.Content(t.Context(), v); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if got := h.verify(); len(got.Problems) != 1 || !got.Problems[0].Grave {
			t.Errorf("%s: %+v", name, got.Problems)
		}
	}
}

func TestVersionNamesCannotLeaveTheDirectory(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	for _, sha := range []string{"../../config/a.properties", "..", "", strings.Repeat("A", 64)} {
		if _, err := h.j.Content(t.Context(), Version{SHA256: sha, Size: 3}); !errors.Is(err, ErrNoVersion) {
			t.Errorf("%q: %v", sha, err)
		}
	}
}

func TestPruneKeepsNewAndNewestVersions(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	h.change("a=2", "a=3")
	border := h.now.Add(time.Hour)
	h.now = border
	h.change("a=3", "a=4")
	plan, err := h.j.PlanPrune(t.Context(), border)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{VersionOf([]byte("a=1")).SHA256: true, VersionOf([]byte("a=2")).SHA256: true}
	if len(plan.Versions) != 2 || !want[plan.Versions[0]] || !want[plan.Versions[1]] || plan.Kept != 2 {
		t.Fatalf("plan: %+v", plan)
	}
	s := h.open()
	if n, _, err := s.Prune(t.Context(), plan, nil); n != 2 || err != nil {
		t.Fatalf("pruned %d, %v", n, err)
	}
	h.close(s)
	if _, err := h.j.Content(t.Context(), VersionOf([]byte("a=1"))); !errors.Is(err, ErrNoVersion) {
		t.Errorf("a pruned version: %v", err)
	}
	if v := h.verify(); v.Versions != 2 || v.Pruned != 2 || len(v.Problems) != 0 || v.Changes != 4 {
		t.Errorf("verification: %+v", v)
	}
	all, err := h.j.PlanPrune(t.Context(), h.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Versions) != 1 || all.Versions[0] != VersionOf([]byte("a=3")).SHA256 {
		t.Errorf("the newest version must be kept: %+v", all)
	}
}
