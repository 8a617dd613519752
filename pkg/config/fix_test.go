package config

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/finding"
)

// command returns the fix that consists of a shell command.
func command(text string) finding.Fix { return finding.Text(finding.FixCommand, text) }

// edits returns the fix for a text such as "a := 1 & b := 'x y' & c += z & d -= z &
// e default then a := 2", in which "then" separates the steps.
func edits(text string) finding.Fix {
	ops := map[string]finding.EditOp{":=": finding.EditSet, "+=": finding.EditAdd, "-=": finding.EditRemove, "default": finding.EditDefault}
	var fixes []finding.Fix
	for step := range strings.SplitSeq(text, " then ") {
		var list []finding.ParameterEdit
		for one := range strings.SplitSeq(step, " & ") {
			name, rest := cutWord(one)
			op, value := cutWord(rest)
			word, _ := cutWord(value)
			list = append(list, finding.ParameterEdit{Name: name, Op: ops[op], Value: word})
		}
		fixes = append(fixes, finding.Edit(list...))
	}
	return inOrder(fixes...)
}

// cutWord returns the first word of s, without its single quotes, and the rest.
func cutWord(s string) (word, rest string) {
	if strings.HasPrefix(s, "'") {
		word, rest, _ = strings.Cut(s[1:], "'")
		return word, strings.TrimPrefix(rest, " ")
	}
	word, rest, _ = strings.Cut(s, " ")
	return word, rest
}

// requestsOf returns the requests of a task that edits parameters.
func requestsOf(t fataler, task finding.Task) []Request {
	t.Helper()
	if task.Do != finding.EditParameters || len(task.Edits) == 0 {
		t.Fatalf("%s does not edit parameters", task)
	}
	var out []Request
	for _, e := range task.Edits {
		q := Request{Name: e.Name}
		switch e.Op {
		case finding.EditSet:
			q.Action, q.Value = ActionSet, e.Value
		case finding.EditAdd:
			q.Action, q.Add = ActionMembers, []string{e.Value}
		case finding.EditRemove:
			q.Action, q.Remove = ActionMembers, []string{e.Value}
		case finding.EditDefault:
			q.Action = ActionUnset
		default:
			t.Fatalf("unknown operation in %s", task)
		}
		out = append(out, q)
	}
	return out
}

// domainFix returns the fix for tasks such as "modify a.com URL then delete b.com".
func domainFix(text string) finding.Fix {
	actions := map[string]finding.Action{"create": finding.CreateDomain, "modify": finding.ModifyDomain, "delete": finding.DeleteDomain}
	var fixes []finding.Fix
	for step := range strings.SplitSeq(text, " then ") {
		action, rest := cutWord(step)
		domain, url := cutWord(rest)
		fixes = append(fixes, finding.Do(finding.FixCommand, finding.Task{Do: actions[action], Domain: domain, URL: url}))
	}
	return inOrder(fixes...)
}

// applyDomainFix carries out the tasks of a fix on a domain map.
func applyDomainFix(t fataler, file string, fix finding.Fix) string {
	t.Helper()
	for _, s := range fix.Steps {
		if s.Task.Do == finding.RemoveMapMark {
			after, _, err := RemoveMark([]byte(file))
			if err != nil {
				t.Fatalf("%q: %v", file, err)
			}
			file = string(after)
			continue
		}
		action, ok := map[finding.Action]DomainAction{
			finding.CreateDomain: DomainCreate, finding.ModifyDomain: DomainModify, finding.DeleteDomain: DomainDelete,
		}[s.Task.Do]
		if !ok || s.Text != "" {
			t.Fatalf("%s does not change a domain map", fix)
		}
		after, _, _, err := mustMap(t, file).Edit(action, []DomainRequest{{Domain: s.Task.Domain, URL: s.Task.URL}})
		if err != nil {
			t.Fatalf("%q: %s: %v", file, s.Task, err)
		}
		file = string(after.Source())
	}
	return file
}

// A fix that needs something impossible is no fix at all.
func TestImpossibleFixes(t *testing.T) {
	ok := finding.ParameterEdit{Name: "a", Op: finding.EditSet, Value: "b"}
	for name, fix := range map[string]finding.Fix{
		"no edits":        fixOf(),
		"impossible edit": fixOf(ok, noEdit()),
		"unsafe value":    fixOf(newEdit("a", finding.EditSet, "x\x1b[2J")),
		"unsafe name":     fixOf(newEdit("a\u202e", finding.EditDefault, "")),
		"zero first step": inOrder(finding.Fix{}, fixOf(ok)),
		"zero last step":  inOrder(fixOf(ok), finding.Fix{}),
	} {
		if !fix.IsZero() {
			t.Errorf("%s: %s", name, fix)
		}
	}
	if f := inOrder(fixOf(ok), fixOf(ok)); len(f.Steps) != 2 || f.Steps[0].OnSuccess || !f.Steps[1].OnSuccess {
		t.Errorf("%+v", f)
	}
}
