package config

import (
	"fmt"
)

// verifier proves that one document is equal to another one with certain changes, by
// comparing them entry by entry. It uses the parsed entries, so it does not depend
// on the code that wrote the edited bytes.
type verifier struct {
	old, next *Document
	set       map[string]Change // keys with a changed value
	unset     map[string]bool
	added     map[string]bool   // new keys that have not been found yet
	values    map[string]string // of the new keys
}

// compare returns ErrUnsafeEdit unless after is equal to d with the changes.
func (d *Document) compare(after *Document, changes []Change) error {
	v := &verifier{old: d, next: after, set: map[string]Change{}, unset: map[string]bool{}, added: map[string]bool{}, values: map[string]string{}}
	for _, c := range changes {
		switch {
		case !c.HasNew:
			v.unset[c.Key] = true
		case c.HadOld:
			v.set[c.Key] = c
		default:
			v.added[c.Key] = true
			v.values[c.Key] = c.New
		}
	}
	return v.walk()
}

func (v *verifier) walk() error {
	i, k := 0, 0
	for i < len(v.old.entries) || k < len(v.next.entries) {
		if i < len(v.old.entries) && len(v.unset) > 0 && v.old.isOneOf(&v.old.entries[i], v.unset) {
			i++
			continue
		}
		if k < len(v.next.entries) && len(v.added) > 0 && v.isAdded(&v.next.entries[k]) {
			k++
			continue
		}
		if i == len(v.old.entries) {
			return fmt.Errorf("%w: %s would appear", ErrUnsafeEdit, v.next.keyOf(&v.next.entries[k]))
		}
		if k == len(v.next.entries) {
			return fmt.Errorf("%w: %s would disappear", ErrUnsafeEdit, v.old.keyOf(&v.old.entries[i]))
		}
		if err := v.pair(i, k); err != nil {
			return err
		}
		i++
		k++
	}
	for key := range v.added {
		return fmt.Errorf("%w: %s would not be set", ErrUnsafeEdit, key)
	}
	return nil
}

// isAdded reports whether e is the entry of a new key with its value.
func (v *verifier) isAdded(e *entry) bool {
	if !v.next.isOneOf(e, v.added) {
		return false
	}
	key := v.next.keyOf(e)
	if v.next.valueOf(e) != v.values[key] {
		return false
	}
	delete(v.added, key)
	return true
}

// pair compares an entry with the one in the same position.
func (v *verifier) pair(i, k int) error {
	was, is := &v.old.entries[i], &v.next.entries[k]
	if !v.sameText(v.old.rawKey(was), v.next.rawKey(is), (was.flags|is.flags)&keyEscaped != 0) {
		return fmt.Errorf("%w: %s would turn into %s", ErrUnsafeEdit, v.old.keyOf(was), v.next.keyOf(is))
	}
	// The last entry of a changed key has the new value; earlier ones stay the same.
	if c, ok := v.changed(was); ok && v.old.find(c.Key) == i {
		if v.next.valueOf(is) != c.New {
			return fmt.Errorf("%w: %s would not read as intended", ErrUnsafeEdit, c.Key)
		}
		return nil
	}
	if !v.sameText(v.old.rawValue(was), v.next.rawValue(is), (was.flags|is.flags)&valueEscaped != 0) {
		return fmt.Errorf("%w: %s would read differently", ErrUnsafeEdit, v.old.keyOf(was))
	}
	return nil
}

func (v *verifier) changed(e *entry) (Change, bool) {
	if len(v.set) == 0 {
		return Change{}, false
	}
	if e.flags&keyEscaped != 0 {
		c, ok := v.set[v.old.keyOf(e)]
		return c, ok
	}
	c, ok := v.set[string(v.old.rawKey(e))]
	return c, ok
}

// sameText compares raw text, decoded if it contains escapes.
func (v *verifier) sameText(was, is []byte, escaped bool) bool {
	if string(was) == string(is) {
		return true
	}
	return escaped && v.old.decode(was) == v.next.decode(is)
}
