package calio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// Conflict is what an import does with an object whose UID the calendar has with another
// content.
type Conflict string

// The ways to deal with conflicts.
const (
	Skip    Conflict = "skip"    // keep what the calendar has
	Replace Conflict = "replace" // take what the file has
	Newer   Conflict = "newer"   // take what the file has if it is newer, see calobj.CompareNewness
	Fail    Conflict = "fail"    // keep what the calendar has, and reject the object
)

// Conflicts returns all of them.
func Conflicts() []Conflict { return []Conflict{Skip, Replace, Newer, Fail} }

// Outcome is what became of an object of a file.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Replaced  Outcome = "replaced"
	Unchanged Outcome = "unchanged" // the calendar has the same
	Skipped   Outcome = "skipped"   // the calendar has another content, which was kept
	Rejected  Outcome = "rejected"  // it cannot be imported, see the reason
	NotDone   Outcome = "not-done"  // the run ended before
)

// Outcomes returns all of them.
func Outcomes() []Outcome {
	return []Outcome{Created, Replaced, Unchanged, Skipped, Rejected, NotDone}
}

// Result says what became of an object of a file.
type Result struct {
	Source  string // the file
	Line    int    // where it begins in the file
	UID     string
	Type    string
	Summary string // of the master, shortened
	Name    string // of the resource; "" if it has none
	Outcome Outcome
	Reason  string // of an object that was skipped or rejected, or of one that the run did not reach
	// Problems say what was left out, added or changed to make the object, and what is wrong
	// with it.
	Problems []ical.Problem
	// Text is the object as a calendar, if it was rejected; nil if it cannot be expressed as
	// one.
	Text []byte
}

// ImportOptions say where objects go, and how.
type ImportOptions struct {
	Store store.Store
	Place Place
	// Create is the calendar to create if it does not exist, without account and name; nil
	// if it must exist.
	Create   *store.Calendar
	Conflict Conflict
	DryRun   bool // only find out what would be done
	// Save saves undo lines. It is not called in a dry run.
	Save SaveUndo
	// Report is called for each object, in their order. Its error ends the run.
	Report func(Result) error
	// Retry calls try, and calls it again while the store is unavailable; nil calls it once.
	Retry func(ctx context.Context, try func(again bool) error) error
}

// An Importer writes objects into a calendar. It must not be used by several goroutines; but
// several Importers, of several processes as well, may write into one calendar.
//
// Objects are written in groups, each in one or two transactions: a run that is interrupted
// leaves whole objects, and the next run finds them unchanged.
type Importer struct {
	o     ImportOptions
	group []*importing
	bytes int
	uids  map[string]bool // of the group
	made  bool            // the calendar was created
}

// importing is an object on its way into the calendar.
type importing struct {
	result Result
	object *calobj.Object // nil if it could not be made
	tried  Outcome        // what an attempt whose end is unknown would have made of it
	done   bool           // the result is final
}

// The maximum size of a group.
const (
	groupObjects = 500
	groupBytes   = 4 << 20
)

// NewImporter returns an Importer. Nothing is read or written before Add.
func NewImporter(o ImportOptions) *Importer {
	if o.Retry == nil {
		o.Retry = func(_ context.Context, try func(bool) error) error { return try(false) }
	}
	return &Importer{o: o, uids: map[string]bool{}}
}

// Add imports an object of a file, at the latest when End is called. After an error the run is
// over, and the objects that were not reported yet are reported as not done.
func (m *Importer) Add(ctx context.Context, source string, item *calobj.Item) error {
	if m.uids[item.UID] && item.Err == nil {
		if err := m.flush(ctx); err != nil {
			return err
		}
	}
	x := &importing{object: item.Object, result: Result{
		Source: source, Line: item.Line, UID: item.UID, Type: item.Type, Problems: item.Problems,
	}}
	if item.Err != nil {
		x.reject(item.Err.Error())
		x.result.Text = item.Text
		if refused, ok := errors.AsType[*calobj.RefusedError](item.Err); ok {
			x.result.Problems = slices.Concat(item.Problems, refused.Problems)
		}
	} else {
		x.result.Summary = summary(item.Object)
		x.result.Problems = append(slices.Clip(item.Problems), item.Object.Problems...)
		m.uids[item.UID] = true
		m.bytes += len(item.Object.Text())
	}
	m.group = append(m.group, x)
	if len(m.group) < groupObjects && m.bytes < groupBytes {
		return nil
	}
	return m.flush(ctx)
}

