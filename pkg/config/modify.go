package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Action is the kind of change that a Request asks for.
type Action int

// Actions.
const (
	ActionSet     Action = iota // give the parameter Value; the empty value clears it
	ActionMembers               // remove Remove from the list, then add Add
	ActionUnset                 // remove the parameter from the file, so that its default applies
)

// Request asks for a change of one parameter.
type Request struct {
	Name   string
	Action Action
	Value  string
	Add    []string
	Remove []string
	Where  string // where the request was read, such as "batch.txt:3"; empty for an option
}

// ModifyOptions control how strict Modify is.
type ModifyOptions struct {
	Force  bool // accept names that the registry does not know
	Strict bool // refuse a request that would otherwise cause a warning about a lost list member
}

// Warning is an effect of a modification that may be unintended.
type Warning struct {
	Name string
	Text string
	Hint string
	Lost []string // members that were in the list and that the server needs
	// Missing is an attribute that is not in List, although the server needs it there.
	Missing, List string
	Note          bool // the request was carried out in a way that cannot be wrong
}

// Reasons of a RefusedError for which there is another way to get what was asked
// for. How, depends on the caller.
var (
	// ErrUnknownParameter: the registry does not know the name. With
	// ModifyOptions.Force, Modify sets it anyway.
	ErrUnknownParameter = errors.New("not a known parameter")
	// ErrNotList: ActionMembers needs a list. ActionSet gives the whole value.
	ErrNotList = errors.New("not a list")
	// ErrEmptyValue: the parameter has no empty value. ActionUnset restores its default.
	ErrEmptyValue = errors.New("the value is empty")
	// ErrMembersLost: ModifyOptions.Strict does not allow it.
	ErrMembersLost = errors.New("the list loses members that the server needs")
	// ErrDomainMapped: DomainModify changes the URL.
	ErrDomainMapped = errors.New("the domain is already mapped")
	// ErrDomainNotMapped: only a mapped domain can be modified or deleted.
	ErrDomainNotMapped = errors.New("the domain is not mapped")
	// ErrDomainToCreate: DomainModify was asked for, and DomainCreate can do it. It
	// wraps ErrDomainNotMapped.
	ErrDomainToCreate = fmt.Errorf("%w yet", ErrDomainNotMapped)
)

// RefusedError is returned for a request that cannot be carried out. Its texts
// contain no secret.
type RefusedError struct {
	Name   string // empty where Text names what was refused
	Where  string
	Text   string
	Hint   string
	Reason error // one of the errors above, or nil
}

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Reason }

func (e *RefusedError) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	if e.Name != "" {
		b.WriteString(e.Name + ": ")
	}
	b.WriteString(e.Text)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Effective returns the value that the server uses: the one in the document, or
// the default if the document does not set it.
func (r *Registry) Effective(d *Document, name string) string {
	if v, ok := d.Get(name); ok {
		return v
	}
	if p, ok := r.Lookup(name); ok {
		return p.Default
	}
	return ""
}

// Validate checks requests as Modify does, as far as that is possible without the
// file: names, types, ranges. It returns a *RefusedError for the first invalid
// request.
func (r *Registry) Validate(requests []Request, o ModifyOptions) error {
	seen := map[string]string{}
	for _, q := range requests {
		refuse := func(text, hint string, reason error) error {
			return &RefusedError{Name: q.Name, Where: q.Where, Text: text, Hint: hint, Reason: reason}
		}
		if first, twice := seen[q.Name]; twice {
			if first != "" {
				first = " (first at " + first + ")"
			}
			return refuse("listed twice"+first, "give each parameter only once", nil)
		}
		seen[q.Name] = q.Where
		p, err := r.settable(q, o, refuse)
		if err != nil {
			return err
		}
		if q.Action == ActionMembers && (p == nil || !p.List) {
			return refuse("not a list", "", ErrNotList)
		}
		if q.Action == ActionSet && p != nil {
			value, _ := p.canonical(q.Value)
			if bad := firstError(p.Check(value)); bad != nil {
				var reason error
				if q.Value == "" {
					reason = ErrEmptyValue
				}
				return refuse(bad.Text, bad.Hint, reason)
			}
		}
	}
	return nil
}

// settable returns the parameter of a request, or nil for an unknown one that is
// removed or forced.
func (r *Registry) settable(q Request, o ModifyOptions, refuse func(text, hint string, reason error) error) (*Parameter, error) {
	p, known := r.Lookup(q.Name)
	switch {
	case q.Action == ActionUnset:
		// Anything that is in the file by mistake can be removed.
		return p, nil
	case q.Name == "":
		return nil, refuse("the name of the parameter is empty", "", nil)
	case known && p.File != "":
		return nil, refuse("belongs in "+p.File+", which davadmin does not change", "", nil)
	case strings.Contains(q.Name, "*"):
		return nil, refuse("is the name of a family of parameters", "replace '*' by a name", nil)
	case known, o.Force:
		return p, nil
	}
	hint := ""
	if near, ok := r.Nearest(q.Name); ok {
		hint = "did you mean " + near + "?"
	}
	return nil, refuse("not a known parameter", hint, ErrUnknownParameter)
}

