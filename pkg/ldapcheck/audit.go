package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
)

// ErrRule is returned for a rule that is not in the catalogue.
var ErrRule = errors.New("no such rule")

// Options are the options of an Audit.
type Options struct {
	Names Names

	// Rules are the ids of the rules to run, or patterns of ids with '*' and '?'; none
	// means all. Rules about the reading itself always run.
	Rules []string

	Bases  []string // see directory.Query
	Scope  directory.Scope
	Filter string

	// Partial means that Bases, Scope or Filter exclude a part of the directory.
	Partial bool

	// IDPattern is an additional valid form of a unique id; nil for none.
	IDPattern *regexp.Regexp
	// Backends are the names of the configured back ends; nil if unknown.
	Backends []string
	// Domains are mail domains that exist in addition to those with an entry.
	Domains []string
	// CS6 and CS7 are the people known to be on the old and on the new server; nil if
	// unknown.
	CS6, CS7 *cs6.UserSet
	// EmptyCS6 and EmptyCS7 say that a list was given and had no users, so that CS6 or CS7 is
	// nil: the rules that depend on it are not run for that reason.
	EmptyCS6, EmptyCS7 bool
	// UnreadCS7 says which part of the list of the new server could not be read, and why; ""
	// for none. CS7 is nil then. The rules that depend on it are not run, and the audit is
	// incomplete.
	UnreadCS7 string

	// MarkedOnCS7 means, where CS7 is nil, that people with Names.LocalUserAttr who are
	// not on the list of the old server count as people on the new server.
	MarkedOnCS7 bool

	// Extras run in addition to the rules of the catalogue, regardless of Rules.
	Extras []Extra
	// Watch returns a new Watcher for one worker; nil for none.
	Watch func() Watcher
	// Times requests Account.Modified.
	Times bool

	// Server provides what only a live directory knows; nil for files.
	Server Server
	// Prove is who is asked whether attributes that entries came without are absent or
	// hidden; nil for files.
	Prove *directory.Prover

	// FileName returns the name of a file of the source, counted from 0; nil if the
	// source has no files.
	FileName func(number int) string

	// Workers is how many entries are checked at once, if the source can yield
	// several; 0 means one.
	Workers int
	// Tmp is the directory for temporary files; "" is the system's.
	Tmp string
}

// Audit runs the rules that Options select. It can do one Run at a time.
type Audit struct {
	o        Options
	table    []rule
	selected [ruleLimit]bool
	skip     [ruleLimit]error // why a selected rule has nothing to look at
	lacksCS7 bool             // a selected rule is not run because of Options.UnreadCS7

	fields    fields
	firstRole []role // the first role of each attribute of the query
	observers [directory.Domain + 1][]func(*worker, *subject)
	query     directory.Query
	partial   bool                         // the source ended early
	expected  [directory.Domain + 1]uint64 // attributes whose absence matters, as in fields
	absent    []directory.AttributeAbsence
	dropped   [ruleLimit]string // why the findings of a rule are discarded; "" if they are not
	narrowed  bool              // the server returns only entries without a unique id

	seed    maphash.Seed
	fixes   fixWriter // used only by the goroutine that reads the report
	workers []*worker
	entries atomic.Int64
	phase   atomic.Pointer[string]
}

// New returns an audit. It reads nothing yet. The error is ErrRule for a rule that
// does not exist; other errors are about the number of rules or of attributes.
func New(o Options) (*Audit, error) {
	a := &Audit{o: o, table: append(catalogue(), extraRules(&o)...), seed: maphash.MakeSeed()}
	if len(a.table) > ruleLimit {
		return nil, fmt.Errorf("more than %d extra rules", ruleLimit-ruleCount)
	}
	if err := a.selectRules(); err != nil {
		return nil, err
	}
	wanted := a.wanted()
	a.fields = o.Names.fields(wanted)
	if len(a.fields.names) > directory.MaxAttributes {
		return nil, fmt.Errorf("the configuration names more than %d attributes", directory.MaxAttributes)
	}
	for _, have := range a.fields.roles {
		for r := range roleCount {
			if have.has(r) {
				a.firstRole = append(a.firstRole, r)
				break
			}
		}
	}
	a.plan()
	a.expectAttributes()
	return a, nil
}

// selectRules selects the rules that Options.Rules name.
func (a *Audit) selectRules() error {
	for i := range a.table {
		a.selected[i] = len(a.o.Rules) == 0 || a.table[i].source || i >= int(ruleCount)
	}
	for _, pattern := range a.o.Rules {
		matched := false
		for i := range a.table {
			ok, err := path.Match(pattern, a.table[i].ID)
			if err != nil {
				return fmt.Errorf("%w: '%s': %w", ErrRule, pattern, err)
			}
			if ok {
				a.selected[i], matched = true, true
			}
		}
		if !matched {
			return fmt.Errorf("%w: '%s'%s", ErrRule, pattern, a.nearest(pattern))
		}
	}
	for i := range a.table {
		if applies := a.table[i].applies; applies != nil {
			a.skip[i] = applies(a)
			var unread *unreadListError
			a.lacksCS7 = a.lacksCS7 || a.selected[i] && errors.As(a.skip[i], &unread)
		}
	}
	return nil
}

