package ldaptest

import (
	"fmt"
	"slices"
)

// Entry returns a copy of the current entry with that DN; ok is false if absent.
// It does not find generated entries.
func (s *Server) Entry(dn string) (e Entry, ok bool) {
	r := s.held(dn)
	if r == nil {
		return Entry{}, false
	}
	return newDraft(r).entry(r.dn), true
}

// Entries returns all current entries, with their operational attributes and with added
// entries last. Generated entries are not included.
func (s *Server) Entries() []Entry {
	var out []Entry
	for _, slot := range s.tree.all() {
		if r := slot.Load(); r != nil {
			out = append(out, newDraft(r).entry(r.dn))
		}
	}
	return out
}

// Values returns the values of an attribute of an entry, only those without options
// unless the name has options.
func (s *Server) Values(dn, name string) []string {
	r := s.held(dn)
	if r == nil {
		return nil
	}
	d := newDraft(r)
	if i := d.find(s.types.describe(name)); i >= 0 {
		return d[i].values
	}
	return nil
}

// Replace replaces the values of an attribute, or removes it when there are no values,
// as another client would. The schema is not checked. It fails the test if there is no
// such entry.
func (s *Server) Replace(dn, name string, values ...string) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	r := s.held(dn)
	if r == nil {
		s.fail(fmt.Errorf("no entry %s to change", dn))
		return
	}
	d := newDraft(r)
	d.set(s.types.describe(name), slices.Clone(values))
	s.touch(&d, "")
	s.tree.put(newRecord(d.entry(r.dn), s.types))
}

// Put adds an entry, or replaces the one with the same DN. The schema is not checked.
func (s *Server) Put(e Entry) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	s.tree.put(newRecord(e, s.types))
}

// Remove removes an entry, even if there are entries below it. It fails the test if
// there is no such entry.
func (s *Server) Remove(dn string) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	r := s.held(dn)
	if r == nil {
		s.fail(fmt.Errorf("no entry %s to remove", dn))
		return
	}
	s.tree.remove(r.normal)
}

func (s *Server) held(dn string) *record { return s.tree.get(normalName(dn)) }

// fail fails the test. It may be called by any goroutine.
func (s *Server) fail(err error) {
	if s.t == nil {
		panic("ldaptest: " + err.Error())
	}
	s.t.Errorf("ldaptest: %v", err)
}
