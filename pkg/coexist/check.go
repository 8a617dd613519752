package coexist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/route"
)

// Options describe a deployment. Whatever is nil or empty is unknown, and the rules
// that need it end as not-run.
type Options struct {
	Server *NewServer
	Map    *config.DomainMapInput // of the new server
	Old    *OldServer

	OldPatch   OldPatch
	NewVersion NewVersion

	// Directory says how the directory is read: names, bases, user lists, workers. New
	// sets Rules, Extras, Watch, Times and MarkedOnCS7.
	Directory ldapcheck.Options
	// NoDirectory says why no directory is read; "" if Run is given one.
	NoDirectory string

	Asker Asker // queries the servers; nil to query none
	// Decide returns the side on which the new server sees an address, as route.Decide
	// does; nil if that cannot be determined. It is called only for the users who are
	// queried.
	Decide func(ctx context.Context, address string) (*route.Decision, error)
	// Ask6 and Ask7 are the mail addresses of the users to query; "" means the first
	// user of that side in the directory.
	Ask6, Ask7 string

	// Only contains the rules to run in addition to those about reading the directory;
	// empty means all.
	Only []string

	Now func() time.Time // nil means time.Now
}

// Asker queries a server for free/busy; *ischedule.Client implements it.
type Asker interface {
	FreeBusy(ctx context.Context, url string, q ischedule.Query) (*ischedule.Answer, error)
	GetFreeBusy(ctx context.Context, url string, q ischedule.Query) (*ischedule.Answer, error)
}

// Check is a run of the rules. A Check can be run once.
type Check struct {
	o      Options
	table  []rule
	lines  map[string]mapLine // of the domain map, by domain in A-labels
	noMap  error              // why lines is unknown
	audit  *ldapcheck.Audit   // nil if no directory is read
	counts *partition
	report *ldapcheck.Report
}

// New prepares a check, without reading the directory. Errors are those of
// ldapcheck.New.
func New(o Options) (*Check, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Check{o: o, table: catalogue()}
	c.table = slices.DeleteFunc(c.table, func(r rule) bool {
		return len(o.Only) > 0 && !slices.Contains(o.Only, r.ID) && !slices.ContainsFunc(sourceRules(), func(s rule) bool { return s.ID == r.ID })
	})
	c.readMap()
	c.counts = newPartition(&c.o.Directory, c.lines)
	if o.NoDirectory != "" {
		return c, nil
	}
	d := c.o.Directory
	d.Rules, d.MarkedOnCS7, d.Times = nil, true, true
	for _, r := range c.table {
		switch {
		case r.entries != nil:
			x := r.entries(c)
			x.Rule, x.Kinds = r.Rule, []directory.Kind{directory.User, directory.Resource}
			d.Extras = append(d.Extras, x)
		case r.files == nil && r.late == nil && r.probe == nil:
			d.Rules = append(d.Rules, r.ID)
		}
	}
	d.Watch = c.counts.watch
	var err error
	c.audit, err = ldapcheck.New(d)
	return c, err
}

// Query returns the query that the check sends to a directory.
func (c *Check) Query() directory.Query { return c.audit.Query() }

// Progress returns the progress of the run. It is safe for concurrent use.
func (c *Check) Progress() ldapcheck.Progress {
	if c.audit == nil {
		return ldapcheck.Progress{}
	}
	return c.audit.Progress()
}

// Run runs every rule. src is nil if no directory is read. If the directory could not
// be read to its end, or hides an attribute that the rules need, Run returns no error, and
// the report says so. An error means
// that there is no report. The caller must close the report.
func (c *Check) Run(ctx context.Context, src directory.Source) (*Report, error) {
	r := &Report{c: c, Complete: true}
	r.files = c.runPart(ctx, func(x *rule) func(context.Context, *Check, emitter) error {
		if x.files == nil {
			return nil
		}
		return func(_ context.Context, c *Check, emit emitter) error { return x.files(c, emit) }
	})
	if c.audit != nil {
		var err error
		if c.report, err = c.audit.Run(ctx, src); err != nil {
			return nil, err
		}
		r.entries = c.report
		c.counts.collect(c.report.Watchers())
		r.Complete, r.Ended, r.UnreadList = c.report.Complete, c.report.Ended, c.report.UnreadList
	}
	var hidden *directory.HiddenError
	if errors.As(r.Ended, &hidden) {
		r.hides = hidden.Attribute
		r.late, r.probes = finding.Run(ctx, nil), finding.Run(ctx, nil) // who is where is unknown
		r.finish()
		return r, nil
	}
	late := ctx
	if r.Ended != nil {
		late = context.WithoutCancel(ctx) // the rules still report on the part that was read
	}
	r.late = c.runPart(late, func(x *rule) func(context.Context, *Check, emitter) error { return x.late })
	r.probes = c.runPart(ctx, func(x *rule) func(context.Context, *Check, emitter) error { return x.probe })
	r.finish()
	return r, nil
}

// runPart runs the rules for which part returns a function.
func (c *Check) runPart(ctx context.Context, part func(*rule) func(context.Context, *Check, emitter) error) *finding.Report {
	var checks []finding.Check
	for i := range c.table {
		if run := part(&c.table[i]); run != nil {
			checks = append(checks, finding.Check{Rule: c.table[i].Rule, Run: func(ctx context.Context, emit func(finding.Finding)) error {
				return run(ctx, c, emit)
			}})
		}
	}
	return finding.Run(ctx, checks)
}

// mapLine is the line of a domain in the domain map.
type mapLine struct {
	domain string // in A-labels
	url    string
	line   int
}

// readMap reads the domain map once, because entries are checked by several
// goroutines, and a DomainMap is not safe for concurrent use.
func (c *Check) readMap() {
	in := c.o.Map
	switch {
	case in == nil:
		c.noMap = needHome()
		return
	case errors.Is(in.Err, fs.ErrNotExist):
		c.lines = map[string]mapLine{}
		return
	case in.Err != nil:
		c.noMap = in.Err
		return
	}
	m, err := config.ParseDomainMap(in.Text)
	if err != nil {
		c.noMap = fmt.Errorf("%s: %w", in.Path, err)
		return
	}
	c.lines = map[string]mapLine{}
	for _, e := range m.Effective() {
		if e.Domain != "" && e.URL != "" {
			c.lines[e.Domain] = mapLine{e.Domain, e.URL, e.Line}
		}
	}
}
