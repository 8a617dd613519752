package config

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/finding"
)

// ShellWord returns s as one word of a POSIX shell command. It returns an empty
// string for text that could act on the terminal it is pasted into.
func ShellWord(s string) string {
	if !pasteable(s) {
		return ""
	}
	plain := s != ""
	for _, c := range s {
		plain = plain && (c < utf8.RuneSelf && (isLetter(byte(c)) || isDigit(byte(c))) || strings.ContainsRune("@%+=:,./-_", c))
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// pasteable reports whether a text can be part of a command without acting on
// the terminal it is pasted into. A fix contains no other text.
func pasteable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}

// noEdit is returned where an edit is needed that cannot be made.
func noEdit() finding.ParameterEdit { return finding.ParameterEdit{} }

// fixOf returns the fix that makes all edits at once. It is the zero Fix without
// edits, and when one of them cannot be made.
func fixOf(edits ...finding.ParameterEdit) finding.Fix {
	if slices.Contains(edits, noEdit()) {
		return finding.Fix{}
	}
	return finding.Edit(edits...)
}

// inOrder returns the fix that carries out several fixes, each only after the
// one before it succeeded. It is the zero Fix when one of them is.
func inOrder(fixes ...finding.Fix) finding.Fix {
	var out finding.Fix
	for i, f := range fixes {
		if f.IsZero() {
			return finding.Fix{}
		}
		out.Type = f.Type
		first := len(out.Steps)
		out.Steps = append(out.Steps, f.Steps...)
		out.Steps[first].OnSuccess = i > 0
	}
	return out
}

// editSet returns the edit that gives a parameter a value, or noEdit when Modify
// would refuse it or the value may contain a secret.
func (s *checkState) editSet(name, value string) finding.ParameterEdit {
	p, ok := s.lookup(name)
	if !ok || p.File != "" || p.Secret() || sensitive(value) || p.Mask(value) != value || firstError(p.Check(value)) != nil {
		return noEdit()
	}
	return newEdit(name, finding.EditSet, value)
}

// editDefault returns the edit that removes a parameter, known or unknown, from
// the file.
func (s *checkState) editDefault(name string) finding.ParameterEdit {
	if p, ok := s.lookup(name); name == "" || strings.Contains(name, "*") || ok && p.File != "" {
		return noEdit()
	}
	return newEdit(name, finding.EditDefault, "")
}

// editAdd returns the edit that adds members to a list.
func (s *checkState) editAdd(name string, members ...string) finding.ParameterEdit {
	p, ok := s.lookup(name)
	if !ok || !p.List {
		return noEdit()
	}
	value, added := AddToList(s.value(name), members, p.FoldCase())
	if len(added) == 0 || sensitive(value) || firstError(p.Check(value)) != nil {
		return noEdit()
	}
	return newEdit(name, finding.EditAdd, strings.Join(members, " "))
}

// editRemove returns the edit that removes members from a list.
func (s *checkState) editRemove(name string, members ...string) finding.ParameterEdit {
	p, ok := s.lookup(name)
	if !ok || !p.List {
		return noEdit()
	}
	if value, _ := RemoveFromList(s.value(name), members, p.FoldCase()); firstError(p.Check(value)) != nil {
		return noEdit()
	}
	return newEdit(name, finding.EditRemove, strings.Join(members, " "))
}

func newEdit(name string, op finding.EditOp, value string) finding.ParameterEdit {
	if !pasteable(name) || !pasteable(value) {
		return noEdit()
	}
	return finding.ParameterEdit{Name: name, Op: op, Value: value}
}

// fixSet, fixDefault and fixAdd return fixes of one edit.
func (s *checkState) fixSet(name, value string) finding.Fix { return fixOf(s.editSet(name, value)) }

func (s *checkState) fixDefault(name string) finding.Fix { return fixOf(s.editDefault(name)) }

func (s *checkState) fixAdd(name string, members ...string) finding.Fix {
	return fixOf(s.editAdd(name, members...))
}

// fixRewrite returns the fix that removes all entries of a parameter from the
// file and adds one entry with the same value. This takes two steps, because
// setting a parameter to the value that it already has changes nothing.
func (s *checkState) fixRewrite(st *setting) finding.Fix {
	if st.param == nil {
		return finding.Fix{}
	}
	value := s.value(st.Key)
	fix := inOrder(s.fixDefault(st.Key), s.fixSet(st.Key, value))
	if !fix.IsZero() && value == st.param.Default {
		return s.fixDefault(st.Key)
	}
	return fix
}

// fixMode returns the fix that changes the mode of a file.
func fixMode(mode, path string) finding.Fix {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	word := ShellWord(path)
	if word == "" || path == "" {
		return finding.Fix{}
	}
	return finding.Text(finding.FixCommand, "chmod "+mode+" "+word)
}

// newRule returns the rule of a check.
func newRule(id string, severity finding.Severity, title, why, remedy string) finding.Rule {
	return finding.Rule{ID: id, Severity: severity, Title: title, Why: why, Remedy: remedy}
}

// withTask returns the rule with a task that helps with its remedy.
func withTask(r finding.Rule, t finding.Task) finding.Rule {
	r.Task = t
	return r
}
