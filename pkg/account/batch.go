package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// Result is what happened to one item of a batch.
type Result string

// The results.
const (
	Created  Result = "created"
	Restored Result = "restored" // a deleted account was restored
	Changed  Result = "changed"
	Deleted  Result = "deleted"
	Moved    Result = "moved"
	Already  Result = "already" // nothing had to be done
	Failed   Result = "failed"
	NotDone  Result = "not-done" // the run stopped before this item
	// Unknown: the connection was lost during the commit, and the run ended before it
	// could find out whether that happened.
	Unknown Result = "unknown"
)

// Item is one account to work on.
type Item struct {
	Where string // file and line, or the DN; for messages
	Line  string // the line of the batch as it was given, so that it can be run again
	// Index is the position of the item in the batch, by which outcomes can be
	// sorted: the items of one back end are finished together, and those that are
	// refused at once.
	Index int
	// Name is the name of the account in messages: an address, or the unique ID.
	Name string
	// Backend and ID identify the account.
	Backend string
	ID      string

	Entry      *Entry // the directory entry of the item; nil if no directory was read
	Properties Properties
	New        *store.NewAccount // the account to be created
	// Refused is the reason why nothing can be done for the item; nil otherwise.
	Refused error
}

// Outcome is what happened to an item.
type Outcome struct {
	Item    *Item
	Result  Result
	Details []Detail // what was done, or would be done
	Err     error    // of a failure; why the result is unknown
	// Part is set for an item that failed or was not done, but of which a part was.
	Part bool

	parts [][]Outcome // of the accounts that the item stands for (AddressBatch)
}

// Detail is one thing that was done for an item, or one thing to know about it.
type Detail struct {
	Text string
	Hint Hint
	// Grant is the right that HintGrant suggests.
	Grant Grant
}

// Grant is the right of a person to read a calendar.
type Grant struct{ Owner, Calendar, Person string }

// Hint says which action, not taken here, a detail suggests.
type Hint uint8

// The hints.
const (
	NoHint              Hint = iota
	HintModify               // modify the existing account, to set the properties of the item
	HintUpdateAddresses      // update the addresses of the account from its entry
	HintGrant                // give a person the right to read a calendar
)

// details returns texts without hints.
func details(texts ...string) []Detail {
	out := make([]Detail, len(texts))
	for i, text := range texts {
		out[i].Text = text
	}
	return out
}

// Stores opens back ends. *backends.Set implements it.
type Stores interface {
	Open(ctx context.Context, backend string) (store.Store, error)
	Names() []string
	Default() string
}

// Group does the work on items of one back end, in as many transactions as it
// needs, and returns an outcome for each item, in the same order. If again is set,
// an earlier attempt with the same items may have been committed, and what it did is
// not a failure. With an error, the outcomes are those of the items that were committed, and
// Unknown for those that may have been; of the others nothing was.
type Group func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error)

// CreateGroupSize is how many accounts are created in one transaction: because
// unique IDs are in no order, each group touches most pages of a store, so a few
// large groups cost least.
const CreateGroupSize = 10000

// groupSize is how many items are in one transaction otherwise.
const groupSize = 1000

// Batch processes items in groups. It is for one goroutine.
type Batch struct {
	Stores Stores
	Do     Group
	// Report is called with the outcome of each item, once.
	Report func(Outcome) error
	Retry  Retry
	// Size is how many items are in one group; 0 means the default.
	Size int
	// Lost are the back ends whose items fail, because their stores cannot be used. If it is
	// not nil, back ends whose stores turn out to be unusable are added to it, and the work
	// continues with the others; otherwise it stops.
	Lost Lost

	waiting map[string][]*Item
	stopped error // why the work stopped
}

// Add adds an item, and processes a group when it is full. It returns only errors of
// Report.
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

// End processes the remaining items. It returns the error that stopped the work, if
// any; the items that were not done were reported as NotDone.
func (b *Batch) End(ctx context.Context) error {
	for _, backend := range b.Stores.Names() {
		if err := b.flush(ctx, backend); err != nil {
			return err
		}
	}
	// The items of back ends that do not exist.
	for backend := range b.waiting {
		if err := b.flush(ctx, backend); err != nil {
			return err
		}
	}
	return b.stopped
}

