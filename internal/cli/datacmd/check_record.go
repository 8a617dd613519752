package datacmd

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

// record is a line of the report: an item, a finding, or an instance. Its JSON encoding is
// that of the JSON formats.
type record interface {
	csv() []string
	plain() []string
	row() []string
}

// csvHeader names the cells of csv.
func csvHeader() []string {
	return []string{"kind", "file", "line", "uid", "component", "result", "rule", "detail", "start", "end", "next", "timezone", "recurrence-id", "summary"}
}

// columns are those of row. The path of a file can be longer than the terminal is wide.
func columns() []ui.Column {
	return []ui.Column{{Title: "where", Essential: true}, {Title: "result", Key: true}, {Title: "what", Essential: true}}
}

// The results of an item.
const (
	resultValid    = "valid"
	resultWarnings = "warnings"
	resultErrors   = "errors"
)

// times are the start and the end of an instance, as they are printed.
type times struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	AllDay bool   `json:"all_day,omitempty"`
}

// itemRecord is what has one UID in a file: an event, a task or a journal with its
// overrides.
type itemRecord struct {
	Kind      string `json:"kind"` // item
	File      string `json:"file"`
	Line      int    `json:"line,omitempty"`
	UID       string `json:"uid,omitempty"`
	Component string `json:"component,omitempty"`
	Result    string `json:"result"`
	Errors    int    `json:"errors"`
	Warnings  int    `json:"warnings"`
	Infos     int    `json:"infos"`
	Summary   string `json:"summary,omitempty"`
	Recurring bool   `json:"recurring"`
	Timezone  string `json:"timezone,omitempty"`
	First     *times `json:"first,omitempty"`
	Next      *times `json:"next,omitempty"`
}

func start(t *times) string {
	if t == nil {
		return ""
	}
	return t.Start
}

func end(t *times) string {
	if t == nil {
		return ""
	}
	return t.End
}

func (r *itemRecord) csv() []string {
	return []string{r.Kind, r.File, number(r.Line), r.UID, r.Component, r.Result, "", "", start(r.First), end(r.First), start(r.Next), r.Timezone, "", r.Summary}
}

func (r *itemRecord) plain() []string {
	return []string{r.Kind, r.Result, place(r.File, r.Line), r.Component, r.UID, start(r.First), start(r.Next), r.Timezone, r.Summary}
}

func (r *itemRecord) row() []string {
	var b strings.Builder
	b.WriteString(r.Component)
	if r.Summary != "" {
		fmt.Fprintf(&b, " '%s'", ui.Clip(r.Summary, maxSummary))
	}
	switch {
	case r.First == nil:
		b.WriteString(", no instances")
	case !r.Recurring:
		b.WriteString(", " + r.First.Start)
	case r.Next == nil:
		b.WriteString(", first " + r.First.Start + ", none to come")
	default:
		b.WriteString(", first " + r.First.Start + ", next " + r.Next.Start)
	}
	if r.Timezone != "" {
		b.WriteString(" (" + r.Timezone + ")")
	}
	return []string{place(r.File, r.Line), r.Result, b.String()}
}

// maxSummary is how much of a summary a table shows, in bytes.
const maxSummary = 200

// findingRecord is a finding in the form that all checks share, with the item that it is
// about.
type findingRecord struct {
	Kind   string         `json:"kind"` // finding
	Result finding.Result `json:"result"`
	finding.Finding
	UID       string          `json:"uid,omitempty"`
	Component string          `json:"component,omitempty"`
	FixType   finding.FixType `json:"fix_type"`
}

func (r *findingRecord) csv() []string {
	line := ""
	if r.Where != nil {
		line = number(r.Where.Line)
	}
	return []string{r.Kind, r.Where.File, line, r.UID, r.Component, r.Severity.String(), r.Rule, r.Detail, "", "", "", "", "", ""}
}

func (r *findingRecord) plain() []string {
	return []string{r.Kind, r.Severity.String(), r.Rule, cmdutil.Location(r.Finding), r.UID, r.Detail}
}

func (r *findingRecord) row() []string {
	return []string{cmdutil.Location(r.Finding), r.Severity.String(), r.Detail + " [" + r.Rule + "]"}
}

// instanceRecord is an instance of an item.
type instanceRecord struct {
	Kind string `json:"kind"` // instance
	File string `json:"file"`
	Line int    `json:"line,omitempty"` // of the item
	UID  string `json:"uid,omitempty"`
	times
	Timezone     string `json:"timezone,omitempty"`
	RecurrenceID string `json:"recurrence_id,omitempty"`
	Summary      string `json:"summary,omitempty"`
}

func (r *instanceRecord) csv() []string {
	return []string{r.Kind, r.File, number(r.Line), r.UID, "", "", "", "", r.Start, r.End, "", r.Timezone, r.RecurrenceID, r.Summary}
}

func (r *instanceRecord) plain() []string {
	return []string{r.Kind, r.Start, r.End, r.Timezone, place(r.File, r.Line), r.UID, r.RecurrenceID, r.Summary}
}

func (r *instanceRecord) row() []string {
	text := r.Start + " to " + r.End
	if r.Timezone != "" {
		text += " (" + r.Timezone + ")"
	}
	if r.Summary != "" {
		text += " '" + ui.Clip(r.Summary, maxSummary) + "'"
	}
	return []string{place(r.File, r.Line), r.Kind, text}
}

// number returns a count as a cell, which is empty for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// summary is the last object of the report in JSON formats.
type summary struct {
	Kind      string  `json:"kind,omitempty"`
	Schema    string  `json:"schema,omitempty"`
	Files     int     `json:"files"`  // texts that were read: an archive can contain many
	Unread    int     `json:"unread"` // files that could not be read, or only in part
	Skipped   int     `json:"skipped"`
	Items     int     `json:"items"`
	Valid     int     `json:"valid"`
	Instances int     `json:"instances"`
	Complete  bool    `json:"complete"`
	Errors    int     `json:"errors"`
	Warnings  int     `json:"warnings"`
	Infos     int     `json:"infos"`
	Seconds   float64 `json:"seconds"`
}

// plain returns the last line of plain text.
func (s *summary) plain() string {
	complete := "complete"
	if !s.Complete {
		complete = "INCOMPLETE"
	}
	return cmdutil.TabLine([]string{"summary", cmdutil.Plural(s.Errors, "error"), cmdutil.Plural(s.Warnings, "warning"), cmdutil.Plural(s.Infos, "info"),
		cmdutil.Plural(s.Items, "item"), cmdutil.Plural(s.Files, "file"), complete}) + "\n"
}

// table returns the last lines of a table.
func (s *summary) table() string {
	text := fmt.Sprintf("\n%s in %s: %d valid; %s, %s, %s\n", cmdutil.Plural(s.Items, "item"), cmdutil.Plural(s.Files, "file"), s.Valid,
		cmdutil.Plural(s.Errors, "error"), cmdutil.Plural(s.Warnings, "warning"), cmdutil.Plural(s.Infos, "info"))
	if s.Unread > 0 {
		text += cmdutil.Plural(s.Unread, "file") + " could not be read completely\n"
	}
	return text
}
