package historycmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

// historyVerify is 'history verify'.
type historyVerify struct {
	console  *cmdutil.Console
	homes    *cmdutil.Homes
	journals *cmdutil.Journals
	cmdutil.HomeOptions
}

func newHistoryVerify(f *cmdutil.Factory) *cobra.Command {
	o := &historyVerify{console: f.Console, homes: f.Homes, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check the journal and every kept version against their hashes",
		Long: `Reads the whole journal and every kept version, and looks for the undo files of account
changes and directory runs. The exit code is 3 if a record or a version does not match
its hash, if records are missing because the journal was cut at its end, emptied or
removed, or if an undo file is missing that was not pruned.

The hashes detect accidents and careless edits. They do not protect against anyone who
can write to the directory and computes them again.`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *historyVerify) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if err != nil {
		return err
	}
	j := o.journals.Open(home, 0)
	v, err := verify(ctx, j)
	if errors.Is(err, journal.ErrNoJournal) {
		o.console.Notef("nothing is recorded in %s yet", j.Dir())
		v, err = &journal.Verification{}, nil
	}
	if err != nil {
		return err
	}
	o.console.KeepGoing()
	grave := 0
	for _, p := range v.Problems {
		if p.Grave {
			grave++
		}
	}
	if err := o.print(format, filepath.Join(j.Dir(), "journal.jsonl"), v, grave); err != nil {
		return err
	}
	if grave > 0 {
		o.console.Notef("the history of these changes cannot be trusted; compare it with a backup of %s", j.Dir())
		return cmdutil.Findingsf("%s", cmdutil.Plural(grave, "error"))
	}
	return nil
}

func (o *historyVerify) print(format ui.Format, path string, v *journal.Verification, grave int) error {
	if format == ui.JSON {
		type problem struct {
			Line   int    `json:"line,omitempty"`
			Change int64  `json:"change,omitempty"`
			Detail string `json:"detail"`
			Grave  bool   `json:"grave"`
		}
		problems := make([]problem, len(v.Problems))
		for i, p := range v.Problems {
			problems[i] = problem(p)
		}
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema   string    `json:"schema"`
			Records  int       `json:"records"`
			Changes  int       `json:"changes"`
			Versions int       `json:"versions"`
			Pruned   int       `json:"pruned"`
			Intact   bool      `json:"intact"`
			Problems []problem `json:"problems"`
		}{"davadmin.history.verify.1", v.Records, v.Changes, v.Versions, v.Pruned, grave == 0, problems})
	}
	var b strings.Builder
	for _, p := range v.Problems {
		kind := "note"
		if p.Grave {
			kind = "error"
		}
		where := ""
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d: ", ui.Sanitize(path), p.Line)
		}
		fmt.Fprintf(&b, "%s: %s%s\n", kind, where, ui.Sanitize(p.Detail))
	}
	verdict := "intact"
	if grave > 0 {
		verdict = cmdutil.Plural(grave, "error")
	}
	fmt.Fprintf(&b, "%d records of %d changes, %d versions kept, %d pruned: %s\n", v.Records, v.Changes, v.Versions, v.Pruned, verdict)
	_, err := fmt.Fprint(o.console.Streams.Out, b.String())
	return err
}
