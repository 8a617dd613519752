package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/store"
)

// UserListOptions name lists of who is on which server.
type UserListOptions struct {
	Cs6, Cs7 []string
}

func (o *UserListOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Cs6, "cs6-list", nil, "`FILE` with the people on the old server; may be repeated")
	f.StringArrayVar(&o.Cs7, "cs7-list", nil, "`FILE` with the people on the new server; may be repeated (default: the accounts of a home that has any, and whose localuserattr is set)")
}

// ReadServerLists reads the lists of both servers; nil for a server of which none was
// named. In the place of a list of the new server stand the accounts of the
// home's back ends, if there are any.
func (ss *Stores) ReadServerLists(ctx context.Context, o *UserListOptions, ho *HomeOptions, home *HomeConfig) (on6, on7 *cs6.UserSet, err error) {
	if on6, err = ss.ReadUserList(ctx, "--cs6-list", o.Cs6); err != nil {
		return nil, nil, err
	}
	// Without a mark there is no other server that people could be on.
	if len(o.Cs7) == 0 && home != nil && home.IsSet(paramLocalUser) {
		on7, err = ss.usersOfStores(ctx, ho, home)
		return on6, on7, err
	}
	on7, err = ss.ReadUserList(ctx, "--cs7-list", o.Cs7)
	return on6, on7, err
}

// usersOfStores are the users and resources with an account; nil where there is
// none: a home that was only just made says nothing about who is hosted.
func (ss *Stores) usersOfStores(ctx context.Context, ho *HomeOptions, home *HomeConfig) (set *cs6.UserSet, err error) {
	stores, err := ss.Backends(ho, home.home, home, DefaultLockTimeout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	instead := func(err error) error {
		return fmt.Errorf("who is hosted here, the accounts say: %w; --cs7-list FILE takes their place", err)
	}
	names, err := stores.Existing(ctx)
	if err != nil {
		return nil, instead(err)
	}
	set = cs6.NewUserSet(cs6.SetOptions{})
	for _, name := range names {
		st, err := stores.Open(ctx, name)
		if err != nil {
			return nil, instead(err)
		}
		if err := addAccounts(ctx, set, st); err != nil {
			return nil, instead(err)
		}
	}
	if set.Len() == 0 {
		return nil, nil
	}
	ss.WarnMissing(stores, names)
	ss.console.Detailf("on the new server: %d, by the accounts of %s", set.Len(), strings.Join(names, ", "))
	return set, nil
}

// addAccounts adds the people with an active account.
func addAccounts(ctx context.Context, set *cs6.UserSet, st store.Store) error {
	return st.View(ctx, func(r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{Kinds: []store.Kind{store.User, store.Resource, store.Location}, Order: store.ByID}) {
			if err != nil {
				return err
			}
			if err := set.Add(cs6.ListedUser{Address: a.Mail(), File: "accounts of " + st.Backend()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReadUserList reads lists of people. Each line of them must tell of somebody: a
// line that was passed over would be a person whom no rule looks for.
func (ss *Stores) ReadUserList(ctx context.Context, option string, paths []string) (*cs6.UserSet, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	set := cs6.NewUserSet(cs6.SetOptions{})
	for _, path := range paths {
		if err := ss.readList(ctx, set, path); err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
	}
	if set.Len() == 0 {
		return nil, Usagef("%s: the list names nobody", option)
	}
	return set, nil
}

func (ss *Stores) readList(ctx context.Context, set *cs6.UserSet, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	faults := 0
	var first error
	for p, err := range cs6.ReadUsers(f, cs6.ListOptions{Name: path}) {
		var line *cs6.LineError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &line):
			if faults++; first == nil {
				first = err
			}
			continue
		case err != nil:
			return err
		}
		if err := set.Add(p); err != nil {
			return err
		}
	}
	switch {
	case faults == 1:
		return first
	case faults > 1:
		return fmt.Errorf("%w; and %d more lines that are no person", first, faults-1)
	}
	return nil
}
