// Package historycmd contains the operation 'history', which lists, shows, verifies and
// prunes the journal of every change that davadmin made.
package historycmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

// NewHistory returns the operation 'history'. Without an action it lists.
func NewHistory(f *cmdutil.Factory, undo Undo) *cobra.Command {
	o := &historyList{console: f.Console, homes: f.Homes, journals: f.Journals, reports: f.Reports}
	cmd := &cobra.Command{
		Use:     "history [ACTION]",
		Short:   "list, show, undo and verify the changes that davadmin made",
		GroupID: cmdutil.GroupWork,
		Long: `Every change is recorded under history/ of the home before it is made: who made it,
when, the command (without secrets), the remark, and how to undo it. 'history undo CHANGE'
undoes a change, whatever made it.

Without an action, 'history' is 'history list'.`,
		Example: `  davadmin history
  davadmin history show 7
  davadmin history undo 7
  davadmin history verify
  davadmin history prune --older 365d`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.HomeOptions.Add(cmd.Flags())
	cmd.AddCommand(newHistoryList(f), newHistoryShow(f), newHistoryUndo(f, undo), newHistoryVerify(f), newHistoryPrune(f))
	return cmd
}

// historyList is 'history list'.
type historyList struct {
	console  *cmdutil.Console
	homes    *cmdutil.Homes
	journals *cmdutil.Journals
	reports  *cmdutil.Reports
	cmdutil.HomeOptions
}

func newHistoryList(f *cmdutil.Factory) *cobra.Command {
	o := &historyList{console: f.Console, homes: f.Homes, journals: f.Journals, reports: f.Reports}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list all changes, oldest first",
		Long: `Lists all changes, oldest first. 'history show CHANGE' shows everything recorded about one
of them, and 'history undo CHANGE' undoes it.`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *historyList) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.HistoryFormats()...)
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
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

// historyShow is 'history show'.
type historyShow struct {
	console  *cmdutil.Console
	hints    *cmdutil.Hints
	homes    *cmdutil.Homes
	journals *cmdutil.Journals
	cmdutil.HomeOptions
}

func newHistoryShow(f *cmdutil.Factory) *cobra.Command {
	o := &historyShow{console: f.Console, hints: f.Hints, homes: f.Homes, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "show CHANGE",
		Short: "show everything recorded about a change",
		Long: `Shows everything recorded about a change: who made it and when, the command, and the old
and new values. 'history undo CHANGE' undoes it.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("missing change number; %s", listHint(o.hints))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *historyShow) run(ctx context.Context, arg string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	if _, err := parseChange(o.hints, arg); err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if err != nil {
		return err
	}
	e, err := findEntry(ctx, o.hints, o.journals.Open(home, 0), arg)
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

// printEntry prints an entry of the journal, one field on each line.
func printEntry(console *cmdutil.Console, e journal.Entry) error {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, ui.Sanitize(value))
		}
	}
	field("change", fmt.Sprint(e.Change))
	field("time", e.Time.UTC().Format(time.RFC3339))
	field("who", fmt.Sprintf("%s (uid %d) on %s", cmdutil.ActorName(e.Actor), e.Actor.UID, e.Actor.Host))
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
		field("more items", fmt.Sprint(e.More))
	}
	_, err := fmt.Fprint(console.Streams.Out, b.String())
	return err
}

// setText returns a value, or says that it is not set.
func setText(value string, set bool) string {
	if !set {
		return "(not set)"
	}
	return value
}

// versionText describes a version of a file; "" for nil.
func versionText(v *journal.Version) string {
	switch {
	case v == nil:
		return ""
	case v.Missing:
		return "no file"
	}
	return fmt.Sprintf("sha256 %s, %d bytes", v.SHA256, v.Size)
}

// shellWords returns words as a command line; a word that cannot be quoted safely is
// escaped.
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
