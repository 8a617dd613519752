package ldapchange

import (
	"context"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
)

// When a plan changes a large part of the directory, reading all of it in one scan is
// many times cheaper than reading each entry.
const (
	bulkFrom = 1000   // the number of records from which on a scan is considered
	bulkPart = 8      // a scan is made if at least one in so many entries is changed
	bulkPage = 10_000 // entries in a page
)

// bulk contains the entries of a plan that a scan of the directory found. Since a
// scan does not distinguish the options of attributes, its values are used only
// where they match the plan; all other entries are read one by one.
type bulk struct {
	plan    *Plan
	log     *spill.Log
	offsets []int64  // of the entries in log, in the order of plan.names; -1 if not found
	keys    []string // plan.attributes in lower case
	buf     []byte
}

// scan reads the directory if that is cheaper. If the directory cannot be read to
// its end, entries are read one by one instead.
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
	for _, name := range p.attributes {
		b.keys = append(b.keys, strings.ToLower(name))
	}
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
	b.log, b.offsets = spill.NewLog(tmp), make([]int64, len(b.plan.names))
	for i := range b.offsets {
		b.offsets[i] = -1
	}
}

// read scans the directory.
func (b *bulk) read(ctx context.Context, src directory.Source, tmp string) error {
	q := directory.Query{Attributes: b.plan.attributes, Selections: []directory.Selection{{Kind: directory.User, Any: true, Attributes: 1<<len(b.plan.attributes) - 1}}}
	b.reset(tmp)
	return directory.Read(ctx, src, q, directory.Handlers{
		Entry:   b.entry,
		Problem: func(*directory.Problem) error { return nil }, // the entries concerned are read one by one
		Restart: func(*directory.RestartError) error {
			b.reset(tmp)
			return nil
		},
	})
}

// entry keeps the values of an entry that the plan changes.
func (b *bulk) entry(e *directory.Entry) (err error) {
	i, ok := b.find(e.DN)
	if !ok {
		return nil
	}
	b.buf = appendValues(b.buf[:0], e)
	b.offsets[i], err = b.log.Append(b.buf)
	return err
}

// find returns the index in plan.names of an entry that the plan changes.
func (b *bulk) find(dn []byte) (int, bool) {
	var short [256]byte // longer DNs are rare
	name, err := directory.AppendNormalDN(short[:0], dn)
	if err != nil {
		return 0, false
	}
	return slices.BinarySearch(b.plan.names, hashOf(name))
}

// values returns the values of an entry, and false if the scan did not find it. It may be
// called by several goroutines at once.
func (b *bulk) values(dn string) (Values, bool, error) {
	i, ok := b.find([]byte(dn))
	if !ok || b.offsets[i] < 0 {
		return nil, false, nil
	}
	text, err := b.log.Read(nil, b.offsets[i])
	if err != nil {
		return nil, false, err
	}
	out := Values{}
	d := spill.NewDecoder(text)
	for len(d.Rest()) > 0 {
		attr, value := d.Uint(), d.Bytes()
		if attr >= uint64(len(b.plan.attributes)) {
			return nil, false, spill.ErrDamaged
		}
		key := b.keys[attr]
		out[key] = append(out[key], value)
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
