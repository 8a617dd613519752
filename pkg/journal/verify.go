package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Problem is one thing that a verification found.
type Problem struct {
	Line   int    // of the journal; 0 for a version
	Change int64  // 0 when it is not known
	Detail string // what is wrong
	Grave  bool   // something recorded is lost or was altered
}

// Verification is the outcome of Verify.
type Verification struct {
	Records  int
	Changes  int
	Versions int // kept and read back with the right hash
	Pruned   int // named by a change and not kept any more
	Problems []Problem
}

// Verify reads the whole journal and every kept version and checks each hash.
// A version that is not kept is no problem, as pruning takes versions away.
func (j *Journal) Verify(ctx context.Context) (*Verification, error) {
	v := &Verification{}
	open := map[int64]int{} // change -> line of its intent
	named := map[string]Version{}
	for l, err := range j.Lines(ctx) {
		if err != nil {
			return nil, err
		}
		v.note(l, open, named)
	}
	for change, line := range open {
		v.Problems = append(v.Problems, Problem{
			Line: line, Change: change, Detail: fmt.Sprintf("change %d has no result; the next change settles it", change),
		})
	}
	if err := j.verifyVersions(ctx, v, named); err != nil {
		return nil, err
	}
	slices.SortFunc(v.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return v, nil
}

func (v *Verification) note(l Line, open map[int64]int, named map[string]Version) {
	r := l.Record
	if l.Torn {
		v.Problems = append(v.Problems, Problem{Line: l.Number, Detail: "the last record is unfinished; the next change takes it off"})
		return
	}
	v.Records++
	if l.Err != nil {
		v.Problems = append(v.Problems, Problem{Line: l.Number, Change: r.Change, Detail: l.Err.Error(), Grave: true})
	}
	switch r.Kind {
	case KindIntent:
		open[r.Change] = l.Number
		v.Changes++
	case KindFound:
		v.Changes++
	case KindResult:
		delete(open, r.Change)
		if r.Result == Unfinished {
			v.Problems = append(v.Problems, Problem{Line: l.Number, Change: r.Change, Detail: r.Detail})
		}
	}
	for _, x := range []*Version{r.Before, r.After} {
		if x != nil && !x.Missing && isSHA256(x.SHA256) {
			named[x.SHA256] = *x
		}
	}
}

func (j *Journal) verifyVersions(ctx context.Context, v *Verification, named map[string]Version) error {
	for sha, x := range named {
		_, err := j.Content(ctx, x)
		switch {
		case err == nil:
			v.Versions++
		case errors.Is(err, ErrNoVersion):
			v.Pruned++
		case errors.Is(err, ErrDamaged):
			v.Problems = append(v.Problems, Problem{Detail: fmt.Sprintf("version %.12s: %v", sha, err), Grave: true})
		default:
			return err
		}
	}
	return nil
}

// PrunePlan is what a prune would take away.
type PrunePlan struct {
	Versions []string // hashes
	Kept     int      // versions that stay
}

// PlanPrune finds the versions that no change since before names, and that are
// not the newest known content of any target. Records are never pruned.
func (j *Journal) PlanPrune(ctx context.Context, before time.Time) (*PrunePlan, error) {
	keep := map[string]bool{}
	newest := map[string]string{}
	entries, err := j.Entries(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		for _, x := range []*Version{e.Before, e.After} {
			if x == nil || x.Missing {
				continue
			}
			if !e.Time.Before(before) || e.Result == Pending {
				keep[x.SHA256] = true
			}
		}
		if x, ok := e.Left(); ok {
			newest[e.Target] = x.SHA256
		}
	}
	for _, sha := range newest {
		keep[sha] = true
	}
	kept, err := j.kept()
	if err != nil {
		return nil, err
	}
	p := &PrunePlan{}
	for _, sha := range kept {
		if keep[sha] {
			p.Kept++
		} else {
			p.Versions = append(p.Versions, sha)
		}
	}
	return p, nil
}

// Prune removes the versions of a plan. The caller records it as a change of
// its own, with Begin and End.
func (s *Session) Prune(ctx context.Context, p *PrunePlan) (removed int, err error) {
	for _, sha := range p.Versions {
		if !isSHA256(sha) {
			continue
		}
		if err := fsx.Remove(ctx, s.j.versionFile(sha), s.j.opts.Hook); err != nil {
			return removed, fmt.Errorf("remove version %.12s: %w", sha, err)
		}
		removed++
	}
	return removed, nil
}
