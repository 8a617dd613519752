package coexist_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// waveHome is a directory with records of waves and runs.
type waveHome struct {
	t     *testing.T
	waves coexist.Waves
	last  int64
}

func newWaveHome(t *testing.T) *waveHome {
	t.Helper()
	dir := t.TempDir()
	return &waveHome{t: t, waves: coexist.Waves{
		Dir: filepath.Join(dir, "history", "waves"), Base: dir, Runs: ldapchange.Runs{Dir: filepath.Join(dir, "history", "ldap")}, Wait: time.Second,
	}}
}

// wave records a wave that changes the entries of n people, numbered from first.
func (h *waveHome) wave(name string, first, n int) {
	h.t.Helper()
	r := coexist.WaveRecord{ID: name, Dir: "/waves/" + name, Made: time.Unix(int64(len(name)), 0).UTC(), People: n, Changes: n, Forward: name + "-forward", Back: name + "-back", Traced: true}
	var people []coexist.WavePerson
	for i := range n {
		people = append(people, coexist.WavePerson{DN: fmt.Sprintf("UID=p%d,o=isp", first+i), Address: fmt.Sprintf("p%d@example.com", first+i), Changed: true})
	}
	if err := h.waves.Record(h.t.Context(), r, people); err != nil {
		h.t.Fatal(err)
	}
}

// run records a run, and returns its number.
func (h *waveHome) run(digest string, undoes int64, state ldapchange.State, changed, already int, people ...int) int64 {
	h.t.Helper()
	h.last++
	dir := h.waves.Runs.Path(h.last)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		h.t.Fatal(err)
	}
	b, err := json.Marshal(ldapchange.Info{ID: h.last, Undoes: undoes, State: state, Digest: digest, ToChange: changed, Counts: ldapchange.Counts{Changed: changed, Already: already}})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run.json"), b, 0o600); err != nil {
		h.t.Fatal(err)
	}
	if len(people) > 0 {
		h.planFile(filepath.Join(dir, ldapchange.UndoFile), people...)
	}
	return h.last
}

// planFile writes a plan that changes the entries of people.
func (h *waveHome) planFile(path string, people ...int) {
	h.t.Helper()
	d, err := ldapchange.NewDraft(h.t.TempDir())
	if err != nil {
		h.t.Fatal(err)
	}
	defer d.Close()
	for _, p := range people {
		err = errors.Join(err, d.Add(&ldapchange.Record{DN: fmt.Sprintf("uid=P%d, o=isp", p), Changes: []ldif.Modification{{Op: ldif.OpDelete, Name: "davStore"}}}))
	}
	if err = errors.Join(err, d.WriteFile(h.t.Context(), path, ldapchange.Header{}, fsx.OutputOptions{})); err != nil {
		h.t.Fatal(err)
	}
}

