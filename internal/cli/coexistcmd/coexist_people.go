package coexistcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// coexistPeople is what the commands about who is on which server share.
type coexistPeople struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	homeFiles   *cmdutil.HomeFiles
	hook        fsx.Hook
	journals    *cmdutil.Journals
	now         func() time.Time
	reports     *cmdutil.Reports
	stores      *cmdutil.Stores
	cmdutil.DirectoryOptions
	cmdutil.UserListOptions
	tmp     string
	workers int
}

func (o *coexistPeople) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.DirectoryOptions.Add(cmd)
	o.UserListOptions.Add(cmd)
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
	f.IntVar(&o.workers, "workers", 0, "how many cores to use for files; 0 is all")
}

// directoryOptions is what the home and the options say about how the directory
// is to be read.
func (o *coexistPeople) directoryOptions(ctx context.Context, home *cmdutil.HomeConfig) (ldapcheck.Options, error) {
	scope, err := o.DirectoryScope()
	if err != nil {
		return ldapcheck.Options{}, err
	}
	lo := ldapcheck.Options{
		Names: home.Names(), Scope: scope, Filter: o.Filter, Partial: scope != directory.Subtree || o.Filter != "" || len(o.Bases) > 0,
		Backends: home.Backends(), Domains: home.Domains(), Tmp: o.tmp,
	}
	if lo.Workers, err = cmdutil.WorkerCount(o.workers); err != nil {
		return lo, err
	}
	lo.CS6, lo.CS7, err = o.stores.ReadServerLists(ctx, &o.UserListOptions, &o.HomeOptions, home)
	return lo, err
}

// census counts the people, and lists those of some sides.
func (o *coexistPeople) census(ctx context.Context, sides []coexist.Side, domain string) (*coexist.CensusResult, bool, error) {
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return nil, false, err
	}
	lo, err := o.directoryOptions(ctx, home)
	if err != nil {
		return nil, false, err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = d.Close() }()
	d.ApplyTo(&lo)
	c, err := coexist.NewCensus(lo, sides, domain)
	if err != nil {
		return nil, false, cmdutil.Usagef("%v", err)
	}
	start := o.now()
	stop := o.console.StartStatus(func() string { return cmdutil.ProgressLine(c.Progress(), d.Source, o.now().Sub(start)) })
	r, err := c.Run(ctx, d.Source)
	stop()
	return r, lo.CS6 != nil, err
}

// verdict says that the answer is about a part, or is doubtful.
func (o *coexistPeople) verdict(r *coexist.CensusResult) error {
	switch {
	case r.Ended != nil:
		return o.reports.Incomplete("not everything was read, and the answer is about a part", r.Ended)
	case r.Unread > 0:
		return o.reports.Incomplete("the answer is about a part",
			fmt.Errorf("records or parts of the tree that could not be read: %d; 'davadmin ldap audit' names them", r.Unread))
	case r.Total.People()+r.Total.Inactive == 0:
		return o.reports.Incomplete("there is no answer", fmt.Errorf("no user and no resource was found; -B names where to begin"))
	}
	return nil
}
