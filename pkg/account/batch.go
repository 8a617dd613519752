package account

import (
	"context"
	"errors"

	"github.com/davadmin/davadmin/pkg/store"
)

// Result is how one item of a batch ended.
type Result string

// The results.
const (
	Created  Result = "created"
	Restored Result = "restored" // a deleted account was brought back
	Changed  Result = "changed"
	Deleted  Result = "deleted"
	Already  Result = "already" // there was nothing to do
	Failed   Result = "failed"
	NotDone  Result = "not-done" // the run ended before it
)

// Item is one account to work on.
type Item struct {
	Where string // file and line, or the DN; for messages
	Line  string // of the batch as it was given, so that it can be run again
	// Place is the item's in the batch, for who sorts what became of them: those of
	// one back end are settled together, and those that are refused at once.
	Place int
	// Name is how the account is called in messages: an address, or the unique id.
	Name string
	// Backend and ID say which account is meant.
	Backend string
	ID      string

	Entry      *Entry // that the item comes from; nil where no directory was asked
	Properties Properties
	New        *store.NewAccount // that is to be made
	// Refused is why nothing can be done about the item; nil otherwise.
	Refused error
}

// Outcome is what became of an item.
type Outcome struct {
	Item    *Item
	Result  Result
	Details []string // what was done, or would be
	Err     error    // of a failure
}

// Stores opens back ends; backends.Set does.
type Stores interface {
	Open(ctx context.Context, backend string) (store.Store, error)
	Names() []string
	Default() string
}

// Group does the work on items of one back end, in as many transactions as it
// needs, and returns an outcome for each, in their order. With again set, an
// earlier try of the same group may have happened, and what it did is no failure.
// An error says that nothing of the group happened, or that it is not known.
type Group func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error)

// CreateSize is how many accounts are made in one transaction: with unique ids in
// no order, each group touches most pages of a store, so that few large ones cost
// least.
const CreateSize = 10000

// groupSize is how many items go into one transaction otherwise.
const groupSize = 1000

// Batch works through items in groups.
type Batch struct {
	Stores Stores
	Do     Group
	// Report is told of each item once it is settled. It is called by one
	// goroutine.
	Report   func(Outcome) error
	Patience Patience
	// Size is how many items go into one group; 0 is the usual number.
	Size int

	waiting map[string][]*Item
	stopped error // why nothing more is done
}

// Add takes one more item. An error is that of Report.
func (b *Batch) Add(ctx context.Context, item *Item) error {
	if item.Refused != nil {
		return b.Report(Outcome{Item: item, Result: Failed, Err: item.Refused})
	}
	if b.stopped != nil {
		return b.Report(Outcome{Item: item, Result: NotDone})
	}
	if b.waiting == nil {
		b.waiting = map[string][]*Item{}
	}
	b.waiting[item.Backend] = append(b.waiting[item.Backend], item)
	if size := b.size(); len(b.waiting[item.Backend]) < size {
		return nil
	}
	return b.flush(ctx, item.Backend)
}

func (b *Batch) size() int {
	if b.Size > 0 {
		return b.Size
	}
	return groupSize
}

// End works on what is left, and returns what ended the work early, if anything
// did: what was not done was reported so.
func (b *Batch) End(ctx context.Context) error {
	for _, backend := range b.Stores.Names() {
		if err := b.flush(ctx, backend); err != nil {
			return err
		}
	}
	// Those of back ends that do not exist.
	for backend := range b.waiting {
		if err := b.flush(ctx, backend); err != nil {
			return err
		}
	}
	return b.stopped
}

// Stop ends the work: what waits and what is added after is not done.
func (b *Batch) Stop(err error) {
	if b.stopped == nil {
		b.stopped = err
	}
}

func (b *Batch) flush(ctx context.Context, backend string) error {
	items := b.waiting[backend]
	delete(b.waiting, backend)
	if len(items) == 0 {
		return nil
	}
	outcomes, err := b.work(ctx, backend, items)
	if err != nil {
		b.stopped = err
		for _, item := range items {
			if err := b.Report(Outcome{Item: item, Result: NotDone}); err != nil {
				return err
			}
		}
		return nil
	}
	for _, o := range outcomes {
		if err := b.Report(o); err != nil {
			return err
		}
	}
	return nil
}

