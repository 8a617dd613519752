package ldapcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/davadmin/davadmin/pkg/directory"
)

// equals is a set of values that are equal.
type equals struct {
	spellings map[string]*claim // by the octets of the value
	by        comparison
	code      byte // codeApart if only RFC 4518 takes them for equal
}

// mostAsked is the maximum number of pairs of values that the directory is asked about.
const mostAsked = 10_000

// asker asks the directory about pairs of values that some comparisons take for equal
// and others do not.
type asker struct {
	a          *Audit
	server     Server // nil if absent to ask
	attributes []string
	asked      int
}

func (a *Audit) newAsker(roles ...role) *asker {
	k := &asker{a: a, server: a.o.Server}
	if a.partial {
		k.server = nil // the cause may keep the server from responding now, too
	}
	for _, r := range roles {
		for _, name := range a.o.Names.attributes(r) {
			if name != "" {
				k.attributes = append(k.attributes, name)
			}
		}
	}
	return k
}

// join returns the sets of equal values among the claims, which have one set for each
// folded value and all have the same loose form. Sets that the directory takes for equal
// are joined.
func (k *asker) join(ctx context.Context, all map[string]map[string]*claim) ([]*equals, error) {
	var sets []*equals
	for _, folded := range slices.Sorted(maps.Keys(all)) {
		e := &equals{spellings: all[folded]}
		if err := k.compareWithin(ctx, e); err != nil {
			return nil, err
		}
		joined := false
		for _, other := range sets {
			same, err := k.equal(ctx, anyClaim(other), anyClaim(e))
			if err != nil {
				return nil, err
			}
			if same {
				maps.Copy(other.spellings, e.spellings)
				other.by, other.code, joined = comparedDirectory, codePlain, true
				break
			}
		}
		if !joined {
			sets = append(sets, e)
		}
	}
	return sets, nil
}

// anyClaim returns the claim on the first of the spellings.
func anyClaim(e *equals) *claim {
	return e.spellings[slices.Min(slices.Collect(maps.Keys(e.spellings)))]
}

// compareWithin sets how the values of a set, which are equal by RFC 4518, were compared.
func (k *asker) compareWithin(ctx context.Context, e *equals) error {
	if len(e.spellings) < 2 {
		return nil
	}
	e.by = comparedRFC4518
	first := anyClaim(e)
	want := directory.AppendServerFold(nil, first.value)
	for _, v := range slices.Sorted(maps.Keys(e.spellings)) {
		if k.server == nil || string(directory.AppendServerFold(nil, []byte(v))) == string(want) {
			continue // both comparisons take them for equal
		}
		same, err := k.equal(ctx, first, e.spellings[v])
		if err != nil {
			return err
		}
		if e.by, e.code = comparedRFC4518, codeApart; same {
			e.by, e.code = comparedDirectory, codePlain
		}
		return nil
	}
	return nil
}

// equal asks the directory whether it takes the values of two claims for equal: whether
// an entry with only one of them matches the other.
func (k *asker) equal(ctx context.Context, x, y *claim) (bool, error) {
	if k.server == nil {
		return false, nil
	}
	dn := only(k.a, x, y)
	if dn == nil {
		x, y = y, x
		dn = only(k.a, x, y)
	}
	if dn == nil || !isComplete(y.value) {
		return false, nil
	}
	if k.asked++; k.asked > mostAsked {
		return false, fmt.Errorf("the directory would have to compare more than %d pairs of similar values", mostAsked)
	}
	return k.server.Matches(ctx, string(dn), k.attributes, y.value)
}

// only returns the DN of an entry with the value of x but not that of y, nil if there is
// none.
func only(a *Audit, x, y *claim) []byte {
	for _, h := range x.first {
		if _, both := y.holders[a.hashOf(h.dn)]; !both && isComplete(h.dn) {
			return h.dn
		}
	}
	return nil
}
