package cmdutil

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

// HistoryFormats returns the output formats of a list of changes.
func HistoryFormats() []ui.Format { return []ui.Format{ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV} }

// PrintEntries prints a list of changes in any format.
func (rp *Reports) PrintEntries(format ui.Format, schema string, entries []journal.Entry) error {
	list := List[journal.Entry]{
		Schema: schema, Member: "changes", Header: []string{"change", "time", "who", "operation", "target", "result", "what"},
		Record: func(e journal.Entry) []string {
			return []string{
				fmt.Sprint(e.Change), e.Time.UTC().Format(time.RFC3339), ActorName(e.Actor), e.Operation, e.Target, string(e.Result), rp.entrySummary(e),
			}
		},
		Columns: []ui.Column{
			{Title: "change", Key: true, Number: true}, {Title: "time", Priority: 4}, {Title: "who", Priority: 2}, {Title: "operation", Priority: 5},
			{Title: "target", Optional: true, Priority: 1}, {Title: "result", Priority: 3}, {Title: "what"},
		},
	}
	return list.PrintAll(rp.console, format, entries)
}

// ActorName returns who made a change, as in "alice as root".
func ActorName(a journal.Actor) string {
	name := a.User
	if name == "" {
		name = fmt.Sprintf("uid %d", a.UID)
	}
	if a.SudoUser != "" && a.SudoUser != name {
		name = a.SudoUser + " as " + name
	}
	return name
}

// entrySummary describes a change in a few words.
func (rp *Reports) entrySummary(e journal.Entry) string {
	var parts []string
	if e.Damaged {
		parts = append(parts, "its record was altered, see '"+rp.hints.Line("history", "verify")+"'")
	}
	if len(e.Items) > 0 {
		names := make([]string, 0, 2)
		for _, it := range e.Items[:min(2, len(e.Items))] {
			names = append(names, it.Name)
		}
		text := strings.Join(names, ", ")
		if more := len(e.Items) + e.More - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, text)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Remark != "" {
		parts = append(parts, "“"+e.Remark+"”")
	}
	return strings.Join(parts, "; ")
}
