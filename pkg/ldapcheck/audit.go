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

// ErrRule is returned for a rule that the catalogue does not have.
var ErrRule = errors.New("no such rule")

// Options say what to audit, and by what.
type Options struct {
	Names Names

	// Rules are ids of rules, or patterns of them with '*' and '?'; none is all.
	// Rules about the reading itself always run.
	Rules []string

	Bases  []string // see directory.Query
	Scope  directory.Scope
	Filter string

	// Part tells that Bases, Scope or Filter leave out a part of the directory.
	Part bool

	// IDPattern is a further form of a unique id that is in order; nil for none.
	IDPattern *regexp.Regexp
	// Backends are the back ends that are configured; nil when that is not known.
	Backends []string
	// Domains are mail domains that there are besides those with an entry.
	Domains []string
	// CS6 and CS7 are the people known to be on the old and the new server; nil
	// when that is not known.
	CS6, CS7 *cs6.PeopleSet

	// MarkedIs7 takes those who are marked, and not on the list of the old server,
	// for people of the new one where CS7 is nil.
	MarkedIs7 bool

	// Extras are run beside the rules of the catalogue, whatever Rules says.
	Extras []Extra
	// Watch makes the Watcher of one worker; nil where nobody watches.
	Watch func() Watcher
	// Times asks for Account.Modified.
	Times bool

	// Server is asked for what only a live directory tells; nil for files.
	Server Server

	// FileName names a file of the source, counted from 0; nil where there are none.
	FileName func(number int) string

	// Workers is how many entries are looked at at once, where the source can
	// give several; 0 means one.
	Workers int
	// Tmp is the directory for temporary files; "" is the system's.
	Tmp string
}

// Audit is a run of the rules that Options choose. It is good for one Run at a
// time.
type Audit struct {
	o     Options
	table []rule
	chose [ruleLimit]bool   // asked for
	idle  [ruleLimit]string // why a rule that was asked for has nothing to look at

	fields    fields
	firstRole []role // of each attribute of the query
	observers [directory.Domain + 1][]func(*worker, *subject)
	query     directory.Query
	partial   bool // the source ended short
	narrowed  bool // the server selects the entries without a unique id

	seed    maphash.Seed
	fixes   fixWriter // of who reads the report
	workers []*worker
	entries atomic.Int64
	phase   atomic.Pointer[string]
}

