package account

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
	"github.com/davadmin/davadmin/pkg/store"
)

// EntryChange is the change of the attribute by which a directory entry names the back end of
// its account.
type EntryChange struct {
	DN        string
	Attribute string
	Old, New  string // byte by byte

	from string // the back end that Old means
}

// EntryChanger changes directory entries. An error that wraps ErrEntryDiffers concerns one
// entry, which was not changed. After one that wraps ErrEntryRefused, no entry was changed, and
// others will be refused as well. Any other error is about the connection.
type EntryChanger interface {
	// Compare reads an entry. done means that it has the new value already.
	Compare(ctx context.Context, c EntryChange) (done bool, err error)
	// Change changes an entry if it has the old value, and does nothing if it has the new one.
	Change(ctx context.Context, c EntryChange) error
}

// Errors about the entries of accounts that are to be moved.
var (
	// ErrEntryDiffers is wrapped by the errors about an entry whose value is not that of the
	// account's back end.
	ErrEntryDiffers = errors.New("the entry does not name the back end of the account")
	// ErrEntryRefused is wrapped by the errors of a server that does not allow a change.
	ErrEntryRefused = errors.New("the directory server refused the change")
	// ErrAmbiguousID is returned for a unique ID that several entries have.
	ErrAmbiguousID = errors.New("several entries have the unique ID")
	// ErrNamedTwice is returned for an account that a batch contains a second time.
	ErrNamedTwice = errors.New("the account is named twice")
)

// PlacedElsewhereError is returned for an entry that names no back end, several, or another one
// than that of its account. It wraps ErrEntryDiffers.
type PlacedElsewhereError struct {
	DN, Attribute string
	Values        []string
	Backend       string // on which the account is
}

// Error says what the entry names.
func (e *PlacedElsewhereError) Error() string {
	switch len(e.Values) {
	case 0:
		return fmt.Sprintf("its entry has no %s (%s)", e.Attribute, e.DN)
	case 1:
		return fmt.Sprintf("%s of its entry is '%s', but the account is on the back end %s (%s)", e.Attribute, e.Values[0], e.Backend, e.DN)
	}
	return fmt.Sprintf("its entry has several values of %s: '%s' (%s)", e.Attribute, strings.Join(e.Values, "', '"), e.DN)
}

// Unwrap returns ErrEntryDiffers.
func (e *PlacedElsewhereError) Unwrap() error { return ErrEntryDiffers }

// MoveEntries finds and changes the directory entries of accounts that are moved. It is for one
// goroutine.
type MoveEntries struct {
	Directory *Directory
	Route     *route.Config
	Stores    Stores
	// Changer changes the entries; if it is nil, they stay as they are.
	Changer EntryChanger
	// Planned is called with the change of each entry whose account was moved, if Changer is
	// nil; it may be nil.
	Planned func(EntryChange) error

	changes map[*Item]EntryChange
}

// valueProperty is the property with the spelling of a back end in an entry, which may differ
// from the id in letter case and blanks.
const valueProperty = "davstore"

// entryValue returns the value that the entry of an item gets.
func (p Properties) entryValue() string {
	for _, x := range p {
		if x.Name == valueProperty {
			return x.Value
		}
	}
	return p.Target()
}

// CheckTarget returns an error for properties of a move that contradict each other.
func (p Properties) CheckTarget() error {
	if p.Target() == "" {
		return errors.New("the back end is missing; use to=ID")
	}
	if v := p.entryValue(); !directory.EqualFold(v, p.Target()) {
		return fmt.Errorf("%s is '%s', which does not mean the back end '%s'", valueProperty, v, p.Target())
	}
	return nil
}

