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
	out := rp.console.Streams.Out
	switch format {
	case ui.JSON:
		if entries == nil {
			entries = []journal.Entry{}
		}
		return ui.WriteJSON(out, struct {
			Schema  string          `json:"schema"`
			Changes []journal.Entry `json:"changes"`
		}{schema, entries})
	case ui.JSONL:
		for _, e := range entries {
			if err := ui.WriteJSONL(out, e); err != nil {
				return err
			}
		}
		return nil
	}
	header := []string{"change", "time", "who", "operation", "target", "result", "what"}
	rows := make([][]string, len(entries))
	for i, e := range entries {
		rows[i] = []string{
			fmt.Sprint(e.Change), e.Time.UTC().Format(time.RFC3339), ActorName(e.Actor), e.Operation, e.Target, string(e.Result), rp.entrySummary(e),
		}
	}
	switch format {
	case ui.CSV:
		return ui.WriteCSV(out, header, rows)
	case ui.Plain:
		for _, row := range rows {
			for i := range row {
				row[i] = ui.Sanitize(row[i])
			}
			if _, err := fmt.Fprintln(out, strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	return ui.WriteTable(out, rp.console.Streams.Width, header, rows)
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
