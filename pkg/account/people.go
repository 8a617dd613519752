package account

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// Directory is the directory in which people are looked up.
type Directory struct {
	Source     directory.Source
	Live       bool // a server that is searched by address; otherwise the source is read completely
	Attributes Attributes
	// MailFilter finds an entry by its address, which replaces %s
	// (davcore.uriinfo.emailsearchfiltertemplate).
	MailFilter string
	Bases      []string
	Scope      directory.Scope
	Tmp        string // directory for temporary files; "" is the system's default
	// Prove is who is asked whether attributes are absent or hidden; nil for files.
	Prove *directory.Prover
}

// UnreadableError is returned when parts of the directory could not be read, so that
// an answer might be wrong.
type UnreadableError struct {
	Source string
	Count  int
	First  error
}

// Error names the source and the first problem.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%s: records or parts of the tree that could not be read: %d, the first: %v", e.Source, e.Count, e.First)
}

// Entries holds entries that were read from a directory, in the order of their
// requests, on disk if there are many. It is for one goroutine.
type Entries struct {
	log   *spill.Log
	order *spill.Sorter
	count int

	absent []directory.AttributeAbsence // attributes that entries came without
}

// Len returns the number of entries.
func (f *Entries) Len() int { return f.count }

// Close frees memory and disk space.
func (f *Entries) Close() error { return errors.Join(f.log.Close(), f.order.Close()) }

func newEntries(tmp string) *Entries {
	return &Entries{log: spill.NewLog(tmp), order: spill.NewSorter(tmp)}
}

func (f *Entries) add(request int, e *Entry) error {
	place, err := f.log.Append(e.encode())
	if err != nil {
		return err
	}
	f.count++
	return f.order.Add(uint64(request), uint64(place))
}

// All yields the entries in the order of their requests, which are numbered from 0;
// those of one request in the order in which they were read.
func (f *Entries) All() iter.Seq2[NumberedEntry, error] {
	return func(yield func(NumberedEntry, error) bool) {
		var b []byte
		for pair, err := range spill.Sorted(f.order) {
			var e *Entry
			if err == nil {
				b, err = f.log.Read(b[:0], int64(pair.Ref))
			}
			if err == nil {
				e, err = decodeEntry(b)
			}
			if !yield(NumberedEntry{int(pair.Key), e}, err) || err != nil {
				return
			}
		}
	}
}

// NumberedEntry is an entry with the number of its request.
type NumberedEntry struct {
	Request int
	Entry   *Entry
}

// Select reads the users, resources and groups that match a filter, numbered in the
// order of the directory.
func (d *Directory) Select(ctx context.Context, filter string) (*Entries, error) {
	r := newReading(&d.Attributes)
	q := r.query(&d.Attributes, false)
	q.Bases, q.Scope, q.Filter = d.Bases, d.Scope, filter
	return d.read(ctx, q, func(out *Entries, e *directory.Entry) error {
		return out.add(out.count, r.entry(e))
	})
}

