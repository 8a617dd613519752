package account

import (
	"context"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// proof finds out whether attributes that entries came without are hidden. A nil proof,
// for files, does nothing.
type proof struct {
	by       *directory.Prover
	absence  *directory.Absence
	expected uint64 // the attributes that matter, as in the query
}

// newProof returns a proof for the entries of a query.
func (d *Directory) newProof(q *directory.Query) *proof {
	if d.Prove == nil {
		return nil
	}
	p := &proof{by: d.Prove, absence: directory.NewAbsence(q.Attributes, d.Prove.Contexts)}
	a := &d.Attributes
	for i, name := range q.Attributes {
		if slices.ContainsFunc([]string{a.UniqueID, a.Mail, a.Alternate, a.Local, a.Store}, func(needed string) bool { return strings.EqualFold(needed, name) }) {
			p.expected |= 1 << i
		}
	}
	return p
}

// note records what an entry came without.
func (p *proof) note(e *directory.Entry) {
	if p == nil {
		return
	}
	var have uint64
	for _, v := range e.Values {
		have |= 1 << v.Attr
	}
	expected := p.expected
	if e.Kind == directory.Other {
		expected = 0
	}
	p.absence.Note(e.DN, have, expected&^have)
}

// ask returns what is known about the attributes. The error is a
// *directory.HiddenError if one is hidden.
func (p *proof) ask(ctx context.Context) ([]directory.AttributeAbsence, error) {
	if p == nil {
		return nil, nil
	}
	absent, err := p.absence.Ask(ctx, p.by)
	if err != nil {
		return nil, err
	}
	if hidden := directory.FirstHidden(absent); hidden != nil {
		return nil, hidden
	}
	return absent, nil
}

// requireProven returns a *directory.UnprovenError if it is not proven that entries
// without an attribute really lack it.
func (d *Directory) requireProven(entries *Entries, attribute string) error {
	for _, a := range entries.absent {
		if a.Result == directory.AbsenceNotProven && strings.EqualFold(a.Attribute, attribute) {
			return &directory.UnprovenError{Absence: a, BindDN: d.Prove.BindDN}
		}
	}
	return nil
}