func firstError(problems []Problem) *Problem {
	for i := range problems {
		if problems[i].Severity == finding.Error {
			return &problems[i]
		}
	}
	return nil
}

// resolvedRequest is a request with the values that it leads to.
type resolvedRequest struct {
	Request
	param *Parameter // nil for an unknown one
	old   string     // the value that the server uses now
	value string     // the value that it will use
}

// Modify makes the edits in d that the requests ask for, all or none of them. It
// returns warnings about values whose limits are a guess, and about lists that
// lose a member that the server needs. The error is a *RefusedError; after an
// error, d must be discarded.
func (r *Registry) Modify(d *Document, requests []Request, o ModifyOptions) ([]Warning, error) {
	if err := r.Validate(requests, o); err != nil {
		return nil, err
	}
	resolved := make([]resolvedRequest, 0, len(requests))
	var warnings []Warning
	for _, q := range requests {
		w, warned, err := r.resolve(d, q)
		if err != nil {
			return nil, err
		}
		resolved = append(resolved, w)
		warnings = append(warnings, warned...)
	}
	for _, w := range resolved {
		switch {
		case w.Action == ActionUnset:
			d.Unset(w.Name)
		case w.Action == ActionMembers && w.value == w.old:
			// The default already has the members, so it need not be written out.
		default:
			d.Set(w.Name, w.value)
		}
	}
	// Which attributes the other parameters name is known only now.
	for _, w := range resolved {
		warning, lost := r.lostMembers(d, w)
		if !lost {
			continue
		}
		if o.Strict {
			return nil, &RefusedError{Name: w.Name, Where: w.Where, Text: warning.Text, Reason: ErrMembersLost}
		}
		warnings = append(warnings, warning)
	}
	for _, w := range resolved {
		for _, warning := range r.notFetched(d, w) {
			// A list that has just lost the attribute has its own warning.
			if !slices.ContainsFunc(warnings, func(o Warning) bool { return o.Name == warning.List && contains(o.Lost, warning.Missing, true) }) {
				warnings = append(warnings, warning)
			}
		}
	}
	return warnings, nil
}

// resolve determines the value that a request leads to.
func (r *Registry) resolve(d *Document, q Request) (resolvedRequest, []Warning, error) {
	p, _ := r.Lookup(q.Name)
	w := resolvedRequest{Request: q, param: p, old: r.Effective(d, q.Name), value: q.Value}
	var warnings []Warning
	switch q.Action {
	case ActionMembers:
		var err error
		if w.value, warnings, err = editMembers(p, q, w.old); err != nil {
			return w, nil, err
		}
	case ActionUnset:
		if p != nil {
			w.value = p.Default
		}
		return w, nil, nil
	}
	if p != nil {
		var note string
		if w.value, note = p.canonical(w.value); note != "" {
			warnings = append(warnings, Warning{Name: q.Name, Text: note, Note: true})
		}
		warnings = append(warnings, valueWarnings(p, q.Name, w.value)...)
	}
	return w, warnings, nil
}

func valueWarnings(p *Parameter, name, value string) []Warning {
	var out []Warning
	for _, problem := range p.Check(value) {
		if problem.Severity < finding.Error {
			out = append(out, Warning{Name: name, Text: problem.Text, Hint: problem.Hint})
		}
	}
	return out
}

func editMembers(p *Parameter, q Request, old string) (string, []Warning, error) {
	var warnings []Warning
	value, removed := RemoveFromList(old, q.Remove, p.FoldCase())
	for _, m := range q.Remove {
		for _, word := range SplitList(m) {
			if !contains(removed, word, p.FoldCase()) {
				warnings = append(warnings, Warning{Name: q.Name, Text: fmt.Sprintf("has no member '%s' to remove", word)})
			}
		}
	}
	value, _ = AddToList(value, q.Add, p.FoldCase())
	if bad := firstError(p.Check(value)); bad != nil {
		return "", nil, &RefusedError{Name: q.Name, Where: q.Where, Text: bad.Text, Hint: bad.Hint}
	}
	return value, warnings, nil
}

func contains(list []string, word string, fold bool) bool {
	return slices.ContainsFunc(list, func(w string) bool { return w == word || fold && strings.EqualFold(w, word) })
}

// lostMembers returns a warning if a list loses members that the server needs.
func (r *Registry) lostMembers(d *Document, w resolvedRequest) (Warning, bool) {
	if w.param == nil || !w.param.List {
		return Warning{}, false
	}
	fold := w.param.FoldCase()
	var lost []string
	why := map[string][]string{}
	needed := r.NeededMembers(d, w.Name)
	for _, m := range LostMembers(w.old, w.value, fold) {
		for _, n := range needed {
			if n.Member == m || fold && strings.EqualFold(n.Member, m) {
				lost = append(lost, m)
				why[n.Why] = append(why[n.Why], m)
				break
			}
		}
	}
	if len(lost) == 0 {
		return Warning{}, false
	}
	var words []string
	for _, n := range needed {
		if members, ok := why[n.Why]; ok {
			words = append(words, fmt.Sprintf("%s (%s)", strings.Join(members, " "), n.Why))
			delete(why, n.Why)
		}
	}
	return Warning{Name: w.Name, Lost: lost, Text: "the list loses members that the server needs: " + strings.Join(words, ", ")}, true
}
