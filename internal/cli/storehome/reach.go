package storehome

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// reach is which back ends of a home can be used. Back ends are opened when it is first
// needed to know, all at the same time, so that a command waits only once for servers that do
// not answer.
type reach struct {
	warnLost func(lost []backends.Lost, without string)
	opened   bool // Existing and Lost are known
	waited   bool // for the unavailable ones
	warned   bool // about the lost ones
	// Existing are all back ends that could be opened, and Lost the others.
	Existing []string
	Lost     []backends.Lost
	// Option is the option of the command that restricts it to one back end; "" for the usual
	// one.
	Option string
	// NeedsAll means that the command works only if all back ends can be used: it waits for
	// all of them, and no option leaves one out.
	NeedsAll bool
}

// backendOption is the option that restricts most commands to one back end.
const backendOption = "--backend"

// OpenAll opens all back ends. Each is tried once; but if none can be used, or the command
// needs all, the unavailable ones are waited for.
func (s *Home) OpenAll(ctx context.Context) (err error) {
	if s.opened {
		return nil
	}
	if s.Existing, s.Lost, err = s.Set.Existing(ctx, nil); err != nil {
		return err
	}
	s.opened = true
	if len(s.Existing) == 0 || s.NeedsAll {
		return s.wait(ctx)
	}
	return nil
}

// wait waits for the lost back ends that are unavailable, as long as retry says, but only
// once, and for all at the same time.
func (s *Home) wait(ctx context.Context) error {
	if s.waited || s.Retry.For <= 0 {
		return nil
	}
	s.waited = true
	retry, notify := s.Retry, s.Retry.Notify
	var notes sync.Mutex
	if notify != nil {
		retry.Notify = func(text string) {
			notes.Lock()
			defer notes.Unlock()
			notify(text)
		}
	}
	errs := make([]error, len(s.Lost))
	var all crash.Group
	for i, l := range s.Lost {
		if errs[i] = l.Err; errors.Is(l.Err, store.ErrUnavailable) {
			all.Go(func() { _, errs[i] = retry.Open(ctx, s.Set, l.Backend) })
		}
	}
	all.Wait()
	var lost []backends.Lost
	for i, l := range s.Lost {
		switch l.Err = errs[i]; {
		case l.Err == nil:
			s.Existing = append(slices.Clone(s.Existing), l.Backend)
		case ctx.Err() != nil || !store.IsUnusable(l.Err):
			return l.Err
		default:
			lost = append(lost, l)
		}
	}
	slices.Sort(s.Existing)
	s.Lost = lost
	return nil
}

// Readable returns the back end with this name or, if the name is empty, all back ends that
// can be read. If one cannot, incomplete is the error with which a listing has to end,
// because nothing is known about the accounts there.
func (s *Home) Readable(ctx context.Context, name string) (names []string, incomplete, err error) {
	if name == "" {
		if err := s.OpenAll(ctx); err != nil {
			return nil, nil, err
		}
		return s.Existing, s.Hints.LostErrorWithout(s.Lost, s.Without()), nil
	}
	l, err := s.Set.Location(name)
	if err != nil {
		return nil, nil, cmdutil.Usagef("%v", err)
	}
	_, err = s.Set.Open(ctx, name)
	switch {
	case err == nil:
		return []string{name}, nil, nil
	case ctx.Err() == nil && store.IsUnusable(err):
		s.Lost = []backends.Lost{{Location: l, Err: err}}
		return nil, s.Hints.LostError(s.Lost), nil
	}
	return nil, nil, err
}

// Without returns the option with which a command works without the lost back ends; "" if
// absent.
func (s *Home) Without() string {
	option := s.Option
	if option == "" {
		option = backendOption
	}
	switch {
	case len(s.Existing) == 0, s.NeedsAll:
		return ""
	case len(s.Existing) == 1:
		return option + " " + cmdutil.Quote(s.Existing[0])
	}
	return option + " ID"
}

// Warn warns once that back ends cannot be used.
func (s *Home) Warn() {
	if !s.warned {
		s.warnLost(s.Lost, s.Without())
		s.warned = true
	}
}

// LostAt returns a back end that has no store, with the reason.
func (s *Home) LostAt(ctx context.Context, l backends.Location) backends.Lost {
	_, err := s.Set.Open(ctx, l.Backend)
	if err == nil { // it was created meanwhile
		err = store.ErrNoSchema
	}
	return backends.Lost{Location: l, Err: err}
}