// work does one group, again while its database is gone.
func (b *Batch) work(ctx context.Context, backend string, items []*Item) ([]Outcome, error) {
	if b.stopped != nil {
		return nil, b.stopped
	}
	var outcomes []Outcome
	err := b.Patience.try(ctx, backend, func(again bool) (err error) {
		outcomes, err = b.once(ctx, backend, items, again)
		return err
	})
	return outcomes, err
}

func (b *Batch) once(ctx context.Context, backend string, items []*Item, again bool) ([]Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := b.Stores.Open(ctx, backend)
	if err != nil {
		return nil, err
	}
	return b.Do(ctx, st, items, again)
}

// errRehearsed rolls a rehearsal back.
var errRehearsed = errors.New("rehearsed")

// Rehearse makes a Group of a Step that does the work and takes it back.
func Rehearse(step Step) Group {
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		var outcomes []Outcome
		err := st.Update(ctx, func(w store.Writer) (err error) {
			if outcomes, _, err = apply(ctx, w, step, items, again); err != nil {
				return err
			}
			return errRehearsed
		})
		if errors.Is(err, errRehearsed) {
			err = nil
		}
		return outcomes, err
	}
}

// harmless reports whether a transaction can go on behind an error of an item: it
// was found out before anything was written. An engine may say the same of another
// transaction that was in the way, and take nothing more then; so it is asked.
func harmless(ctx context.Context, w store.Writer, item *Item, err error) bool {
	for _, e := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrInvalid, store.ErrDeleted} {
		if errors.Is(err, e) {
			_, now := w.AccountByFoldedID(ctx, item.ID)
			return now == nil || errors.Is(now, store.ErrNotFound)
		}
	}
	return false
}

// Keep writes lines of a batch that takes changes back to the disk, before the
// changes are made. forget takes the lines out again: the changes were not made.
type Keep func(lines []string) (forget func() error, err error)

// Step does the work on one item in a transaction. It returns what was done, and
// the lines of a batch that takes that back.
type Step func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error)

// Each makes a Group of a Step: all items in one transaction, those that fail left
// out. What takes the group back is kept before the commit; keep may be nil.
func Each(step Step, keep Keep) Group {
	// What a commit was to do of which it is not known whether it happened.
	var unsure []Outcome
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		if !again {
			unsure = nil
		}
		var outcomes []Outcome
		kept := kept{keep: keep}
		err := st.Update(ctx, func(w store.Writer) (err error) {
			// The store may call this again: what was kept before did not happen.
			if err := kept.forget(); err != nil {
				return err
			}
			var undo []string
			if outcomes, undo, err = apply(ctx, w, step, items, again); err != nil {
				return err
			}
			return kept.write(undo)
		})
		if err != nil {
			var unknown *store.CommitUnknown
			if errors.As(err, &unknown) {
				unsure = outcomes
				return nil, err
			}
			return nil, also(err, kept.forget())
		}
		for i := range outcomes {
			if i < len(unsure) && outcomes[i].Result == Already && unsure[i].Result != Failed && unsure[i].Item == outcomes[i].Item {
				outcomes[i] = unsure[i] // it had happened
			}
		}
		return outcomes, nil
	}
}

// kept is what was kept for one try.
type kept struct {
	keep Keep
	undo func() error
}

func (k *kept) write(lines []string) (err error) {
	if k.keep == nil || len(lines) == 0 {
		return nil
	}
	k.undo, err = k.keep(lines)
	return err
}

func (k *kept) forget() error {
	if k.undo == nil {
		return nil
	}
	undo := k.undo
	k.undo = nil
	return undo()
}

// also adds a second error, if there is one.
func also(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// apply does the step for each item.
func apply(ctx context.Context, w store.Writer, step Step, items []*Item, again bool) (outcomes []Outcome, undo []string, err error) {
	for _, item := range items {
		o, lines, err := step(ctx, w, item, again)
		switch {
		case err != nil && harmless(ctx, w, item, err):
			o = Outcome{Item: item, Result: Failed, Err: err}
		case err != nil:
			return nil, nil, err
		default:
			undo = append(undo, lines...)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, undo, nil
}
