package config

import "strings"

// SplitList returns the members of a list value, which are separated by blanks, or
// nil if there are none. A comma is part of a member.
func SplitList(value string) []string {
	members := strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(" \t\n\r\f\v", c) })
	if len(members) == 0 {
		return nil
	}
	return members
}

// AddToList appends the members of add to the list. It returns the new list and
// the members that were not in it before. Members keep their order and spelling;
// with foldCase set, members that differ only in letter case are equal.
//
// If there is nothing to add, the value is returned unchanged. Otherwise the new
// list has single blanks and no repeated members.
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

// RemoveFromList removes the members of remove from the list. It returns the new
// list and the members that were in it before, in the order and spelling of the
// list. A member that the list repeats is removed everywhere and returned once.
//
// If there is nothing to remove, the value is returned unchanged. Otherwise the
// new list has single blanks and no repeated members.
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

// LostMembers returns the members of the old list that are not in the new one, in
// the order and spelling of the old list and each only once.
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

// memberSet is a set of list members. The zero value is empty and case-sensitive.
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
