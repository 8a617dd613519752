package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a journal.
type Problem struct {
	Line   int    // of the journal; 0 if it is about no line
	Change int64  // 0 if it is unknown
	Detail string // what is wrong
	Grave  bool   // recorded data was lost or altered
}

// Verification is the result of Verify.
type Verification struct {
	Records  int
	Changes  int
	Versions int // kept, with the correct hash
	Pruned   int // named by a change, but no longer kept
	Problems []Problem
}

// Verify reads the whole journal and every kept version, and checks each hash. A
// missing version is not a problem if a later prune can have removed it. A prune
// never removes the newest version of a file. A journal that was cut, emptied or removed
// is found by the number of its last record, and by versions that no record names.
func (j *Journal) Verify(ctx context.Context) (*Verification, error) {
	w := &verifying{v: &Verification{}, open: map[int64]int{}, named: map[string]namedVersion{}}
	// Both are read before the journal: records that a run adds meanwhile are no problem.
	last, lastErr := j.readLast()
	kept, err := j.kept()
	if err != nil {
		return nil, err
	}
	for l, err := range j.lines(ctx) {
		if errors.Is(err, ErrNoJournal) && (lastErr != nil || last != nil && last.Seq > 0 || len(kept) > 0) {
			w.problem(fmt.Sprintf("%s is missing", j.file()), last == nil || last.Seq > 0)
			break
		}
		if err != nil {
			return nil, err
		}
		w.note(l)
		if last != nil && l.Record.Seq == last.Seq && l.Record.hash != last.Hash && l.Err == nil {
			w.v.Problems = append(w.v.Problems, Problem{Line: l.Number, Change: l.Record.Change, Detail: "this is not the record that was written with this number", Grave: true})
		}
	}
	w.checkEnd(last, lastErr, kept)
	for change, line := range w.open {
		p := Problem{Line: line, Change: change, Detail: fmt.Sprintf("change %d has no result: its run is still at work, or was killed; the next change of the same kind adds it", change)}
		if !slices.Contains(w.atWork, change) && change != w.last {
			p.Detail, p.Grave = fmt.Sprintf("change %d has no result, although other changes follow it", change), true
		}
		w.v.Problems = append(w.v.Problems, p)
	}
	if err := w.versions(ctx, j); err != nil {
		return nil, err
	}
	slices.SortFunc(w.v.Problems, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Detail, b.Detail)) })
	return w.v, nil
}

// verifying is the state of a verification.
type verifying struct {
	v      *Verification
	open   map[int64]int // change -> line of its intent
	last   int64         // the newest change
	atWork []int64       // other changes that had no result as of the last intact record
	seq    int64         // of the newest record
	pruned int           // line of the newest prune
	named  map[string]namedVersion
}

// namedVersion is a version with the number of the last line that names it.
type namedVersion struct {
	Version
	line int
}

func (w *verifying) note(l Line) {
	r, v := l.Record, w.v
	if l.Torn {
		v.Problems = append(v.Problems, Problem{Line: l.Number, Detail: "the last record is unfinished; the next change removes it"})
		return
	}
	v.Records++
	if w.seq++; r.Seq > 0 { // the number of a damaged record may be lost
		w.seq = r.Seq
	}
	if l.Err != nil {
		v.Problems = append(v.Problems, Problem{Line: l.Number, Change: r.Change, Detail: l.Err.Error(), Grave: true})
	}
	if l.Err == nil {
		w.atWork = r.Open
	}
	switch r.Kind {
	case KindRepair:
		if r.Lost {
			v.Problems = append(v.Problems, Problem{Line: l.Number, Detail: r.Detail, Grave: true})
		}
	case KindIntent:
		w.open[r.Change] = l.Number
		w.last = r.Change
		v.Changes++
		if r.Operation == pruneOperation {
			w.pruned = l.Number
		}
	case KindFound:
		w.last = r.Change
		v.Changes++
	case KindResult:
		delete(w.open, r.Change)
		if r.Result == Unfinished || r.Result == Unknown {
			v.Problems = append(v.Problems, Problem{Line: l.Number, Change: r.Change, Detail: r.Detail})
		}
	}
	for _, x := range []*Version{r.Before, r.After} {
		if x != nil && !x.Missing && isSHA256(x.SHA256) {
			w.named[x.SHA256] = namedVersion{*x, l.Number}
		}
	}
}

func (w *verifying) problem(detail string, grave bool) {
	w.v.Problems = append(w.v.Problems, Problem{Detail: detail, Grave: grave})
}

// checkEnd checks that the journal has its last record, and that records name all
// versions that are kept. A run that is killed before its first record leaves a version
// that none names, so this alone is grave only if the last record is unknown.
func (w *verifying) checkEnd(last *lastRecord, lastErr error, kept []string) {
	switch {
	case lastErr != nil:
		w.problem(lastErr.Error(), true)
	case last == nil && w.v.Records > 0:
		w.problem("nothing shows which record is the last one, so a cut journal may not be detected; the next change records it", false)
	case last != nil && w.seq < last.Seq:
		w.problem(fmt.Sprintf("the journal was cut: it ends with record %d, but the last one was record %d, of change %d", w.seq, last.Seq, last.Change), true)
	}
	unnamed := slices.DeleteFunc(kept, func(sha string) bool { _, ok := w.named[sha]; return ok })
	switch {
	case len(unnamed) == 0:
	case last == nil:
		w.problem(fmt.Sprintf("no record names %d of the versions that are kept: either the journal was cut, or a run was killed before it recorded its change", len(unnamed)), true)
	default:
		w.problem(fmt.Sprintf("no record names %d of the versions that are kept: a run was killed before it recorded its change, or the records are lost", len(unnamed)), false)
	}
}

// versions reads every version that the journal names.
func (w *verifying) versions(ctx context.Context, j *Journal) error {
	if len(w.named) == 0 {
		return nil
	}
	newest, err := j.newest(ctx)
	if err != nil {
		return err
	}
	for sha, x := range w.named {
		_, err := j.Content(ctx, x.Version)
		switch {
		case err == nil:
			w.v.Versions++
		case errors.Is(err, ErrNoVersion) && !newest[sha] && w.pruned > x.line:
			w.v.Pruned++
		case errors.Is(err, ErrNoVersion):
			w.v.Problems = append(w.v.Problems, Problem{Line: x.line, Detail: fmt.Sprintf("the version %.12s that it names is missing", sha), Grave: true})
		case errors.Is(err, ErrDamaged):
			w.v.Problems = append(w.v.Problems, Problem{Line: x.line, Detail: err.Error(), Grave: true})
		default:
			return err
		}
	}
	return nil
}

// newest returns the hashes of the newest known content of every target.
func (j *Journal) newest(ctx context.Context) (map[string]bool, error) {
	entries, err := j.Entries(ctx, "")
	if err != nil {
		return nil, err
	}
	last := map[string]string{}
	for _, e := range entries {
		if x, ok := e.Left(); ok && e.Target != "" {
			last[e.Target] = x.SHA256
		}
	}
	out := map[string]bool{}
	for _, sha := range last {
		out[sha] = true
	}
	return out, nil
}
