package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/listfile"
)

// Limits of a batch file, in bytes.
const (
	maxBatch     = 256 << 20
	maxBatchLine = 1 << 20
)

// BatchForm says what a record of CSV, of JSON or of another list means in a batch file.
type BatchForm struct {
	// Columns are the names of the columns that identify something, as listfile.FoldKey
	// returns them. A heading names at least one of them.
	Columns []string
	// Single says that a heading may consist of one name: it cannot be a line of the batch.
	Single bool
	// Line returns the batch line that a record stands for, "" if it stands for none.
	Line func(listfile.Fields) (string, error)
}

// BatchLine is a line of a batch file, or a record in the form of a line.
type BatchLine struct {
	Text   string // without the line ending
	Number int
	Where  string      // file and number, for messages
	Cut    bool        // the line has no line ending, so it may be incomplete
	Info   fs.FileInfo // of the file; nil for standard input
}

// BatchName returns the name of a batch file for messages.
func BatchName(path string) string {
	if isStdin(path) {
		return "standard input"
	}
	return path
}

// BatchPlace returns the name and the number of a line of a batch file, for messages.
func BatchPlace(path string, line int) string {
	return fmt.Sprintf("%s:%d", BatchName(path), line)
}

// EachBatchLine reads a batch file like EachBatch.
func (in *Input) EachBatchLine(ctx context.Context, path string, form BatchForm, do func(line, where string, info fs.FileInfo) error) error {
	return in.EachBatch(ctx, path, form, func(b *BatchLine) error { return do(b.Text, b.Where, b.Info) })
}

// EachBatch reads a batch file, a pipe, or standard input if path is "-", and calls do for
// each line, also for those that are blank or a comment, and for each record of another form
// that the file may have. It holds one line in memory. The BatchLine may be kept.
func (in *Input) EachBatch(ctx context.Context, path string, form BatchForm, do func(*BatchLine) error) error {
	f, info, err := in.Open(ctx, path)
	if err != nil {
		return fmt.Errorf("batch file: cannot read %w", err)
	}
	defer f.Close()
	identifies := func(name string) bool { return slices.Contains(form.Columns, name) }
	o := listfile.Options{Name: BatchName(path), MaxLine: maxBatchLine, MaxSize: maxBatch, Identifies: identifies, Forms: true, Single: form.Single}
	for r, err := range listfile.Read(f, o) {
		if err != nil {
			return batchError(ctx, path, err)
		}
		b := &BatchLine{Text: r.Text, Number: r.Line, Where: BatchPlace(path, r.Line), Cut: r.Length == len(r.Text), Info: info}
		switch {
		case r.Bad != "":
			return Usagef("%s: %s; nothing was changed", b.Where, r.Bad)
		case r.Note:
			continue
		case r.Fields != nil:
			if b.Cut = false; r.Table {
				r.Fields = slices.DeleteFunc(r.Fields, func(f listfile.Field) bool { return !identifies(f.Name) && f.Name != "state" })
			}
			if b.Text, err = form.Line(r.Fields); err != nil {
				return Usagef("%s: %v; nothing was changed", b.Where, err)
			}
		case len(r.Text) > maxBatchLine:
			return Usagef("%s: the line is longer than %d bytes; nothing was changed", b.Where, maxBatchLine)
		}
		if err := do(b); err != nil {
			return err
		}
	}
	return nil
}

// batchError words an error of a list: in what is wrong with its text, nothing was changed.
func batchError(ctx context.Context, path string, err error) error {
	var list *listfile.Error
	var encoding *listfile.EncodingError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &encoding):
		return Usagef("batch file: %v", encodingError(BatchName(path), encoding.Kind))
	case errors.As(err, &list) && !list.Reading:
		return Usagef("batch file: %v; nothing was changed", err)
	}
	return fmt.Errorf("batch file: %w", err)
}

// TrimBatchLine returns a line without surrounding white space, or an empty string if it is
// a comment.
func TrimBatchLine(line string) string {
	line = strings.Trim(line, " \t\r\n")
	if strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

// ParseBatchPair parses a line 'left=right', or 'left: right' as listings have it; messages
// use these names for its parts. Given is false for a blank line and a comment.
func ParseBatchPair(line, where, left, right string) (name, value string, given bool, err error) {
	if line = TrimBatchLine(line); line == "" {
		return "", "", false, nil
	}
	name, value, ok := strings.Cut(line, "=")
	if before, after, listed := strings.Cut(line, ": "); listed && !strings.Contains(before, "=") {
		name, value, ok = before, after, true
	}
	if !ok {
		return "", "", false, Usagef("%s: missing '=' between %s and %s; nothing was changed", where, left, right)
	}
	if name = strings.TrimRight(name, " \t"); name == "" {
		return "", "", false, Usagef("%s: missing %s before '='; nothing was changed", where, left)
	}
	return name, strings.TrimLeft(value, " \t"), true, nil
}

// PairForm returns the form of records with a name and a value, which are columns. Value
// reports whether a value of a listing can be used; it may be nil.
func PairForm(names, values []string, usable func(value string) error) BatchForm {
	first := func(f listfile.Fields, columns []string) (string, bool) {
		for _, c := range columns {
			if f.Has(c) {
				return f.Get(c), true
			}
		}
		return "", false
	}
	return BatchForm{Columns: names, Line: func(f listfile.Fields) (string, error) {
		name, _ := first(f, names)
		if name = strings.TrimSpace(name); name == "" {
			return "", fmt.Errorf("the column '%s' is empty or missing", names[0])
		}
		if strings.ContainsAny(name, "=\r\n") || strings.Contains(name, ": ") || strings.HasPrefix(name, "#") {
			return "", fmt.Errorf("the column '%s' contains '=', ': ', '#' or a line end", names[0])
		}
		if values == nil {
			return name, nil
		}
		value, ok := first(f, values)
		switch {
		case slices.ContainsFunc(values, f.Differ):
			return "", fmt.Errorf("the column '%s' is there twice, with different values", values[0])
		case !ok:
			return "", fmt.Errorf("the column '%s' is missing", values[0])
		case strings.ContainsAny(value, "\r\n"):
			return "", fmt.Errorf("the column '%s' contains a line end", values[0])
		}
		if usable != nil {
			if err := usable(value); err != nil {
				return "", fmt.Errorf("the column '%s': %w", values[0], err)
			}
		}
		return name + "=" + value, nil
	}}
}
