package coexist

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// WaveState is the state of a wave, as far as the runs of a home show it.
type WaveState string

// The states of a wave.
const (
	WaveEmpty      WaveState = "nothing to change" // all its users were marked and locked out when it was planned
	WavePlanned    WaveState = "planned"
	WaveApplied    WaveState = "applied"
	WavePartly     WaveState = "partly applied"
	WaveVerified   WaveState = "verified"
	WaveRolledBack WaveState = "rolled back"
	WavePartlyBack WaveState = "partly rolled back"
)

// WaveStatus is a recorded wave with what the runs did to it.
type WaveStatus struct {
	WaveRecord
	State    WaveState     `json:"state"`
	Run      int64         `json:"run,omitempty"`      // the last run that changed an entry of the wave; 0 if none did
	Moved    int           `json:"changed"`            // entries that runs changed and that no later run restored
	Verified *Verification `json:"verified,omitempty"` // the last check; nil if there was none

	applied int64   // the last run that applied it, 0 for none
	since   []int64 // the runs that applied it since it was last rolled back completely
	back    bool    // the last run restored entries
	all     bool    // the last run that applied it found or made all changes
}

// InForce reports whether users of the wave are on the new server because of it.
func (s *WaveStatus) InForce() bool {
	return s.State == WaveApplied || s.State == WavePartly || s.State == WaveVerified || s.State == WavePartlyBack
}

// LastApplied returns the last run that applied the wave; 0 if none did.
func (s *WaveStatus) LastApplied() int64 { return s.applied }

// WaveBook contains the recorded waves and the runs that applied them or undid that.
type WaveBook struct {
	Waves []*WaveStatus
	waves Waves
	runs  []ldapchange.Info // the latest first
	of    map[int64]waveRun
}

// waveRun is what a run did to waves. Waves that were planned twice with the same result
// share their runs.
type waveRun struct {
	waves []*WaveStatus
	back  bool
}

// follow finds the state of each wave from the runs.
func (b *WaveBook) follow() {
	b.of = map[int64]waveRun{}
	for _, info := range slices.Backward(b.runs) {
		r := b.ofPlan(info.Digest)
		if info.Undoes > 0 {
			r = b.of[info.Undoes]
			r.back = !r.back
		}
		if len(r.waves) == 0 {
			continue
		}
		b.of[info.ID] = r
		if info.State != ldapchange.Ready { // it was stopped before it changed anything
			for _, s := range r.waves {
				s.note(&info, r.back)
			}
		}
	}
	for _, s := range b.Waves {
		s.State = s.state()
	}
}

// ofPlan returns the waves that a plan with a digest applies or rolls back.
func (b *WaveBook) ofPlan(digest string) (r waveRun) {
	for _, s := range b.Waves {
		if digest != "" && (s.Forward == digest || s.Back == digest) {
			r.waves, r.back = append(r.waves, s), s.Back == digest
		}
	}
	return r
}

// note takes account of a run that changed, or may have changed, entries of the wave.
func (s *WaveStatus) note(info *ldapchange.Info, back bool) {
	s.Run, s.back = info.ID, back
	if !back {
		s.applied = info.ID
		s.since = append(s.since, info.ID)
		s.Moved += info.Changed
		s.all = info.Changed+info.Already >= s.Changes
		return
	}
	s.all = false
	s.Moved -= info.Changed
	if s.Moved <= 0 || info.State == ldapchange.Done && info.Digest == s.Back {
		s.Moved, s.since = 0, nil
	}
}

func (s *WaveStatus) state() WaveState {
	switch {
	case s.Run == 0 && s.Changes == 0:
		return WaveEmpty
	case s.Run == 0:
		return WavePlanned
	case s.back && len(s.since) == 0:
		return WaveRolledBack
	case s.back:
		return WavePartlyBack
	case s.Verified.Passed() && s.Verified.Run == s.applied: // whoever made the last changes
		return WaveVerified
	case !s.all && s.Moved < s.Changes:
		return WavePartly
	}
	return WaveApplied
}

