package cmdutil

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// fixRenderer turns fixes, which are data, into text that a user can paste.
type fixRenderer struct{ hints *Hints }

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
		return r.editParameters(t.Edits)
	case finding.CreateDomain:
		return r.hints.Line("domainmap", "create", "-d", t.Domain, "-L", t.URL)
	case finding.ModifyDomain:
		return r.hints.Line("domainmap", "modify", "-d", t.Domain, "-L", t.URL)
	case finding.DeleteDomain:
		return r.hints.Line("domainmap", "delete", "--yes", "-d", t.Domain)
	case finding.ExplainAddress:
		return r.hints.Line("coexist", "explain", "-a", t.Address)
	case finding.ProveAbsence:
		return r.hints.Again("--prove-as", "DN")
	case finding.EncryptConnection:
		return r.hints.Again("--starttls")
	case finding.ReducePages:
		return r.hints.Again("--page", strconv.Itoa(t.Number))
	case finding.RemoveMark:
		return r.hints.Line("config", "modify", "--remove-bom")
	case finding.RemoveMapMark:
		return r.hints.Line("domainmap", "modify", "--remove-bom")
	case finding.DescribeParameter:
		return r.hints.Line("config", "describe", t.Parameter)
	case finding.NewID:
		return "id=$(" + r.hints.Line("ldap", "newid") + ") && printf '" + printfText(t.Before) + "%s" + printfText(t.After) + `' "$id"`
	case finding.ReadAdditions:
		return r.hints.Again("--ldif-adds")
	}
	return ""
}

// editParameters returns the command that edits parameters; two if some of them get their
// defaults, because --default applies to every parameter of a command.
func (r fixRenderer) editParameters(edits []finding.ParameterEdit) string {
	var words, defaults []string
	for _, e := range edits {
		switch e.Op {
		case finding.EditSet:
			words = append(words, "-o", e.Name, "-v", e.Value)
		case finding.EditAdd:
			words = append(words, "-o", e.Name, "--add", e.Value)
		case finding.EditRemove:
			words = append(words, "-o", e.Name, "--remove", e.Value)
		case finding.EditDefault:
			defaults = append(defaults, "-o", e.Name)
		}
	}
	var lines []string
	if len(words) > 0 {
		lines = append(lines, r.hints.Line("config", "modify", words...))
	}
	if len(defaults) > 0 {
		lines = append(lines, r.hints.Line("config", "modify", append(defaults, "--default")...))
	}
	return strings.Join(lines, " && ")
}

// printfText quotes text, which contains only printable ASCII and line feeds, as part
// of a printf format in single quotes.
func printfText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", "%%", "\n", `\n`, "'", `'\''`).Replace(s)
}

// Remedy returns what to do about a rule, with the command or option that helps if
// there is one.
func (rp *Reports) Remedy(rule finding.Rule) string {
	hint := fixRenderer{rp.hints}.task(rule.Task)
	switch rule.ID {
	case "uniqueid-missing":
		hint = "'" + rp.hints.Line("ldap", "populate", "-O", "PLAN") + "' plans this for all entries"
	case "absence-not-proven":
		hint = "--prove-as DN"
	case "uniqueid-malformed":
		hint = "use --id-pattern"
	case "map-line":
		hint = "'" + rp.hints.Line("domainmap", "check") + "' explains each line"
	case "probe-old-server":
		hint = "'" + rp.hints.Line("domainmap", "probe") + "' shows what the server supports"
	}
	if hint == "" {
		return rule.Remedy
	}
	return rule.Remedy + " (" + hint + ")"
}
