package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// findPerson returns the unique id of the person that an option names, by an address or by
// 'id=' and a unique id. Someone without an account is looked up in the directory. The
// error is incomplete if the account may be on a back end that cannot be read.
func (o *accountSelection) findPerson(ctx context.Context, s *storehome.Home, option, value string) (id string, err error) {
	r, err := account.ParseRequest(strings.TrimSpace(value), nil, account.Typed)
	if err != nil {
		return "", cmdutil.Usagef("--%s: %v", option, err)
	}
	if r.ID != "" {
		return r.ID, nil
	}
	if err := s.OpenAll(ctx); err != nil {
		return "", err
	}
	looked := false
	s.LookUp = func(ctx context.Context) (*account.Directory, func() error, error) {
		d, done, err := o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
		looked = d != nil
		return d, done, err
	}
	found, err := s.People(nil)(ctx, []string{r.Address})
	switch person, ok := found[store.FoldAddress(r.Address)]; {
	case len(s.Lost) > 0 && errors.Is(err, store.ErrInvalid):
		return "", personUnseen(s, option, r.Address)
	case err != nil:
		return "", err
	case ok && person.ID != "":
		return person.ID, nil
	case ok:
		return "", fmt.Errorf("the directory entry of '%s' has no unique id, or several", ui.Sanitize(r.Address))
	case !looked:
		return "", fmt.Errorf("no account has the address '%s', and no directory was searched for it; use --ldif FILE or -H HOST, or give the unique id with --%s id=ID", ui.Sanitize(r.Address), option)
	}
	return "", fmt.Errorf("no account or directory entry has the address '%s'", ui.Sanitize(r.Address))
}

// personUnseen returns the error for an address that was not found, while back ends cannot be
// read.
func personUnseen(s *storehome.Home, option, address string) error {
	err := s.Hints.LostError(s.Lost)
	var incomplete *cmdutil.IncompleteError
	if errors.As(err, &incomplete) {
		incomplete.Text = fmt.Sprintf("'%s' was not found, but may be on a back end that cannot be read (a unique id needs no look-up: --%s id=ID): %s", ui.Sanitize(address), option, strings.TrimPrefix(incomplete.Text, "incomplete: "))
	}
	return err
}

// checkSharedWith returns an error for options that --shared-with would ignore, and for those
// that are only for it.
func (o *calendarList) checkSharedWith(cmd *cobra.Command) error {
	f := cmd.Flags()
	if !f.Changed("shared-with") {
		for _, name := range []string{"ldif", "hostname", "base"} {
			if f.Changed(name) {
				return cmdutil.Usagef("--%s names the directory to look up the person of --shared-with; it requires --shared-with ADDRESS", name)
			}
		}
		return nil
	}
	if o.sharedWith == "" {
		return cmdutil.Usagef("--shared-with: the address is empty")
	}
	for _, name := range []string{"account", "guid", "file", "state"} {
		if f.Changed(name) {
			return cmdutil.Usagef("--shared-with lists active calendars of all active accounts; it cannot be combined with --%s", name)
		}
	}
	return o.DirectoryOptions.Check(cmd)
}

// shared emits the calendars that are shared with the person of --shared-with.
func (o *calendarList) shared(ctx context.Context, s *storehome.Home, names []string, emit func(*calendarObject) error) error {
	id, err := o.findPerson(ctx, s, "shared-with", o.sharedWith)
	if err != nil {
		return err
	}
	read := func(ctx context.Context, r store.Reader) iter.Seq2[*store.Share, error] { return r.SharedWith(ctx, id) }
	before := func(a, b *store.Share) bool { return a.Owner.Address < b.Owner.Address }
	return storehome.EachRecord(ctx, s, names, storehome.Merging[*store.Share]{Read: read, Before: before}, func(r store.Reader, _ string, x *store.Share) error {
		if o.name != "" && x.Calendar.Name != o.name {
			return nil
		}
		object := newCalendarObject(x.Owner, x.Calendar)
		object.Rights = x.Rights
		if err := o.addUsage(ctx, r, object, x.Calendar); err != nil {
			return err
		}
		return emit(object)
	})
}

// checkDelegatesOf returns an error for options that --delegates-of would ignore.
func (o *accountList) checkDelegatesOf(cmd *cobra.Command) error {
	if o.delegatesOf == "" {
		return cmdutil.Usagef("--delegates-of: the address is empty")
	}
	for _, name := range []string{"account", "guid", "file", "ldapfilter", "orphans", "missing", "kind", "state", "domain", "match", "sort", "reverse", "limit"} {
		if cmd.Flags().Changed(name) {
			return cmdutil.Usagef("--delegates-of lists active accounts by address; it cannot be combined with --%s", name)
		}
	}
	return nil
}

// represented lists the accounts that the person of --delegates-of may act for.
func (o *accountList) represented(ctx context.Context, s *storehome.Home, names []string, format ui.Format, incomplete error) error {
	id, err := o.findPerson(ctx, s, "delegates-of", o.delegatesOf)
	if err != nil {
		return err
	}
	read := func(ctx context.Context, r store.Reader) iter.Seq2[*store.Represented, error] {
		return r.ActsFor(ctx, id)
	}
	order := func(a, b *store.Represented) bool {
		return storehome.Before(a.Account, b.Account, store.AccountFilter{})
	}
	l := accountListing(o.verbose, columnsOfRoles)
	return cmdutil.PrintProduced(l, o.console, format, func(emit func(*accountObject) error) error {
		err := storehome.EachRecord(ctx, s, names, storehome.Merging[*store.Represented]{Read: read, Before: order}, func(r store.Reader, backend string, x *store.Represented) error {
			f := account.Found{Backend: backend, Account: x.Account}
			var object *accountObject
			out := &accountEmitter{emit: func(o *accountObject) error { object = o; return nil }, details: o.verbose}
			if err := errors.Join(out.add(ctx, r, f), out.flush(ctx)); err != nil {
				return err
			}
			object.Roles = rolesOf(x)
			return emit(object)
		})
		if err == nil {
			err = incomplete
		}
		return err
	})
}

// rolesOf returns why a person may act for an account: delegate, owner, or acl for the right
// m of the scheduling list.
func rolesOf(x *store.Represented) []string {
	var out []string
	for _, role := range []struct {
		word  string
		given bool
	}{{"delegate", x.AsDelegate}, {"owner", x.AsOwner}, {"acl", x.ByRights}} {
		if role.given {
			out = append(out, role.word)
		}
	}
	return out
}