func (a *Audit) nearest(pattern string) string {
	ids := make([]string, len(a.table))
	for i := range a.table {
		ids[i] = a.table[i].ID
	}
	if near, ok := config.NearestWord(pattern, ids); ok {
		return fmt.Sprintf(" (did you mean '%s'?)", near)
	}
	return ""
}

// runs reports whether a rule was selected and has something to look at.
func (a *Audit) runs(r ruleNumber) bool {
	return a.selected[r] && a.skip[r] == nil && a.dropped[r] == ""
}

// wanted returns the roles of attributes that the rules of this run need.
func (a *Audit) wanted() roles {
	s := rolesOf(roleConflict)
	for i := range a.table {
		if a.runs(ruleNumber(i)) {
			s |= a.table[i].needs
		}
	}
	for _, kind := range people() {
		if a.hasExtra(kind) {
			s |= a.o.accountRoles()
		}
	}
	if a.runs(ruleDomainUnknown) {
		s |= rolesOf(rolePreferredDomain, roleAssociatedDomain, roleDomainBase)
	}
	return s
}

// plan sets the query and the observers of each kind of entry.
func (a *Audit) plan() {
	a.query = directory.Query{
		Bases: a.o.Bases, Scope: a.o.Scope, Filter: a.o.Filter, Attributes: a.fields.names,
		Others: a.needsDNs(),
	}
	for _, kind := range []directory.Kind{directory.Resource, directory.Group, directory.User, directory.Domain} {
		classes := a.o.Names.classesOf(kind)
		if len(classes) == 0 || kind == directory.Domain && !a.runs(ruleDomainUnknown) {
			continue
		}
		a.query.Selections = append(a.query.Selections, directory.Selection{
			Kind: kind, Classes: classes, Attributes: a.fields.mask(a.kindNeeds(kind)), Everywhere: kind == directory.Domain,
		})
	}
	for _, kind := range directory.Kinds() {
		a.observers[kind] = a.observersOf(kind)
	}
	a.narrow()
}

func (a *Audit) fileName(number int) string {
	if a.o.FileName == nil {
		return ""
	}
	return a.o.FileName(number)
}

// kindNeeds returns the roles of attributes that the rules need in entries of a kind.
func (a *Audit) kindNeeds(kind directory.Kind) roles {
	if kind == directory.Domain {
		return rolesOf(rolePreferredDomain, roleAssociatedDomain, roleDomainBase)
	}
	if !slices.Contains(people(), kind) {
		return 0
	}
	s := rolesOf(roleConflict)
	for i := range a.table {
		r := &a.table[i]
		if a.runs(ruleNumber(i)) && slices.Contains(r.kinds, kind) {
			s |= r.needs
		}
	}
	if a.hasExtra(kind) {
		s |= a.o.accountRoles()
	}
	return s
}

// observersOf returns the functions to call for an entry of a kind, in order.
func (a *Audit) observersOf(kind directory.Kind) []func(*worker, *subject) {
	var list []func(*worker, *subject)
	if (kind == directory.User || kind == directory.Resource) && (a.o.CS6 != nil || a.o.CS7 != nil) {
		list = append(list, (*worker).listed)
	}
	account := slices.Contains(people(), kind)
	if account && (a.runs(ruleDuplicate) || a.runs(ruleCollision) || a.runs(ruleMailDuplicate)) || a.runs(ruleEntryRepeated) {
		list = append(list, (*worker).remember)
	}
	if a.needsDNs() {
		list = append(list, (*worker).rememberDN)
	}
	if a.hasExtra(kind) {
		list = append(list, (*worker).show)
	}
	if kind == directory.Domain {
		list = append(list, observeDomainEntry)
	}
	for i := range a.table {
		r := &a.table[i]
		if r.observe != nil && a.runs(ruleNumber(i)) && slices.Contains(r.kinds, kind) {
			list = append(list, r.observe)
		}
	}
	return list
}

// needsDNs reports whether the DNs of all entries must be recorded.
func (a *Audit) needsDNs() bool {
	return a.runs(ruleMemberDangling) || a.runs(ruleOwnerDangling) || a.runs(ruleEntryRepeated)
}