// Selected returns the back end with this name or, if the name is empty, all back ends that
// can be used, for a change of accounts that exist. It warns about the others, and fails if
// there is nothing but those.
func (s *Home) Selected(ctx context.Context, name string) ([]string, error) {
	if name != "" {
		if _, err := s.Set.Location(name); err != nil {
			return nil, cmdutil.Usagef("%v", err)
		}
		return []string{name}, nil
	}
	if err := s.OpenAll(ctx); err != nil {
		return nil, err
	}
	if len(s.Existing) == 0 {
		return nil, s.Hints.NoStoreError(s.Lost, false)
	}
	if s.SkipLost != nil {
		for _, l := range s.Lost {
			s.SkipLost[l.Backend] = l.Err
		}
	}
	s.Warn()
	return s.Existing, nil
}

// RequireAll returns an error if a back end that has a store cannot be used.
func (s *Home) RequireAll(ctx context.Context) error {
	if err := s.OpenAll(ctx); err != nil {
		return err
	}
	for _, l := range s.Lost {
		if !l.NoStore() {
			return s.Hints.NoStoreError([]backends.Lost{l}, false)
		}
	}
	return nil
}

// Complete is like Selected, for a change that depends on the accounts of all back ends, such
// as the creation of accounts that must not exist yet: it waits for those that are
// unavailable and, unless they are skipped, fails if one cannot be used.
func (s *Home) Complete(ctx context.Context) ([]string, error) {
	err := s.OpenAll(ctx)
	if err == nil {
		err = s.wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.SkipLost == nil {
		for _, l := range s.Lost {
			if !l.NoStore() {
				return nil, s.Hints.NoStoreError([]backends.Lost{l}, len(s.Existing) > 0)
			}
		}
	}
	return s.Selected(ctx, "")
}

// Finder finds accounts on back ends: those that can be used of all of them or, if only is
// not empty, of this one.
func (s *Home) Finder(names []string, only string) *account.Finder {
	f := &account.Finder{Stores: s.Set, Backends: slices.Clone(names), Only: only, Retry: s.Retry, Lost: s.SkipLost}
	for _, l := range s.Lost {
		if only == "" || only == l.Backend {
			f.Unseen = append(f.Unseen, l.Backend)
		}
	}
	if only == "" && len(f.Unseen) > 0 {
		f.Reopen = s.reopen
	}
	return f
}

// Unseen returns the back ends whose stores cannot be used. One that has no store has no
// accounts and names nobody.
func (s *Home) Unseen() account.Lost {
	out := account.Lost{}
	for _, l := range s.Lost {
		if !l.NoStore() {
			out[l.Backend] = l.Err
		}
	}
	return out
}

// reopen waits for the lost back ends, and returns those that can be used now.
func (s *Home) reopen(ctx context.Context) (back []string, err error) {
	before := s.Existing
	err = s.wait(ctx)
	for _, name := range s.Existing {
		if !slices.Contains(before, name) {
			back = append(back, name)
			delete(s.SkipLost, name)
		}
	}
	return back, err
}

// People finds people by their accounts, then in the directory. If that is nil, it is the
// one of the home, which is opened only if somebody has no account. Back ends are opened only
// if somebody is looked up. The error is a *store.InvalidError for an address that belongs to
// nobody who can be seen, while a back end cannot be read.
func (s *Home) People(d *account.Directory) account.PeopleLookup {
	return func(ctx context.Context, addresses []string) (found account.PeopleByAddress, err error) {
		if err := s.OpenAll(ctx); err != nil {
			return nil, err
		}
		f := s.Finder(s.Existing, "")
		found, err = f.FindPeople(ctx, d, addresses)
		if err != nil {
			return nil, err
		}
		rest := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { _, ok := found[store.FoldAddress(a)]; return ok })
		if len(rest) > 0 && d == nil && s.LookUp != nil {
			if err := s.peopleOfHome(ctx, f, found, rest); err != nil {
				return nil, err
			}
		}
		return found, f.RequireSeen(found, rest)
	}
}

// peopleOfHome adds the people whom the directory of the home has.
func (s *Home) peopleOfHome(ctx context.Context, f *account.Finder, found account.PeopleByAddress, addresses []string) (err error) {
	home, done, err := s.LookUp(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	more, err := f.FindPeople(ctx, home, addresses)
	maps.Copy(found, more)
	return err
}
