package ldapcmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapsite"
)

// ldapTest is the action 'ldap test'.
type ldapTest struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	global      *cmdutil.Globals
	hints       *cmdutil.Hints
	now         func() time.Time
	reports     *cmdutil.Reports
	cmdutil.DirectoryOptions
	cmdutil.FindingOptions
	cmdutil.RuleOptions
}

func newLDAPTest(f *cmdutil.Factory) *cobra.Command {
	o := newTest(f)
	cmd := &cobra.Command{
		Use:   "test [-H HOST ...] [-B BASE] [--rules LIST]",
		Short: "test the connection, the limits and the rights of the bind DN",
		Long: `Tests whether the directory is set up for davadmin, and is the first command to use with
a new directory: the connection and the certificate, the bind, the base DNs, the limits
of searches and pages, the attributes that the bind DN can read, and those that it may
change. Each finding says what to change on the server.

Nothing is changed. All users, groups and resources are read, as by 'ldap audit'. To
find out whether the bind DN may change an attribute, the test asks the server to delete
a random value that no entry has; the server answers whether it would be allowed. With
--dry-run, it does not ask. 'ldap rules --test' lists the rules, and --rules runs only
some of them; the entries are then read only if a rule needs them.

The exit code is 5 if no server can be reached or the bind is refused, 1 if the test
could not be completed, and 3 if there is a finding at or above --fail-on. That the bind
DN may not change entries is only a warning, because an audit does not need that.`,
		Example: `  davadmin ldap test --home /opt/sun/comms/davserver
  davadmin ldap test -H ldap1 -H ldap2 --starttls --ca-file ca.pem -D uid=reader,o=isp --password-file pw
  davadmin ldap test -H ldaps://ldap1 --ca-file ca.pem -D uid=admin,o=isp -B o=isp --fail-on warning
  davadmin ldap test --rules 'certificate-*,bind-named,attributes-writable'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.AddLive(cmd)
	o.AddProof(cmd)
	o.AddRules(cmd, f.Hints, "ldap", ldapsite.Rules, "--test")
	o.FindingOptions.Add(cmd)
	return cmd
}

func (o *ldapTest) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
	if err != nil {
		return err
	}
	only, err := o.Select(ldapsite.Rules())
	if err != nil {
		return err
	}
	c, err := o.examine(ctx, only)
	if err != nil {
		return err
	}
	next := func(r *cmdutil.FindingReport, _ int) string { return o.next(r, c.Ended) }
	return o.reports.Conclude(format, failOn, c.Report, cmdutil.FindingTable{All: true, Next: next}, "test", c.Ended)
}

// TestSite runs 'ldap test' as a part of another command. The directory is that of the
// options, or that of the home.
func TestSite(ctx context.Context, f *cmdutil.Factory, options cmdutil.DirectoryOptions) (*cmdutil.Checked, error) {
	o := newTest(f)
	o.DirectoryOptions = options
	return o.examine(ctx, nil)
}

// newTest returns a test without options.
func newTest(f *cmdutil.Factory) *ldapTest {
	return &ldapTest{console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, now: f.Now, reports: f.Reports}
}

// examine connects to the directory and runs the rules in only, or all.
func (o *ldapTest) examine(ctx context.Context, only []string) (*cmdutil.Checked, error) {
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return nil, err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	options := ldapsite.Options{
		Directory: d.Live, Prove: d.Prove, BindDN: d.Options.BindDN, External: d.Options.External, Insecure: d.Options.Insecure, Only: only,
		Local: directory.IsLocalURL(d.Live.Name()), PageSize: d.Options.PageSize, Bases: d.Bases, BasesFrom: d.BasesFrom, Names: home.Names(), Now: o.now,
	}
	if !o.global.DryRun {
		one := d.Options
		one.URLs = []string{d.Live.Name()}
		options.Changer = func(ctx context.Context) (*directory.Changer, error) { return directory.OpenChanger(ctx, one) }
	}
	if len(only) == 0 || slices.Contains(only, "server-reachable") {
		if options.Others, err = otherServers(ctx, d); err != nil {
			return nil, err
		}
	}
	return o.test(ctx, ldapsite.New(options), d.Live.Name()), nil
}

// test runs the test and shows its progress.
func (o *ldapTest) test(ctx context.Context, t *ldapsite.Test, server string) *cmdutil.Checked {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		return fmt.Sprintf("testing: %d entries, %.0f per second", t.Read(), float64(t.Read())/max(o.now().Sub(start).Seconds(), 0.001))
	})
	r, failed := t.Run(ctx)
	stop()
	return &cmdutil.Checked{Report: cmdutil.ReportOf("davadmin.ldap.test.1", r, server, o.now().Sub(start)), Ended: failed}
}

// next returns what to do after the test.
func (o *ldapTest) next(r *cmdutil.FindingReport, failed error) string {
	if failed != nil || r.Any && r.Worst == finding.Error {
		return "repair what is reported as an error, and run the test again"
	}
	return o.hints.Line("ldap", "audit", o.Args()...)
}

// otherServers connects to each server of the list except the one that is in use.
func otherServers(ctx context.Context, d *cmdutil.OpenDirectory) ([]ldapsite.Other, error) {
	var out []ldapsite.Other
	for _, url := range d.Options.URLs {
		if directory.SameServer(url, d.Live.Name()) {
			continue
		}
		one := d.Options
		one.URLs, one.Note = []string{url}, nil
		other := ldapsite.Other{URL: url}
		live, err := directory.Open(ctx, one)
		if ctx.Err() != nil {
			return nil, err
		}
		if other.Err = err; err == nil {
			_ = live.Close()
		}
		out = append(out, other)
	}
	return out, nil
}