// read reads the result of a query to its end. It is an error if anything could not be
// read, or if the server hides an attribute (*directory.HiddenError): the caller would
// take it for absent.
func (d *Directory) read(ctx context.Context, q directory.Query, keep func(*Entries, *directory.Entry) error) (*Entries, error) {
	out := newEntries(d.Tmp)
	unread := &UnreadableError{Source: d.Source.Name()}
	proof := d.newProof(&q)
	err := directory.Read(ctx, d.Source, q, directory.Handlers{
		Entry: func(e *directory.Entry) error {
			if directory.IsConflictDN(e.DN) {
				return nil // the entry that it conflicts with is the person's
			}
			proof.note(e)
			return keep(out, e)
		},
		Problem: func(p *directory.Problem) error {
			if p.Kind == directory.InvalidDN {
				// Its values are known: it matters only to a person whose entry it is.
				count := out.count
				if p.Entry.Kind == directory.Other {
					return nil
				}
				if err := keep(out, p.Entry); err != nil || out.count == count {
					return err
				}
			}
			if unread.Count++; unread.Count == 1 {
				unread.First = p
			}
			return nil
		},
		Restart: func(*directory.RestartError) error {
			if err := out.Close(); err != nil {
				return err
			}
			out, proof = newEntries(d.Tmp), d.newProof(&q)
			unread.Count = 0
			return nil
		},
	})
	if err == nil && unread.Count > 0 {
		err = unread
	}
	if err == nil {
		out.absent, err = proof.ask(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// ByAddress reads the entries that have one of the addresses, numbered by the position
// of the address in the list.
func (d *Directory) ByAddress(ctx context.Context, addresses []string) (*Entries, error) {
	return d.lookUp(ctx, &lookup{values: addresses, filter: d.filterFor, attributes: d.mailAttributes()})
}

// ByID reads the entries that have one of the unique IDs, numbered by the position of the ID
// in the list.
func (d *Directory) ByID(ctx context.Context, ids []string) (*Entries, error) {
	filter := func(id string) string { return "(" + d.Attributes.UniqueID + "=" + directory.EscapeFilter(id) + ")" }
	return d.lookUp(ctx, &lookup{values: ids, filter: filter, attributes: []string{d.Attributes.UniqueID}})
}

// ByRequest reads the entries that have the address or the unique ID of one of the requests,
// numbered by the position of the request.
func (d *Directory) ByRequest(ctx context.Context, requests []Request) (*Entries, error) {
	var addresses, ids []string
	var addressAt, idAt []int // the positions of their requests
	for i := range requests {
		if r := &requests[i]; r.Address != "" {
			addresses, addressAt = append(addresses, r.Address), append(addressAt, i)
		} else {
			ids, idAt = append(ids, r.ID), append(idAt, i)
		}
	}
	switch {
	case len(ids) == 0:
		return d.ByAddress(ctx, addresses)
	case len(addresses) == 0:
		return d.ByID(ctx, ids)
	}
	out := newEntries(d.Tmp)
	for _, part := range []struct {
		read   func(context.Context, []string) (*Entries, error)
		values []string
		at     []int
	}{{d.ByAddress, addresses, addressAt}, {d.ByID, ids, idAt}} {
		found, err := part.read(ctx, part.values)
		if err == nil {
			err = errors.Join(out.addAll(found, part.at), found.Close())
		}
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	return out, nil
}

// addAll adds the entries of from, whose requests have other numbers here.
func (f *Entries) addAll(from *Entries, numbers []int) error {
	for n, err := range from.All() {
		if err == nil {
			err = f.add(numbers[n.Request], n.Entry)
		}
		if err != nil {
			return err
		}
	}
	f.absent = append(f.absent, from.absent...)
	return nil
}

// lookup says which entries are read: those with one of the values.
type lookup struct {
	values     []string
	filter     func(value string) string // finds the entries with a value on a server
	attributes []string                  // that have the values
}

// lookUp reads the entries of a lookup, numbered by the position of the value.
func (d *Directory) lookUp(ctx context.Context, l *lookup) (*Entries, error) {
	if d.Live {
		return d.ask(ctx, l)
	}
	return d.scan(ctx, l)
}

// addressAttributes matches the attributes that a filter compares with an address.
var addressAttributes = regexp.MustCompile(`\(([A-Za-z][A-Za-z0-9.;-]*)=%s\)`)

// mailAttributes returns the attributes of MailFilter; if none can be recognised,
// the address attributes.
func (d *Directory) mailAttributes() []string {
	var out []string
	for _, m := range addressAttributes.FindAllStringSubmatch(d.MailFilter, -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		out = []string{d.Attributes.Mail, d.Attributes.Alternate}
	}
	return out
}

// wanted finds the positions of an address in a list, ignoring letter case. It uses
// about 25 bytes for each address, because a list can be long.
type wanted struct {
	addresses []string
	seed      maphash.Seed
	first     map[uint64]int32 // the last position with a hash, plus 1
	next      []int32          // the position before with the same hash, plus 1; 0 ends the chain
}

func newWanted(addresses []string) *wanted {
	w := &wanted{addresses: addresses, seed: maphash.MakeSeed(), first: make(map[uint64]int32, len(addresses)), next: make([]int32, len(addresses))}
	for i, a := range addresses {
		h := maphash.String(w.seed, store.FoldAddress(a))
		w.next[i] = w.first[h]
		w.first[h] = int32(i + 1)
	}
	return w
}

// places appends the positions of an address to dst.
func (w *wanted) places(dst []int, address string) []int {
	folded := store.FoldAddress(strings.TrimSpace(address))
	for at := w.first[maphash.String(w.seed, folded)]; at > 0; at = w.next[at-1] {
		if store.FoldAddress(w.addresses[at-1]) == folded {
			dst = append(dst, int(at-1))
		}
	}
	return dst
}

// scan reads the whole source once, and keeps the entries of a lookup.
func (d *Directory) scan(ctx context.Context, l *lookup) (*Entries, error) {
	r := newReading(&d.Attributes)
	places := r.also(l.attributes)
	q := r.query(&d.Attributes, true)
	q.Bases, q.Scope = d.Bases, d.Scope
	want := newWanted(l.values)
	return d.read(ctx, q, func(out *Entries, e *directory.Entry) error {
		return addOnce(out, matches(e, places, want), func() *Entry { return r.entry(e) })
	})
}

// matches returns the positions of the values that an entry has.
func matches(e *directory.Entry, places []int, want *wanted) (found []int) {
	for _, v := range e.Values {
		if slices.Contains(places, v.Attr) {
			found = want.places(found, string(v.Data))
		}
	}
	return found
}

// addOnce adds an entry for each of the requests, once.
func addOnce(out *Entries, requests []int, entry func() *Entry) error {
	if len(requests) == 0 {
		return nil
	}
	seen := map[int]bool{}
	for _, i := range requests {
		if seen[i] {
			continue
		}
		seen[i] = true
		if err := out.add(i, entry()); err != nil {
			return err
		}
	}
	return nil
}

// askedAtOnce is the number of values in one search.
const askedAtOnce = 100

// ask searches a server for the values of a lookup, askedAtOnce at a time.
func (d *Directory) ask(ctx context.Context, l *lookup) (*Entries, error) {
	out := newEntries(d.Tmp)
	for first := 0; first < len(l.values); first += askedAtOnce {
		part := l.values[first:min(first+askedAtOnce, len(l.values))]
		if err := d.askPart(ctx, out, l, part, first); err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	return out, nil
}

// askPart searches for several values of a lookup. The values of an entry show which of them it
// has. If they do not, because the server compares in another way, it searches for
// each value alone.
func (d *Directory) askPart(ctx context.Context, out *Entries, l *lookup, part []string, first int) error {
	filter := l.filter(part[0])
	if len(part) > 1 {
		var b strings.Builder
		b.WriteString("(|")
		for _, a := range part {
			b.WriteString(l.filter(a))
		}
		filter = b.String() + ")"
	}
	r := newReading(&d.Attributes)
	places := r.also(l.attributes)
	q := r.query(&d.Attributes, true)
	q.Bases, q.Scope, q.Filter = d.Bases, d.Scope, filter
	want := newWanted(part)
	var entries []*Entry
	var requests [][]int // in the part, of each entry
	found, err := d.read(ctx, q, func(again *Entries, e *directory.Entry) error {
		if again.count == 0 { // the first entry, also after the read was restarted
			entries, requests = nil, nil
		}
		again.count++
		entries, requests = append(entries, r.entry(e)), append(requests, matches(e, places, want))
		return nil
	})
	if err != nil {
		return err
	}
	if err := found.Close(); err != nil {
		return err
	}
	for n := range entries {
		for i := range requests[n] {
			requests[n][i] += first
		}
		switch {
		case len(requests[n]) == 0 && len(part) == 1:
			requests[n] = []int{first}
		case len(requests[n]) == 0:
			return d.askAlone(ctx, out, l, part, first)
		}
	}
	for n, e := range entries {
		if err := addOnce(out, requests[n], func() *Entry { return e }); err != nil {
			return err
		}
	}
	return nil
}

// askAlone searches for each value of a part alone.
func (d *Directory) askAlone(ctx context.Context, out *Entries, l *lookup, part []string, first int) error {
	for i, a := range part {
		if err := d.askPart(ctx, out, l, []string{a}, first+i); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) filterFor(address string) string {
	return strings.ReplaceAll(d.MailFilter, "%s", directory.EscapeFilter(address))
}
