package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// UserListOptions are the options with lists of the users on each server.
type UserListOptions struct {
	Cs6, Cs7   []string
	AllowEmpty bool
	mayAllow   bool // the command has --allow-empty
}

// Add adds the options to a command.
func (o *UserListOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Cs6, "cs6-list", nil, "`FILE` with the users on the old server (repeatable)")
	f.StringArrayVar(&o.Cs7, "cs7-list", nil, "`FILE` with the users on the new server (repeatable; default: the accounts of the home, if it has any and its localuserattr is set)")
}

// AddAllowEmpty adds --allow-empty to a command that only reads: a plan is never made from an
// empty list.
func (o *UserListOptions) AddAllowEmpty(cmd *cobra.Command) {
	o.mayAllow = true
	cmd.Flags().BoolVar(&o.AllowEmpty, "allow-empty", false, "accept a list without users; the rules that depend on it are not run")
}

// ServerLists are the users on each server; a set is nil if it is unknown.
type ServerLists struct {
	On6, On7       *cs6.UserSet
	Empty6, Empty7 bool // the list was given and is empty
	// Unread7 is why the accounts of the new server could not be read, and unread7 the back
	// ends and the reasons; nil and "" if they could.
	Unread7 error
	unread7 string
}

// Empty reports whether a list was empty.
func (l *ServerLists) Empty() bool { return l.Empty6 || l.Empty7 }

// ApplyTo sets the lists in the options of an audit.
func (l *ServerLists) ApplyTo(o *ldapcheck.Options) {
	o.CS6, o.CS7, o.EmptyCS6, o.EmptyCS7 = l.On6, l.On7, l.Empty6, l.Empty7
	o.UnreadCS7 = l.unread7
}

// ReadServerLists reads the lists of both servers. The default for the new server are the
// accounts in the home's back ends, if there are any. An empty list is an error unless the
// options allow it. Back ends that cannot be read are not an error: see Unread7.
func (ss *Stores) ReadServerLists(ctx context.Context, o *UserListOptions, ho *HomeOptions, home *HomeConfig) (l ServerLists, err error) {
	if l.On6, err = ss.readServerList(ctx, o, "--cs6-list", o.Cs6, elsewhere6, &l.Empty6); err != nil {
		return l, err
	}
	// Without localuserattr there is no other server on which users could be.
	if len(o.Cs7) == 0 && home != nil && home.IsSet(paramLocalUser) {
		err = ss.usersOfStores(ctx, ho, home, &l)
		return l, err
	}
	l.On7, err = ss.readServerList(ctx, o, "--cs7-list", o.Cs7, elsewhere7, &l.Empty7)
	return l, err
}

// readServerList reads the lists of one server. If they are empty and that is allowed, it sets
// empty and returns nil, because nothing is known from an empty list.
func (ss *Stores) readServerList(ctx context.Context, o *UserListOptions, option string, paths []string, elsewhere func(cs6.ListedUser) bool, empty *bool) (*cs6.UserSet, error) {
	set, err := ss.readLists(ctx, option, paths, elsewhere)
	if err != nil || set == nil || set.Len() > 0 {
		return set, err
	}
	if !o.AllowEmpty {
		err := errEmptyList(option)
		if o.mayAllow {
			err = Usagef("%v; if that is right, --allow-empty accepts it", err)
		}
		return nil, err
	}
	ss.console.Warnf("%s: the list is empty, so the rules that depend on it are not run", option)
	*empty = true
	return nil, nil
}

// errEmptyList returns the error for a list without users.
func errEmptyList(option string) error {
	return Usagef("%s: the list contains no users", option)
}

// usersOfStores sets the users and resources with an account, or none if there are none: a
// home that was just created says nothing about who is hosted on it. If a back end cannot be
// read, the others are not the whole list.
func (ss *Stores) usersOfStores(ctx context.Context, ho *HomeOptions, home *HomeConfig, l *ServerLists) error {
	set, names, lost, err := ss.accounts(ctx, ho, home)
	if err != nil {
		return unreadAccounts(err)
	}
	if set.Len() == 0 && !slices.ContainsFunc(lost, func(l backends.Lost) bool { return !l.NoStore() }) {
		return nil
	}
	if len(lost) > 0 {
		l.Unread7, l.unread7 = unreadAccounts(ss.hints.LostError(lost)), strings.Join(ss.hints.lostWords(lost), "; ")
		return nil
	}
	ss.console.Detailf("users on the new server: %d (the accounts of %s)", set.Len(), strings.Join(names, ", "))
	l.On7 = set
	return nil
}

// unreadAccounts returns the error of a command that needs the accounts of the new server.
func unreadAccounts(err error) error {
	return fmt.Errorf("cannot read the accounts of the new server: %w; use --cs7-list FILE instead", err)
}

// UnreadUsers returns the error with which a check ends whose rules were not all run, because
// the users on the new server could not be read. Its exit code is that of an incomplete run.
func (h *Hints) UnreadUsers(l *ServerLists) error {
	return &IncompleteError{Text: "rules were not run, because the users on the new server could not be read: " + l.unread7 + "; use --cs7-list FILE instead" + h.StoreHint(l.Unread7)}
}

