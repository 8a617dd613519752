package store

import (
	"context"
	"iter"
	"time"
)

// SpanAlgorithm is the number of the way in which pkg/calobj computes an Index from a text.
// Each store keeps the number with which all its components were computed; a new store has
// this one. A change of the way that changes any Index raises the number.
const SpanAlgorithm = 1

// Index is what a store keeps of the text of a component in order to find it, see Component.
type Index struct {
	Start, End          time.Time
	Floating, Recurring bool
	Status              string
	Transparent         bool
}

// Index returns the index of a component.
func (c *Component) Index() Index {
	return Index{Start: c.Start, End: c.End, Floating: c.Floating, Recurring: c.Recurring, Status: c.Status, Transparent: c.Transparent}
}

// Equal reports whether two indexes are the same, as a store keeps them.
func (x Index) Equal(y Index) bool {
	same := func(a, b time.Time) bool {
		return a.IsZero() == b.IsZero() && a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
	}
	return same(x.Start, y.Start) && same(x.End, y.End) && x.Floating == y.Floating && x.Recurring == y.Recurring && x.Status == y.Status && x.Transparent == y.Transparent
}

// IndexPlace is the place of a component in the order of Indexed. The zero value is before
// all others.
type IndexPlace struct {
	Deleted  bool   `json:"deleted,omitempty"`  // the component can be restored
	Account  string `json:"account"`            // the id
	Number   int64  `json:"number"`             // of the collection
	Name     string `json:"name"`               // of the resource
	Revision int64  `json:"revision,omitempty"` // of the deletion
}

// Indexed is a component with its index as it is stored.
type Indexed struct {
	Place    IndexPlace
	Address  string // the primary address of the account
	Calendar string // the name of the collection
	// Component has no Created, Changed and ScheduleTag.
	Component
}

// SpanState says how the indexes of a store were computed.
type SpanState struct {
	// Algorithm is the least SpanAlgorithm with which any of them was computed; 0 if that is
	// unknown.
	Algorithm int
	Run       *SpanRun // one that has not ended; nil for none
}

// SpanRun is the state of a run that computes all indexes of a store again.
type SpanRun struct {
	ID        string     `json:"id"` // random
	Algorithm int        `json:"algorithm"`
	Begun     time.Time  `json:"begun"`
	Pass      int        `json:"pass"`  // from 1
	After     IndexPlace `json:"after"` // the components up to this one are done in this pass
	// Read, Changed and Failed count the components of the pass.
	Read    int64 `json:"read"`
	Changed int64 `json:"changed"`
	Failed  int64 `json:"failed"`
	// Written counts the changes of all passes.
	Written int64 `json:"written"`
}

// IndexReader reads the indexes of all components of a store.
type IndexReader interface {
	// SpanState returns how the indexes were computed.
	SpanState(ctx context.Context) (SpanState, error)
	// Indexed yields at most limit components after a place, with their texts: first those
	// that exist, in deleted collections and accounts as well, then the deleted ones. 0
	// means no limit.
	Indexed(ctx context.Context, after IndexPlace, limit int) iter.Seq2[*Indexed, error]
}

// IndexWriter changes the indexes of the components of a store. A component with a changed
// index keeps its revision, ETag and times: nothing has changed for those who read it.
type IndexWriter interface {
	IndexReader
	// Reindex writes the index of a component, and reports whether that was done: not if
	// the component has gone, or has a text with another ETag. ErrMoving, ErrInvalid.
	Reindex(ctx context.Context, place IndexPlace, etag string, x Index) (bool, error)
	// BeginSpans records a run and returns it. One that has not ended ends without effect.
	BeginSpans(ctx context.Context, algorithm int) (SpanRun, error)
	// SaveSpans records how far a run has come. ErrConflict if it has ended.
	SaveSpans(ctx context.Context, run SpanRun) error
	// EndSpans records that all indexes were computed with the algorithm of a run.
	// ErrConflict if the run has ended.
	EndSpans(ctx context.Context, run SpanRun) error
	// LowerSpans records that components which were computed with an algorithm have
	// arrived. If that is older, a run that has not ended ends without effect.
	LowerSpans(ctx context.Context, algorithm int) error
}
