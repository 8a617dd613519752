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

// Request names one account to work on, by address or by unique ID.
type Request struct {
	File       string // the batch file; "" for a command line
	Number     int    // the line number in File, from 1
	Line       string // the line as it was given
	Address    string
	ID         string
	Properties Properties
}

// Where returns file and line; "" for a command line. There may be millions of
// requests, so the text is made when it is needed.
func (r *Request) Where() string {
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.File, r.Number)
}

// Name returns the name of the account in messages.
func (r *Request) Name() string {
	if r.Address != "" {
		return r.Address
	}
	return r.ID
}

// ParseRequest parses a line 'account[:prop=value,…]' of a batch. The account is an
// address, or 'id=' and a percent-encoded unique ID. The properties must be among
// known, and are in the given form.
func ParseRequest(line string, known []PropertyInfo, form Form) (Request, error) {
	r := Request{Line: line}
	who, properties, _ := strings.Cut(store.CutMailto(strings.TrimLeft(line, " \t")), ":")
	who = strings.Trim(who, " \t")
	if id, ok := strings.CutPrefix(who, IDPrefix); ok {
		id, err := url.QueryUnescape(id)
		if err == nil {
			err = store.CheckID(id)
		}
		if err != nil {
			return r, fmt.Errorf("'%s' is not a valid unique ID: %w", clip(who), err)
		}
		r.ID = id
	} else {
		if err := store.CheckAddress(who); err != nil {
			return r, fmt.Errorf("'%s' %w", clip(who), err)
		}
		r.Address = who
	}
	var err error
	r.Properties, err = ParseProperties(properties, known, form)
	return r, err
}

// RequestLine returns the line for the account with an ID, with properties in the form
// Recorded.
func RequestLine(id string, p Properties) string {
	line := IDPrefix + url.QueryEscape(id)
	if len(p) > 0 {
		line += ":" + p.String()
	}
	return line
}

// PeopleLookup finds people by address. Addresses that nobody has are not in the
// result.
type PeopleLookup func(ctx context.Context, addresses []string) (PeopleByAddress, error)

// fill fills an item from an entry. If no account can be created, it sets Refused.
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
		return nil //nolint:nilerr // it is a failure of the item, not of the run
	}
	item.ID, item.Entry = item.New.Account.ID, nil
	for _, known := range m.Stores.Names() {
		if known == item.Backend {
			return nil
		}
	}
	item.Refused = fmt.Errorf("%s of its entry names the back end '%s', which is not configured here (configured: %s)",
		m.Attributes.Store, item.Backend, strings.Join(m.Stores.Names(), ", "))
	return nil
}

// ItemsForRequests yields an item with the account to be created for each request, in
// order. entries are those that Directory.ByAddress found for the addresses.
func (m *Builder) ItemsForRequests(ctx context.Context, requests []Request, entries *Entries, people PeopleLookup) iter.Seq2[*Item, error] {
	return oneEach(requests, entries, func(item *Item, e *Entry) error { return m.fill(ctx, item, e, people) })
}

// oneEach yields an item for each request, in order, and fills it from the one entry
// that was found for it. If there is not exactly one entry, the item is refused.
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
				if r.Address == "" {
					item.Refused = ErrNoEntryWithID
				}
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

// ItemsForEntries yields an item with the account to be created for each entry of a
// local person. It counts the other entries in elsewhere.
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

// ItemsForRequests yields an item for each request, in order, with the existing
// account that it names. If deleted is set, an address may also name a deleted account.
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

// find returns the account that a request names. Without deleted, it is active; the error
// for one that is not is a *DeletedError.
func (f *Finder) find(ctx context.Context, r *Request, deleted bool) (Found, error) {
	if r.ID != "" {
		found, err := f.ByID(ctx, r.ID)
		if err == nil && !deleted && !found.Account.Active() {
			err = &DeletedError{Request: r.Name(), ByID: true, When: found.Account.Deleted}
		}
		return found, err
	}
	// An account that exists again need not be restored.
	found, err := f.ByAddress(ctx, r.Address)
	if !errors.Is(err, store.ErrNotFound) {
		return found, err
	}
	gone, goneErr := f.DeletedByAddress(ctx, r.Address)
	switch {
	case deleted:
		return gone, goneErr
	case goneErr == nil:
		return found, &DeletedError{Request: r.Name(), When: gone.Account.Deleted}
	}
	return found, err
}

// ItemsForEntries yields an item for the account of each entry, which it finds by the
// unique ID. It counts the entries without an active account in without. If it is unknown
// whether an entry has an account, because a back end cannot be read, the item is refused.
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
			case notSeen(err) != nil:
				item.Refused, err = notSeen(err), nil
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

// ItemsForRequestedEntries yields an item for each request, in order, with the account
// of the one entry that Directory.ByAddress found for its address.
func (f *Finder) ItemsForRequestedEntries(ctx context.Context, requests []Request, entries *Entries) iter.Seq2[*Item, error] {
	return oneEach(requests, entries, func(item *Item, e *Entry) error { return f.accountOf(ctx, item, e) })
}

// accountOf finds the account of an entry, and sets the item to it.
func (f *Finder) accountOf(ctx context.Context, item *Item, e *Entry) error {
	item.Entry = e
	if len(e.IDs) != 1 {
		item.Refused = fmt.Errorf("%w %s: it does not have exactly one unique ID", ErrUnusableEntry, e.DN)
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
