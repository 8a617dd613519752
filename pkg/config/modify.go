package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Action is what a Request asks for.
type Action int

// Actions.
const (
	ActionSet     Action = iota // give the parameter Value; the empty value clears it
	ActionMembers               // take Remove out of the list, then add Add
	ActionUnset                 // take the parameter out of the file: the default holds
)

// Request is one wish for one parameter.
type Request struct {
	Name   string
	Action Action
	Value  string
	Add    []string
	Remove []string
	Where  string // where the request was read, such as "batch.txt:3"; empty for an option
}

// ModifyOptions say how strict Modify is.
type ModifyOptions struct {
	Force  bool // take names that the registry does not know
	Strict bool // refuse what would otherwise be a warning about a lost list member
}

// Warning is something that a modification does and that may not be wanted.
type Warning struct {
	Name string
	Text string
	Hint string
	Lost []string // members that the list had and the server needs
}

// RefusedError is returned for a request that cannot be carried out. Its texts
// hold no secret.
type RefusedError struct {
	Name  string // empty where Text names what was refused
	Where string
	Text  string
	Hint  string
}

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

// Effective returns the value that the server works with: the one in the
// document, else the default.
func (r *Registry) Effective(d *Document, name string) string {
	if v, ok := d.Get(name); ok {
		return v
	}
	if p, ok := r.Lookup(name); ok {
		return p.Default
	}
	return ""
}

// Validate looks at requests as far as that is possible without the file, in
// the way Modify does: names, types, ranges. It returns a *RefusedError for the
// first that is wrong.
func (r *Registry) Validate(requests []Request, o ModifyOptions) error {
	seen := map[string]string{}
	for _, q := range requests {
		refuse := func(text, hint string) error {
			return &RefusedError{Name: q.Name, Where: q.Where, Text: text, Hint: hint}
		}
		if first, twice := seen[q.Name]; twice {
			if first != "" {
				first = " (first at " + first + ")"
			}
			return refuse("named twice"+first, "give each parameter once")
		}
		seen[q.Name] = q.Where
		p, err := r.settable(q, o, refuse)
		if err != nil {
			return err
		}
		if q.Action == ActionMembers && (p == nil || !p.List) {
			return refuse("not a list", "give the whole value with -v")
		}
		if q.Action == ActionSet && p != nil {
			if bad := firstError(p.Check(q.Value)); bad != nil {
				return refuse(bad.Text, bad.Hint)
			}
		}
	}
	return nil
}

// settable finds the parameter; nil for an unknown one that is forced.
func (r *Registry) settable(q Request, o ModifyOptions, refuse func(text, hint string) error) (*Parameter, error) {
	p, known := r.Lookup(q.Name)
	switch {
	case q.Action == ActionUnset:
		// Whatever stands in the file by mistake can be taken out.
		return p, nil
	case q.Name == "":
		return nil, refuse("a parameter needs a name", "")
	case known && p.File != "":
		return nil, refuse("belongs to "+p.File+", which davadmin does not change", "")
	case strings.Contains(q.Name, "*"):
		return nil, refuse("stands for a family of parameters", "put a name in the place of '*'")
	case known, o.Force:
		return p, nil
	}
	if near, ok := r.Nearest(q.Name); ok {
		return nil, refuse("not a known parameter", "did you mean "+near+"? (--force sets it as it is)")
	}
	return nil, refuse("not a known parameter", "'davadmin config list -A' lists them (--force sets it as it is)")
}

func firstError(problems []Problem) *Problem {
	for i := range problems {
		if problems[i].Severity == finding.Error {
			return &problems[i]
		}
	}
	return nil
}

// wish is a request with what is known of its parameter.
type wish struct {
	Request
	param *Parameter // nil for an unknown one
	old   string     // what the server works with now
	value string     // what it shall work with
}

// Modify makes the edits that the requests ask for in d, all or none of them.
// It returns warnings about values whose limits are a guess and about lists
// that lose a member the server needs. The error is a *RefusedError; after one,
// d is to be thrown away.
func (r *Registry) Modify(d *Document, requests []Request, o ModifyOptions) ([]Warning, error) {
	if err := r.Validate(requests, o); err != nil {
		return nil, err
	}
	wishes := make([]wish, 0, len(requests))
	var warnings []Warning
	for _, q := range requests {
		w, warned, err := r.resolve(d, q)
		if err != nil {
			return nil, err
		}
		wishes = append(wishes, w)
		warnings = append(warnings, warned...)
	}
	for _, w := range wishes {
		switch {
		case w.Action == ActionUnset:
			d.Unset(w.Name)
		case w.Action == ActionMembers && w.value == w.old:
			// The default has the members already: it need not be spelt out.
		default:
			d.Set(w.Name, w.value)
		}
	}
	// Only now is it known which attributes the other parameters name.
	for _, w := range wishes {
		warning, lost := r.lostMembers(d, w)
		if !lost {
			continue
		}
		if o.Strict {
			return nil, &RefusedError{Name: w.Name, Where: w.Where, Text: warning.Text, Hint: "refused because of --strict"}
		}
		warnings = append(warnings, warning)
	}
	return warnings, nil
}

// resolve works out the value that a request leads to.
func (r *Registry) resolve(d *Document, q Request) (wish, []Warning, error) {
	p, _ := r.Lookup(q.Name)
	w := wish{Request: q, param: p, old: r.Effective(d, q.Name), value: q.Value}
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

// lostMembers warns when a list loses members that the server needs.
func (r *Registry) lostMembers(d *Document, w wish) (Warning, bool) {
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
	return Warning{Name: w.Name, Lost: lost, Text: "the list loses what the server needs: " + strings.Join(words, ", ")}, true
}
