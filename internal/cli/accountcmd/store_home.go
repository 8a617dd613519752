package accountcmd

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// storeHome is a server home with its back ends.
type storeHome struct {
	dir    string
	config *cmdutil.HomeConfig
	set    *backends.Set
	hints  *cmdutil.Hints
	reach
	// skipLost are the back ends whose accounts a change skips; nil for a change that stops
	// at the first store that cannot be used.
	skipLost account.Lost
	// lookUp opens the directory of the home, for people who have no account; nil if nothing
	// may look anyone up there.
	lookUp func(ctx context.Context) (*account.Directory, func() error, error)
	// connection is that of the directory in which people are looked up; nil for files.
	connection *directory.Options
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
	return &storeHome{dir: dir, config: c, set: set, hints: sh.hints, reach: reach{warnLost: sh.stores.WarnLost}}, nil
}

// peopleOf is like people, but looks up in advance everyone named by the properties of
// the requests.
func (s *storeHome) peopleOf(ctx context.Context, d *account.Directory, use store.ACLUse, requests []account.Request, more account.Properties) (account.PeopleLookup, error) {
	all := []account.Properties{more}
	for i := range requests {
		if len(requests[i].Properties) > 0 {
			all = append(all, requests[i].Properties)
		}
	}
	return account.PrefetchPeople(ctx, s.people(d), use, all...)
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

// route returns what decides on which server and back end people are.
func (s *storeHome) route() (*route.Config, error) {
	rc, err := cmdutil.RouteConfig(s.config)
	if err != nil {
		return nil, err
	}
	rc.Backend, rc.Backends = s.set.Default(), s.set.Names()
	return &rc, nil
}

// builder builds accounts according to the parameters of the home.
func (s *storeHome) builder(ctx context.Context, people account.PeopleLookup) (*account.Builder, error) {
	rc, err := s.route()
	if err != nil {
		return nil, err
	}
	d, err := s.defaults(ctx, people)
	if err != nil {
		return nil, err
	}
	return &account.Builder{Route: rc, Attributes: s.attributes(), Defaults: d, Stores: s.set}, nil
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
	if opened.Live != nil {
		one := opened.Options
		one.URLs = []string{opened.Live.Name()}
		s.connection = &one
	}
	return &account.Directory{
		Source: opened.Source, Live: opened.Live != nil, Attributes: s.attributes(), MailFilter: s.config.Value("davcore.uriinfo.emailsearchfiltertemplate"),
		Bases: opened.Bases, Scope: scope, Tmp: tmp, Prove: opened.Prove,
	}, opened.Close, nil
}