// narrow makes the server search for entries without a unique id if no other rule
// runs, which is several times cheaper than reading all entries.
func (a *Audit) narrow() {
	if a.o.Watch != nil || a.o.Server == nil || !isAttributeName(a.o.Names.UniqueID) || !a.runs(ruleMissing) {
		return
	}
	for i := range a.table {
		if a.runs(ruleNumber(i)) && !a.table[i].source && ruleNumber(i) != ruleMissing {
			return
		}
	}
	a.narrowed = true
	for i := range a.query.Selections {
		a.query.Selections[i].Filter = "(!(" + a.o.Names.UniqueID + "=*))"
	}
}

// widen reverts narrow: the query is for every entry.
func (a *Audit) widen() {
	a.narrowed = false
	for i := range a.query.Selections {
		a.query.Selections[i].Filter = ""
	}
}

// Narrowed reports whether the query is only for entries without a unique id. Then
// the audit does not learn how many other entries exist.
func (a *Audit) Narrowed() bool { return a.narrowed }

func isAttributeName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}

// Query returns the query with which the audit reads a source.
func (a *Audit) Query() directory.Query { return a.query }

// Progress is the progress of a run.
type Progress struct {
	Entries int64
	Phase   string // what is being done
}

// Progress returns the progress of Run. It may be called by any goroutine.
func (a *Audit) Progress() Progress {
	p := Progress{Entries: a.entries.Load()}
	if phase := a.phase.Load(); phase != nil {
		p.Phase = *phase
	}
	return p
}

// UniqueID returns the attribute that contains the unique id.
func (a *Audit) UniqueID() string { return a.o.Names.UniqueID }

// PhaseReading is the phase in which entries are read.
const PhaseReading = "reading"

func (a *Audit) enter(phase string) { a.phase.Store(&phase) }

// Run reads the source and applies the rules. A source that ends early is not an
// error of Run: the report says so, and covers what was read. The same applies to an
// attribute that the rules need and the server hides (*directory.HiddenError). An error means that
// there is no report, for example because the source could not be opened. The
// caller must close the report.
func (a *Audit) Run(ctx context.Context, src directory.Source) (*Report, error) {
	a.enter(PhaseReading)
	ended, err := a.scan(ctx, src)
	if err == nil && ended == nil && a.narrowed && !a.isShown(ctx) {
		a.widen()
		ended, err = a.scan(ctx, src)
	}
	var short *directory.IncompleteError
	if err == nil && ended != nil && !errors.As(ended, &short) {
		err = ended // the source could not begin
	}
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	if ended == nil {
		ended = a.proveAbsence(ctx)
	}
	r, err := a.finish(ctx, ended)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return r, nil
}

// seen returns how many entries the workers have seen.
func (a *Audit) seen() int {
	n := 0
	for _, w := range a.workers {
		n += w.passed
	}
	return n
}

// scan passes all entries to the workers. ended is why the source ended early; err
// is an error of the audit itself.
func (a *Audit) scan(ctx context.Context, src directory.Source) (ended, err error) {
	a.reset(max(1, a.o.Workers))
	if s, ok := src.(directory.Scanner); ok && len(a.workers) > 1 {
		ended = s.Scan(ctx, a.query, len(a.workers), func(n int, e *directory.Entry, p *directory.Problem) error {
			w := a.workers[n]
			if err := w.observe(e, p); err != nil {
				return err
			}
			a.count(w, e)
			return nil
		})
		return a.ended(ended)
	}
	a.reset(1)
	return a.ended(directory.Read(ctx, src, a.query, directory.Handlers{
		Entry: func(e *directory.Entry) error {
			w := a.workers[0]
			if err := w.observe(e, nil); err != nil {
				return err
			}
			a.count(w, e)
			return nil
		},
		Problem: func(p *directory.Problem) error { return a.workers[0].observe(nil, p) },
		Restart: func(*directory.RestartError) error {
			a.reset(1)
			return nil
		},
	}))
}

// ended returns err as an error of the source, or, if a worker failed, the error of
// that worker as our own.
func (a *Audit) ended(err error) (ended, own error) {
	for _, w := range a.workers {
		if w.err != nil {
			return nil, w.err
		}
	}
	return err, nil
}

// count updates Progress, once for many entries.
func (a *Audit) count(w *worker, e *directory.Entry) {
	const often = 1 << 10
	if e == nil {
		return
	}
	if w.passed++; w.passed%often == 0 {
		a.entries.Add(often)
	}
}

// reset discards everything and creates n workers.
func (a *Audit) reset(n int) {
	_ = a.close() // unlinked temporary files
	a.entries.Store(0)
	a.absent, a.dropped = nil, [ruleLimit]string{}
	a.workers = make([]*worker, n)
	for i := range a.workers {
		a.workers[i] = a.newWorker(i)
		if a.o.Watch != nil {
			a.workers[i].watcher = a.o.Watch()
		}
	}
}

func (a *Audit) close() error {
	var errs []error
	for _, w := range a.workers {
		errs = append(errs, w.close())
	}
	a.workers = nil
	return errors.Join(errs...)
}
