package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// Comparison counts accounts and directory entries that belong together or do not.
type Comparison struct {
	Entries  int // entries with a unique ID
	Accounts int
	Orphans  int // accounts without an entry
	Missing  int // entries of local people without an account
	// Unusable counts the Missing entries from which no account can be created.
	Unusable int
	// Misplaced counts the accounts that are on another back end than their entry names.
	Misplaced int
}

// Differences are called for what a comparison finds. An error ends the comparison.
type Differences struct {
	// Orphan is called for an account without an entry.
	Orphan func(Found) error
	// Missing is called for the entry of a local person without an account, with the
	// back end that the entry names, and the reason.
	Missing func(e *Entry, backend string, why error) error
	// Misplaced is called for an account that is on another back end than its entry
	// names.
	Misplaced func(e *Entry, is, named string) error
}

// CompareScope says which back ends are compared with the directory.
type CompareScope struct {
	// Backends are the back ends that are compared.
	Backends []string
	// Readable are all back ends with a store, where the accounts of entries are looked
	// up. Nothing is known about the accounts of other back ends, so that they are not
	// missing.
	Readable []string
}

// ErrNoEntries is returned when a directory has no user, group or resource in the
// scope that was searched.
var ErrNoEntries = errors.New("no user, group or resource was found")

// Compare reads the directory to its end, and then the accounts, and reports the
// differences. Accounts and entries are matched by the exact unique ID. It uses about 100
// bytes of memory for each account and for each entry of a local person. It returns a
// *directory.UnprovenError if no entry shows a unique ID and it is unknown whether the
// bind DN may read them.
func (m *Builder) Compare(ctx context.Context, d *Directory, scope CompareScope, report Differences) (Comparison, error) {
	var c Comparison
	entries, err := d.Select(ctx, "")
	if err != nil {
		return c, err
	}
	defer func() { _ = entries.Close() }()
	if entries.Len() == 0 {
		return c, fmt.Errorf("%s: %w", d.Source.Name(), ErrNoEntries)
	}
	accounts, err := m.accountIDs(ctx, scope.Readable)
	if err != nil {
		return c, err
	}
	for _, backend := range accounts {
		if slices.Contains(scope.Backends, backend) {
			c.Accounts++
		}
	}
	if c.Accounts > 0 {
		// If the unique ids are only hidden, every account would seem to be an orphan.
		if err := d.requireProven(entries, d.Attributes.UniqueID); err != nil {
			return c, err
		}
	}
	ids := make(map[string]struct{}, entries.Len())
	for n, err := range entries.All() {
		if err != nil {
			return c, err
		}
		for _, id := range n.Entry.IDs {
			ids[id] = struct{}{}
		}
		if len(n.Entry.IDs) > 0 {
			c.Entries++
		}
		if err := m.compareEntry(n.Entry, accounts, &c, scope, report); err != nil {
			return c, err
		}
	}
	for _, backend := range scope.Backends {
		if err := m.orphans(ctx, backend, ids, &c, report.Orphan); err != nil {
			return c, err
		}
	}
	return c, nil
}

// accountIDs returns the back ends of all active accounts, by ID.
func (m *Builder) accountIDs(ctx context.Context, backends []string) (map[string]string, error) {
	out, outside := map[string]string{}, ctx
	for _, backend := range backends {
		st, err := m.Stores.Open(ctx, backend)
		if err != nil {
			return nil, err
		}
		err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
			for a, err := range r.Accounts(ctx, store.AccountFilter{Order: store.ByID, Brief: true}) {
				if err != nil {
					return err
				}
				if away, err := m.movedAway(outside, backend, a); err != nil || away {
					if err != nil {
						return err
					}
					continue
				}
				out[a.ID] = backend
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (m *Builder) compareEntry(e *Entry, accounts map[string]string, c *Comparison, scope CompareScope, report Differences) error {
	if e.Kind == directory.Group {
		return nil // groups need no account
	}
	_, named, err := m.Build(e, nil, nil)
	var old *OldServerError
	if errors.As(err, &old) {
		return nil
	}
	for _, id := range e.IDs {
		switch is, ok := accounts[id]; {
		case !ok:
		case is == named:
			return nil
		case slices.Contains(scope.Backends, is) || slices.Contains(scope.Backends, named):
			c.Misplaced++
			return report.Misplaced(e, is, named)
		default:
			return nil
		}
	}
	configured := slices.Contains(m.Stores.Names(), named)
	switch {
	case configured && !slices.Contains(scope.Readable, named), configured && !slices.Contains(scope.Backends, named):
		return nil // not known, or not asked for
	case err != nil:
		c.Unusable++
	case !configured:
		c.Unusable++
		err = errors.New("the back end is not configured here")
	default:
		err = errors.New("no account")
		if unseen := without(m.Stores.Names(), scope.Readable...); len(unseen) > 0 {
			err = &NoAccountError{Unseen: unseen}
		}
	}
	c.Missing++
	return report.Missing(e, named, err)
}

// orphans calls orphan for the accounts of a back end whose ID is not among ids.
func (m *Builder) orphans(ctx context.Context, backend string, ids map[string]struct{}, c *Comparison, orphan func(Found) error) error {
	st, err := m.Stores.Open(ctx, backend)
	if err != nil {
		return err
	}
	outside := ctx
	return st.View(ctx, func(ctx context.Context, r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{WithoutRights: true}) {
			if err != nil {
				return err
			}
			if _, ok := ids[a.ID]; ok {
				continue
			}
			if away, err := m.movedAway(outside, backend, a); err != nil || away {
				if err != nil {
					return err
				}
				continue
			}
			c.Orphans++
			if err := orphan(Found{backend, a}); err != nil {
				return err
			}
		}
		return nil
	})
}

// movedAway is Finder.MovedAway. ctx must not belong to a transaction.
func (m *Builder) movedAway(ctx context.Context, backend string, a *store.Account) (bool, error) {
	return (&Finder{Stores: m.Stores}).MovedAway(ctx, Found{backend, a})
}
