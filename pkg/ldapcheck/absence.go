package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// NotExportedError is returned for files without any value of a unique id that the
// directory server itself gives to every entry. They were exported without operational
// attributes, which have to be requested.
type NotExportedError struct{ Attribute string }

// Error names the attribute, and how it can be exported.
func (e *NotExportedError) Error() string {
	return fmt.Sprintf("no entry of the files has a value of %s, which the directory server gives to every entry: they were exported without operational attributes (request %s by name, or '+')", e.Attribute, e.Attribute)
}

// expectAttributes sets, for each kind of entry, the attributes whose absence matters.
func (a *Audit) expectAttributes() {
	if a.o.Prove == nil {
		return
	}
	// Every entry has the first two. An entry without the mark of a conflict is an
	// ordinary one, as nearly all are; the DN of the others shows it as well.
	always := a.fields.mask(rolesOf(roleClass, roleModified, roleConflict))
	for _, kind := range directory.Kinds() {
		a.expected[kind] = a.fields.mask(a.kindNeeds(kind)) &^ always
	}
}

// noteAbsence records which attributes the entry has, and which it came without.
func (w *worker) noteAbsence(e *directory.Entry) {
	var have uint64
	for _, v := range e.Values {
		have |= 1 << v.Attr
	}
	lacking := w.a.expected[e.Kind] &^ have
	if e.Kind == directory.Domain && lacking != w.a.expected[e.Kind] {
		lacking = 0 // one of the attributes is enough to represent a domain
	}
	w.absence.Note(e.DN, have, lacking)
}

// contexts returns the naming contexts that are read; "" stands for an unknown one.
func (a *Audit) contexts() []string {
	if a.o.Prove == nil || len(a.o.Prove.Contexts) == 0 {
		return []string{""}
	}
	return a.o.Prove.Contexts
}

// isShown reports whether the unique id is visible in every naming context. If the
// query is narrow, nothing else shows whether it can be read: a server also returns no
// entries without the attribute if its schema lacks the attribute, or if it hides the
// attribute from the bind DN.
func (a *Audit) isShown(ctx context.Context) bool {
	for _, name := range a.contexts() {
		visible, err := a.o.Server.ShowsAttribute(ctx, name, a.o.Names.UniqueID)
		if err != nil || !visible {
			return false
		}
	}
	for _, w := range a.workers {
		for _, name := range a.contexts() {
			if w.absence != nil {
				w.absence.See(name, a.fields.mask(rolesOf(roleID)))
			}
		}
	}
	return true
}

// proveAbsence finds out whether the attributes that entries came without are absent.
// The error is why the report is incomplete: an attribute is hidden, or ctx ended.
func (a *Audit) proveAbsence(ctx context.Context) error {
	if err := a.requireExported(); err != nil {
		return err
	}
	if a.o.Prove == nil {
		return nil
	}
	all := a.workers[0].absence
	for _, w := range a.workers[1:] {
		all.Merge(w.absence)
	}
	a.enter("asking about absent attributes")
	var err error
	if a.absent, err = all.Ask(ctx, a.o.Prove); err != nil {
		return &directory.IncompleteError{What: "asking about absent attributes", Entries: a.seen(), Err: err}
	}
	for i := range a.absent {
		if a.absent[i].Result == directory.AbsenceContradicted {
			a.drop(a.absent[i].Attribute)
		}
	}
	if hidden := directory.FirstHidden(a.absent); hidden != nil {
		return hidden
	}
	return nil
}

// requireExported returns an error if the files lack a unique id that every entry of a
// directory has.
func (a *Audit) requireExported() error {
	id := a.o.Names.UniqueID
	if a.o.Server != nil || !config.IsOperationalAttribute(id) || !a.wanted().has(roleID) {
		return nil
	}
	entries := 0
	for _, w := range a.workers {
		if w.idSeen {
			return nil
		}
		for _, kind := range people() {
			entries += w.kinds[kind]
		}
	}
	if entries == 0 {
		return nil
	}
	a.drop(id)
	return &NotExportedError{id}
}

// drop discards the findings of the rules that conclude something from the absence of
// an attribute that is hidden.
func (a *Audit) drop(attribute string) {
	var hidden roles
	for i, name := range a.fields.names {
		if name == attribute {
			hidden |= a.fields.roles[i]
		}
	}
	for n := range a.table {
		if a.table[n].lacking&hidden == 0 {
			continue
		}
		a.dropped[n] = fmt.Sprintf("%s cannot be read", attribute)
		for _, w := range a.workers {
			w.counts[n] = [finding.Error + 1]int{}
		}
	}
}

// addAbsence records a finding about each attribute that is hidden, and one about those that
// may be: in most directories, some optional attributes have no value at all.
func (a *Audit) addAbsence(w *worker) {
	for i := range a.absent {
		if r := &a.absent[i]; r.Result == directory.AbsenceContradicted {
			w.add(&fact{rule: ruleIncomplete, pos: uint64(i), value: []byte(r.Attribute), other: []byte(r.Hidden.Error())})
		}
	}
	unproven := directory.Unproven(a.absent)
	if len(unproven) == 0 {
		return
	}
	names := make([]string, len(unproven))
	for i := range unproven {
		names[i] = unproven[i].Attribute
	}
	w.add(&fact{rule: ruleAbsence, value: []byte(strings.Join(names, ", ")), other: []byte(directory.DescribeUnproven(unproven, a.o.Prove.BindDN))})
}

// isHidden reports whether the reading ended because an attribute is hidden.
func isHidden(err error) bool {
	var hidden *directory.HiddenError
	return errors.As(err, &hidden)
}

// Absence returns what is known about the attributes that entries came without. For
// files, and if the reading was stopped, that is nothing.
func (r *Report) Absence() []directory.AttributeAbsence { return r.a.absent }

func needsProver(a *Audit) error {
	if a.o.Prove == nil {
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedLiveDirectory}, "needs a directory server instead of a file")
	}
	return nil
}

func describeAbsence(_ *Audit, f *fact) (string, finding.Fix) {
	fix := finding.Do(finding.FixCommand, finding.Task{Do: finding.ProveAbsence})
	fix.Steps[0].Template = true
	fix.Steps[0].Remark = "as another bind DN, which may read everything, such as the directory manager:"
	return string(f.other), fix
}
