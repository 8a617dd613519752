package accountcmd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// storeHome is a server home with its back ends.
type storeHome struct {
	dir      string
	config   *cmdutil.HomeConfig
	set      *backends.Set
	hints    *cmdutil.Hints
	warnLost func([]backends.Lost)
	warned   bool // about back ends without a store
	// existing are all back ends that could be opened, and lost the others, as soon as all
	// were tried.
	existing []string
	lost     []backends.Lost
	// skipLost are the back ends whose accounts a change skips; nil for a change that stops
	// at the first store that cannot be used.
	skipLost account.Lost
	// lookUp opens the directory of the home, for people who have no account; nil if nothing
	// may look anyone up there.
	lookUp func(ctx context.Context) (*account.Directory, func() error, error)
	// retry says how long a batch waits for an unavailable database.
	retry account.Retry
}

func (s *storeHome) close() error { return s.set.Close() }

// storeHomes opens the back ends of homes, with the directory and the journal that
// go with them.
type storeHomes struct {
	console     *cmdutil.Console
	homes       *cmdutil.Homes
	hints       *cmdutil.Hints
	journals    *cmdutil.Journals
	directories *cmdutil.Directories
	stores      *cmdutil.Stores
	now         func() time.Time
}

func newStoreHomes(f *cmdutil.Factory) *storeHomes {
	return &storeHomes{console: f.Console, hints: f.Hints, homes: f.Homes, journals: f.Journals, directories: f.Directories, stores: f.Stores, now: f.Now}
}

// Open finds the home and its back ends, but opens none of them.
func (sh *storeHomes) Open(ctx context.Context, o *cmdutil.HomeOptions, wait time.Duration) (*storeHome, error) {
	dir, err := sh.homes.Find(o)
	if err != nil {
		return nil, err
	}
	c, err := sh.directories.LoadHomeConfig(ctx, o)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, cmdutil.Usagef("%s has no %s; to create a home: davadmin init --home DIR", dir, config.ServerFile)
	}
	set, err := sh.stores.Backends(o, dir, c, wait)
	if err != nil {
		return nil, err
	}
	return &storeHome{dir: dir, config: c, set: set, hints: sh.hints, warnLost: sh.stores.WarnLost}, nil
}

// readable returns the back end with this name or, if the name is empty, all back ends that
// have a store. If one has none, incomplete is the error with which a listing has to end,
// because nothing is known about the accounts there.
func (s *storeHome) readable(ctx context.Context, name string) (names []string, incomplete, err error) {
	var lost []backends.Lost
	if name == "" {
		names, lost, err = s.openAll(ctx)
		return names, s.hints.LostError(lost), err
	}
	l, err := s.set.Location(name)
	if err != nil {
		return nil, nil, cmdutil.Usagef("%v", err)
	}
	_, err = s.set.Open(ctx, name)
	switch {
	case err == nil:
		return []string{name}, nil, nil
	case ctx.Err() == nil && store.IsUnusable(err):
		return nil, s.hints.LostError([]backends.Lost{{Location: l, Err: err}}), nil
	}
	return nil, nil, err
}

// lostAt returns a back end that has no store, with the reason.
func (s *storeHome) lostAt(ctx context.Context, l backends.Location) backends.Lost {
	_, err := s.set.Open(ctx, l.Backend)
	if err == nil { // it was created meanwhile
		err = store.ErrNoSchema
	}
	return backends.Lost{Location: l, Err: err}
}

// selected returns the back end with this name or, if the name is empty, all back ends
// that have a store, for a change.
func (s *storeHome) selected(ctx context.Context, name string) ([]string, error) {
	if name != "" {
		if _, err := s.set.Location(name); err != nil {
			return nil, cmdutil.Usagef("%v", err)
		}
		return []string{name}, nil
	}
	existing, lost, err := s.openAll(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range lost {
		switch {
		case s.skipLost != nil:
			s.skipLost[l.Backend] = l.Err
		case !l.NoStore():
			return nil, s.hints.NoStoreError([]backends.Lost{l}, len(existing) > 0)
		}
	}
	if len(existing) == 0 {
		return nil, s.hints.NoStoreError(lost, false)
	}
	if !s.warned {
		s.warnLost(lost)
		s.warned = true
	}
	return existing, nil
}

// openAll opens all back ends, and remembers those whose store cannot be used. It waits for
// unavailable databases as long as retry says, but only once.
func (s *storeHome) openAll(ctx context.Context) (names []string, lost []backends.Lost, err error) {
	if len(s.existing)+len(s.lost) > 0 {
		return s.existing, s.lost, nil
	}
	s.existing, s.lost, err = s.set.Existing(ctx, func(ctx context.Context, backend string) (store.Store, error) {
		return s.retry.Open(ctx, s.set, backend)
	})
	return s.existing, s.lost, err
}

func (s *storeHome) finder(names []string) *account.Finder {
	f := &account.Finder{Stores: s.set, Backends: names, Retry: s.retry}
	if slices.Equal(names, s.existing) { // otherwise, the user named a back end
		for _, l := range s.lost {
			f.Unseen = append(f.Unseen, l.Backend)
		}
	}
	return f
}

// people finds people by their accounts, then in the directory. If that is nil, it is the
// one of the home, which is opened only if somebody has no account.
func (s *storeHome) people(names []string, d *account.Directory) account.PeopleLookup {
	return func(ctx context.Context, addresses []string) (found account.PeopleByAddress, err error) {
		f := s.finder(names)
		found, err = f.FindPeople(ctx, d, addresses)
		if err != nil || d != nil || s.lookUp == nil {
			return found, err
		}
		rest := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { _, ok := found[store.FoldAddress(a)]; return ok })
		if len(rest) == 0 {
			return found, nil
		}
		home, done, err := s.lookUp(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, done()) }()
		more, err := f.FindPeople(ctx, home, rest)
		maps.Copy(found, more)
		return found, err
	}
}

