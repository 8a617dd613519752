package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Line is one line of the journal.
type Line struct {
	Number int // counted from 1
	Record *Record
	// Err is what is wrong with the line: ErrDamaged, or a broken chain. The record
	// then contains what could be read.
	Err error
	// Torn is set for an incomplete last line: a run was interrupted while writing
	// it, or is writing it now.
	Torn bool
}

// Lines yields every line of the journal, oldest first, each checked against its
// hash and against the previous line. A journal that does not exist yields
// ErrNoJournal; one that was removed or emptied yields ErrLost. The last pair has a nil error only if the file was read to its end.
func (j *Journal) Lines(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		empty := true
		for l, err := range j.lines(ctx) {
			if errors.Is(err, ErrNoJournal) {
				if lost := j.lost(); lost != nil {
					err = lost
				}
			}
			empty = false
			if !yield(l, err) {
				return
			}
		}
		if empty {
			if err := j.lost(); err != nil {
				yield(Line{}, err)
			}
		}
	}
}

// lines is Lines for a journal whose records may be lost.
func (j *Journal) lines(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		f, err := fsx.OpenRegular(j.file())
		if errors.Is(err, fs.ErrNotExist) {
			yield(Line{}, ErrNoJournal)
			return
		}
		if err != nil {
			yield(Line{}, fmt.Errorf("open journal: %w", err))
			return
		}
		defer f.Close()
		r := bufio.NewReaderSize(f, tailBlock)
		var before *Record
		for n := 1; ; n++ {
			if err := ctx.Err(); err != nil {
				yield(Line{}, err)
				return
			}
			text, err := r.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				yield(Line{}, fmt.Errorf("read journal: %w", err))
				return
			}
			if len(text) == 0 {
				return
			}
			l := Line{Number: n, Torn: errors.Is(err, io.EOF)}
			l.Record, l.Err = decode(bytes.TrimSuffix(text, []byte{'\n'}))
			if l.Err == nil {
				l.Err = follows(l.Record, before)
			}
			if !yield(l, nil) || l.Torn {
				return
			}
			before = l.Record
		}
	}
}

// follows checks the chain between two lines. before is nil for the first line.
func follows(r, before *Record) error {
	prev, seq := "", int64(1)
	if before != nil {
		prev, seq = before.hash, before.Seq+1
	}
	if r.Prev != prev {
		return fmt.Errorf("%w: it does not follow the previous line", ErrDamaged)
	}
	if r.Seq != seq {
		return fmt.Errorf("%w: it has the number %d instead of %d", ErrDamaged, r.Seq, seq)
	}
	return nil
}

// Entry is one change: its intent, or the discovery of a version, with its result.
type Entry struct {
	Change    int64      `json:"change"`
	Kind      Kind       `json:"kind"`
	Area      Area       `json:"area,omitempty"` // "" in records of earlier versions
	Time      time.Time  `json:"time"`
	Actor     Actor      `json:"actor"`
	Operation string     `json:"operation"`
	Command   []string   `json:"command,omitempty"`
	Remark    string     `json:"remark,omitempty"`
	Target    string     `json:"target,omitempty"`
	Before    *Version   `json:"before,omitempty"`
	After     *Version   `json:"after,omitempty"`
	Items     []Item     `json:"items,omitempty"`
	More      int        `json:"more_items,omitempty"`
	Result    Result     `json:"result"`
	Ended     *time.Time `json:"ended,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	// Damaged is set if one of the records of the change was altered.
	Damaged bool `json:"damaged,omitempty"`
}

// Left returns the version of the target after the change. ok is false for a change
// that was not carried out.
func (e *Entry) Left() (Version, bool) {
	if e.Result != Done || e.After == nil {
		return Version{}, false
	}
	return *e.After, true
}

// Entries returns the changes, oldest first; if target is not empty, only those of
// that target. It skips damaged lines, which Verify reports.
func (j *Journal) Entries(ctx context.Context, target string) ([]Entry, error) {
	var out []Entry
	at := map[int64]int{}
	for l, err := range j.Lines(ctx) {
		if err != nil {
			return nil, err
		}
		r := l.Record
		if errors.Is(l.Err, ErrDamaged) && r.hash == "" {
			continue
		}
		switch r.Kind {
		case KindIntent, KindFound:
			if target != "" && r.Target != target {
				continue
			}
			at[r.Change] = len(out)
			out = append(out, entryOf(r))
			out[len(out)-1].Damaged = l.Err != nil
		case KindResult:
			if i, ok := at[r.Change]; ok {
				ended := r.Time
				out[i].Result, out[i].Detail, out[i].Ended = r.Result, r.Detail, &ended
				out[i].Damaged = out[i].Damaged || l.Err != nil
			}
		}
	}
	return out, nil
}

func entryOf(r *Record) Entry {
	e := Entry{
		Change: r.Change, Kind: r.Kind, Area: r.Area, Time: r.Time, Operation: r.Operation, Command: r.Command,
		Remark: r.Remark, Target: r.Target, Before: r.Before, After: r.After, Items: r.Items, More: r.More,
		Result: Pending, Detail: r.Detail,
	}
	if r.Actor != nil {
		e.Actor = *r.Actor
	}
	if r.Kind == KindFound {
		e.Result = r.Result
	}
	return e
}

// Entry returns one change, or ErrNoChange.
func (j *Journal) Entry(ctx context.Context, change int64) (Entry, error) {
	all, err := j.Entries(ctx, "")
	if err != nil {
		return Entry{}, err
	}
	for _, e := range all {
		if e.Change == change {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("change %d: %w", change, ErrNoChange)
}