// New prepares an audit. It reads nothing. The error is ErrRule for a rule that
// does not exist, and otherwise about names that cannot be asked for.
func New(o Options) (*Audit, error) {
	a := &Audit{o: o, table: append(catalogue(), extraRules(o.Extras)...), seed: maphash.MakeSeed()}
	if len(a.table) > ruleLimit {
		return nil, fmt.Errorf("more than %d extra rules", ruleLimit-ruleCount)
	}
	if err := a.choose(); err != nil {
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
	return a, nil
}

// choose marks the rules that Options.Rules name.
func (a *Audit) choose() error {
	for i := range a.table {
		a.chose[i] = len(a.o.Rules) == 0 || a.table[i].source || i >= int(ruleCount)
	}
	for _, pattern := range a.o.Rules {
		matched := false
		for i := range a.table {
			ok, err := path.Match(pattern, a.table[i].ID)
			if err != nil {
				return fmt.Errorf("%w: '%s': %w", ErrRule, pattern, err)
			}
			if ok {
				a.chose[i], matched = true, true
			}
		}
		if !matched {
			return fmt.Errorf("%w: '%s'%s", ErrRule, pattern, a.nearest(pattern))
		}
	}
	for i := range a.table {
		if applies := a.table[i].applies; applies != nil {
			a.idle[i] = applies(a)
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

// runs tells whether a rule was asked for and has something to look at.
func (a *Audit) runs(r ruleNumber) bool { return a.chose[r] && a.idle[r] == "" }

// wanted returns the roles that the rules of this run look at.
func (a *Audit) wanted() roles {
	var s roles
	for i := range a.table {
		if a.runs(ruleNumber(i)) {
			s |= a.table[i].needs
		}
	}
	for _, kind := range people() {
		if a.looksOn(kind) {
			s |= a.o.accountRoles()
		}
	}
	if a.runs(ruleDomainUnknown) {
		s |= rolesOf(rolePreferredDomain, roleAssociatedDomain, roleDomainBase)
	}
	return s
}

// plan makes the query and the observers of each kind.
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

// kindNeeds returns the roles that the rules look at in entries of a kind.
func (a *Audit) kindNeeds(kind directory.Kind) roles {
	if kind == directory.Domain {
		return rolesOf(rolePreferredDomain, roleAssociatedDomain, roleDomainBase)
	}
	var s roles
	for i := range a.table {
		r := &a.table[i]
		if a.runs(ruleNumber(i)) && slices.Contains(r.kinds, kind) {
			s |= r.needs
		}
	}
	if a.looksOn(kind) {
		s |= a.o.accountRoles()
	}
	return s
}

// observersOf returns what is to be done with an entry of a kind, in order.
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
	if a.looksOn(kind) {
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

// needsDNs tells whether it must be known which entries there are.
func (a *Audit) needsDNs() bool {
	return a.runs(ruleMemberDangling) || a.runs(ruleOwnerDangling) || a.runs(ruleEntryRepeated)
}

// narrow lets the server look for the entries without a unique id when nothing
// else is asked: it is several times cheaper than reading all.
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

// widen asks for every entry after all.
func (a *Audit) widen() {
	a.narrowed = false
	for i := range a.query.Selections {
		a.query.Selections[i].Filter = ""
	}
}

// Narrowed tells whether only entries without a unique id are asked for. Such an
// audit does not learn how many others there are.
func (a *Audit) Narrowed() bool { return a.narrowed }

func isAttributeName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == ""
}

// Query returns what the audit asks a source for.
func (a *Audit) Query() directory.Query { return a.query }

// Progress is how far a run is.
type Progress struct {
	Entries int64
	Phase   string // what is being done
}

// Progress may be called by any goroutine while Run works.
func (a *Audit) Progress() Progress {
	p := Progress{Entries: a.entries.Load()}
	if phase := a.phase.Load(); phase != nil {
		p.Phase = *phase
	}
	return p
}

// UniqueID returns the attribute that this audit takes for the unique id.
func (a *Audit) UniqueID() string { return a.o.Names.UniqueID }

// PhaseReading is the Phase in which entries are read.
const PhaseReading = "reading"

func (a *Audit) enter(phase string) { a.phase.Store(&phase) }

// Run reads the source and lets the rules look at it. A source that ends short
// is no error of Run: the report says so, and is about what was read. An error
// means that there is no report, as when the source could not even be opened.
// Close gives back what the report holds.
func (a *Audit) Run(ctx context.Context, src directory.Source) (*Report, error) {
	a.enter(PhaseReading)
	ended, err := a.scan(ctx, src)
	if err == nil && ended == nil && a.narrowed && a.seen() == 0 {
		// A server finds nothing, too, when its schema does not have the attribute
		// or it hides it from whoever is bound.
		if visible, askErr := a.o.Server.ShowsAttribute(ctx, a.o.Names.UniqueID); askErr != nil || !visible {
			a.widen()
			ended, err = a.scan(ctx, src)
		}
	}
	var short *directory.IncompleteError
	if err == nil && ended != nil && !errors.As(ended, &short) {
		err = ended // it had not begun
	}
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	r, err := a.finish(ctx, ended)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return r, nil
}

// seen is how many entries the workers have seen.
func (a *Audit) seen() int {
	n := 0
	for _, w := range a.workers {
		n += w.passed
	}
	return n
}

// scan lets all entries pass. ended is why the source ended short; err is a
// fault of our own.
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

// ended tells a fault of ours from a source that ended short.
func (a *Audit) ended(err error) (ended, own error) {
	for _, w := range a.workers {
		if w.err != nil {
			return nil, w.err
		}
	}
	return err, nil
}

// count tells Progress of an entry, now and then.
func (a *Audit) count(w *worker, e *directory.Entry) {
	const often = 1 << 10
	if e == nil {
		return
	}
	if w.passed++; w.passed%often == 0 {
		a.entries.Add(often)
	}
}

// reset forgets everything and makes n workers.
func (a *Audit) reset(n int) {
	_ = a.close() // temporary files without a name
	a.entries.Store(0)
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