// peopleOf is like people, but looks up in advance everyone named by the properties of
// the requests.
func (s *storeHome) peopleOf(ctx context.Context, d *account.Directory, use store.ACLUse, requests []account.Request, more account.Properties) (account.PeopleLookup, error) {
	names, err := s.selected(ctx, "")
	if err != nil {
		return nil, err
	}
	all := []account.Properties{more}
	for i := range requests {
		if len(requests[i].Properties) > 0 {
			all = append(all, requests[i].Properties)
		}
	}
	return account.PrefetchPeople(ctx, s.people(names, d), use, all...)
}

// attributes returns the names of the directory attributes that the server uses.
func (s *storeHome) attributes() account.Attributes {
	n := s.config.Names()
	return account.Attributes{
		UniqueID: n.UniqueID, Mail: n.Mail, Alternate: n.AlternateMail, Local: n.Local, Store: n.Store, Owner: "owner",
		DisplayName: s.config.Value("davcore.autocreate.displaynameattr"), Notify: s.config.Value("davcore.autocreate.emailnotificationaddressattr"),
		UserClasses: n.UserClasses, GroupClasses: n.GroupClasses, ResourceClasses: n.ResourceClasses,
	}
}

// builder builds accounts according to the parameters of the home.
func (s *storeHome) builder(ctx context.Context, people account.PeopleLookup) (*account.Builder, error) {
	rc, err := cmdutil.RouteConfig(s.config)
	if err != nil {
		return nil, err
	}
	rc.Backend, rc.Backends = s.set.Default(), s.set.Names()
	d, err := s.defaults(ctx, people)
	if err != nil {
		return nil, err
	}
	return &account.Builder{Route: &rc, Attributes: s.attributes(), Defaults: d, Stores: s.set}, nil
}

// defaults are davcore.autocreate.* and davcore.acl.*.
func (s *storeHome) defaults(ctx context.Context, people account.PeopleLookup) (account.Defaults, error) {
	var d account.Defaults
	list := func(to *store.ACL, parameter string, use store.ACLUse) error {
		parsed, err := store.ParseACL(s.config.Value(parameter), use)
		if err == nil {
			*to, err = account.ResolveACL(ctx, parsed, people)
		}
		if err != nil {
			return cmdutil.Usagef("%s: %s: %v", s.config.Path, parameter, err)
		}
		return nil
	}
	flags := func(to *store.Attendance, parameter string) error {
		n, err := strconv.ParseUint(s.config.Value(parameter), 10, 8)
		if err != nil || n > 7 {
			return cmdutil.Usagef("%s: %s: '%s' is not 0 to 7", s.config.Path, parameter, s.config.Value(parameter))
		}
		*to = store.Attendance(n)
		return nil
	}
	d.UserComponents = config.SplitList(s.config.Value("davcore.autocreate.calcomponents"))
	d.ResourceComponents = config.SplitList(s.config.Value("davcore.autocreate.rescalcomponents"))
	d.Notify = strings.EqualFold(s.config.Value("davcore.autocreate.enableemailnotification"), "true")
	return d, errors.Join(
		list(&d.UserACL, "davcore.acl.defaultcalendaracl", store.CalendarACL),
		list(&d.ResourceACL, "davcore.acl.defaultresourcecalendaracl", store.CalendarACL),
		list(&d.UserScheduling, "davcore.acl.defaultschedulingacl", store.SchedulingACL),
		list(&d.ResourceScheduling, "davcore.acl.defaultresourceschedulingacl", store.SchedulingACL),
		flags(&d.UserFlags, "davcore.autocreate.calattendantuserflags"),
		flags(&d.ResourceFlags, "davcore.autocreate.calattendantresourceflags"),
	)
}

// PeopleDirectory is the directory in which people are looked up; nil where none
// is named, neither by options nor by the home.
func (sh *storeHomes) PeopleDirectory(ctx context.Context, o *cmdutil.DirectoryOptions, s *storeHome, tmp string) (*account.Directory, func() error, error) {
	none := func() error { return nil }
	if len(o.Files) == 0 && len(o.Hosts) == 0 && !s.config.IsSet(cmdutil.UserPoolPrefix+"ldaphost") {
		return nil, none, nil
	}
	opened, err := sh.directories.Open(ctx, o, s.config)
	if err != nil {
		return nil, none, err
	}
	scope, err := o.DirectoryScope()
	if err != nil {
		return nil, none, errors.Join(err, opened.Close())
	}
	return &account.Directory{
		Source: opened.Source, Live: opened.Live != nil, Attributes: s.attributes(), MailFilter: s.config.Value("davcore.uriinfo.emailsearchfiltertemplate"),
		Bases: opened.Bases, Scope: scope, Tmp: tmp, Prove: opened.Prove,
	}, opened.Close, nil
}