func (h *waveHome) load() *coexist.WaveBook {
	h.t.Helper()
	b, err := h.waves.Load(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// state returns the state of a wave.
func (h *waveHome) state(name string) string {
	h.t.Helper()
	s := h.load().OfID(name)
	return fmt.Sprintf("%s by %d, %d of %d", s.State, s.Run, s.Moved, s.Changes)
}

// The state of a wave follows from the runs, in any order of applying, undoing and undoing
// the undo.
func TestWaveStates(t *testing.T) {
	h := newWaveHome(t)
	h.wave("w", 1, 5)
	for _, step := range []struct {
		what   string
		digest string
		undoes int64
		state  ldapchange.State
		n, had int
		want   string
	}{
		{"another plan", "other", 0, ldapchange.Done, 5, 0, "planned by 0, 0 of 5"},
		{"stopped before the first change", "w-forward", 0, ldapchange.Ready, 0, 0, "planned by 0, 0 of 5"},
		{"killed", "w-forward", 0, ldapchange.Begun, 0, 0, "partly applied by 3, 0 of 5"},
		{"some refused", "w-forward", 0, ldapchange.Partly, 3, 0, "partly applied by 4, 3 of 5"},
		{"the rest", "w-forward", 0, ldapchange.Done, 2, 3, "applied by 5, 5 of 5"},
		{"undo of the rest", "x", 5, ldapchange.Done, 2, 0, "partly rolled back by 6, 3 of 5"},
		{"undo of the first", "x", 4, ldapchange.Done, 3, 0, "rolled back by 7, 0 of 5"},
		{"undo of the undo", "x", 7, ldapchange.Done, 3, 0, "partly applied by 8, 3 of 5"},
		{"a rollback that is stopped", "w-back", 0, ldapchange.Stopped, 1, 2, "partly rolled back by 9, 2 of 5"},
		{"a rollback", "w-back", 0, ldapchange.Done, 1, 4, "rolled back by 10, 0 of 5"},
		{"applied, some by others", "w-forward", 0, ldapchange.Done, 1, 4, "applied by 11, 1 of 5"},
	} {
		h.run(step.digest, step.undoes, step.state, step.n, step.had)
		if got := h.state("w"); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	for _, step := range []struct {
		v    coexist.Verification
		want string
	}{
		{coexist.Verification{Run: 11, Complete: true, Errors: 1}, "applied by 11, 1 of 5"},
		{coexist.Verification{Run: 11}, "applied by 11, 1 of 5"},
		{coexist.Verification{Run: 5, Complete: true}, "applied by 11, 1 of 5"},
		{coexist.Verification{Run: 11, Complete: true}, "verified by 11, 1 of 5"},
	} {
		if err := h.waves.RecordVerification(t.Context(), "w", step.v); err != nil {
			t.Fatal(err)
		}
		if got := h.state("w"); got != step.want {
			t.Errorf("%+v: %s, want %s", step.v, got, step.want)
		}
	}
	h.run("w-back", 0, ldapchange.Done, 1, 0)
	if got := h.state("w"); got != "rolled back by 12, 0 of 5" {
		t.Error(got)
	}
}

// A rollback of users whom another wave moved that is still in force is refused; users whom
// the wave moved itself, before the other one, are not.
func TestCheckRollback(t *testing.T) {
	h := newWaveHome(t)
	h.wave("a", 1, 3)
	h.wave("bb", 3, 3) // p3 is in both
	path := filepath.Join(t.TempDir(), "back.ldif")
	check := func(digest string, undoes int64, people ...int) *coexist.MovedError {
		t.Helper()
		_ = os.Remove(path)
		h.planFile(path, people...)
		plan, err := ldapchange.OpenPlan(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = plan.Close() }()
		b := h.load()
		err = b.CheckRollback(b.RolledBackBy(digest, undoes), plan)
		var moved *coexist.MovedError
		if err != nil && !errors.As(err, &moved) {
			t.Fatal(err)
		}
		return moved
	}
	first := h.run("a-forward", 0, ldapchange.Done, 3, 0, 1, 2, 3)
	if e := check("a-back", 0, 1, 2, 3); e != nil {
		t.Errorf("alone: %v", e)
	}
	second := h.run("bb-forward", 0, ldapchange.Done, 2, 1, 4, 5)
	for what, e := range map[string]*coexist.MovedError{"rollback": check("a-back", 0, 1, 2, 3), "undo": check("x", first, 1, 2, 3)} {
		if e == nil || !e.Later || e.Other.ID != "bb" || !slices.Equal(e.Users, []string{"p3@example.com"}) || e.Total != 1 || !strings.Contains(e.Error(), "moved 1 of its users") {
			t.Errorf("%s: %+v", what, e)
		}
	}
	if e := check("a-back", 0, 1, 2); e != nil {
		t.Errorf("without the common user: %v", e)
	}
	if e := check("bb-back", 0, 3, 4, 5); e == nil || e.Later || e.Other.ID != "a" {
		t.Errorf("the later wave, which found p3 moved: %+v", e)
	}
	if e := check("x", second, 4, 5); e != nil {
		t.Errorf("the undo of the later run: %v", e)
	}
	if e := check("a-forward", 0, 1, 2, 3); e != nil {
		t.Errorf("applying again: %v", e)
	}
	h.run("x", second, ldapchange.Done, 2, 0, 4, 5)
	if e := check("a-back", 0, 1, 2, 3); e != nil {
		t.Errorf("after the undo of the later wave: %v", e)
	}
}

// Records that are damaged or missing are errors, because a wave that is not seen could not
// protect its users.
func TestWaveRecordsAreRead(t *testing.T) {
	h := newWaveHome(t)
	if b := h.load(); len(b.Waves) != 0 {
		t.Errorf("%v", b.Waves)
	}
	h.wave("a", 1, 1)
	people := []coexist.WavePerson{{DN: "uid=J\xfcrg\n,o=isp", Address: "j@example.com", Changed: true}, {DN: "uid=\u00fc,o=isp", Address: "a\x1b[2J@example.com"}}
	if err := h.waves.Record(t.Context(), coexist.WaveRecord{ID: "a"}, people); err != nil {
		t.Fatal(err)
	}
	var got []coexist.WavePerson
	for p, err := range h.waves.People("a") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if diff := cmp.Diff(people, got); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
	if b, err := h.waves.Load(&coexist.WaveRecord{ID: "new", Forward: "f"}); err != nil || len(b.Waves) != 2 {
		t.Errorf("with a wave that is not recorded: %v, %v", b, err)
	}
	for _, text := range []string{"{", `{"id":"other"}`, ""} {
		if err := os.WriteFile(filepath.Join(h.waves.Dir, "a.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.waves.Load(nil); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	if err := os.WriteFile(filepath.Join(h.waves.Dir, "a.people.jsonl"), []byte("{\"dn\":\"uid=a\"}\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range h.waves.People("a") {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "a.people.jsonl: line 2: ") {
		t.Errorf("damaged people: %v", last)
	}
	path, err := h.waves.RecordAccounts(t.Context(), "a", []string{"a@example.com", "b@example.com"})
	b, _ := os.ReadFile(path)
	if err != nil || string(b) != "a@example.com\nb@example.com\n" {
		t.Errorf("%v: %q", err, b)
	}
}
