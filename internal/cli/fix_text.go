package cli

import (
	"cmp"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// fixRenderer turns fixes, which are data, into text that a user can paste.
type fixRenderer struct {
	// command returns the davadmin command that consists of these words: the
	// operation, the action and their arguments. It quotes each word for a shell and
	// adds the options that name the server home where the run needs them.
	command func(words ...string) string
}

// fix returns the text of a fix: remarks and templates as comments, every other
// step on a line of its own. A step that needs the success of the one before it
// follows on the same line after "&&" or, if it has a remark, after a line that
// ends in "&&".
func (r fixRenderer) fix(f finding.Fix) string {
	mark := "# "
	if f.Type == finding.FixICSConf {
		mark = "! "
	}
	comment := func(text string) string { return mark + strings.ReplaceAll(text, "\n", "\n"+mark) }
	var lines []string
	runs := false // the last line is a command that is not commented out
	for _, s := range f.Steps {
		body := cmp.Or(s.Text, r.task(s.Task))
		follows := s.OnSuccess && runs && body != "" && !s.Template
		if s.Remark != "" {
			if follows {
				lines[len(lines)-1] += " &&"
			}
			lines = append(lines, comment(s.Remark))
		}
		switch {
		case body == "":
		case s.Template:
			lines = append(lines, comment(body))
		case follows && s.Remark == "":
			lines[len(lines)-1] += " && " + body
		default:
			lines = append(lines, body)
		}
		runs = body != "" && !s.Template
	}
	return strings.Join(lines, "\n")
}

// task returns the davadmin command that carries out a task, or an empty string
// for the zero Task.
func (r fixRenderer) task(t finding.Task) string {
	switch t.Do {
	case finding.EditParameters:
		words := []string{"config", "modify"}
		for _, e := range t.Edits {
			words = append(words, "-o", e.Name)
			switch e.Op {
			case finding.EditSet:
				words = append(words, "-v", e.Value)
			case finding.EditAdd:
				words = append(words, "--add", e.Value)
			case finding.EditRemove:
				words = append(words, "--remove", e.Value)
			case finding.EditDefault:
				words = append(words, "--default")
			}
		}
		return r.command(words...)
	case finding.CreateDomain:
		return r.command("domainmap", "create", "-d", t.Domain, "-L", t.URL)
	case finding.ModifyDomain:
		return r.command("domainmap", "modify", "-d", t.Domain, "-L", t.URL)
	case finding.DeleteDomain:
		return r.command("domainmap", "delete", "--yes", "-d", t.Domain)
	case finding.ExplainAddress:
		return r.command("coexist", "explain", "-a", t.Address)
	case finding.DescribeParameter:
		return r.command("config", "describe", t.Parameter)
	}
	return ""
}

// remedy returns what to do about a rule, with the command that helps if there is
// one.
func (r fixRenderer) remedy(rule finding.Rule) string {
	if command := r.task(rule.Task); command != "" {
		return rule.Remedy + " (" + command + ")"
	}
	return rule.Remedy
}

// Remedy returns what to do about a rule, for the page generator.
func Remedy(rule finding.Rule) string { return (&App{}).fixes().remedy(rule) }

// fixes returns the renderer of fixes for this run.
func (a *App) fixes() fixRenderer { return fixRenderer{command: a.command} }

// command returns a davadmin command for a shell, with the options that name the
// server home after the action if this run was told its home that way.
func (a *App) command(words ...string) string {
	const beforeHome = 2 // the operation and the action
	out := []string{"davadmin"}
	for i, w := range words {
		out = append(out, a.quote(w))
		if i == beforeHome-1 && a.homeWords != "" {
			out = append(out, a.homeWords)
		}
	}
	return strings.Join(out, " ")
}
