package historycmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// verify verifies the journal, the versions and the undo files. journal.ErrNoJournal.
func verify(ctx context.Context, j *journal.Journal) (*journal.Verification, error) {
	v, err := j.Verify(ctx)
	if err != nil {
		return nil, err
	}
	lost, err := verifyFiles(ctx, j)
	if err != nil {
		return nil, err
	}
	v.Problems = append(v.Problems, lost...)
	return v, nil
}

// verifyFiles finds the undo files of directory runs and of account changes that are missing
// although the journal shows that they were written and not pruned. A change that was
// interrupted may not have written any.
func verifyFiles(ctx context.Context, j *journal.Journal) ([]journal.Problem, error) {
	entries, err := j.Entries(ctx, "")
	if errors.Is(err, journal.ErrNoJournal) || errors.Is(err, journal.ErrLost) {
		return nil, nil // reported already
	}
	if err != nil {
		return nil, err
	}
	var lastPrune int64
	for i := range entries {
		if entries[i].Operation == "history prune" {
			lastPrune = entries[i].Change
		}
	}
	var out []journal.Problem
	for i := range entries {
		e := &entries[i]
		path := runUndo(j, e)
		if path == "" && e.Change > lastPrune {
			path = accountUndo(j, e)
		}
		if path == "" {
			continue
		}
		f, err := fsx.OpenRegular(path)
		if err == nil {
			_ = f.Close()
			continue
		}
		out = append(out, journal.Problem{
			Change: e.Change, Grave: true,
			Detail: fmt.Sprintf("change %d (%s) can no longer be undone: its undo file %s is missing or unreadable: %v", e.Change, e.Operation, path, bareError(err)),
		})
	}
	return out, nil
}

// runUndo returns the undo file of the directory run that a change was; "" for another
// change, or one that may have no files.
func runUndo(j *journal.Journal, e *journal.Entry) string {
	if e.Result != journal.Done && (e.Result != journal.Unfinished || !strings.HasPrefix(e.Detail, "run ")) {
		return ""
	}
	for _, it := range e.Items {
		if run, err := strconv.ParseInt(it.New, 10, 64); it.Name == "run" && err == nil && run > 0 {
			return filepath.Join(ldapchange.Runs{Dir: filepath.Join(j.Dir(), "ldap")}.Path(run), ldapchange.UndoFile)
		}
	}
	return ""
}

// accountUndo returns the undo file of a change of accounts; "" for another change, or one
// that changed nothing.
func accountUndo(j *journal.Journal, e *journal.Entry) string {
	if len(e.Items) != 1 || e.Result == journal.Pending {
		return ""
	}
	if !strings.HasPrefix(e.Items[0].New, "undo file: ") {
		return ""
	}
	for part := range strings.SplitSeq(e.Detail, ", ") {
		for _, made := range []string{"created ", "restored ", "changed ", "deleted ", "unknown "} {
			if strings.HasPrefix(part, made) {
				return filepath.Join(j.Dir(), "accounts", fmt.Sprintf("%d.undo", e.Change)) // the home may have been moved
			}
		}
	}
	return ""
}

// bareError returns the reason of an error about a file without its path.
func bareError(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