// End imports what remains.
func (m *Importer) End(ctx context.Context) error { return m.flush(ctx) }

// flush imports the group, and reports what became of it.
func (m *Importer) flush(ctx context.Context) error {
	group := m.group
	m.group, m.bytes = nil, 0
	clear(m.uids)
	if len(group) == 0 {
		return nil
	}
	err := m.write(ctx, group)
	for _, x := range group {
		if !x.done {
			x.result.Outcome, x.result.Reason = NotDone, reasonEnded
			if x.tried != "" {
				x.result.Reason = reasonUnknown
			}
		}
		if rerr := m.o.Report(x.result); rerr != nil && err == nil {
			err = rerr
		}
	}
	return err
}

// Why something has no final result.
const (
	reasonEnded   = "the run ended before"
	reasonUnknown = "it is unknown whether the change was made; a second run finds out"
)

// finish sets the outcome of an object.
func (x *importing) finish(outcome Outcome, reason string) {
	x.done = true
	x.result.Outcome, x.result.Reason = outcome, reason
}

// reject sets the outcome of an object that cannot be imported.
func (x *importing) reject(reason string) {
	x.finish(Rejected, reason)
	if x.object != nil {
		x.result.Text = x.object.Text()
	}
}

// maxSummary is the length to which a summary is shortened, in bytes.
const maxSummary = 200

// summary returns the SUMMARY of the first component that is not an override, shortened.
func summary(x *calobj.Object) string {
	for _, c := range x.Calendar.Components {
		p := c.Get("SUMMARY")
		if c.Name != x.Type || c.Get("RECURRENCE-ID") != nil || p == nil {
			continue
		}
		text := p.Text()
		if len(text) > maxSummary {
			text = strings.ToValidUTF8(text[:maxSummary], "")
		}
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\ufffd")
		}
		return text
	}
	return ""
}

// ReadOptions say how a text is read for an import.
type ReadOptions struct {
	Zones *recur.Zones // see calobj.Options
	Dir   string       // of temporary files; "" means that of the system
	// Report is called for each problem that belongs to no object, such as a broken
	// component, which was left out.
	Report func(ical.Problem)
	// Count, if not nil, is told how many components the text has, before the first is added.
	Count func(int)
}

// Read adds the objects of a text, which is read to its end before the first one is added: a
// file that was cut off is an error, and nothing of it is imported.
func (m *Importer) Read(ctx context.Context, source string, r *ical.Reader, o ReadOptions) (err error) {
	s, err := calobj.Split(ctx, r, calobj.SplitOptions{Zones: o.Zones, Dir: o.Dir, Report: o.Report})
	if err != nil {
		return &SourceError{Source: source, Err: err}
	}
	defer func() {
		if cerr := s.Close(); err == nil && cerr != nil {
			err = &SourceError{Source: source, Err: cerr}
		}
	}()
	if o.Count != nil {
		o.Count(s.Len())
	}
	for item, err := range s.Items(ctx) {
		if err != nil {
			return &SourceError{Source: source, Err: err}
		}
		if err := m.Add(ctx, source, item); err != nil {
			return err
		}
	}
	return nil
}

// SourceError says that a file could not be read to its end.
type SourceError struct {
	Source string
	Err    error
}

// Error names the file and the reason.
func (e *SourceError) Error() string { return fmt.Sprintf("%s: %v", e.Source, e.Err) }

// Unwrap returns the reason.
func (e *SourceError) Unwrap() error { return e.Err }
