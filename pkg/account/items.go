package account

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// Request names one account that is to be worked on: by address, or by unique id.
type Request struct {
	File       string // of a batch; "" for a command line
	Number     int    // of the line in it, from 1
	Line       string // as it was given
	Address    string
	ID         string
	Properties Properties
}

// Where is file and line; "" for a command line. There may be millions of requests,
// so that it is made when it is needed.
func (r *Request) Where() string {
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.File, r.Number)
}

// Name is how the request is called in messages.
func (r *Request) Name() string {
	if r.Address != "" {
		return r.Address
	}
	return r.ID
}

// ParseRequest reads a line 'account[:prop=value,…]' of a batch, the account being
// an address or 'id=' and an escaped unique id. The properties are those of known.
func ParseRequest(line string, known []PropertyInfo) (Request, error) {
	r := Request{Line: line}
	who, properties, _ := strings.Cut(line, ":")
	who = strings.Trim(who, " \t")
	if id, ok := strings.CutPrefix(who, IDPrefix); ok {
		id, err := url.QueryUnescape(id)
		if err == nil {
			err = store.CheckID(id)
		}
		if err != nil {
			return r, fmt.Errorf("'%s' is no unique id: %w", clip(who), err)
		}
		r.ID = id
	} else {
		if err := store.CheckAddress(who); err != nil {
			return r, fmt.Errorf("'%s' %w", clip(who), err)
		}
		r.Address = who
	}
	var err error
	r.Properties, err = ParseProperties(properties, known)
	return r, err
}

// RequestLine writes a line that ParseRequest reads, for the account with an id.
func RequestLine(id string, p Properties) string {
	line := IDPrefix + url.QueryEscape(id)
	if len(p) > 0 {
		line += ":" + p.String()
	}
	return line
}

// PeopleLookup finds persons by address.
type PeopleLookup func(ctx context.Context, addresses []string) (PeopleByAddress, error)

// fill fills an item from an entry; what is against it is in Refused.
func (m *Builder) fill(ctx context.Context, item *Item, e *Entry, people PeopleLookup) error {
	item.Entry = e
	if len(e.Mails) > 0 {
		item.Name = e.Mails[0]
	}
	who, err := item.people(ctx, store.SchedulingACL, people)
	if err != nil && !errors.Is(err, store.ErrInvalid) {
		return err
	}
	if err == nil {
		item.New, item.Backend, err = m.Build(e, item.Properties, who)
	}
	if item.Refused = err; err != nil {
		return nil //nolint:nilerr // what is against the item ends the item, not the run
	}
	item.ID, item.Entry = item.New.Account.ID, nil
	for _, known := range m.Stores.Names() {
		if known == item.Backend {
			return nil
		}
	}
	item.Refused = fmt.Errorf("%s of its entry names the back end '%s', which is not set up here; there are: %s",
		m.Attributes.Store, item.Backend, strings.Join(m.Stores.Names(), ", "))
	return nil
}

// ItemsForRequests makes an item of each request, in order, from the entries that
// ByAddress found for their addresses.
func (m *Builder) ItemsForRequests(ctx context.Context, requests []Request, entries *Entries, people PeopleLookup) iter.Seq2[*Item, error] {
	return oneEach(requests, entries, func(item *Item, e *Entry) error { return m.fill(ctx, item, e, people) })
}

// oneEach makes an item of each request, in order, and fills it from the one entry
// that was found for it. Without exactly one the item is refused.
func oneEach(requests []Request, entries *Entries, fill func(*Item, *Entry) error) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		next, stop := iter.Pull2(entries.All())
		defer stop()
		n, err, more := next()
		for i := range requests {
			r := &requests[i]
			item := &Item{Where: r.Where(), Line: r.Line, Name: r.Name(), Properties: r.Properties}
			var found []*Entry
			for ; more && err == nil && n.Request == i; n, err, more = next() {
				found = append(found, n.Entry)
			}
			switch {
			case err != nil:
			case len(found) == 0:
				item.Refused = ErrNoEntry
			case len(found) == 1:
				err = fill(item, found[0])
			default:
				item.Refused = fmt.Errorf("%w: %s", ErrAmbiguous, names(found))
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

func names(entries []*Entry) string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.DN
	}
	return strings.Join(out, "; ")
}

