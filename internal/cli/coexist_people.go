package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// coexistPeople is what the commands about who is on which server share.
type coexistPeople struct {
	*App
	ldapOptions
	listOptions
	tmp     string
	workers int
}

func (o *coexistPeople) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.ldapOptions.add(cmd)
	o.listOptions.add(cmd)
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
	f.IntVar(&o.workers, "workers", 0, "how many cores to use for files; 0 is all")
}

// directoryOptions is what the home and the options say about how the directory
// is to be read.
func (o *coexistPeople) directoryOptions(ctx context.Context, home *ldapHome) (ldapcheck.Options, error) {
	scope, err := o.directoryScope()
	if err != nil {
		return ldapcheck.Options{}, err
	}
	lo := ldapcheck.Options{
		Names: home.names(), Scope: scope, Filter: o.filter, Partial: scope != directory.Subtree || o.filter != "" || len(o.bases) > 0,
		Backends: home.backends(), Domains: home.domains(), Tmp: o.tmp,
	}
	if lo.Workers, err = workerCount(o.workers); err != nil {
		return lo, err
	}
	lo.CS6, lo.CS7, err = o.readPeople(ctx, &o.listOptions, &o.homeOptions, home)
	return lo, err
}

// tabbed is a line of plain output: cells parted by tabs, of which they hold
// none.
func tabbed(cells []string) string {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = ui.Sanitize(c)
	}
	return strings.Join(safe, "\t")
}

// attach makes options fit the directory that was opened.
func (d *opened) attach(lo *ldapcheck.Options) {
	lo.Bases, lo.FileName = d.bases, d.fileName
	if d.live != nil {
		lo.Server = d.live
		lo.Partial = lo.Scope != directory.Subtree || lo.Filter != "" || !d.live.Covers(d.bases)
	}
}

// census counts the people, and lists those of some sides.
func (o *coexistPeople) census(ctx context.Context, sides []coexist.Side, domain string) (*coexist.CensusResult, bool, error) {
	home, err := o.findLDAPHome(ctx, &o.homeOptions)
	if err != nil {
		return nil, false, err
	}
	lo, err := o.directoryOptions(ctx, home)
	if err != nil {
		return nil, false, err
	}
	d, err := o.openDirectory(ctx, &o.ldapOptions, home)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = d.close() }()
	d.attach(&lo)
	c, err := coexist.NewCensus(lo, sides, domain)
	if err != nil {
		return nil, false, usagef("%v", err)
	}
	start := o.Now()
	stop := o.startStatus(func() string { return progressLine(c.Progress(), d.source, o.Now().Sub(start)) })
	r, err := c.Run(ctx, d.source)
	stop()
	return r, lo.CS6 != nil, err
}

// verdict says that the answer is about a part, or is doubtful.
func (o *coexistPeople) verdict(r *coexist.CensusResult) error {
	switch {
	case r.Ended != nil:
		return o.endedShort("not everything was read, and the answer is about a part", r.Ended)
	case r.Unread > 0:
		return o.endedShort("the answer is about a part",
			fmt.Errorf("records or parts of the tree that could not be read: %d; 'davadmin ldap audit' names them", r.Unread))
	case r.Total.People()+r.Total.Inactive == 0:
		return o.endedShort("there is no answer", fmt.Errorf("no user and no resource was found; -B names where to begin"))
	}
	return nil
}
