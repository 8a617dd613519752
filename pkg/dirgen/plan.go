package dirgen

import (
	"cmp"
	"fmt"
	"slices"
)

// place is a kind of entry in which a fault can be planted.
type place uint8

const (
	onCS7 place = iota
	onCS6
	inGroup
	inResource
	places
)

// plant is a fault in an entry.
type plant struct {
	entry   int64
	partner int64 // the first entry of the finding, whose value the others share
	finding int32 // the number of the finding, from 0 for each fault
	fault   uint8 // the index in the catalogue
	member  uint8 // the index of the entry within the finding
	count   uint8 // the number of findings in this entry, 1 except for a group with several
	of      uint8 // the number of entries of the finding
}

// walk visits all numbers from 0 to n-1 once, in long steps, so that the numbers
// visited first are spread evenly.
type walk struct{ n, step, at, left int64 }

func newWalk(n int64, r uint64) walk {
	if n == 0 {
		return walk{}
	}
	// Steps of the golden section leave the most even gaps (Knuth, The Art of
	// Computer Programming, volume 3, section 6.4).
	step := max(1, int64(float64(n)*0.6180339887498949))
	for gcd(step, n) != 1 {
		step++
	}
	return walk{n: n, step: step, at: int64(r % uint64(n)), left: n}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (w *walk) next() (int64, bool) {
	if w.left == 0 {
		return 0, false
	}
	at := w.at
	w.at = (w.at + w.step) % w.n
	w.left--
	return at, true
}

// planner assigns entries to faults, each entry once.
type planner struct {
	d     *Directory
	walks [places]walk
	out   []plant
}

// take returns the number of an entry without a fault. It returns false if there is
// none left.
func (p *planner) take(where place) (int64, bool) {
	w := &p.walks[where]
	l := &p.d.layout
	for {
		index, ok := w.next()
		switch {
		case !ok:
			return 0, false
		case where == inGroup:
			return l.number(group, index), true
		case where == inResource:
			return l.number(resource, index), true
		case p.d.onCS7(index) == (where == onCS7):
			return l.number(user, index), true
		}
	}
}

// takeAny returns an entry from a place or, if absent left, from one of the
// places in also.
func (p *planner) takeAny(where place, also []place) (int64, bool) {
	n, ok := p.take(where)
	for i := 0; !ok && i < len(also); i++ {
		n, ok = p.take(also[i])
	}
	return n, ok
}

// plan chooses the entries for all wanted faults. Faults that can be planted in few
// places are planted first.
func (d *Directory) plan() ([]plant, error) {
	p := &planner{d: d}
	for i := range p.walks {
		n := d.layout.users
		switch place(i) {
		case inGroup:
			n = d.layout.groups
		case inResource:
			n = d.layout.resources
		}
		p.walks[i] = newWalk(n, d.draw(planStream, uint64(i)))
	}
	order := make([]int, len(d.faults))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(len(d.faults[a].also), len(d.faults[b].also))
	})
	for _, i := range order {
		if found := p.plant(i); found < d.wanted[i] {
			return nil, fmt.Errorf("%w: %d entries allow only %d of the %d findings of %s",
				ErrTooSmall, d.o.Entries, found, d.wanted[i], d.faults[i].Name)
		}
	}
	slices.SortFunc(p.out, func(a, b plant) int { return cmp.Compare(a.entry, b.entry) })
	return p.out, nil
}

// plant chooses the entries of a fault and returns the number of its findings.
func (p *planner) plant(i int) (findings int) {
	f := &p.d.faults[i]
	for findings < p.d.wanted[i] {
		where := f.where(findings)
		first := len(p.out)
		count := 1
		if f.most > 1 {
			count = min(1+findings%f.most, p.d.wanted[i]-findings)
		}
		for member, w := range where {
			n, ok := p.takeAny(w, f.also)
			if !ok {
				return findings
			}
			p.out = append(p.out, plant{
				entry: n, partner: n, finding: int32(findings),
				fault: uint8(i), member: uint8(member), count: uint8(count), of: uint8(len(where)),
			})
			p.out[len(p.out)-1].partner = p.out[first].entry
		}
		findings += count
	}
	return findings
}
