package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// PrunePlan is what a prune would remove.
type PrunePlan struct {
	Versions []string // hashes
	Kept     int      // number of versions that are kept
	// Files are other files that the caller wants to be removed, such as undo files.
	Files []string
}

// PlanPrune finds the versions that are not named by any change since the given time
// and are not the newest known content of any target. A version that no record names is
// as old as its file. Records are never pruned.
func (j *Journal) PlanPrune(ctx context.Context, before time.Time) (*PrunePlan, error) {
	keep, err := j.newest(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := j.Entries(ctx, "")
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, e := range entries {
		for _, x := range []*Version{e.Before, e.After} {
			if x == nil || x.Missing {
				continue
			}
			named[x.SHA256] = true
			if !e.Time.Before(before) || e.Result == Pending {
				keep[x.SHA256] = true
			}
		}
	}
	kept, err := j.kept()
	if err != nil {
		return nil, err
	}
	p := &PrunePlan{}
	for _, sha := range kept {
		if !named[sha] {
			// Its record may be lost, so it may be needed.
			fi, err := os.Lstat(j.versionFile(sha))
			keep[sha] = err != nil || !fi.ModTime().Before(before)
		}
		if keep[sha] {
			p.Kept++
		} else {
			p.Versions = append(p.Versions, sha)
		}
	}
	return p, nil
}

// pruneOperation is the operation of the change that Prune records.
const pruneOperation = "history prune"

// Prune removes the versions and files of a plan and records this as a change. command is
// the command as typed. It returns the number of versions and of files removed.
func (s *Session) Prune(ctx context.Context, p *PrunePlan, command []string) (removed, files int, err error) {
	change, err := s.Begin(ctx, Intent{Operation: pruneOperation, Command: command})
	if err != nil {
		return 0, 0, err
	}
	for _, sha := range p.Versions {
		if err = fsx.Remove(ctx, s.j.versionFile(sha), s.j.opts.Hook); err != nil {
			break
		}
		removed++
	}
	for _, path := range p.Files {
		if err != nil {
			break
		}
		if err = fsx.RemoveLeftover(ctx, path, s.j.opts.Hook); err == nil {
			files++
		}
	}
	result, detail := Done, fmt.Sprintf("%d versions removed", removed)
	if len(p.Files) > 0 {
		detail += fmt.Sprintf(", %d other files removed", files)
	}
	if err != nil {
		result, detail = Unfinished, detail+": "+err.Error()
	}
	return removed, files, errors.Join(err, s.End(context.WithoutCancel(ctx), change, result, detail))
}