// Stop stops the work: items that wait and items that are added later are not done.
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
	outcomes, err := b.workOrLose(ctx, backend, items)
	if err != nil {
		b.stopped = err
		outcomes = complete(items, outcomes, Outcome{Result: NotDone})
	}
	for _, o := range outcomes {
		if err := b.Report(o); err != nil {
			return err
		}
	}
	return nil
}

// complete returns an outcome for each item: other for items without one.
func complete(items []*Item, outcomes []Outcome, other Outcome) []Outcome {
	all := make([]Outcome, len(items))
	known := make(map[*Item]Outcome, len(outcomes))
	for _, o := range outcomes {
		known[o.Item] = o
	}
	for i, item := range items {
		o, ok := known[item]
		if !ok {
			o = other
			o.Item = item
		}
		all[i] = o
	}
	return all
}

// work processes one group, again while its database is unavailable.
func (b *Batch) work(ctx context.Context, backend string, items []*Item) ([]Outcome, error) {
	if b.stopped != nil {
		return nil, b.stopped
	}
	var outcomes []Outcome
	unknown := map[*Item]Outcome{} // of an earlier attempt
	err := b.Retry.Do(ctx, backend, func(again bool) (err error) {
		outcomes, err = b.once(ctx, backend, items, again)
		for _, o := range outcomes {
			if delete(unknown, o.Item); o.Result == Unknown {
				unknown[o.Item] = o
			}
		}
		return err
	})
	if err == nil || len(unknown) == 0 {
		return outcomes, err
	}
	// An attempt that did not get as far says nothing about what an earlier one did.
	outcomes = slices.DeleteFunc(outcomes, func(o Outcome) bool { return o.Result == Unknown })
	for _, item := range items {
		if o, ok := unknown[item]; ok {
			outcomes = append(outcomes, o)
		}
	}
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

// errDryRun rolls back the transaction of a dry run.
var errDryRun = errors.New("dry run")

// DryRunError is returned when a dry run could not write to a store, which it has to: see
// DryRun.
type DryRunError struct{ Err error }

// Error says so, with the reason.
func (e *DryRunError) Error() string {
	return fmt.Sprintf("a dry run has to write to the store, because it makes the changes and rolls them back: %v", e.Err)
}

// Unwrap returns the reason.
func (e *DryRunError) Unwrap() error { return e.Err }

// explainDryRun returns a *DryRunError for an error that a reader would not get.
func explainDryRun(err error) error {
	if errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrLocked) {
		return &DryRunError{err}
	}
	return err
}

// DryRun returns a Group that runs step for all items in one transaction, which it
// rolls back. It holds the write lock of the store for one group of items at a time.
//
// No reader could give the same answer: whether the store accepts a change depends on the
// changes before it in the batch, and some conflicts are detected only by its constraints.
// So the error is a *DryRunError if the store is read-only, full or locked.
func DryRun(step Step) Group {
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		var outcomes []Outcome
		err := st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
			if outcomes, _, err = apply(ctx, w, step, items, again); err != nil {
				return err
			}
			return errDryRun
		})
		if errors.Is(err, errDryRun) {
			err = nil
		}
		return outcomes, explainDryRun(err)
	}
}

// errorsOfItems are errors that concern one item only.
func errorsOfItems() []error {
	return []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrInvalid, store.ErrDeleted, store.ErrMoving, ErrAmbiguous, ErrUnseen}
}

// harmless reports whether a transaction can continue after the error of an item,
// which was detected before anything was written. An engine may return the same
// errors for a conflict with another transaction, and accepts no more statements
// then; so one is tried.
func harmless(ctx context.Context, w store.Writer, item *Item, err error) bool {
	var partly *partlyError
	if errors.As(err, &partly) {
		return false
	}
	for _, e := range errorsOfItems() {
		if errors.Is(err, e) {
			_, now := w.AccountByFoldedID(ctx, item.ID)
			return now == nil || errors.Is(now, store.ErrNotFound)
		}
	}
	return false
}

// SaveUndo writes lines of an undo batch to disk, before the changes are committed.
// forget removes the lines again if the changes were not made.
type SaveUndo func(lines []string) (forget func() error, err error)

