package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

// historyCommand is the operation 'history': the journal of every change.
func historyCommand(f *Factory) *cobra.Command {
	o := &historyList{console: f.Console, homes: f.Homes, journals: f.Journals, reports: f.Reports}
	cmd := &cobra.Command{
		Use:     "history [ACTION]",
		Short:   "the journal of every change that davadmin made",
		GroupID: groupWork,
		Long: `Every change is recorded under history/ of the home before it is made: who,
when, the command (without secrets), the remark, and the way back.

Without an action, 'history' is 'history list'.`,
		Example: `  davadmin history
  davadmin history show 7
  davadmin history verify
  davadmin history prune --older 365d`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.homeOptions.add(cmd.Flags())
	cmd.AddCommand(historyListCommand(f), historyShowCommand(f), historyVerifyCommand(f), historyPruneCommand(f))
	return cmd
}

func historyFormats() []ui.Format { return []ui.Format{ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV} }

// historyList is 'history list'.
type historyList struct {
	console  *Console
	homes    *Homes
	journals *Journals
	reports  *Reports
	homeOptions
}

func historyListCommand(f *Factory) *cobra.Command {
	o := &historyList{console: f.Console, homes: f.Homes, journals: f.Journals, reports: f.Reports}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list all changes, oldest first",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.homeOptions.add(cmd.Flags())
	return cmd
}

func (o *historyList) run(ctx context.Context) error {
	format, err := o.console.Format(historyFormats()...)
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.homeOptions)
	if err != nil {
		return err
	}
	j := o.journals.Open(home, 0)
	entries, err := j.Entries(ctx, "")
	if errors.Is(err, journal.ErrNoJournal) {
		o.console.Notef("nothing is recorded in %s yet", j.Dir())
	} else if err != nil {
		return err
	}
	return o.reports.PrintEntries(format, "davadmin.history.list.1", entries)
}

// printEntries prints changes in any format.
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
			fmt.Sprint(e.Change), e.Time.UTC().Format(time.RFC3339), who(e.Actor), e.Operation, e.Target, string(e.Result), summary(e),
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

func who(a journal.Actor) string {
	name := a.User
	if name == "" {
		name = fmt.Sprintf("uid %d", a.UID)
	}
	if a.SudoUser != "" && a.SudoUser != name {
		name = a.SudoUser + " as " + name
	}
	return name
}

// summary is what a change was about, in a few words.
func summary(e journal.Entry) string {
	var parts []string
	if e.Damaged {
		parts = append(parts, "its record was altered, see 'davadmin history verify'")
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

// historyShow is 'history show'.
type historyShow struct {
	console  *Console
	homes    *Homes
	journals *Journals
	homeOptions
}

func historyShowCommand(f *Factory) *cobra.Command {
	o := &historyShow{console: f.Console, homes: f.Homes, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "show CHANGE",
		Short: "show all that is recorded of one change",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which change? 'davadmin history list' lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	o.homeOptions.add(cmd.Flags())
	return cmd
}

func (o *historyShow) run(ctx context.Context, arg string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	change, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || change < 1 {
		return usagef("'%s' is not a change number; 'davadmin history list' lists them", arg)
	}
	home, err := o.homes.Find(&o.homeOptions)
	if err != nil {
		return err
	}
	e, err := o.journals.Open(home, 0).Entry(ctx, change)
	if errors.Is(err, journal.ErrNoChange) || errors.Is(err, journal.ErrNoJournal) {
		return usagef("%v; 'davadmin history list' lists them", err)
	}
	if err != nil {
		return err
	}
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema string `json:"schema"`
			journal.Entry
		}{"davadmin.history.show.1", e})
	}
	return printEntry(o.console, e)
}

func printEntry(console *Console, e journal.Entry) error {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, ui.Sanitize(value))
		}
	}
	field("change", fmt.Sprint(e.Change))
	field("time", e.Time.UTC().Format(time.RFC3339))
	field("who", fmt.Sprintf("%s (uid %d) on %s", who(e.Actor), e.Actor.UID, e.Actor.Host))
	field("operation", e.Operation)
	field("command", shellWords(e.Command))
	field("remark", e.Remark)
	field("target", e.Target)
	field("result", string(e.Result))
	field("detail", e.Detail)
	field("before", versionText(e.Before))
	field("after", versionText(e.After))
	for _, it := range e.Items {
		field("item", fmt.Sprintf("%s: %s -> %s", it.Name, setText(it.Old, it.WasSet), setText(it.New, it.IsSet)))
	}
	if e.More > 0 {
		field("items left out", fmt.Sprint(e.More))
	}
	_, err := fmt.Fprint(console.Streams.Out, b.String())
	return err
}

func setText(value string, set bool) string {
	if !set {
		return "(not set)"
	}
	return value
}

func versionText(v *journal.Version) string {
	switch {
	case v == nil:
		return ""
	case v.Missing:
		return "no file"
	}
	return fmt.Sprintf("sha256 %s, %d bytes", v.SHA256, v.Size)
}

func shellWords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		q, err := ui.ShellQuote(w)
		if err != nil {
			q = "'" + ui.Sanitize(w) + "'"
		}
		out[i] = q
	}
	return strings.Join(out, " ")
}
