package storehome

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// Home is a server home with its back ends.
type Home struct {
	Dir    string
	Config *cmdutil.HomeConfig
	Set    *backends.Set
	Hints  *cmdutil.Hints
	reach
	// SkipLost are the back ends whose accounts a change skips; nil for a change that stops
	// at the first store that cannot be used.
	SkipLost account.Lost
	// LookUp opens the directory of the home, for people who have no account; nil if nothing
	// may look anyone up there.
	LookUp func(ctx context.Context) (*account.Directory, func() error, error)
	// Connection is that of the directory in which people are looked up; nil for files.
	Connection *directory.Options
	// Retry says how long a batch waits for an unavailable database.
	Retry account.Retry
}

// Close closes the back ends.
func (s *Home) Close() error { return s.Set.Close() }

// Homes opens the back ends of homes, with the directory and the journal that
// go with them.
type Homes struct {
	console     *cmdutil.Console
	homes       *cmdutil.Homes
	hints       *cmdutil.Hints
	journals    *cmdutil.Journals
	directories *cmdutil.Directories
	// Stores opens and creates stores.
	Stores *cmdutil.Stores
	now    func() time.Time
}

func NewHomes(f *cmdutil.Factory) *Homes {
	return &Homes{console: f.Console, hints: f.Hints, homes: f.Homes, journals: f.Journals, directories: f.Directories, Stores: f.Stores, now: f.Now}
}

// Open finds the home and its back ends, but opens none of them.
func (sh *Homes) Open(ctx context.Context, o *cmdutil.HomeOptions, wait time.Duration) (*Home, error) {
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
	set, err := sh.Stores.Backends(o, dir, c, wait)
	if err != nil {
		return nil, err
	}
	return &Home{Dir: dir, Config: c, Set: set, Hints: sh.hints, reach: reach{warnLost: sh.Stores.WarnLost}}, nil
}

// PeopleOf is like People, but looks up in advance everyone named by the properties of
// the requests.
func (s *Home) PeopleOf(ctx context.Context, d *account.Directory, use store.ACLUse, requests []account.Request, more account.Properties) (account.PeopleLookup, error) {
	all := []account.Properties{more}
	for i := range requests {
		if len(requests[i].Properties) > 0 {
			all = append(all, requests[i].Properties)
		}
	}
	return account.PrefetchPeople(ctx, s.People(d), use, all...)
}

// Attributes returns the names of the directory attributes that the server uses.
func (s *Home) Attributes() account.Attributes {
	n := s.Config.Names()
	return account.Attributes{
		UniqueID: n.UniqueID, Mail: n.Mail, Alternate: n.AlternateMail, Local: n.Local, Store: n.Store, Owner: "owner",
		DisplayName: s.Config.Value("davcore.autocreate.displaynameattr"), Notify: s.Config.Value("davcore.autocreate.emailnotificationaddressattr"),
		UserClasses: n.UserClasses, GroupClasses: n.GroupClasses, ResourceClasses: n.ResourceClasses,
	}
}

// Route returns what decides on which server and back end people are.
func (s *Home) Route() (*route.Config, error) {
	rc, err := cmdutil.RouteConfig(s.Config)
	if err != nil {
		return nil, err
	}
	rc.Backend, rc.Backends = s.Set.Default(), s.Set.Names()
	return &rc, nil
}

// Builder builds accounts according to the parameters of the home.
func (s *Home) Builder(ctx context.Context, people account.PeopleLookup) (*account.Builder, error) {
	rc, err := s.Route()
	if err != nil {
		return nil, err
	}
	d, err := s.Defaults(ctx, people)
	if err != nil {
		return nil, err
	}
	return &account.Builder{Route: rc, Attributes: s.Attributes(), Defaults: d, Stores: s.Set}, nil
}

// Defaults are davcore.autocreate.* and davcore.acl.*.
func (s *Home) Defaults(ctx context.Context, people account.PeopleLookup) (account.Defaults, error) {
	var d account.Defaults
	list := func(to *store.ACL, parameter string, use store.ACLUse) error {
		parsed, err := store.ParseACL(s.Config.Value(parameter), use)
		if err == nil {
			*to, err = account.ResolveACL(ctx, parsed, people)
		}
		if err != nil {
			return cmdutil.Usagef("%s: %s: %v", s.Config.Path, parameter, err)
		}
		return nil
	}
	flags := func(to *store.Attendance, parameter string) error {
		n, err := strconv.ParseUint(s.Config.Value(parameter), 10, 8)
		if err != nil || n > 7 {
			return cmdutil.Usagef("%s: %s: '%s' is not 0 to 7", s.Config.Path, parameter, s.Config.Value(parameter))
		}
		*to = store.Attendance(n)
		return nil
	}
	d.UserComponents = config.SplitList(s.Config.Value("davcore.autocreate.calcomponents"))
	d.ResourceComponents = config.SplitList(s.Config.Value("davcore.autocreate.rescalcomponents"))
	d.Notify = strings.EqualFold(s.Config.Value("davcore.autocreate.enableemailnotification"), "true")
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
func (sh *Homes) PeopleDirectory(ctx context.Context, o *cmdutil.DirectoryOptions, s *Home, tmp string) (*account.Directory, func() error, error) {
	none := func() error { return nil }
	if len(o.Files) == 0 && len(o.Hosts) == 0 && !s.Config.IsSet(cmdutil.UserPoolPrefix+"ldaphost") {
		return nil, none, nil
	}
	opened, err := sh.directories.Open(ctx, o, s.Config)
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
		s.Connection = &one
	}
	return &account.Directory{
		Source: opened.Source, Live: opened.Live != nil, Attributes: s.Attributes(), MailFilter: s.Config.Value("davcore.uriinfo.emailsearchfiltertemplate"),
		Bases: opened.Bases, Scope: scope, Tmp: tmp, Prove: opened.Prove,
	}, opened.Close, nil
}

// CompleteBackends completes the names of the back ends of the home that the environment
// names.
func (sh *Homes) CompleteBackends(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := sh.Open(cmd.Context(), &cmdutil.HomeOptions{}, time.Second)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = s.Close() }()
	return s.Set.Names(), cobra.ShellCompDirectiveNoFileComp
}
