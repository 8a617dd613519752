package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
)

// namedMisplaced is how many of the accounts on another back end than their entry names are
// named.
const namedMisplaced = 10

// compare lists the differences between the accounts and the entries of the directory.
func (o *accountList) compare(ctx context.Context, s *storehome.Home, names []string, format ui.Format, incomplete error) (err error) {
	d, done, err := o.mustDirectory(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	m, err := s.Builder(ctx, func(context.Context, []string) (account.PeopleByAddress, error) { return nil, nil })
	if err != nil {
		return err
	}
	scope := account.CompareScope{Backends: names, Readable: names}
	if o.backend != "" && (o.orphans || o.missing) {
		var unread error
		if scope.Readable, unread, err = s.Readable(ctx, ""); err != nil {
			return err
		}
		if incomplete == nil && unread != nil && o.missing {
			incomplete = s.Hints.LostError(s.Lost) // the account of an entry may be there
		}
	}
	o.console.KeepGoing()
	var c account.Comparison
	changed := 0
	err = o.print(format, func(out *accountEmitter) (err error) {
		orphan := func(f account.Found) error {
			if !o.orphans {
				return nil
			}
			object := newAccountObject(f)
			object.Why = "no entry has its unique id"
			return out.emit(object)
		}
		missing := func(e *account.Entry, backend string, why error) error {
			if !o.missing {
				return nil
			}
			return out.emit(newMissingObject(e, backend, o.hints.ErrorText(why)))
		}
		misplaced := 0
		elsewhere := func(e *account.Entry, is, named string) error {
			if misplaced++; misplaced <= namedMisplaced {
				o.console.Warnf("%s: the account is on the back end %s, but the entry names %s", ui.Sanitize(e.Name()), ui.Sanitize(is), ui.Sanitize(named))
			}
			return nil
		}
		if o.orphans || o.missing {
			c, err = m.Compare(ctx, d, scope, account.Differences{Orphan: orphan, Missing: missing, Misplaced: elsewhere})
		}
		if err == nil && o.changed {
			changed, err = o.outOfDate(ctx, d, s.Finder(names, o.backend), out)
		}
		if err == nil {
			err = incomplete
		}
		return err
	})
	if err != nil {
		return err
	}
	return o.compared(c, changed)
}

// outOfDate lists the accounts whose addresses are not those of their entries, and returns
// their number.
func (o *accountList) outOfDate(ctx context.Context, d *account.Directory, f *account.Finder, out *accountEmitter) (changed int, err error) {
	entries, err := d.Select(ctx, "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, entries.Close()) }()
	if entries.Len() == 0 {
		return 0, fmt.Errorf("%s: %w", d.Source.Name(), account.ErrNoEntries)
	}
	accounts, err := f.OutOfDate(ctx, entries, func(found account.Found, e *account.Entry, why string) error {
		changed++
		object := newAccountObject(found)
		object.Addresses, object.DN, object.DNBytes, object.Why = found.Account.Addresses, e.DN, directory.DNBase64(e.DN), why
		return out.emit(object)
	})
	if err == nil {
		o.console.Notef("accounts with an entry: %d; with addresses that are out of date: %d", accounts, changed)
	}
	return changed, err
}

// compared prints the counts of a comparison, and returns the error of one that found anything.
func (o *accountList) compared(c account.Comparison, changed int) error {
	if o.orphans || o.missing {
		o.console.Notef("accounts: %d; entries with a unique id: %d; accounts without an entry: %d; local entries without an account: %d", c.Accounts, c.Entries, c.Orphans, c.Missing)
	}
	if c.Misplaced > 0 {
		o.console.Notef("accounts on another back end than their entry names: %d", c.Misplaced)
	}
	var found []string
	if o.orphans && c.Orphans > 0 {
		found = append(found, fmt.Sprintf("accounts without an entry: %d", c.Orphans))
	}
	if o.missing && c.Missing > 0 {
		found = append(found, fmt.Sprintf("local entries without an account: %d", c.Missing))
	}
	if changed > 0 {
		found = append(found, fmt.Sprintf("accounts with addresses that are out of date: %d", changed))
	}
	if len(found) > 0 {
		return cmdutil.Findingsf("%s", strings.Join(found, "; "))
	}
	return nil
}
