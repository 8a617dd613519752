package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// maxDiff bounds what is compared line by line.
const maxDiff = 64 << 20

// configDiff is 'config diff'.
type configDiff struct {
	*App
	homeOptions

	file     string
	withHome string
}

func (a *App) configDiffCommand() *cobra.Command {
	o := &configDiff{App: a}
	cmd := &cobra.Command{
		Use:   "diff [REV [REV]] | --file FILE | --with-home DIR",
		Short: "compare the configuration with an earlier version or another file",
		Long: `Shows what differs, as lines: - for what the first has, + for what the second
has. Without arguments: the version before the last change against the file.
With one revision: that revision against the file. With two: the first against
the second. --file and --with-home: the other file against this one.

Passwords are masked; one that differs is marked. Exits 3 when anything differs.`,
		Example: `  davadmin config diff
  davadmin config diff 3 7
  davadmin config diff --with-home /mnt/other/davserver`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 || len(args) > 0 && (o.file != "" || o.withHome != "") || o.file != "" && o.withHome != "" {
				return usagef("give at most two revisions, or --file, or --with-home")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "compare with the properties `FILE`")
	f.StringVar(&o.withHome, "with-home", "", "compare with the server home `DIR`")
	o.homeOptions.add(f)
	return cmd
}

// side is one of the two texts of a comparison.
type side struct {
	name string
	text []byte
}

func (o *configDiff) run(ctx context.Context, args []string) error {
	format, err := o.format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.openConfig(&o.homeOptions, lockOptions{})
	if err != nil {
		return err
	}
	old, next, err := o.sides(ctx, c.file, args)
	if err != nil {
		return err
	}
	differs := !bytes.Equal(old.text, next.text)
	if format == ui.JSON {
		err = o.printJSON(c.registry, old, next, differs)
	} else if differs {
		err = o.printDiff(c.registry, old.name, old.text, next.name, next.text)
	}
	if err != nil {
		return err
	}
	if differs {
		return errFindings
	}
	o.notef("no difference: %s and %s", old.name, next.name)
	return nil
}

// sides finds the two texts to compare.
func (o *configDiff) sides(ctx context.Context, file *config.File, args []string) (old, next side, err error) {
	next.name = file.Path()
	if len(args) < 2 {
		if next.text, _, err = file.Read(ctx); err != nil {
			return old, next, o.explainLoad(ctx, err, file)
		}
	}
	other := o.file
	if o.withHome != "" {
		other = filepath.Join(o.withHome, filepath.FromSlash(config.ServerFile))
	}
	switch {
	case other != "":
		old.name = other
		old.text, _, err = fsx.ReadLimited(other, maxDiff)
	case len(args) == 0:
		var change int64
		old.text, change, err = file.BeforeLast(ctx)
		old.name = fmt.Sprintf("%s before change %d", file.Path(), change)
		if err == nil && change == 0 {
			err = errors.New("davadmin has not changed this file yet, so there is nothing to compare with; --file names another one")
		}
	default:
		if old, err = o.revision(ctx, file, args[0]); err == nil && len(args) == 2 {
			next, err = o.revision(ctx, file, args[1])
		}
	}
	return old, next, err
}

func (o *configDiff) revision(ctx context.Context, file *config.File, arg string) (side, error) {
	n, err := parseRevision(arg)
	if err != nil {
		return side{}, err
	}
	text, err := file.At(ctx, n)
	if err != nil {
		return side{}, explainRevision(err, n)
	}
	return side{name: fmt.Sprintf("%s revision %d", file.Path(), n), text: text}, nil
}

func parseRevision(arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("'%s' is not a revision number; 'davadmin config history' lists them", arg)
	}
	return n, nil
}

func explainRevision(err error, revision int64) error {
	if errors.Is(err, journal.ErrNoVersion) {
		return fmt.Errorf("revision %d: its content was pruned; 'davadmin config history' lists what there is", revision)
	}
	if errors.Is(err, config.ErrNoRevision) {
		return usagef("%v; 'davadmin config history' lists them", err)
	}
	return err
}

// printDiff shows what differs between two texts, secrets masked.
func (a *App) printDiff(r *config.Registry, oldName string, old []byte, nextName string, next []byte) error {
	if len(old) > maxDiff || len(next) > maxDiff {
		a.notef("the files are too large to be shown line by line")
		return nil
	}
	shownOld, shownNext := r.MaskTexts(old, next)
	text := diff.Diff(oldName, shownOld, nextName, shownNext)
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if i == 0 {
			continue // the line that names the command
		}
		shown := ui.Sanitize(string(line))
		if _, err := fmt.Fprintln(a.Streams.Out, a.paintDiff(shown)); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) paintDiff(line string) string {
	if line == "" || !a.colour() {
		return line
	}
	switch line[0] {
	case '+':
		return ui.Green(line)
	case '-':
		return ui.Red(line)
	case '@':
		return ui.Dim(line)
	}
	return line
}

func (o *configDiff) printJSON(r *config.Registry, old, next side, differs bool) error {
	before, err := config.Parse(old.text)
	if err != nil {
		return fmt.Errorf("%s: %w", old.name, err)
	}
	after, err := config.Parse(next.text)
	if err != nil {
		return fmt.Errorf("%s: %w", next.name, err)
	}
	rows := changeRows(r, config.Compare(before, after))
	return ui.WriteJSON(o.Streams.Out, struct {
		Schema  string      `json:"schema"`
		Old     string      `json:"old"`
		New     string      `json:"new"`
		Differs bool        `json:"differs"`
		Changes []changeRow `json:"changes"`
	}{"davadmin.config.diff.1", old.name, next.name, differs, rows})
}
