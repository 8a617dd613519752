package ldapsite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Numbers of entries of each kind that are looked at more closely.
const (
	asked = 100 // about the attributes that they came without
	tried = 2   // whether they can be changed
)

// triedBranches is the number of parents of entries of each kind below which one more entry is
// tried, because access rules often cover only a part of the tree.
const triedBranches = 20

// reading is what reading everything below the bases found.
type reading struct {
	done    bool
	limited bool // a limit ended it
	count   atomic.Int64
	kinds   map[directory.Kind]int
	samples map[directory.Kind][]string
	parents map[directory.Kind]map[string]bool // those of the samples
	absence *directory.Absence
	names   []string // of the attributes
	results []directory.AttributeAbsence
	told    bool // results are known
}

// accounts returns the kinds of entries that have an account.
func accounts() []directory.Kind {
	return []directory.Kind{directory.User, directory.Group, directory.Resource}
}

// attributesOf returns the attributes that the rules of an audit and the plans need of an
// entry of a kind.
func (t *Test) attributesOf(k directory.Kind) []string {
	n := &t.o.Names
	list := []string{n.UniqueID, n.Mail}
	switch k {
	case directory.User:
		list = append(list, n.UID, n.LocalUserAttr(), n.Store, n.AlternateMail, n.Status, n.UserStatus, n.ServiceAccess)
	case directory.Resource:
		list = append(list, n.UID, n.LocalUserAttr(), n.Store, n.AlternateMail, n.Status, n.ResourceStatus, n.Owner)
	case directory.Group:
		list = append(list, n.Members...)
	}
	return unique(list)
}

// unique returns the list without empty and repeated names, in any case.
func unique(list []string) []string {
	seen := map[string]bool{"": true}
	var out []string
	for _, name := range list {
		if key := strings.ToLower(name); !seen[key] {
			seen[key] = true
			out = append(out, name)
		}
	}
	return out
}

func (t *Test) classesOf(k directory.Kind) []string {
	switch k {
	case directory.Group:
		return t.o.Names.GroupClasses
	case directory.Resource:
		return t.o.Names.ResourceClasses
	}
	return t.o.Names.UserClasses
}

// search reads everything below the bases, as an audit does.
func (t *Test) search(ctx context.Context, emit func(finding.Finding)) error {
	if err := t.needBase(); err != nil {
		return err
	}
	r := &t.reading
	for _, k := range accounts() {
		r.names = append(r.names, t.attributesOf(k)...)
	}
	r.names = unique(r.names)
	q := directory.Query{Bases: t.bases, Attributes: r.names}
	expected := map[directory.Kind]uint64{}
	// An entry of several kinds is a resource before it is a group, as in an audit.
	for _, k := range []directory.Kind{directory.Resource, directory.Group, directory.User} {
		expected[k] = t.mask(t.attributesOf(k))
		q.Selections = append(q.Selections, directory.Selection{Kind: k, Classes: t.classesOf(k), Attributes: expected[k]})
	}
	t.restart()
	err := directory.Read(ctx, t.o.Directory, q, directory.Handlers{
		Entry:   func(e *directory.Entry) error { t.note(e, expected[e.Kind]); return nil },
		Problem: func(*directory.Problem) error { return nil }, // the audit reports them
		Restart: func(*directory.RestartError) error { t.restart(); return nil },
	})
	limit, limited := errors.AsType[*directory.LimitError](err)
	if err != nil && !limited {
		return err
	}
	r.done, r.limited = true, limited
	if limited {
		emit(finding.Finding{Detail: err.Error(), Fix: limitFix(limit)})
	}
	return nil
}

// mask returns the bit set of attributes.
func (t *Test) mask(list []string) (set uint64) {
	for i, have := range t.reading.names {
		for _, name := range list {
			if strings.EqualFold(have, name) {
				set |= 1 << i
			}
		}
	}
	return set
}

func (t *Test) restart() {
	r := &t.reading
	r.count.Store(0)
	r.kinds, r.samples, r.parents = map[directory.Kind]int{}, map[directory.Kind][]string{}, map[directory.Kind]map[string]bool{}
	r.absence = directory.NewAbsence(r.names, t.o.Directory.ContextsOf(t.bases))
}

// note records an entry.
func (t *Test) note(e *directory.Entry, expected uint64) {
	if e.Kind == directory.Other {
		return
	}
	r := &t.reading
	r.count.Add(1)
	r.kinds[e.Kind]++
	var have uint64
	for _, v := range e.Values {
		have |= 1 << v.Attr
	}
	lacking := expected &^ have
	if r.kinds[e.Kind] > asked {
		lacking = 0
	}
	r.absence.Note(e.DN, have, lacking)
	if parents := r.parents[e.Kind]; len(r.samples[e.Kind]) < tried || len(parents) < triedBranches && !parents[string(parentOf(e.DN))] {
		if parents == nil {
			parents = map[string]bool{}
			r.parents[e.Kind] = parents
		}
		parents[string(parentOf(e.DN))] = true
		r.samples[e.Kind] = append(r.samples[e.Kind], string(e.DN))
	}
}

