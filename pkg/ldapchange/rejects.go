package ldapchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
	text, err := os.ReadFile(path)
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
// a plan that can be applied. It writes no file if there are no such records.
func (a *Applier) WriteRejects(path, source string) error {
	if a.rejects.Changes() == 0 {
		return nil
	}
	return writeFile(path, func(f *os.File) error {
		return a.rejects.Write(f, Header{Made: a.o.Now(), By: "the records that were not changed", Source: source})
	})
}

// appendRejects appends the rejected records of a group to the file of the run before
// the group counts as finished, so that a run that is killed does not lose them. If
// the group never counts as finished, carry skips them.
func (a *Applier) appendRejects(run *Run) (err error) {
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
	f, err := os.OpenFile(filepath.Join(run.dir, RejectFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// saveRejects writes the file of the records that were not changed, and removes it if
// there are none.
func (a *Applier) saveRejects(run *Run) error {
	path := filepath.Join(run.dir, RejectFile)
	if a.rejects.Changes() > 0 {
		return a.WriteRejects(path, run.Server)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
