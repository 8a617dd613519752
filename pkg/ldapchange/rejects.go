package ldapchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// carry reads the rejected records of a stopped run, except those that are tried
// again now, and rewrites the file, which may end in an incomplete record.
func (a *Applier) carry(run *Run, todo *Plan, done int) error {
	if a.rejects.Changes() > 0 {
		return nil // a check on these connections has added them
	}
	path := filepath.Join(run.dir, RejectFile)
	records, err := readRejects(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	keep := make(map[string]bool, len(records))
	for i := range records {
		keep[records[i].DN] = true
	}
	group := 0
	for again, err := range todo.All(false) {
		if err != nil {
			return err
		}
		if group++; group <= done {
			continue
		}
		for i := range again {
			delete(keep, again[i].DN)
		}
	}
	for i := range records {
		if keep[records[i].DN] {
			if err := a.rejects.Add(&records[i]); err != nil {
				return err
			}
		}
	}
	return a.saveRejects(run)
}

// readRejects reads a file of rejected records with their reasons. It returns none if
// the file does not exist. An incomplete record at the end is skipped, since its
// group does not count as finished.
func readRejects(path string) ([]Record, error) {
	text, err := readRunFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text = text[:bytes.LastIndex(text, []byte("\n\n"))+1]
	r := ldif.NewReader(bytes.NewReader(text), ldif.Options{Name: path, Comments: true})
	var out []Record
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := recordOf(rec)
		if err != nil {
			return nil, err
		}
		for _, line := range rec.Comments {
			if why, ok := strings.CutPrefix(string(line), "# why: "); ok {
				one.Note = why
			}
		}
		out = append(out, one)
	}
}

// Rejects returns the number of records that were not changed.
func (a *Applier) Rejects() int { return a.rejects.Changes() }

// WriteRejects writes the records that were not changed, each with the reason, as
// a plan that can be applied. If there are none, it removes the file that an earlier run
// wrote, which would otherwise look like the result of this one. The file is one that
// RejectOutput allows.
func (a *Applier) WriteRejects(ctx context.Context, path, source string) error {
	if a.rejects.Changes() == 0 {
		return fsx.RemoveOutput(ctx, path, RejectOutput(a.o.Hook))
	}
	return fsx.WriteOutput(ctx, path, RejectOutput(a.o.Hook), a.writeRejects(source))
}

// rejectsBy is the author of a plan that consists of records that were not changed.
const rejectsBy = "the records that were not changed"

// RejectOutput returns how the file of WriteRejects is written: an existing file is
// replaced only if WriteRejects wrote it.
func RejectOutput(hook fsx.Hook) fsx.OutputOptions {
	return fsx.OutputOptions{Hook: hook, Ours: func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("version: 1\n"+planMark+"\n")) && bytes.Contains(head, []byte("\n"+planBy+rejectsBy+"\n"))
	}}
}

func (a *Applier) writeRejects(source string) func(io.Writer) error {
	return func(w io.Writer) error {
		return a.rejects.Write(w, Header{Made: a.o.Now(), By: rejectsBy, Source: source})
	}
}

// appendRejects appends the rejected records of a group to the file of the run before
// the group counts as finished, so that a run that is killed does not lose them. If
// the group never counts as finished, carry skips them.
func (a *Applier) appendRejects(run *Run) error {
	if len(a.fresh) == 0 {
		return nil
	}
	var text []byte
	for i := range a.fresh {
		b, err := a.rejects.encode(&a.fresh[i])
		if err != nil {
			return err
		}
		text = append(text, b...)
	}
	a.fresh = nil
	return appendRunFile(filepath.Join(run.dir, RejectFile), a.o.Hook, text)
}

// saveRejects writes the file of the records that were not changed, and removes it if
// there are none.
func (a *Applier) saveRejects(run *Run) error {
	path := filepath.Join(run.dir, RejectFile)
	if a.rejects.Changes() > 0 {
		return writeRunFile(path, a.o.Hook, a.writeRejects(run.Server))
	}
	if err := fsx.Remove(context.Background(), path, a.o.Hook); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