// OfID returns the wave with an identifier, or nil.
func (b *WaveBook) OfID(id string) *WaveStatus {
	for _, s := range b.Waves {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// RolledBackBy returns the waves whose users a plan, or the undo of a run, returns to the
// old server. undoes is the run that is undone, or 0; digest is that of the plan.
func (b *WaveBook) RolledBackBy(digest string, undoes int64) []*WaveStatus {
	r := b.ofPlan(digest)
	if undoes > 0 {
		r = b.of[undoes]
		r.back = !r.back
	}
	if !r.back {
		return nil
	}
	return r.waves
}

// MovedError says that another wave moved users whom a rollback would take back to the old
// server.
type MovedError struct {
	Wave  *WaveStatus // the wave that was to be rolled back
	Other *WaveStatus // the wave that moved its users
	Users []string    // the addresses of the first of them, or their DNs
	Total int
	// Later is set if the other wave was applied later. If not, the run that applied the
	// wave found these users moved, so that undoing that run leaves them where they are.
	Later bool
}

// Error names both waves.
func (e *MovedError) Error() string {
	return fmt.Sprintf("wave %s: another wave, %s, moved %d of its users", e.Wave.Dir, e.Other.Dir, e.Total)
}

// namedUsers is how many users a MovedError names.
const namedUsers = 5

// CheckRollback returns a *MovedError if a plan that rolls back one of the waves changes the
// entry of a user whom another wave moved, and that is still in force.
func (b *WaveBook) CheckRollback(waves []*WaveStatus, plan *ldapchange.Plan) error {
	if len(waves) == 0 {
		return nil
	}
	wave := waves[0]
	var others []*WaveStatus
	for _, s := range b.Waves {
		if s.InForce() && !slices.Contains(waves, s) {
			others = append(others, s)
		}
	}
	if len(others) == 0 {
		return nil
	}
	entries, err := PlanEntries(plan)
	if err != nil {
		return err
	}
	mine, err := b.changedBy(wave)
	if err != nil {
		return err
	}
	for _, other := range others {
		e := &MovedError{Wave: wave, Other: other, Later: other.applied > wave.applied}
		for p, err := range b.people(other) {
			if err != nil {
				return err
			}
			dn := normalDN(p.DN)
			if !entries[dn] || !e.Later && mine[dn] { // it moved the user itself
				continue
			}
			if e.Total++; len(e.Users) < namedUsers {
				e.Users = append(e.Users, p.label())
			}
		}
		if e.Total > 0 {
			return e
		}
	}
	return nil
}

// people yields the people of a wave; for one whose people are not recorded, those whose
// entries its runs changed.
func (b *WaveBook) people(s *WaveStatus) iter.Seq2[WavePerson, error] {
	if s.Traced {
		return b.waves.People(s.ID)
	}
	return func(yield func(WavePerson, error) bool) {
		entries, err := b.changedBy(s)
		if err != nil {
			yield(WavePerson{}, err)
			return
		}
		for _, dn := range slices.Sorted(maps.Keys(entries)) {
			if !yield(WavePerson{DN: dn}, nil) {
				return
			}
		}
	}
}

// label returns the address of a person, or else the DN.
func (p *WavePerson) label() string {
	if p.Address != "" {
		return p.Address
	}
	return p.DN
}

// changedBy returns the entries that the runs of a wave changed, according to their undo files.
func (b *WaveBook) changedBy(s *WaveStatus) (Entries, error) {
	all := Entries{}
	for _, id := range s.since {
		plan, err := ldapchange.OpenPlan(filepath.Join(b.waves.Runs.Path(id), ldapchange.UndoFile))
		if err != nil {
			return nil, err
		}
		entries, err := PlanEntries(plan)
		_ = plan.Close()
		if err != nil {
			return nil, err
		}
		for dn := range entries {
			all[dn] = true
		}
	}
	return all, nil
}

// Entries are the DNs of entries, normalised.
type Entries map[string]bool

// Remove removes the entry with a DN.
func (e Entries) Remove(dn string) { delete(e, normalDN(dn)) }

// Has reports whether the entry with a DN is among them.
func (e Entries) Has(dn string) bool { return e[normalDN(dn)] }

// PlanEntries returns the entries that a plan changes.
func PlanEntries(plan *ldapchange.Plan) (Entries, error) {
	all := make(Entries, plan.Records)
	for records, err := range plan.All(false) {
		if err != nil {
			return nil, err
		}
		for i := range records {
			all[normalDN(records[i].DN)] = true
		}
	}
	return all, nil
}

// normalDN returns a DN in the form in which equal DNs are equal, or folded if it is invalid.
func normalDN(dn string) string {
	if b, err := directory.AppendNormalDN(nil, []byte(dn)); err == nil {
		return string(b)
	}
	return string(directory.AppendFold(nil, []byte(dn)))
}
