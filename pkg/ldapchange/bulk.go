package ldapchange

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
)

// When a plan changes a good part of the directory, reading all of it in one go is
// many times cheaper than asking for each entry.
const (
	bulkFrom = 1000   // records, from which on that is thought of
	bulkPart = 8      // it is done when at least every so many-th entry is changed
	bulkPage = 10_000 // entries in a page
)

// bulk is what a scan of the directory found of the entries of a plan. What it
// says is only believed where it is as the plan expects: the options of attributes
// are not told apart in it.
type bulk struct {
	plan   *Plan
	log    *spill.Log
	places []int64 // of the entries, in the order of plan.names; -1 for one that was not found
	name   []byte
	buf    []byte
}

// scan reads the directory if that is worth while. A directory that cannot be
// read to its end is asked entry by entry instead.
func (a *Applier) scan(ctx context.Context) error {
	p := a.plan
	if p.Records < bulkFrom || p.Header.Entries == 0 || p.Records*bulkPart < p.Header.Entries || len(p.attributes) > directory.MaxAttributes || slices.ContainsFunc(p.attributes, hasOptions) {
		return nil
	}
	o := a.o.Directory
	o.PageSize = bulkPage
	live, err := directory.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = live.Close() }()
	b := &bulk{plan: p}
	if err := b.read(ctx, live, a.o.Tmp); err != nil {
		b.close()
		return ctx.Err()
	}
	a.bulk = b
	return nil
}

func hasOptions(name string) bool { return strings.Contains(name, ";") }

func (b *bulk) close() {
	if b != nil && b.log != nil {
		_ = b.log.Close()
	}
}

func (b *bulk) reset(tmp string) {
	b.close()
	b.log, b.places = spill.NewLog(tmp), make([]int64, len(b.plan.names))
	for i := range b.places {
		b.places[i] = -1
	}
}

// read scans the directory.
func (b *bulk) read(ctx context.Context, src directory.Source, tmp string) error {
	q := directory.Query{Attributes: b.plan.attributes, Selections: []directory.Selection{{Kind: directory.User, Any: true, Attributes: 1<<len(b.plan.attributes) - 1}}}
	b.reset(tmp)
	for e, err := range src.Entries(ctx, q) {
		var again *directory.RestartError
		var problem *directory.Problem
		switch {
		case errors.As(err, &again):
			b.reset(tmp)
			continue
		case errors.As(err, &problem):
			continue // its entries are asked for one by one
		case err != nil:
			return err
		}
		i, ok := b.find(e.DN)
		if !ok {
			continue
		}
		b.buf = appendValues(b.buf[:0], e)
		if b.places[i], err = b.log.Append(b.buf); err != nil {
			return err
		}
	}
	return nil
}

// find returns the number of an entry that the plan changes.
func (b *bulk) find(dn []byte) (int, bool) {
	var err error
	if b.name, err = directory.AppendNormalDN(b.name[:0], dn); err != nil {
		return 0, false
	}
	return slices.BinarySearch(b.plan.names, hashOf(b.name))
}

// values returns what an entry holds; false where the scan did not see it.
func (b *bulk) values(dn string) (Values, bool, error) {
	i, ok := b.find([]byte(dn))
	if !ok || b.places[i] < 0 {
		return nil, false, nil
	}
	text, err := b.log.Read(b.buf[:0], b.places[i])
	if err != nil {
		return nil, false, err
	}
	b.buf = text
	out := Values{}
	d := spill.NewDecoder(text)
	for len(d.Rest()) > 0 {
		attr, value := d.Uint(), d.Bytes()
		if attr >= uint64(len(b.plan.attributes)) {
			return nil, false, spill.ErrDamaged
		}
		key := strings.ToLower(b.plan.attributes[attr])
		out[key] = append(out[key], slices.Clone(value))
	}
	if err := d.Err(); err != nil {
		return nil, false, err
	}
	return out, true, nil
}

func appendValues(dst []byte, e *directory.Entry) []byte {
	for _, v := range e.Values {
		dst = spill.AppendUint(dst, uint64(v.Attr))
		dst = spill.AppendText(dst, v.Data)
	}
	return dst
}