// Step does the work on one item in a transaction. It returns what was done, and the
// lines of a batch that undoes it. For again see Group.
type Step func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error)

// InTransaction returns a Group that runs step for all items in one transaction and
// skips those that fail. If other transactions keep changing the same accounts, or the
// database rejects an item and ends the transaction, the items are divided among smaller
// transactions. How to undo each is saved before its
// commit; save may be nil.
func InTransaction(step Step, save SaveUndo) Group {
	t := transactions{step: step, save: save, attempted: map[*Item]Outcome{}}
	return t.group
}

// transactions is the state of a Group that InTransaction returned.
type transactions struct {
	step Step
	save SaveUndo
	// attempted has the outcomes of the current items whose commit happened, or may
	// have happened.
	attempted map[*Item]Outcome
}

// maxAttempts is how often several items are tried in one transaction before they are
// divided. Two runs that change the same accounts in different orders stop each other
// again and again: PostgreSQL aborts one of the two after a second, and with many
// accounts in a transaction neither may ever finish. One account does.
const maxAttempts = 2

// errDivide rolls back a transaction whose items are to be divided.
var errDivide = errors.New("divide the items")

func (t *transactions) group(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
	if !again {
		t.attempted = map[*Item]Outcome{}
	}
	return t.divide(ctx, st, items, again)
}

// divide processes the items in one transaction or, if that does not succeed because of
// other transactions or of an item, in halves.
func (t *transactions) divide(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
	outcomes, err := t.once(ctx, st, items, again)
	if !errors.Is(err, errDivide) {
		return outcomes, err
	}
	half := len(items) / 2
	first, err := t.divide(ctx, st, items[:half], again)
	if err != nil {
		return first, err
	}
	second, err := t.divide(ctx, st, items[half:], again)
	return append(first, second...), err
}

// once processes the items in one transaction.
func (t *transactions) once(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
	var outcomes []Outcome
	saved := savedUndo{save: t.save}
	attempts := 0
	err := st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
		// The store may call this again; the first attempt was rolled back then.
		if err := saved.forget(); err != nil {
			return err
		}
		if attempts++; attempts > maxAttempts && len(items) > 1 {
			return errDivide
		}
		var undo []string
		if outcomes, undo, err = apply(ctx, w, t.step, items, again); err != nil {
			return err
		}
		return saved.write(undo)
	})
	var unknown *store.CommitUnknown
	var partly *partlyError
	switch {
	case errors.As(err, &unknown):
		for i, o := range outcomes {
			tried, before := t.attempted[o.Item]
			if before && o.Result == Already && tried.Result != Failed {
				outcomes[i] = tried // that commit did happen
				continue
			}
			t.attempted[o.Item] = o
			if o.Result != Already && o.Result != Failed {
				outcomes[i] = Outcome{Item: o.Item, Result: Unknown, Err: unknown}
			}
		}
		return outcomes, err
	case (errors.Is(err, store.ErrInvalid) || errors.As(err, &partly)) && ctx.Err() == nil:
		// An item was rejected, and everything else in the transaction with it.
		if err := saved.forget(); err != nil {
			return nil, err
		}
		if len(items) > 1 {
			return nil, errDivide
		}
		return []Outcome{{Item: items[0], Result: Failed, Err: err}}, nil
	case err != nil:
		return nil, joined(err, saved.forget())
	}
	for i, o := range outcomes {
		if tried, ok := t.attempted[o.Item]; ok && o.Result == Already && tried.Result != Failed {
			outcomes[i] = tried // that commit did happen
		}
		t.attempted[o.Item] = outcomes[i]
	}
	return outcomes, nil
}

// savedUndo holds the undo lines of one attempt.
type savedUndo struct {
	save   SaveUndo
	remove func() error // removes the lines; nil if there are none
}

func (u *savedUndo) write(lines []string) (err error) {
	if u.save == nil || len(lines) == 0 {
		return nil
	}
	u.remove, err = u.save(lines)
	return err
}

func (u *savedUndo) forget() error {
	if u.remove == nil {
		return nil
	}
	remove := u.remove
	u.remove = nil
	return remove()
}

// joined adds a second error, if there is one.
func joined(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

// apply runs step for each item.
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