// parentOf returns what follows the first comma of a DN that is not escaped (RFC 4514 section
// 2.4). In a DN with quotes, it may be a part of the first RDN.
func parentOf(dn []byte) []byte {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case ',':
			return dn[i+1:]
		}
	}
	return nil
}

func (t *Test) pages(_ context.Context, emit func(finding.Finding)) error {
	switch {
	case t.o.PageSize == 0:
		return finding.NotApplicable("no pages are requested")
	case !t.o.Directory.RootDSE().Paging:
		emit(finding.Finding{Detail: "the server does not support paged results, so everything is requested at once"})
		return nil
	case !t.reading.done:
		return finding.NotApplicable("nothing could be read")
	case t.reading.limited:
		return finding.NotApplicable("a limit ends the search whatever the size of a page")
	}
	if size := t.o.Directory.PageSize(); size < t.o.PageSize {
		what := fmt.Sprintf("pages of %d", size)
		if size == 0 {
			what = "everything at once"
		}
		emit(finding.Finding{
			Detail: fmt.Sprintf("a limit of the server does not allow pages of %d entries; commands request %s instead", t.o.PageSize, what),
			Fix:    finding.Do(finding.FixCommand, finding.Task{Do: finding.ReducePages, Number: size}),
		})
	}
	return nil
}

func (t *Test) people(_ context.Context, emit func(finding.Finding)) error {
	if !t.reading.done {
		return finding.NotApplicable("nothing could be read")
	}
	if t.reading.kinds[directory.User] == 0 && !t.reading.limited {
		emit(finding.Finding{DN: t.bases, Detail: fmt.Sprintf("there is no entry with the object class %s (%d groups and %d resources were found)",
			strings.Join(t.o.Names.UserClasses, " or "), t.reading.kinds[directory.Group], t.reading.kinds[directory.Resource])})
	}
	return nil
}

func (t *Test) schema(ctx context.Context, emit func(finding.Finding)) error {
	n := &t.o.Names
	var attributes, classes []string
	for _, k := range accounts() {
		attributes, classes = append(attributes, t.attributesOf(k)...), append(classes, t.classesOf(k)...)
	}
	missing, err := t.o.Directory.MissingFromSchema(ctx, unique(attributes), unique(append(classes, n.UniqueIDClass)))
	switch {
	case errors.Is(err, directory.ErrHidden):
		return finding.NotApplicable("the server does not show its schema to the bind DN")
	case err != nil:
		return err
	}
	for _, name := range missing {
		emit(finding.Finding{Attribute: name, Detail: name + " is not in the schema of the server"})
	}
	return nil
}

// tell asks the server about attributes that entries came without, once.
func (t *Test) tell(ctx context.Context) error {
	switch r := &t.reading; {
	case !r.done:
		return finding.NotApplicable("nothing could be read")
	case r.count.Load() == 0:
		return finding.NotApplicable("there is no entry of a user, group or resource")
	case r.told:
		return nil
	}
	var err error
	t.reading.results, err = t.reading.absence.Ask(ctx, t.o.Prove)
	t.reading.told = err == nil
	return err
}

func (t *Test) hidden(ctx context.Context, emit func(finding.Finding)) error {
	if err := t.tell(ctx); err != nil {
		return err
	}
	var names []string
	for i := range t.reading.results {
		if a := &t.reading.results[i]; a.Result == directory.AbsenceContradicted {
			names = append(names, a.Attribute)
		}
	}
	for i := range t.reading.results {
		a := &t.reading.results[i]
		if a.Result != directory.AbsenceContradicted {
			continue
		}
		f := finding.Finding{Attribute: a.Attribute, Detail: a.Hidden.Error()}
		if names != nil && a.Hidden.As == "" { // one rule for all of them is enough
			f.Fix, names = t.accessFix(names, "read", "read,search,compare"), nil
		}
		emit(f)
	}
	return nil
}

func (t *Test) unseen(ctx context.Context, emit func(finding.Finding)) error {
	if err := t.tell(ctx); err != nil {
		return err
	}
	var names []string
	for i := range t.reading.results {
		a := &t.reading.results[i]
		switch {
		case a.Result != directory.AbsenceNotProven:
		case a.Err != nil:
			emit(finding.Finding{Attribute: a.Attribute, Detail: a.Describe(t.o.BindDN)})
		default:
			names = append(names, a.Attribute)
		}
	}
	if len(names) > 0 {
		emit(finding.Finding{
			Detail: "no entry shows a value of " + strings.Join(names, ", ") + ": either no entry has one, or the bind DN may not read it",
			Fix:    finding.Do(finding.FixCommand, finding.Task{Do: finding.ProveAbsence}),
		})
	}
	return nil
}
