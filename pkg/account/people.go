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

// Directory is the directory that people are looked up in.
type Directory struct {
	Source     directory.Source
	Live       bool // asked by address; otherwise it is read once, whole
	Attributes Attributes
	// MailFilter finds an entry by its address, which stands for %s
	// (davcore.uriinfo.emailsearchfiltertemplate).
	MailFilter string
	Bases      []string
	Scope      directory.Scope
	Tmp        string // for what memory should not hold; "" is the system's place
}

// UnreadError says that something in the directory could not be read, so that an
// answer may be wrong.
type UnreadError struct {
	Source string
	Count  int
	First  error
}

// Error names the first.
func (e *UnreadError) Error() string {
	return fmt.Sprintf("%s: records or parts of the tree that could not be read: %d, the first: %v; 'davadmin ldap audit' names them", e.Source, e.Count, e.First)
}

// Entries is what was read of a directory, in the order in which it is asked for,
// on disk where it is much. It is for one goroutine.
type Entries struct {
	log   *spill.Log
	order *spill.Sorter
	count int
}

// Len is how many entries there are.
func (f *Entries) Len() int { return f.count }

// Close gives memory and disk back.
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

// All yields the entries by the number of their request, 0 and up; of one
// request, in the order in which they were read.
func (f *Entries) All() iter.Seq2[Numbered, error] {
	return func(yield func(Numbered, error) bool) {
		var b []byte
		for pair, err := range spill.Sorted(f.order) {
			var e *Entry
			if err == nil {
				b, err = f.log.Read(b[:0], int64(pair.Ref))
			}
			if err == nil {
				e, err = decodeEntry(b)
			}
			if !yield(Numbered{int(pair.Key), e}, err) || err != nil {
				return
			}
		}
	}
}

// Numbered is an entry with the number of its request.
type Numbered struct {
	Request int
	Entry   *Entry
}

// Select reads the entries that a filter selects, of users, resources and groups,
// numbered in the order of the directory.
func (d *Directory) Select(ctx context.Context, filter string) (*Entries, error) {
	r := newReading(&d.Attributes)
	q := r.query(&d.Attributes, false)
	q.Bases, q.Scope, q.Filter = d.Bases, d.Scope, filter
	return d.read(ctx, q, func(out *Entries, e *directory.Entry) error {
		return out.add(out.count, r.entry(e))
	})
}

// read reads a query to its end. What could not be read is an error: the caller
// would take those people for absent.
func (d *Directory) read(ctx context.Context, q directory.Query, keep func(*Entries, *directory.Entry) error) (*Entries, error) {
	out := newEntries(d.Tmp)
	unread := &UnreadError{Source: d.Source.Name()}
	err := directory.Read(ctx, d.Source, q, directory.Handlers{
		Entry: func(e *directory.Entry) error { return keep(out, e) },
		Problem: func(p *directory.Problem) error {
			if unread.Count++; unread.Count == 1 {
				unread.First = p
			}
			return nil
		},
		Restart: func(*directory.RestartError) error {
			if err := out.Close(); err != nil {
				return err
			}
			out = newEntries(d.Tmp)
			unread.Count = 0
			return nil
		},
	})
	if err == nil && unread.Count > 0 {
		err = unread
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// ByAddress reads the entries that have one of the addresses, numbered by the
// place of the address in the list.
func (d *Directory) ByAddress(ctx context.Context, addresses []string) (*Entries, error) {
	if d.Live {
		return d.ask(ctx, addresses)
	}
	return d.scan(ctx, addresses)
}

// addressAttributes finds the attributes that a filter compares with an address.
var addressAttributes = regexp.MustCompile(`\(([A-Za-z][A-Za-z0-9.;-]*)=%s\)`)

// mailAttributes are the attributes of MailFilter; those of the address where it
// names none that can be told.
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

// wanted finds the places of an address in a list, in any letter case. It takes
// about 25 bytes for each: a list can be long.
type wanted struct {
	addresses []string
	seed      maphash.Seed
	first     map[uint64]int32 // the last place of those with a hash, plus 1
	next      []int32          // the one before of the same hash, plus 1; 0 ends
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

// places appends the places of an address.
func (w *wanted) places(dst []int, address string) []int {
	folded := store.FoldAddress(strings.TrimSpace(address))
	for at := w.first[maphash.String(w.seed, folded)]; at > 0; at = w.next[at-1] {
		if store.FoldAddress(w.addresses[at-1]) == folded {
			dst = append(dst, int(at-1))
		}
	}
	return dst
}

// scan goes through the whole source once, and takes who has one of the
// addresses.
func (d *Directory) scan(ctx context.Context, addresses []string) (*Entries, error) {
	r := newReading(&d.Attributes)
	places := r.also(d.mailAttributes())
	q := r.query(&d.Attributes, true)
	q.Bases, q.Scope = d.Bases, d.Scope
	want := newWanted(addresses)
	return d.read(ctx, q, func(out *Entries, e *directory.Entry) error {
		return addOnce(out, matches(e, places, want), func() *Entry { return r.entry(e) })
	})
}

// matches are the places of the addresses that an entry has.
func matches(e *directory.Entry, places []int, want *wanted) (found []int) {
	for _, v := range e.Values {
		if slices.Contains(places, v.Attr) {
			found = want.places(found, string(v.Data))
		}
	}
	return found
}

// addOnce adds an entry for each of the requests, once each.
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

// askedAtOnce is how many addresses one search of a server is for.
const askedAtOnce = 100

// ask searches a server for the addresses, some at once.
func (d *Directory) ask(ctx context.Context, addresses []string) (*Entries, error) {
	out := newEntries(d.Tmp)
	for first := 0; first < len(addresses); first += askedAtOnce {
		part := addresses[first:min(first+askedAtOnce, len(addresses))]
		if err := d.askPart(ctx, out, part, first); err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	return out, nil
}

// askPart asks for several addresses. An entry tells by its values which of them
// it has; where that cannot be told, since the server compares in another way
// than we do, each is asked for alone.
func (d *Directory) askPart(ctx context.Context, out *Entries, part []string, first int) error {
	filter := d.filterFor(part[0])
	if len(part) > 1 {
		var b strings.Builder
		b.WriteString("(|")
		for _, a := range part {
			b.WriteString(d.filterFor(a))
		}
		filter = b.String() + ")"
	}
	r := newReading(&d.Attributes)
	places := r.also(d.mailAttributes())
	q := r.query(&d.Attributes, true)
	q.Bases, q.Scope, q.Filter = d.Bases, d.Scope, filter
	want := newWanted(part)
	var entries []*Entry
	var requests [][]int // in the part, of each entry
	found, err := d.read(ctx, q, func(again *Entries, e *directory.Entry) error {
		if again.count == 0 { // the first, of a reading that was begun anew, too
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
			return d.askAlone(ctx, out, part, first)
		}
	}
	for n, e := range entries {
		if err := addOnce(out, requests[n], func() *Entry { return e }); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) askAlone(ctx context.Context, out *Entries, part []string, first int) error {
	for i, a := range part {
		if err := d.askPart(ctx, out, []string{a}, first+i); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) filterFor(address string) string {
	return strings.ReplaceAll(d.MailFilter, "%s", directory.EscapeFilter(address))
}
