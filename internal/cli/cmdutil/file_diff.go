package cmdutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// maxDiff is the maximum size of a file that is compared line by line, in bytes.
const maxDiff = 64 << 20

// fileDiff is the action 'diff' of a file of a home.
type fileDiff struct {
	console   *Console
	homeFiles *HomeFiles
	kind      FileKind
	HomeOptions

	file     string
	withHome string
}

// NewFileDiff returns the action 'diff' of a file of a home.
func NewFileDiff(f *Factory, k FileKind) *cobra.Command {
	o := &fileDiff{console: f.Console, homeFiles: f.HomeFiles, kind: k}
	cmd := &cobra.Command{
		Use:   "diff [REV [REV]] | --file FILE | --with-home DIR",
		Short: "compare " + k.Title + " with an earlier version or another file",
		Long: `Shows the differences line by line: - marks lines of the first version, +
lines of the second. Without arguments, the file is compared with the version
before the last change; with one revision, with that revision. With two
revisions, the first is compared with the second. With --file or --with-home,
this file is compared with the other one.

Passwords are masked; a password that differs is marked. Exits 3 if anything
differs.`,
		Example: fmt.Sprintf(`  davadmin %[1]s diff
  davadmin %[1]s diff 3 7
  davadmin %[1]s diff --with-home /mnt/other/davserver`, k.Operation),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 || len(args) > 0 && (o.file != "" || o.withHome != "") || o.file != "" && o.withHome != "" {
				return Usagef("use at most two revisions, or --file, or --with-home")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.file, "file", "", "compare with the properties `FILE`")
	flags.StringVar(&o.withHome, "with-home", "", "compare with the server home `DIR`")
	o.HomeOptions.Add(flags)
	return cmd
}

// version is one of the two texts that are compared.
type version struct {
	name string
	text []byte
}

func (o *fileDiff) run(ctx context.Context, args []string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(o.kind, &o.HomeOptions, LockOptions{})
	if err != nil {
		return err
	}
	old, next, err := o.versions(ctx, c, args)
	if err != nil {
		return err
	}
	o.console.KeepGoing()
	differs := !bytes.Equal(old.text, next.text)
	if format == ui.JSON {
		err = o.printJSON(c, old, next, differs)
	} else if differs {
		err = o.homeFiles.PrintDiff(c.Registry, old.name, old.text, next.name, next.text)
	}
	if err != nil {
		return err
	}
	if differs {
		return ErrFindings
	}
	o.console.Notef("no difference: %s", pairOf(old.name, next.name, c.File.Path()))
	return nil
}

// pairOf names two versions, and the file that both are versions of only once.
func pairOf(old, next, file string) string {
	of, isVersion := strings.CutPrefix(next, file)
	switch {
	case old == next:
		return old
	case !isVersion || !strings.HasPrefix(old, file):
	case of == "":
		return old + " and the file"
	default:
		next = strings.TrimSpace(of)
	}
	return old + " and " + next
}

// versions returns the two texts to compare.
func (o *fileDiff) versions(ctx context.Context, c *HomeFile, args []string) (old, next version, err error) {
	file := c.File
	next.name = file.Path()
	if len(args) < 2 {
		next.text, _, err = file.Read(ctx)
		if err != nil && !(c.Optional && errors.Is(err, fs.ErrNotExist)) {
			return old, next, o.homeFiles.ExplainFile(ctx, err, c.FileKind, file)
		}
	}
	other := o.file
	if o.withHome != "" {
		other = filepath.Join(o.withHome, filepath.FromSlash(c.Path))
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
			err = errors.New("davadmin has not changed this file yet, so there is no earlier version; use --file to compare with another file")
		}
	default:
		if old, err = o.revision(ctx, c, args[0]); err == nil && len(args) == 2 {
			next, err = o.revision(ctx, c, args[1])
		}
	}
	return old, next, err
}

func (o *fileDiff) revision(ctx context.Context, c *HomeFile, arg string) (version, error) {
	n, err := o.homeFiles.ParseRevision(c.FileKind, arg)
	if err != nil {
		return version{}, err
	}
	text, err := c.At(ctx, n)
	return version{name: fmt.Sprintf("%s revision %d", c.File.Path(), n), text: text}, err
}

// PrintDiff prints the differences of two texts, with secrets masked.
func (hf *HomeFiles) PrintDiff(r *config.Registry, oldName string, old []byte, nextName string, next []byte) error {
	if len(old) > maxDiff || len(next) > maxDiff {
		hf.console.Notef("the files are too large for a line-by-line diff")
		return nil
	}
	shownOld, shownNext := r.MaskTexts(old, next)
	text := diff.Diff(oldName, shownOld, nextName, shownNext)
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if i == 0 {
			continue // the line with the name of the command
		}
		shown := ui.Sanitize(string(line))
		if _, err := fmt.Fprintln(hf.console.Streams.Out, hf.paintDiff(shown)); err != nil {
			return err
		}
	}
	return nil
}

func (hf *HomeFiles) paintDiff(line string) string {
	if line == "" || !hf.console.Colour() {
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

func (o *fileDiff) printJSON(c *HomeFile, old, next version, differs bool) error {
	before, err := config.Parse(old.text)
	if err != nil {
		return fmt.Errorf("%s: %w", old.name, err)
	}
	after, err := config.Parse(next.text)
	if err != nil {
		return fmt.Errorf("%s: %w", next.name, err)
	}
	rows := c.changeRows(config.Compare(before, after))
	return ui.WriteJSON(o.console.Streams.Out, struct {
		Schema  string      `json:"schema"`
		Old     string      `json:"old"`
		New     string      `json:"new"`
		Differs bool        `json:"differs"`
		Changes []changeRow `json:"changes"`
	}{c.Schema("diff"), old.name, next.name, differs, rows})
}
