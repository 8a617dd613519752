package ldaptest

import (
	"fmt"
	"slices"
)

// Entry returns an entry as it is now; ok is false where there is none of that
// name. What is returned is the caller's. Generated entries are none of these.
func (s *Server) Entry(dn string) (e Entry, ok bool) {
	r := s.held(dn)
	if r == nil {
		return Entry{}, false
	}
	return newDraft(r).entry(r.dn), true
}

// Entries returns all entries as they are now, those that were added last, and
// with their operational attributes. Generated entries are none of these.
func (s *Server) Entries() []Entry {
	var out []Entry
	for _, slot := range s.tree.all() {
		if r := slot.Load(); r != nil {
			out = append(out, newDraft(r).entry(r.dn))
		}
	}
	return out
}

// Values returns what an entry holds of an attribute, without options unless the
// name has them.
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

// Replace gives an attribute other values, or takes it away when there are
// none, as if somebody else had done so. No schema is asked. It fails the test
// if there is no such entry.
func (s *Server) Replace(dn, name string, values ...string) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	r := s.held(dn)
	if r == nil {
		s.fail(fmt.Errorf("there is no entry %s to change", dn))
		return
	}
	d := newDraft(r)
	d.set(s.types.describe(name), slices.Clone(values))
	s.touch(&d, "")
	s.tree.put(newRecord(d.entry(r.dn), s.types))
}

// Put adds an entry, or puts it in the place of the one of that name. No schema
// is asked.
func (s *Server) Put(e Entry) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	s.tree.put(newRecord(e, s.types))
}

// Remove takes an entry away, whatever is below it. It fails the test if there
// is no such entry.
func (s *Server) Remove(dn string) {
	s.tree.changing.Lock()
	defer s.tree.changing.Unlock()
	r := s.held(dn)
	if r == nil {
		s.fail(fmt.Errorf("there is no entry %s to remove", dn))
		return
	}
	s.tree.remove(r.normal)
}

func (s *Server) held(dn string) *record { return s.tree.get(normalName(dn)) }

// fail ends what the caller cannot go on with. Other goroutines than that of
// the test may call it.
func (s *Server) fail(err error) {
	if s.t == nil {
		panic("ldaptest: " + err.Error())
	}
	s.t.Errorf("ldaptest: %v", err)
}
