package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// Comparison sets accounts against entries.
type Comparison struct {
	Entries  int // with a unique id
	Accounts int
	Orphans  int // accounts without an entry
	Missing  int // entries of people hosted here without an account
	// Unsound counts entries of people hosted here that no account can be made
	// from; each was told as Missing with a reason.
	Unsound int
}

// Compare reads the directory to its end, and then the accounts, and tells of each
// account without an entry and of each entry that should have an account and has none. Entries
// are compared by the exact unique id. It holds 100 bytes or so for each account
// and for each entry of somebody hosted here.
func (m *Maker) Compare(ctx context.Context, d *Directory, backends []string, orphan func(Found) error, missing func(e *Entry, backend, why string) error) (Comparison, error) {
	var c Comparison
	entries, err := d.Select(ctx, "")
	if err != nil {
		return c, err
	}
	defer func() { _ = entries.Close() }()
	if entries.Len() == 0 {
		return c, fmt.Errorf("%s: no user, group or resource was found; -B names where to begin", d.Source.Name())
	}
	accounts, err := m.accountIDs(ctx, backends)
	if err != nil {
		return c, err
	}
	c.Accounts = len(accounts)
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

// accountIDs are the ids of all active accounts.
func (m *Maker) accountIDs(ctx context.Context, backends []string) (map[string]string, error) {
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

func (m *Maker) compareEntry(e *Entry, accounts map[string]string, c *Comparison, missing func(*Entry, string, string) error) error {
	if e.Kind == directory.Group {
		return nil // groups need no account
	}
	a, backend, err := m.New(e, nil, nil)
	var old *OldServerError
	if errors.As(err, &old) {
		return nil
	}
	if err != nil {
		c.Missing++
		c.Unsound++
		return missing(e, backend, err.Error())
	}
	if !slices.Contains(m.Stores.Names(), backend) {
		c.Missing++
		c.Unsound++
		return missing(e, backend, "the back end is not set up here")
	}
	if is, there := accounts[a.Account.ID]; !there {
		c.Missing++
		return missing(e, backend, "no account")
	} else if is != backend {
		c.Missing++
		return missing(e, backend, fmt.Sprintf("the account is on %s, and the entry says %s", is, backend))
	}
	return nil
}

func (m *Maker) orphans(ctx context.Context, backend string, ids map[string]struct{}, c *Comparison, orphan func(Found) error) error {
	st, err := m.Stores.Open(ctx, backend)
	if err != nil {
		return err
	}
	return st.View(ctx, func(r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
			if _, there := ids[a.ID]; there {
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
