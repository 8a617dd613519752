package directory

import (
	"bytes"
	"fmt"
)

// bases is a set of base DNs with a scope. It is safe for concurrent use.
type bases struct {
	scope  Scope
	normal []string
}

func newBases(list []string, scope Scope) (*bases, error) {
	b := &bases{scope: scope}
	for _, base := range list {
		normal, err := AppendNormalDN(nil, []byte(base))
		if err != nil {
			return nil, fmt.Errorf("base %q: %w", base, err)
		}
		b.normal = append(b.normal, string(normal))
	}
	return b, nil
}

// contains reports whether the entry dn is in scope. scratch is a buffer that is
// reused by each call. The error is that of an invalid DN.
func (b *bases) contains(dn []byte, scratch *[]byte) (bool, error) {
	if len(b.normal) == 0 {
		return true, nil
	}
	normal, err := AppendNormalDN((*scratch)[:0], dn)
	if err != nil {
		return false, err
	}
	*scratch = normal
	return b.containsNormal(normal), nil
}

// containsNormal reports whether the entry with a DN in normal form is in scope.
func (b *bases) containsNormal(dn []byte) bool {
	if len(b.normal) == 0 {
		return true
	}
	for _, base := range b.normal {
		if above, ok := cutSuffix(dn, base); ok && b.reaches(above) {
			return true
		}
	}
	return false
}

// cutSuffix returns the part of dn before base, without the comma between them.
func cutSuffix(dn []byte, base string) (above []byte, ok bool) {
	n := len(dn) - len(base)
	switch {
	case base == "":
		return dn, true
	case n < 0 || string(dn[n:]) != base:
		return nil, false
	case n == 0:
		return nil, true
	}
	return dn[:n-1], dn[n-1] == ','
}

// reaches reports whether an entry is in scope whose DN is above followed by a base.
func (b *bases) reaches(above []byte) bool {
	switch b.scope {
	case BaseOnly:
		return len(above) == 0
	case OneLevel:
		return len(above) > 0 && !bytes.ContainsAny(above, ",;")
	default:
		return true
	}
}
