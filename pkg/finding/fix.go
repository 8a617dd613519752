package finding

import (
	"strconv"
	"strings"
)

// FixType is the kind of a fix. It is part of the JSON contract.
type FixType string

// The kinds of fixes.
const (
	FixNone             FixType = "none"               // no text or command helps; the detail and the rule's remedy say what to do
	FixParameter        FixType = "parameter"          // an edit of the server configuration
	FixLDIF             FixType = "ldif"               // change records for the directory
	FixICSConf          FixType = "ics-conf"           // lines of the old server's ics.conf
	FixCommand          FixType = "command"            // a command of this product or of the shell
	FixOldServerCommand FixType = "old-server-command" // a command to run on the old server
	FixPlan             FixType = "plan"               // a plan that changes many entries at once
)

// Fix is how to repair what a finding reports, as data. The command layer converts
// it to text; see Step. The zero Fix means that no fix is known.
type Fix struct {
	Type  FixType // "" means FixNone
	Steps []Step  // in the order in which they are carried out
}

// Step is one step of a fix: a text to use unchanged, or a task of this product.
type Step struct {
	// Remark is shown above the step, as a comment. A step may consist of a remark
	// alone. Lines are separated by line feeds.
	Remark string
	// Text is LDIF, a line of ics.conf or a shell command, to use unchanged.
	Text string
	// Task is something that this product does; only where Text is empty.
	Task Task
	// Template marks a step that a person must complete or choose first. It is shown
	// as a comment, so that pasting the whole fix does not run it.
	Template bool
	// OnSuccess marks a command that must not run unless the step before it
	// succeeded. It is shown on the same line, after "&&".
	OnSuccess bool
}

// Action is what a Task does.
type Action string

// The actions of tasks. The comments name the fields of Task that each uses.
const (
	EditParameters Action = "edit-parameters" // Edits
	CreateDomain   Action = "create-domain"   // Domain, URL
	ModifyDomain   Action = "modify-domain"   // Domain, URL
	DeleteDomain   Action = "delete-domain"   // Domain
	ExplainAddress Action = "explain-address" // Address

	RemoveMark    Action = "remove-mark"     // none: the byte-order mark of davserver.properties
	RemoveMapMark Action = "remove-map-mark" // none: the byte-order mark of the domain map

	DescribeParameter Action = "describe-parameter" // Parameter
	NewID             Action = "new-id"             // Before, After
	ReadAdditions     Action = "read-additions"     // none: the same check, with records that add an entry read as entries
	ProveAbsence      Action = "prove-absence"      // none: the same check, which asks a second bind DN, too
	EncryptConnection Action = "encrypt-connection" // none: the same check, over an encrypted connection
	ReducePages       Action = "reduce-pages"       // Number: the same check, with so many entries in a page
)

// Task is something that this product does, by its parts. The zero Task is no task.
type Task struct {
	Do      Action
	Edits   []ParameterEdit
	Domain  string
	URL     string
	Address string

	Parameter string
	Number    int

	// Before and After are the LDIF around a new unique id, which is made when the task
	// is carried out: a fixed one in a report would sooner or later be given to two entries.
	Before, After string
}

// EditOp is the operation of a ParameterEdit.
type EditOp string

// The operations on a parameter.
const (
	EditSet     EditOp = "set"     // give it Value
	EditAdd     EditOp = "add"     // add the members in Value to the list
	EditRemove  EditOp = "remove"  // remove the members in Value from the list
	EditDefault EditOp = "default" // remove it from the file, so that its default applies
)

// ParameterEdit is one change of one parameter.
type ParameterEdit struct {
	Name  string
	Op    EditOp
	Value string // not used by EditDefault; members of a list are separated by blanks
}

// Text returns a fix of one step with a text. It returns the zero Fix for an empty
// text.
func Text(t FixType, text string) Fix {
	if text == "" {
		return Fix{}
	}
	return Fix{Type: t, Steps: []Step{{Text: text}}}
}

// Edit returns a fix that makes all edits at once. It returns the zero Fix without
// edits.
func Edit(edits ...ParameterEdit) Fix {
	if len(edits) == 0 {
		return Fix{}
	}
	return Do(FixParameter, Task{Do: EditParameters, Edits: edits})
}

// Do returns a fix of one task.
func Do(t FixType, task Task) Fix { return Fix{Type: t, Steps: []Step{{Task: task}}} }

// IsZero reports whether no fix is known.
func (f Fix) IsZero() bool { return len(f.Steps) == 0 }

// String returns the fix for logs and tests: remarks as comments, texts unchanged,
// tasks by their parts. The command layer produces the text that users read.
func (f Fix) String() string {
	var lines []string
	for _, s := range f.Steps {
		if s.Remark != "" {
			lines = append(lines, "# "+strings.ReplaceAll(s.Remark, "\n", "\n# "))
		}
		body := s.Text
		if body == "" && s.Task.Do != "" {
			body = s.Task.String()
		}
		if body != "" && s.Template {
			body = "# " + strings.ReplaceAll(body, "\n", "\n# ")
		}
		if body != "" {
			lines = append(lines, body)
		}
	}
	return strings.Join(lines, "\n")
}

// String returns the task for logs and tests, as in
// "edit-parameters set davcore.a=b" or "create-domain example.com http://h/".
func (t Task) String() string {
	words := []string{string(t.Do)}
	for _, e := range t.Edits {
		words = append(words, string(e.Op)+" "+e.Name+"="+e.Value)
	}
	if t.Do == NewID {
		words = append(words, strconv.Quote(t.Before+"NEW-ID"+t.After))
	}
	if t.Do == ReducePages {
		words = append(words, strconv.Itoa(t.Number))
	}
	for _, w := range []string{t.Domain, t.URL, t.Address, t.Parameter} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}
