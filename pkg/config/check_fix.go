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
	plain := s != ""
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return ""
		}
		plain = plain && (c < utf8.RuneSelf && (isLetter(byte(c)) || isDigit(byte(c))) || strings.ContainsRune("@%+=:,./-_", c))
	}
	switch {
	case !utf8.ValidString(s):
		return ""
	case plain:
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// modifyCommand joins edits to one command; an empty one makes it empty.
func modifyCommand(edits ...string) string {
	if len(edits) == 0 || slices.Contains(edits, "") {
		return ""
	}
	return "davadmin config modify " + strings.Join(edits, " ")
}

// editSet is the part of a command that gives a parameter a value. It is empty
// where 'config modify' would refuse it, and where the value may hold a secret.
func (s *checkState) editSet(name, value string) string {
	p, ok := s.lookup(name)
	if !ok || p.File != "" || p.Secret() || sensitive(value) || p.Mask(value) != value || firstError(p.Check(value)) != nil {
		return ""
	}
	return editWords(name, "-v", value)
}

// editDefault is the part of a command that takes a parameter out of the file,
// whether it is known or not.
func (s *checkState) editDefault(name string) string {
	word := ShellWord(name)
	if p, ok := s.lookup(name); name == "" || strings.Contains(name, "*") || word == "" || ok && p.File != "" {
		return ""
	}
	return "-o " + word + " --default"
}

// editAdd is the part of a command that adds members to a list.
func (s *checkState) editAdd(name string, members ...string) string {
	p, ok := s.lookup(name)
	if !ok || !p.List {
		return ""
	}
	value, added := AddToList(s.value(name), members, p.FoldCase())
	if len(added) == 0 || sensitive(value) || firstError(p.Check(value)) != nil {
		return ""
	}
	return editWords(name, "--add", strings.Join(members, " "))
}

// editRemove is the part of a command that removes members from a list.
func (s *checkState) editRemove(name string, members ...string) string {
	p, ok := s.lookup(name)
	if !ok || !p.List {
		return ""
	}
	if value, _ := RemoveFromList(s.value(name), members, p.FoldCase()); firstError(p.Check(value)) != nil {
		return ""
	}
	return editWords(name, "--remove", strings.Join(members, " "))
}

func editWords(name, option, value string) string {
	n, v := ShellWord(name), ShellWord(value)
	if n == "" || v == "" {
		return ""
	}
	return "-o " + n + " " + option + " " + v
}

// fixSet, fixDefault and fixAdd are commands of one edit.
func (s *checkState) fixSet(name, value string) string { return modifyCommand(s.editSet(name, value)) }

func (s *checkState) fixDefault(name string) string { return modifyCommand(s.editDefault(name)) }

func (s *checkState) fixAdd(name string, members ...string) string {
	return modifyCommand(s.editAdd(name, members...))
}

// fixRewrite takes all entries of a parameter out of the file and puts one of
// the same value in. One command does not: to it, the value is what it shall be.
func (s *checkState) fixRewrite(st *setting) string {
	if st.param == nil {
		return ""
	}
	value := s.value(st.Key)
	out, in := s.fixDefault(st.Key), s.fixSet(st.Key, value)
	switch {
	case out == "" || in == "":
		return ""
	case value == st.param.Default:
		return out
	}
	return out + " && " + in
}

// fixMode is a command that changes the mode of a file.
func fixMode(mode, path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	word := ShellWord(path)
	if word == "" || path == "" {
		return ""
	}
	return "chmod " + mode + " " + word
}

// newRule makes the rule of a check.
func newRule(id string, severity finding.Severity, title, why, remedy string) finding.Rule {
	return finding.Rule{ID: id, Severity: severity, Title: title, Why: why, Remedy: remedy}
}