// Accounts returns the users and resources with an active account in the back ends of a home,
// or nil if no back end has a store. The error of a store that cannot be read, or that is
// missing while others exist, is returned, because the set would not be complete.
func (ss *Stores) Accounts(ctx context.Context, ho *HomeOptions, home *HomeConfig) (*cs6.UserSet, error) {
	set, names, lost, err := ss.accounts(ctx, ho, home)
	switch {
	case err != nil:
		return nil, err
	case len(lost) > 0:
		return nil, ss.hints.LostError(lost)
	case len(names) == 0:
		return nil, nil
	}
	return set, nil
}

// accounts reads the accounts of all back ends with a store. It also returns the names of
// these back ends, and those whose store cannot be read.
func (ss *Stores) accounts(ctx context.Context, ho *HomeOptions, home *HomeConfig) (set *cs6.UserSet, names []string, lost []backends.Lost, err error) {
	stores, err := ss.Backends(ho, home.home, home, DefaultLockTimeout)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	if names, lost, err = stores.Existing(ctx, nil); err != nil {
		return nil, nil, nil, err
	}
	set = cs6.NewUserSet(cs6.SetOptions{})
	for _, name := range names {
		st, err := stores.Open(ctx, name)
		if err != nil {
			return nil, nil, nil, err
		}
		switch err := addAccounts(ctx, set, stores, st); {
		case err != nil && ctx.Err() == nil && store.IsUnusable(err):
			l, _ := stores.Location(name)
			lost = append(lost, backends.Lost{Location: l, Err: err})
		case err != nil:
			return nil, nil, nil, err
		}
	}
	return set, names, lost, nil
}

// addAccounts adds the users and resources with an active account. One that was moved to
// another back end, and remains to be removed, is not added: it is active there.
func addAccounts(ctx context.Context, set *cs6.UserSet, stores *backends.Set, st store.Store) error {
	add := func(a *store.Account) error {
		return set.Add(cs6.ListedUser{Address: a.Mail(), File: "accounts of " + st.Backend()})
	}
	var leaving []*store.Account
	err := st.View(ctx, func(ctx context.Context, r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{Kinds: []store.Kind{store.User, store.Resource, store.Location}, Order: store.ByID, Brief: true}) {
			if err == nil && a.Leaving != "" {
				leaving = append(leaving, a)
				continue
			}
			if err == nil {
				err = add(a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range leaving {
		gone := false
		if to, err := stores.Open(ctx, a.Leaving); err == nil {
			if gone, err = moving.Superseded(ctx, st, to, a.ID); err != nil && !store.IsUnusable(err) {
				return err
			}
		}
		if gone {
			continue
		}
		if err := add(a); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// ReadUserList reads the lists of users given with an option, and returns nil without one.
// Each line must be valid: a skipped line would be a user whom no rule checks. An empty list is
// an error, because a check without users looks like one that found nothing.
func (ss *Stores) ReadUserList(ctx context.Context, option string, paths []string) (*cs6.UserSet, error) {
	set, err := ss.readLists(ctx, option, paths, nil)
	if err == nil && set != nil && set.Len() == 0 {
		return nil, errEmptyList(option)
	}
	return set, err
}

// readLists reads the lists of users given with an option, and returns nil without one.
// Elsewhere reports whether a record says that its user is not on the server of the list;
// such users are counted in a note. It may be nil.
func (ss *Stores) readLists(ctx context.Context, option string, paths []string, elsewhere func(cs6.ListedUser) bool) (*cs6.UserSet, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	set := cs6.NewUserSet(cs6.SetOptions{})
	skipped := 0
	for _, path := range paths {
		n, err := ss.readList(ctx, set, path, elsewhere)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
		skipped += n
	}
	if skipped > 0 {
		ss.console.Notef("davadmin: note: %s: skipped, because the list says that they are not users on that server: %d", option, skipped)
	}
	return set, nil
}

// elsewhere6 reports whether a record of a list says that its user is not on the old server,
// and elsewhere7 the same of the new server, whose deleted accounts and groups are not users.
func elsewhere6(p cs6.ListedUser) bool {
	return p.Side == "cs7" || p.Side == "neither" || p.Side == "inactive" || p.Kind == "group"
}

func elsewhere7(p cs6.ListedUser) bool {
	return p.Side == "cs6" || p.Side == "neither" || p.Side == "inactive" || p.Kind == "group" || p.State == "missing" || p.State == "deleted"
}

// readList reads one list, and returns how many of its users are elsewhere.
func (ss *Stores) readList(ctx context.Context, set *cs6.UserSet, path string, elsewhere func(cs6.ListedUser) bool) (skipped int, err error) {
	f, _, err := ss.directories.input.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	invalid := 0
	var first error
	var tally cs6.Tally
	for p, err := range cs6.ReadUsers(f, cs6.ListOptions{Name: BatchName(path), Tally: &tally, Elsewhere: elsewhere}) {
		var line *cs6.LineError
		var encoding *listfile.EncodingError
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err() // an error of the input is that of the context then
		case errors.As(err, &encoding):
			return 0, encodingError(BatchName(path), encoding.Kind)
		case errors.As(err, &line):
			if invalid++; first == nil {
				first = err
			}
			continue
		case err != nil:
			return 0, err
		}
		if err := set.Add(p); err != nil {
			return 0, err
		}
	}
	switch {
	case invalid == 1:
		return 0, first
	case invalid > 1:
		return 0, fmt.Errorf("%w; and %s", first, Plural(invalid-1, "more invalid line"))
	}
	return tally.Elsewhere, nil
}
