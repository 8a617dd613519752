package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/davadmin/davadmin/pkg/store"
)

// probePrefix is the prefix of the ids of accounts that readAll ignores.
const probePrefix = "probe "

// home is an account with everything in it that can be read.
type home struct {
	Account       *store.Account
	Calendars     []*store.Calendar
	Components    map[string][]*store.Component // by name of the calendar
	Deletions     []*store.Deletion
	Subscriptions []store.Subscription
	Changes       map[string][]store.Change // by name of the calendar, since the beginning
	Usage         store.Usage
	Extras        extras
}

// everything returns the content of the whole store, by id of the account.
func (s *env) everything() map[string]home {
	s.t.Helper()
	var all map[string]home
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		all, err = readAll(ctx, r)
		return err
	})
	return all
}

// home returns the content of one account.
func (s *env) home(id string) home {
	s.t.Helper()
	var h home
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		h, err = readHome(ctx, r, id)
		return err
	})
	return h
}

// readAll returns all accounts with their content, by id, except for probes.
func readAll(ctx context.Context, r store.Reader) (map[string]home, error) {
	out := map[string]home{}
	for a, err := range r.Accounts(ctx, store.AccountFilter{State: store.AnyState, Order: store.ByID}) {
		if err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
		if strings.HasPrefix(a.ID, probePrefix) {
			continue
		}
		h, err := readHome(ctx, r, a.ID)
		if err != nil {
			return nil, err
		}
		if diff := cmp.Diff(h.Account, a, cmpopts.EquateEmpty()); diff != "" {
			return nil, fmt.Errorf("account '%s' differs from the listing (-single +listing):\n%s", a.ID, diff)
		}
		out[a.ID] = h
	}
	return out, nil
}

// readHome returns an account with its content.
func readHome(ctx context.Context, r store.Reader, id string) (h home, err error) {
	if h.Account, err = r.Account(ctx, id); err != nil {
		return h, fmt.Errorf("account '%s': %w", id, err)
	}
	if h.Calendars, err = collect(r.Calendars(ctx, id, store.CalendarFilter{State: store.AnyState})); err != nil {
		return h, fmt.Errorf("calendars of '%s': %w", id, err)
	}
	if h.Deletions, err = collect(r.Deletions(ctx, id)); err != nil {
		return h, fmt.Errorf("deletions of '%s': %w", id, err)
	}
	if h.Subscriptions, err = r.Subscriptions(ctx, id); err != nil {
		return h, fmt.Errorf("subscriptions of '%s': %w", id, err)
	}
	usage, err := r.Usage(ctx, []string{id})
	if err != nil {
		return h, fmt.Errorf("usage of '%s': %w", id, err)
	}
	h.Usage = usage[id]
	if !h.Account.Active() {
		h.Extras, err = readExtras(ctx, r, h)
		return h, err // an engine need not find the calendars of a deleted account
	}
	h.Components, h.Changes = map[string][]*store.Component{}, map[string][]store.Change{}
	for _, c := range h.Calendars {
		if !c.Deleted.IsZero() {
			continue
		}
		if h.Components[c.Name], err = collect(r.Components(ctx, id, c.Name, store.ComponentFilter{WithText: true})); err != nil {
			return h, fmt.Errorf("components of '%s' %s: %w", id, c.Name, err)
		}
		if h.Changes[c.Name], _, err = readChanges(ctx, r, id, c.Name, store.Token{}, 0); err != nil {
			return h, fmt.Errorf("changes of '%s' %s: %w", id, c.Name, err)
		}
	}
	h.Extras, err = readExtras(ctx, r, h)
	return h, err
}

// readChanges reads the changes since a token.
func readChanges(ctx context.Context, r store.Reader, account, calendar string, since store.Token, limit int) ([]store.Change, store.Token, error) {
	changes, end, err := r.Changes(ctx, account, calendar, since, limit)
	if err != nil {
		return nil, end, err
	}
	out, err := collect(changes)
	return out, end, err
}

// collect returns the values of a sequence up to the first error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for v, err := range seq {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// same expects equal values. Empty and nil slices and maps are equal.
func (s *env) same(want, got any, what string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, clip(diff))
	}
}

// clip shortens long text for a message.
func clip(text string) string {
	const most = 4 << 10
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// classes returns the errors that callers can test for, by name.
func classes() map[string]error {
	return map[string]error{
		"ErrNotFound": store.ErrNotFound, "ErrExists": store.ErrExists, "ErrConflict": store.ErrConflict, "ErrInvalid": store.ErrInvalid,
		"ErrDeleted": store.ErrDeleted, "ErrTokenOld": store.ErrTokenOld, "ErrListing": store.ErrListing, "ErrNested": store.ErrNested, "ErrLocked": store.ErrLocked, "ErrTimeLimit": store.ErrTimeLimit, "ErrUnavailable": store.ErrUnavailable,
		"ErrDenied": store.ErrDenied, "ErrFull": store.ErrFull, "ErrReadOnly": store.ErrReadOnly, "ErrDamaged": store.ErrDamaged,
		"ErrNoSchema": store.ErrNoSchema, "ErrSchemaOlder": store.ErrSchemaOlder, "ErrSchemaNewer": store.ErrSchemaNewer,
		"ErrOtherBackend": store.ErrOtherBackend, "ErrMoving": store.ErrMoving,
	}
}

// isOnly reports whether an error is of one class and of no other. The class nil means
// no error.
func isOnly(err, class error) bool {
	if err == nil || class == nil {
		return err == nil && class == nil
	}
	for _, other := range classes() {
		if errors.Is(err, other) != (other == class) { //nolint:errorlint // the classes themselves are compared
			return false
		}
	}
	return true
}

// wantClass expects an error of exactly one class.
func (s *env) wantClass(err, class error, what string) {
	s.t.Helper()
	if !isOnly(err, class) {
		s.t.Errorf("%s: got error %v, want %v", what, err, class)
	}
}

// wantExists expects an ExistsError about something that belongs to an owner.
func (s *env) wantExists(err error, what, owner string) {
	s.t.Helper()
	var exists *store.ExistsError
	if !errors.As(err, &exists) || exists.What != what || exists.Owner != owner {
		s.t.Errorf("got error %v (%+v), want an ExistsError about the %s of '%s'", err, exists, what, owner)
	}
}

// dated expects a time in UTC with a precision of microseconds.
func (s *env) dated(at time.Time, what string) {
	s.t.Helper()
	if at.Location() != time.UTC || !at.Equal(at.Truncate(time.Microsecond)) {
		s.t.Errorf("%s is %v, want a time in UTC with microseconds", what, at)
	}
}
