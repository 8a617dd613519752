package config

import "strings"

// SplitList returns the members of a list value, which has blanks between them;
// nil when there are none. A comma is part of a member.
func SplitList(value string) []string {
	members := strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(" \t\n\r\f\v", c) })
	if len(members) == 0 {
		return nil
	}
	return members
}

// AddToList returns the list with the members of add after its own, and which
// of them were not there before. Members keep their order and spelling; with
// foldCase set, they are equal when they differ in letter case only.
//
// When there is nothing to add, the value comes back as it was. Otherwise it is
// written anew with single blanks and without repeated members.
func AddToList(value string, add []string, foldCase bool) (string, []string) {
	seen := memberSet{fold: foldCase}
	var members, added []string
	for _, m := range SplitList(value) {
		if seen.put(m) {
			members = append(members, m)
		}
	}
	for _, m := range splitAll(add) {
		if seen.put(m) {
			added = append(added, m)
		}
	}
	if added == nil {
		return value, nil
	}
	return strings.Join(append(members, added...), " "), added
}

// RemoveFromList returns the list without the members of remove, and those that
// were really there, in the order and spelling of the list. A member that the
// list repeats is removed everywhere and named once.
//
// When there is nothing to remove, the value comes back as it was. Otherwise it
// is written anew with single blanks and without repeated members.
func RemoveFromList(value string, remove []string, foldCase bool) (string, []string) {
	unwanted := memberSet{fold: foldCase}
	for _, m := range splitAll(remove) {
		unwanted.put(m)
	}
	seen := memberSet{fold: foldCase}
	var kept, removed []string
	for _, m := range SplitList(value) {
		switch {
		case !seen.put(m):
		case unwanted.has(m):
			removed = append(removed, m)
		default:
			kept = append(kept, m)
		}
	}
	if removed == nil {
		return value, nil
	}
	return strings.Join(kept, " "), removed
}

// LostMembers returns the members of the old list that the new one has not, in
// the order and spelling of the old one and each once.
func LostMembers(old, new string, foldCase bool) []string {
	_, lost := AddToList(new, SplitList(old), foldCase)
	return lost
}

func splitAll(values []string) []string {
	var members []string
	for _, v := range values {
		members = append(members, SplitList(v)...)
	}
	return members
}

// memberSet is a set of list members; the zero value is empty and minds case.
type memberSet struct {
	fold    bool
	members map[string]bool
}

// put adds a member and reports whether it is new.
func (s *memberSet) put(m string) bool {
	if s.has(m) {
		return false
	}
	if s.members == nil {
		s.members = map[string]bool{}
	}
	s.members[s.key(m)] = true
	return true
}

func (s *memberSet) has(m string) bool { return s.members[s.key(m)] }

func (s *memberSet) key(m string) string {
	if s.fold {
		return strings.ToLower(m)
	}
	return m
}
