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
}

// ErrNoEntries is returned when a directory has no user, group or resource in the
// scope that was searched.
var ErrNoEntries = errors.New("no user, group or resource was found")

// Compare reads the directory to its end, and then the accounts. It calls orphan for
// each account without an entry, and missing, with the reason, for each entry that
// should have an account but has none. They are matched by the exact unique ID. It
// uses about 100 bytes of memory for each account and for each entry of a local
// person. It returns a *directory.UnprovenError if no entry shows a unique ID and it is
// unknown whether the bind DN may read them.
func (m *Builder) Compare(ctx context.Context, d *Directory, backends []string, orphan func(Found) error, missing func(e *Entry, backend string, why error) error) (Comparison, error) {
	var c Comparison
	entries, err := d.Select(ctx, "")
	if err != nil {
		return c, err
	}
	defer func() { _ = entries.Close() }()
	if entries.Len() == 0 {
		return c, fmt.Errorf("%s: %w", d.Source.Name(), ErrNoEntries)
	}
	accounts, err := m.accountIDs(ctx, backends)
	if err != nil {
		return c, err
	}
	c.Accounts = len(accounts)
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
		if err := m.compareEntry(n.Entry, accounts, &c, missing); err != nil {
			return c, err
		}
	}
	for _, backend := range backends {
		if err := m.orphans(ctx, backend, ids, &c, orphan); err != nil {
			return c, err
		}
	}
	return c, nil
}

// accountIDs returns the back ends of all active accounts, by ID.
func (m *Builder) accountIDs(ctx context.Context, backends []string) (map[string]string, error) {
	out := map[string]string{}
	for _, backend := range backends {
		st, err := m.Stores.Open(ctx, backend)
		if err != nil {
			return nil, err
		}
		err = st.View(ctx, func(r store.Reader) error {
			for a, err := range r.Accounts(ctx, store.AccountFilter{Order: store.ByID}) {
				if err != nil {
					return err
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

func (m *Builder) compareEntry(e *Entry, accounts map[string]string, c *Comparison, missing func(e *Entry, backend string, why error) error) error {
	if e.Kind == directory.Group {
		return nil // groups need no account
	}
	a, backend, err := m.Build(e, nil, nil)
	var old *OldServerError
	if errors.As(err, &old) {
		return nil
	}
	if err != nil {
		c.Missing++
		c.Unusable++
		return missing(e, backend, err)
	}
	if !slices.Contains(m.Stores.Names(), backend) {
		c.Missing++
		c.Unusable++
		return missing(e, backend, errors.New("the back end is not configured here"))
	}
	if is, ok := accounts[a.Account.ID]; !ok {
		c.Missing++
		return missing(e, backend, errors.New("no account"))
	} else if is != backend {
		c.Missing++
		return missing(e, backend, fmt.Errorf("the account is on %s, but the entry says %s", is, backend))
	}
	return nil
}

// orphans calls orphan for the accounts of a back end whose ID is not among ids.
func (m *Builder) orphans(ctx context.Context, backend string, ids map[string]struct{}, c *Comparison, orphan func(Found) error) error {
	st, err := m.Stores.Open(ctx, backend)
	if err != nil {
		return err
	}
	return st.View(ctx, func(r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
			if _, ok := ids[a.ID]; ok {
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