// Find finds the entries of items by the unique ids of their accounts. An item is refused if
// its entry cannot be changed as it should: if there is not exactly one, if it is not that of
// somebody on this server, or if it names another back end than that of the account. It
// returns the changes that the entries need. Other errors are about the directory.
func (m *MoveEntries) Find(ctx context.Context, items []*Item) ([]EntryChange, error) {
	m.changes = map[*Item]EntryChange{}
	var ids []string
	var of []*Item
	seen := map[string]bool{}
	for _, item := range items {
		switch {
		case item.Refused != nil:
		case seen[item.ID]:
			item.Refused = ErrNamedTwice
		default:
			seen[item.ID] = true
			ids, of = append(ids, item.ID), append(of, item)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	entries, err := m.Directory.ByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer func() { _ = entries.Close() }()
	next, stop := iter.Pull2(entries.All())
	defer stop()
	var out []EntryChange
	n, err, more := next()
	for i, item := range of {
		var found []*Entry
		for ; more && err == nil && n.Request == i; n, err, more = next() {
			// An id is the same byte by byte; a server compares in another way.
			if slices.Contains(n.Entry.IDs, item.ID) {
				found = append(found, n.Entry)
			}
		}
		if err != nil {
			return nil, err
		}
		c, needed, err := m.changeOf(ctx, item, found)
		switch {
		case err != nil && (ctx.Err() != nil || store.IsUnusable(err)):
			return nil, err
		case err != nil:
			item.Refused = err
		case needed:
			m.changes[item] = c
			out = append(out, c)
		}
	}
	return out, nil
}

// changeOf returns the change of the entry of an item. needed is false if the entry already
// names the back end to which the account is moved.
func (m *MoveEntries) changeOf(ctx context.Context, item *Item, found []*Entry) (c EntryChange, needed bool, err error) {
	switch len(found) {
	case 0:
		return c, false, ErrNoEntryWithID
	case 1:
	default:
		return c, false, fmt.Errorf("%w: %s", ErrAmbiguousID, names(found))
	}
	e := found[0]
	a := &m.Directory.Attributes
	attrs := map[string][]string{strings.ToLower(a.Store): e.Stores}
	if a.Local != "" {
		attrs[strings.ToLower(a.Local)] = e.Local
	}
	d := m.Route.DecideEntry(e.Name(), directory.Found{DN: e.DN, Attrs: attrs})
	if d.Side != route.Local {
		return c, false, &OldServerError{Address: e.Name(), Side: d.Side, Why: sideReason(d)}
	}
	elsewhere := &PlacedElsewhereError{DN: e.DN, Attribute: a.Store, Values: e.Stores, Backend: item.Backend}
	if len(e.Stores) != 1 {
		return c, false, elsewhere
	}
	c = EntryChange{DN: e.DN, Attribute: a.Store, Old: e.Stores[0], New: item.Properties.entryValue(), from: d.Backend}
	switch d.Backend {
	case item.Properties.Target():
		return c, false, nil
	case item.Backend:
		return c, true, nil
	}
	// A run that was killed had moved the account, and not yet changed its entry.
	came, err := m.cameFrom(ctx, item, d.Backend)
	if err == nil && !came {
		err = elsewhere
	}
	return c, err == nil, err
}

// cameFrom reports whether the account of an item was moved from a back end to the one where
// it is.
func (m *MoveEntries) cameFrom(ctx context.Context, item *Item, from string) (came bool, err error) {
	st, err := m.Stores.Open(ctx, item.Backend)
	if err != nil {
		return false, ofBackend(item.Backend, err)
	}
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		mr, ok := r.(store.MoveReader)
		if !ok {
			return nil
		}
		marks, err := mr.Moves(ctx, item.ID)
		came = slices.ContainsFunc(marks, func(x store.Move) bool { return x.State == store.MoveArrived && x.Backend == from })
		return err
	})
	return came, ofBackend(item.Backend, err)
}

// compare returns an error if the entry of an item has changed since Find. m may be nil.
func (m *MoveEntries) compare(ctx context.Context, item *Item) error {
	if m == nil || m.Changer == nil {
		return nil
	}
	c, ok := m.changes[item]
	if !ok {
		return nil
	}
	_, err := m.Changer.Compare(ctx, c)
	return err
}

// undoTo returns the properties that undo the move of an item from a back end, with the
// spelling of its entry if that differs from the id. m may be nil.
func (m *MoveEntries) undoTo(item *Item, backend string) Properties {
	p := MoveTo(backend)
	if m == nil || m.Changer == nil {
		return p
	}
	if c, ok := m.changes[item]; ok && c.Old != backend && c.from == backend {
		p = append(p, Property{valueProperty, c.Old})
	}
	return p
}

// changeEntry changes the entry of an account that is now where it is to be, or plans that.
func (m *oneMove) changeEntry(ctx context.Context) error {
	e := m.of.Entries
	if e == nil {
		return nil
	}
	c, ok := e.changes[m.item]
	if !ok {
		return nil
	}
	text := fmt.Sprintf("%s: %s -> %s (%s)", c.Attribute, c.Old, c.New, c.DN)
	if e.Changer == nil {
		m.details = append(m.details, Detail{Text: "planned: " + text})
		if e.Planned == nil || m.of.DryRun {
			return nil
		}
		return e.Planned(c)
	}
	m.stored = m.result != Already
	if m.result == Already {
		m.result = Changed
	}
	m.details = append(m.details, Detail{Text: text})
	if m.of.DryRun {
		return nil
	}
	if err := m.keep(c.from); err != nil {
		return err
	}
	if err := e.Changer.Change(ctx, c); err != nil {
		m.sent = !errors.Is(err, ErrEntryDiffers) && !errors.Is(err, ErrEntryRefused)
		if m.stored {
			err = fmt.Errorf("the account is on the back end %s, but its entry was not changed: %w", m.to, err)
		}
		return err
	}
	if m.of.After != nil {
		return m.of.After()
	}
	return nil
}
