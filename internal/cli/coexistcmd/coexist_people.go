package coexistcmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// coexistPeople contains what the actions share that need to know the users on each server.
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
	lists   cmdutil.ServerLists
}

// newPeople returns the shared parts without options.
func newPeople(f *cmdutil.Factory) coexistPeople {
	return coexistPeople{
		console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook,
		journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores,
	}
}

// add adds the shared options.
func (o *coexistPeople) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.DirectoryOptions.Add(cmd)
	o.AddProof(cmd)
	o.UserListOptions.Add(cmd)
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	f.IntVar(&o.workers, "workers", 0, "number of cores to use for reading files; 0 means all")
}

// directoryOptions returns how to read the directory, from the configuration of the home and
// the options. It sets lists.
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
	lists, err := o.stores.ReadServerLists(ctx, &o.UserListOptions, &o.HomeOptions, home)
	lists.ApplyTo(&lo)
	o.lists = lists
	return lo, err
}

// census counts the users, and records those on the given sides in the given domain; "" means
// all domains. It also reports whether there is a list of the users on the old server.
func (o *coexistPeople) census(ctx context.Context, sides []coexist.Side, domain string) (*coexist.CensusResult, bool, error) {
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return nil, false, err
	}
	lo, err := o.directoryOptions(ctx, home)
	if err == nil {
		err = o.lists.Unread7 // who is on which side depends on all accounts
	}
	if err != nil {
		return nil, false, err
	}
	if len(sides) == 1 && lo.EmptyCS6 && (sides[0] == coexist.OnBoth || sides[0] == coexist.OnNeither) {
		return nil, false, cmdutil.Usagef("--side %s depends on --cs6-list, and the list is empty", sides[0])
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
	if err == nil {
		o.warnUnproven(r.Absence, d.Prove, lo.Names.LocalUserAttr())
	}
	return r, lo.CS6 != nil, err
}

// warnUnproven warns if it is not proven that entries without an attribute really lack it.
func (o *coexistPeople) warnUnproven(list []directory.AttributeAbsence, prove *directory.Prover, names ...string) {
	unproven := slices.DeleteFunc(directory.Unproven(list), func(a directory.AttributeAbsence) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, a.Attribute) })
	})
	if len(unproven) > 0 {
		o.console.Warnf("absence-not-proven: %s; to prove it, use --prove-as DN", directory.DescribeUnproven(unproven, prove.BindDN))
	}
}

// sourceWords returns the options that select the directory, for suggested commands.
func (o *coexistPeople) sourceWords() []string { return sourceWords(&o.DirectoryOptions) }

func sourceWords(o *cmdutil.DirectoryOptions) []string {
	var out []string
	for _, file := range o.Files {
		out = append(out, "--ldif", file)
	}
	return append(out, o.Args()...)
}

// verdict returns an error if the result covers only a part of the directory, or nothing.
func (o *coexistPeople) verdict(r *coexist.CensusResult) error {
	switch {
	case r.Ended != nil:
		return o.reports.Incomplete("not everything was read, so the result is incomplete", r.Ended)
	case r.Unread > 0:
		return o.reports.Incomplete("the result is incomplete",
			fmt.Errorf("records or parts of the tree that could not be read: %d; '%s' lists them", r.Unread, o.hints.Line("ldap", "audit", o.sourceWords()...)))
	case r.Total.People()+r.Total.Inactive == 0:
		return o.reports.Incomplete("there is no result", fmt.Errorf("no user or resource was found; use -B to set the search base"))
	}
	return nil
}
