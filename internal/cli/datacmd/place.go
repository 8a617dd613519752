package datacmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/store"
)

// who names an account: by an address or by its unique id.
type who struct{ address, id string }

// String returns the name for messages.
func (w who) String() string {
	if w.address != "" {
		return w.address
	}
	return w.id
}

// check returns what is wrong with the name of an account.
func (w who) check() error {
	if w.address != "" {
		if err := store.CheckAddress(w.address); err != nil {
			return fmt.Errorf("'%s' %w", ui.Sanitize(w.address), err)
		}
		return nil
	}
	return store.CheckID(w.id)
}

// placeOptions name the account, the calendar and the back end that a command works on.
type placeOptions struct {
	cmdutil.HomeOptions
	address, id string
	calendar    string
	backend     string

	getenv func(string) string
	homes  *storehome.Homes
}

// add adds the options, but not that of the calendar.
func (o *placeOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.address, "account", "a", "", "mail `ADDRESS` of the account (default: DAVADMIN_ACCOUNT)")
	f.StringVarP(&o.id, "guid", "g", "", "unique `ID` of the account")
	f.StringVar(&o.backend, "backend", "", "only an account on the back end `ID` (default: all back ends)")
	_ = cmd.RegisterFlagCompletionFunc("backend", o.homes.CompleteBackends)
	o.HomeOptions.Add(f)
}

// account returns the account that the options name; the zero value if they name none.
func (o *placeOptions) account() (who, error) {
	w := who{store.CutMailto(strings.TrimSpace(o.address)), o.id}
	if w == (who{}) {
		w.address = o.getenv("DAVADMIN_ACCOUNT")
	}
	if w.address != "" && w.id != "" {
		return who{}, cmdutil.Usagef("use either -a or -g")
	}
	if w == (who{}) {
		return w, nil
	}
	if err := w.check(); err != nil {
		return who{}, cmdutil.Usagef("%v", err)
	}
	return w, nil
}

// open opens the home. wait is for locks of its stores.
func (o *placeOptions) open(ctx context.Context, wait time.Duration, retry account.Retry) (*storehome.Home, error) {
	s, err := o.homes.Open(ctx, &o.HomeOptions, wait)
	if err != nil {
		return nil, err
	}
	s.Retry = retry
	return s, nil
}

// finder finds accounts on the back ends that can be used.
func (o *placeOptions) finder(ctx context.Context, s *storehome.Home) (*account.Finder, error) {
	names, err := s.Selected(ctx, o.backend)
	if err != nil {
		return nil, err
	}
	return s.Finder(names, o.backend), nil
}

// find finds an active account.
func find(ctx context.Context, f *account.Finder, w who) (account.Found, error) {
	if w.address != "" {
		return f.ByAddress(ctx, w.address)
	}
	found, err := f.ByID(ctx, w.id)
	if err == nil && !found.Account.Active() {
		err = &account.DeletedError{When: found.Account.Deleted}
	}
	return found, err
}

// target is the account that a command works on.
type target struct {
	home  *storehome.Home
	found account.Found
	store store.Store
}

// target opens the home, finds the account that the options name, and opens its store. wait is
// for locks. The caller closes the home.
func (o *placeOptions) target(ctx context.Context, wait time.Duration, retry account.Retry) (*target, error) {
	w, err := o.account()
	switch {
	case err != nil:
		return nil, err
	case w == (who{}):
		return nil, errNoAccount
	}
	s, err := o.open(ctx, wait, retry)
	if err != nil {
		return nil, err
	}
	t, err := o.find(ctx, s, w)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return t, nil
}

// find finds an account in a home.
func (o *placeOptions) find(ctx context.Context, s *storehome.Home, w who) (*target, error) {
	finder, err := o.finder(ctx, s)
	if err != nil {
		return nil, err
	}
	found, err := find(ctx, finder, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ui.Sanitize(w.String()), err)
	}
	st, err := s.Retry.Open(ctx, s.Set, found.Backend)
	if err != nil {
		return nil, err
	}
	return &target{home: s, found: found, store: st}, nil
}

// errNoAccount is returned if no option names an account.
var errNoAccount = cmdutil.Usagef("missing account: use -a ADDRESS")

// noCalendar is the error about a calendar that the account does not have.
func (t *target) noCalendar(hints *cmdutil.Hints, name string) error {
	address := t.found.Account.Mail()
	return fmt.Errorf("%s has no calendar '%s'; to see the calendars: %s", ui.Sanitize(address), ui.Sanitize(name), hints.Line("calendar", "list", "-a", address))
}

// placeOf returns a calendar of an account.
func placeOf(found account.Found, calendar string) calio.Place {
	return calio.Place{Backend: found.Backend, Account: found.Account.ID, Address: found.Account.Mail(), Calendar: calendar}
}