// ForSelection makes an item of each entry that is hosted here, and counts the
// others.
func (m *Builder) ItemsForEntries(ctx context.Context, entries *Entries, p Properties, people PeopleLookup, elsewhere *int) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for n, err := range entries.All() {
			if err != nil {
				yield(nil, err)
				return
			}
			item := &Item{Where: n.Entry.DN, Name: n.Entry.Name(), Properties: p}
			if len(n.Entry.Mails) > 0 {
				item.Line = n.Entry.Mails[0]
				if len(p) > 0 {
					item.Line += ":" + p.String()
				}
			}
			err := m.fill(ctx, item, n.Entry, people)
			var old *OldServerError
			if errors.As(item.Refused, &old) {
				*elsewhere++
				continue
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// ItemsForRequests makes an item of each request from the accounts that there are;
// deleted says that deleted ones are meant.
func (f *Finder) ItemsForRequests(ctx context.Context, requests []Request, deleted bool) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for i := range requests {
			r := &requests[i]
			item := &Item{Where: r.Where(), Line: r.Line, Name: r.Name(), Properties: r.Properties}
			found, err := f.find(ctx, r, deleted)
			var several *AmbiguousError
			switch {
			case errors.Is(err, store.ErrNotFound), errors.As(err, &several):
				item.Refused, err = err, nil
			case err == nil:
				item.ID, item.Backend = found.Account.ID, found.Backend
				if r.Address == "" && found.Account.Mail() != "" {
					item.Name = found.Account.Mail()
				}
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

func (f *Finder) find(ctx context.Context, r *Request, deleted bool) (Found, error) {
	switch {
	case r.ID != "":
		return f.ByID(ctx, r.ID)
	case deleted:
		// One that is there again needs no bringing back.
		found, err := f.ByAddress(ctx, r.Address)
		if errors.Is(err, store.ErrNotFound) {
			return f.DeletedByAddress(ctx, r.Address)
		}
		return found, err
	}
	return f.ByAddress(ctx, r.Address)
}

// ItemsForEntries makes an item of the account of each entry, found by the unique id;
// entries without an account are counted.
func (f *Finder) ItemsForEntries(ctx context.Context, entries *Entries, p Properties, without *int) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		for n, err := range entries.All() {
			if err != nil {
				yield(nil, err)
				return
			}
			e := n.Entry
			item := &Item{Where: e.DN, Name: e.Name(), Properties: p, Entry: e}
			if len(e.IDs) != 1 {
				*without++
				continue
			}
			found, err := f.ByID(ctx, e.IDs[0])
			var several *AmbiguousError
			switch {
			case errors.Is(err, store.ErrNotFound):
				*without++
				continue
			case errors.As(err, &several):
				item.Refused, err = several, nil
			case err == nil && !found.Account.Active():
				*without++
				continue
			case err == nil:
				item.ID, item.Backend, item.Line = found.Account.ID, found.Backend, RequestLine(found.Account.ID, p)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// ItemsForRequestedEntries makes an item of each request, in order: of the account of the
// one entry that ByAddress found for its address.
func (f *Finder) ItemsForRequestedEntries(ctx context.Context, requests []Request, entries *Entries) iter.Seq2[*Item, error] {
	return oneEach(requests, entries, func(item *Item, e *Entry) error { return f.accountOf(ctx, item, e) })
}

// accountOf finds the account of an entry.
func (f *Finder) accountOf(ctx context.Context, item *Item, e *Entry) error {
	item.Entry = e
	if len(e.IDs) != 1 {
		item.Refused = fmt.Errorf("%w %s: it has not one unique id", ErrUnusableEntry, e.DN)
		return nil
	}
	found, err := f.ByID(ctx, e.IDs[0])
	var several *AmbiguousError
	switch {
	case errors.Is(err, store.ErrNotFound), errors.As(err, &several):
		item.Refused = err
		return nil
	case err != nil:
		return err
	}
	item.ID, item.Backend = found.Account.ID, found.Backend
	return nil
}
