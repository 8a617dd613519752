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

// probePrefix begins the ids of accounts that everything leaves out.
const probePrefix = "probe "

// home is an account with all that it holds, as far as it can be read.
type home struct {
	Account       *store.Account
	Calendars     []*store.Calendar
	Components    map[string][]*store.Component // by the calendar's name
	Deletions     []*store.Deletion
	Subscriptions []store.Subscription
	Changes       map[string][]store.Change // of each calendar, from the beginning
	Usage         store.Usage
}

// everything reads the whole store.
func (s *scene) everything() map[string]home {
	s.t.Helper()
	var all map[string]home
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		all, err = readAll(ctx, r)
		return err
	})
	return all
}

// home reads what belongs to one account.
func (s *scene) home(id string) home {
	s.t.Helper()
	var h home
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		h, err = readHome(ctx, r, id)
		return err
	})
	return h
}

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
			return nil, fmt.Errorf("account '%s' differs from the listing (-alone +listing):\n%s", a.ID, diff)
		}
		out[a.ID] = h
	}
	return out, nil
}

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
		return h, nil // what it holds need not be found
	}
	h.Components, h.Changes = map[string][]*store.Component{}, map[string][]store.Change{}
	for _, c := range h.Calendars {
		if !c.Deleted.IsZero() {
			continue
		}
		if h.Components[c.Name], err = collect(r.Components(ctx, id, c.Name, store.ComponentFilter{WithText: true})); err != nil {
			return h, fmt.Errorf("components of '%s' %s: %w", id, c.Name, err)
		}
		if h.Changes[c.Name], _, err = r.Changes(ctx, id, c.Name, store.Token{}); err != nil {
			return h, fmt.Errorf("changes of '%s' %s: %w", id, c.Name, err)
		}
	}
	return h, nil
}

// collect reads a sequence to its end.
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

// same compares, the empty with the absent being equal.
func (s *scene) same(want, got any, what string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, clip(diff))
	}
}

// clip keeps megabytes out of a message.
func clip(text string) string {
	const most = 4 << 10
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// classes are the errors that callers tell apart, by name.
func classes() map[string]error {
	return map[string]error{
		"ErrNotFound": store.ErrNotFound, "ErrExists": store.ErrExists, "ErrConflict": store.ErrConflict, "ErrInvalid": store.ErrInvalid,
		"ErrDeleted": store.ErrDeleted, "ErrTokenOld": store.ErrTokenOld, "ErrLocked": store.ErrLocked, "ErrUnavailable": store.ErrUnavailable,
		"ErrDenied": store.ErrDenied, "ErrFull": store.ErrFull, "ErrReadOnly": store.ErrReadOnly, "ErrDamaged": store.ErrDamaged,
		"ErrNoSchema": store.ErrNoSchema, "ErrSchemaOlder": store.ErrSchemaOlder, "ErrSchemaNewer": store.ErrSchemaNewer,
		"ErrOtherBackend": store.ErrOtherBackend,
	}
}

// isOnly tells whether an error is of one class and of no other; nil is a class
// of its own.
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

func (s *scene) wantClass(err, class error, what string) {
	s.t.Helper()
	if !isOnly(err, class) {
		s.t.Errorf("%s gives %v, want %v", what, err, class)
	}
}

// wantExists expects an ExistsError that says what, and whose it is.
func (s *scene) wantExists(err error, what, owner string) {
	s.t.Helper()
	var exists *store.ExistsError
	if !errors.As(err, &exists) || exists.What != what || exists.Owner != owner {
		s.t.Errorf("%v (%+v), want an ExistsError about the %s of '%s'", err, exists, what, owner)
	}
}

// dated expects times as a store keeps them.
func (s *scene) dated(at time.Time, what string) {
	s.t.Helper()
	if at.Location() != time.UTC || !at.Equal(at.Truncate(time.Microsecond)) {
		s.t.Errorf("%s is %v, want it in UTC and in microseconds", what, at)
	}
}
