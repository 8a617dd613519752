package cmdutil

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// UserListOptions are the options with lists of the users on each server.
type UserListOptions struct {
	Cs6, Cs7 []string
}

// Add adds the options to a command.
func (o *UserListOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Cs6, "cs6-list", nil, "`FILE` with the users on the old server (repeatable)")
	f.StringArrayVar(&o.Cs7, "cs7-list", nil, "`FILE` with the users on the new server (repeatable; default: the accounts of the home, if it has any and its localuserattr is set)")
}

// ReadServerLists reads the lists of both servers; a set is nil if no list was given. The
// default for the new server are the accounts in the home's back ends, if there are any.
func (ss *Stores) ReadServerLists(ctx context.Context, o *UserListOptions, ho *HomeOptions, home *HomeConfig) (on6, on7 *cs6.UserSet, err error) {
	if on6, err = ss.ReadUserList(ctx, "--cs6-list", o.Cs6); err != nil {
		return nil, nil, err
	}
	// Without localuserattr there is no other server on which users could be.
	if len(o.Cs7) == 0 && home != nil && home.IsSet(paramLocalUser) {
		on7, err = ss.usersOfStores(ctx, ho, home)
		return on6, on7, err
	}
	on7, err = ss.ReadUserList(ctx, "--cs7-list", o.Cs7)
	return on6, on7, err
}

// usersOfStores returns the users and resources with an account, or nil if there are none:
// a home that was just created says nothing about who is hosted on it. If a back end has no
// store, the others are not the whole list.
func (ss *Stores) usersOfStores(ctx context.Context, ho *HomeOptions, home *HomeConfig) (set *cs6.UserSet, err error) {
	stores, err := ss.Backends(ho, home.home, home, DefaultLockTimeout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	explain := func(err error) error {
		return fmt.Errorf("cannot read the accounts of the new server: %w; use --cs7-list FILE instead", err)
	}
	names, lost, err := stores.Existing(ctx, nil)
	if err != nil {
		return nil, explain(err)
	}
	set = cs6.NewUserSet(cs6.SetOptions{})
	for _, name := range names {
		st, err := stores.Open(ctx, name)
		if err != nil {
			return nil, explain(err)
		}
		if err := addAccounts(ctx, set, st); err != nil {
			return nil, explain(err)
		}
	}
	if set.Len() == 0 && !slices.ContainsFunc(lost, func(l backends.Lost) bool { return !l.NoStore() }) {
		return nil, nil
	}
	if err := ss.hints.LostError(lost); err != nil {
		return nil, explain(err)
	}
	ss.console.Detailf("users on the new server: %d (the accounts of %s)", set.Len(), strings.Join(names, ", "))
	return set, nil
}

// addAccounts adds the users and resources with an active account.
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

// ReadUserList reads the lists of users given with an option, and returns nil without one.
// Each line must be valid: a skipped line would be a user whom no rule checks.
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
		return nil, Usagef("%s: the list contains no users", option)
	}
	return set, nil
}

func (ss *Stores) readList(ctx context.Context, set *cs6.UserSet, path string) error {
	f, err := OpenInput(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	head, _ := in.Peek(4) // an error is returned again by the next read
	if err := checkEncoding(path, head); err != nil {
		return err
	}
	invalid := 0
	var first error
	for p, err := range cs6.ReadUsers(in, cs6.ListOptions{Name: path}) {
		var line *cs6.LineError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &line):
			if invalid++; first == nil {
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
	case invalid == 1:
		return first
	case invalid > 1:
		return fmt.Errorf("%w; and %s", first, Plural(invalid-1, "more invalid line"))
	}
	return nil
}
