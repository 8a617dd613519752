package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// MoveProperties lists the properties of an item that is moved.
func MoveProperties() []PropertyInfo {
	return []PropertyInfo{{"to", "the back end to which the account is moved"}, {valueProperty, "how the directory entry spells it, if not as the id"}}
}

// MoveTo returns the properties of an item that is moved to a back end.
func MoveTo(backend string) Properties { return Properties{{"to", backend}} }

// Target returns the back end to which an item is moved; "" if its properties name none.
func (p Properties) Target() string {
	for _, x := range p {
		if x.Name == "to" {
			return x.Value
		}
	}
	return ""
}

// MoveBatch moves accounts to other back ends, one after the other. It completes what an
// interrupted run has left of an account, or cancels it if the account is to be
// elsewhere. Nothing is divided between two accounts: a run that is stopped ends between
// them, or leaves one account that the next run completes. It is for one goroutine.
type MoveBatch struct {
	Stores Stores
	// Save saves how to undo a move before it begins; nil in a dry run.
	Save   SaveUndo
	DryRun bool // nothing is changed: what would fail is found by reading
	// Report is called with the outcome of each item, once.
	Report func(Outcome) error
	Retry  Retry
	// Lost are the back ends whose items fail; see Batch.
	Lost Lost
	// After is called after each transaction of a move; see moving.Options. It may be nil.
	After func() error
	// Entries, if not nil, are changed as well: each right after its account was moved.
	// MoveEntries.Find has seen all items.
	Entries *MoveEntries

	stopped error
	taken   map[string]string // in a dry run, what earlier items would use of a back end
}

// Stop stops the work: items that are added later are not done.
func (b *MoveBatch) Stop(err error) {
	if b.stopped == nil {
		b.stopped = err
	}
}

// End returns the error that stopped the work.
func (b *MoveBatch) End(context.Context) error { return b.stopped }

// Add moves the account of an item. It returns only errors of Report.
func (b *MoveBatch) Add(ctx context.Context, item *Item) error {
	if item.Refused != nil {
		return b.Report(Outcome{Item: item, Result: Failed, Err: item.Refused})
	}
	if b.stopped == nil && ctx.Err() != nil {
		b.stopped = ctx.Err()
	}
	if b.stopped != nil {
		return b.Report(Outcome{Item: item, Result: NotDone})
	}
	m := &oneMove{of: b, item: item, to: item.Properties.Target()}
	return b.Report(b.outcome(ctx, m))
}

// outcome moves an account, and says what became of it.
func (b *MoveBatch) outcome(ctx context.Context, m *oneMove) Outcome {
	o := Outcome{Item: m.item}
	for _, backend := range []string{m.item.Backend, m.to} {
		if reason := b.Lost[backend]; reason != nil {
			o.Result, o.Err = Failed, &BackendError{Backend: backend, Err: reason}
			return o
		}
	}
	err := b.Entries.compare(ctx, m.item)
	if err == nil {
		err = b.tryMove(ctx, m)
	}
	if err == nil {
		err = m.changeEntry(ctx)
	}
	if o.Result, o.Details = m.result, m.details; err == nil {
		return o
	}
	o.Details = nil
	var unknown *store.CommitUnknown
	var about *BackendError
	switch {
	case errors.As(err, &unknown):
		o.Result, o.Err, b.stopped = Unknown, err, err
		return o
	case ofMovedItem(err) && ctx.Err() == nil:
		o.Result, o.Err = Failed, err
	case b.Lost != nil && ctx.Err() == nil && errors.As(err, &about) && store.IsUnusable(err):
		b.Lost[about.Backend] = about.Err
		o.Result, o.Err = Failed, err
	default:
		o.Result, b.stopped = NotDone, err
	}
	if o.Part = m.isPart(ctx); !o.Part {
		if ferr := m.undo.forget(); ferr != nil {
			b.stopped = errors.Join(b.stopped, ferr)
		}
	}
	return o
}

// tryMove tries to move an account as long as Retry says. If the last that is known of the move
// is that a transaction of it may have been committed, the error contains that.
func (b *MoveBatch) tryMove(ctx context.Context, m *oneMove) error {
	var unknown *store.CommitUnknown
	err := b.retry(m.to).Do(ctx, m.to, func(bool) error {
		err := m.try(ctx)
		if err == nil || !store.IsUnusable(err) && ctx.Err() == nil {
			unknown = nil
		}
		_ = errors.As(err, &unknown)
		return err
	})
	var known *store.CommitUnknown
	if err != nil && unknown != nil && !errors.As(err, &known) {
		return errors.Join(err, unknown)
	}
	return err
}

// retry is b.Retry for errors that name their back end themselves.
func (b *MoveBatch) retry(to string) Retry {
	r := b.Retry
	if notify := r.Notify; notify != nil {
		r.Notify = func(text string) {
			if rest, ok := strings.CutPrefix(text, "back end "+to+": "); ok && strings.HasPrefix(rest, "back end ") {
				text = rest
			}
			notify(text)
		}
	}
	return r
}

// ofMovedItem reports whether an error concerns one account only.
func ofMovedItem(err error) bool {
	if store.IsUnusable(err) {
		return false
	}
	return slices.ContainsFunc(append(errorsOfItems(), store.ErrMoving, moving.ErrUnsupported, moving.ErrDiffers, ErrEntryDiffers), func(of error) bool { return errors.Is(err, of) })
}

// oneMove is the move of one account.
type oneMove struct {
	of   *MoveBatch
	item *Item
	to   string
	undo savedUndo

	result  Result
	details []Detail
	saved   bool // the undo line is on disk, so the move may have begun
	leaving bool // the account was being moved already, or a move of it was not completed
	steps   int  // transactions that were committed, or may have been
	stored  bool // the store was changed, and the entry was to follow
	sent    bool // the entry may have been changed
}

// named is a store whose errors name its back end.
type named struct{ store.Store }

// View implements store.Store.
func (s named) View(ctx context.Context, fn func(context.Context, store.Reader) error) error {
	return ofBackend(s.Backend(), s.Store.View(ctx, fn))
}

// Update implements store.Store.
func (s named) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	return ofBackend(s.Backend(), s.Store.Update(ctx, fn))
}

// open opens a back end.
func (m *oneMove) open(ctx context.Context, backend string) (store.Store, error) {
	st, err := m.of.Stores.Open(ctx, backend)
	if err != nil {
		return nil, ofBackend(backend, err)
	}
	return named{st}, nil
}

// placed is what a back end knows of an account.
type placed struct {
	account *store.Account // nil if it has none
	usage   store.Usage
	marks   []store.Move
}

// leavingMark returns the mark of the move that has not ended.
func (p *placed) leavingMark() (store.Move, bool) {
	i := slices.IndexFunc(p.marks, func(x store.Move) bool { return x.State == store.MoveLeaving })
	if i < 0 {
		return store.Move{}, false
	}
	return p.marks[i], true
}

// read returns what a store knows of the account.
func (m *oneMove) read(ctx context.Context, st store.Store) (p placed, err error) {
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		p = placed{}
		mr, ok := r.(store.MoveReader)
		if !ok {
			return fmt.Errorf("back end %s: %w", st.Backend(), moving.ErrUnsupported)
		}
		if p.marks, err = mr.Moves(ctx, m.item.ID); err != nil {
			return err
		}
		a, err := r.Account(ctx, m.item.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p.account = a
		usage, err := r.Usage(ctx, []string{a.ID})
		p.usage = usage[a.ID]
		return err
	})
	return p, err
}

// try moves the account, or completes or cancels an earlier move of it.
func (m *oneMove) try(ctx context.Context) error {
	m.result, m.details = Already, nil
	at := m.item.Backend
	from, err := m.open(ctx, at)
	if err != nil {
		return err
	}
	to, err := m.open(ctx, m.to)
	if err != nil {
		return err
	}
	is, err := m.read(ctx, from)
	switch {
	case err != nil:
		return err
	case is.account == nil && m.saved && len(is.marks) > 0 && is.marks[0].State == store.MoveGone && is.marks[0].Backend == m.to:
		m.moved(at, is, true) // by an attempt whose end is not known
		return nil
	case is.account == nil:
		return fmt.Errorf("account %s: %w", m.item.ID, store.ErrNotFound)
	case !is.account.Active():
		return &DeletedError{Request: m.item.ID, ByID: true, When: is.account.Deleted}
	}
	m.leaving = is.account.Leaving != ""
	if m.leaving && is.account.Leaving != m.to {
		if err := m.takeBack(ctx, from, &is); err != nil {
			return err
		}
	}
	left, err := m.leftBehind(ctx, from, &is)
	if err != nil {
		return err
	}
	if left != nil {
		m.leaving = true
		if err := m.complete(ctx, left, from); err != nil {
			return err
		}
	}
	if m.to == at {
		return nil
	}
	return m.move(ctx, from, to, is, left)
}

// keep saves the line that undoes the change, once.
func (m *oneMove) keep(to string) error {
	if m.saved || m.of.Save == nil {
		return nil
	}
	m.undo.save = m.of.Save
	if err := m.undo.write([]string{RequestLine(m.item.ID, m.of.Entries.undoTo(m.item, to))}); err != nil {
		return err
	}
	m.saved = true
	return nil
}

// undoTo returns the back end on which the account is active, for the undo line; other is
// where it was to be if it stays there.
func (m *oneMove) undoTo(at, other string) string {
	if m.to == at {
		return other
	}
	return at
}

// takeBack cancels a move to another back end than the one where the account is to be.
func (m *oneMove) takeBack(ctx context.Context, from store.Store, is *placed) error {
	mark, ok := is.leavingMark()
	if !ok {
		return fmt.Errorf("%w: account %s has no mark of its move", store.ErrDamaged, m.item.ID)
	}
	if !slices.Contains(m.of.Stores.Names(), mark.Backend) {
		return fmt.Errorf("%w: account %s is being moved to the back end %s, which is not configured, so whether it has arrived there is unknown", store.ErrConflict, m.item.ID, mark.Backend)
	}
	m.result = Changed
	m.details = append(m.details, Detail{Text: "the move to " + mark.Backend + ", which was interrupted, is cancelled"})
	other, err := m.open(ctx, mark.Backend)
	if err != nil || m.of.DryRun {
		return err
	}
	if err := m.keep(m.undoTo(from.Backend(), mark.Backend)); err != nil {
		return err
	}
	return moving.Cancel(ctx, from, other, mark)
}

// leftBehind returns the store from which the account arrived by a move that was interrupted
// before it was removed there; nil if nothing is left. A back end that the configuration does
// not have any more is not searched: nothing finds accounts there.
func (m *oneMove) leftBehind(ctx context.Context, st store.Store, is *placed) (store.Store, error) {
	i := slices.IndexFunc(is.marks, func(x store.Move) bool { return x.State == store.MoveArrived })
	if i < 0 || !slices.Contains(m.of.Stores.Names(), is.marks[i].Backend) {
		return nil, nil
	}
	left, err := m.open(ctx, is.marks[i].Backend)
	var there placed
	if err == nil {
		there, err = m.read(ctx, left)
	}
	if err != nil && ctx.Err() == nil && store.IsUnusable(err) {
		// What may be left there is not active, and is removed when the account is moved again.
		m.details = append(m.details, Detail{Text: fmt.Sprintf("whether anything is left on %s is unknown: %v", is.marks[i].Backend, err)})
		return nil, nil
	}
	if err != nil || there.account == nil || there.account.Leaving != st.Backend() || !store.HasArrived(there.marks, st.Backend(), is.marks) {
		return nil, err
	}
	return left, nil
}

// complete removes what an interrupted move has left.
func (m *oneMove) complete(ctx context.Context, left, st store.Store) error {
	m.result = Changed
	m.details = append(m.details, Detail{Text: "the move from " + left.Backend() + ", which was interrupted, is completed"})
	if m.of.DryRun {
		return nil
	}
	if err := m.keep(m.undoTo(st.Backend(), left.Backend())); err != nil {
		return err
	}
	_, err := moving.Move(ctx, left, st, m.item.ID, moving.Options{After: m.stepped})
	return err
}

// stepped is called after each transaction of a move.
func (m *oneMove) stepped() error {
	m.steps++
	if m.of.After == nil {
		return nil
	}
	return m.of.After()
}

// move moves the account between two stores. left is where an earlier move has left
// something, which a dry run does not remove; it may be nil.
func (m *oneMove) move(ctx context.Context, from, to store.Store, is placed, left store.Store) error {
	resumed := is.account.Leaving == m.to
	if m.of.DryRun {
		if left == nil || left.Backend() != to.Backend() {
			if err := m.check(ctx, from, to, is); err != nil {
				return err
			}
		}
		m.moved(from.Backend(), is, resumed)
		return nil
	}
	if err := m.keep(from.Backend()); err != nil {
		return err
	}
	r, err := moving.Move(ctx, from, to, m.item.ID, moving.Options{After: m.stepped})
	if err == nil {
		m.moved(from.Backend(), is, resumed || r.Resumed)
	}
	return err
}

// check returns the error with which a move would be refused. Of items that would be moved to
// the same back end, the second one with an address is refused.
func (m *oneMove) check(ctx context.Context, from, to store.Store, is placed) error {
	if is.account.Leaving == "" {
		if err := moving.Check(ctx, from, to, m.item.ID); err != nil {
			return err
		}
	}
	if m.of.taken == nil {
		m.of.taken = map[string]string{}
	}
	for _, address := range is.account.Addresses {
		key := m.to + "\n" + store.FoldAddress(address)
		if owner, ok := m.of.taken[key]; ok && owner != m.item.ID {
			return &store.ExistsError{What: "address", Value: address, Owner: owner}
		}
		m.of.taken[key] = m.item.ID
	}
	return nil
}

// moved records what was moved.
func (m *oneMove) moved(from string, is placed, resumed bool) {
	m.result = Moved
	text := fmt.Sprintf("%s -> %s", from, m.to)
	if is.account != nil {
		text += fmt.Sprintf(": calendars %d, components %d, attachments %d", is.usage.Calendars, is.usage.Components, is.usage.Attachments)
	}
	m.details = append(m.details, Detail{Text: text})
	if resumed {
		m.details = append(m.details, Detail{Text: "the move was begun by an earlier run"})
	}
}

// lookLimit is the maximum time to find out what became of a move that failed.
const lookLimit = 2 * time.Second

// isPart reports whether the account of a move that failed is between two back ends, or
// whether that is unknown. So is one whose entry does not name its back end yet.
func (m *oneMove) isPart(ctx context.Context) bool {
	if m.stored || m.sent {
		return true
	}
	if m.steps == 0 && !m.leaving {
		return false
	}
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
		defer stop()
	}
	st, err := m.open(ctx, m.item.Backend)
	if err != nil {
		return true
	}
	is, err := m.read(ctx, st)
	if err != nil || is.account == nil || is.account.Leaving != "" {
		return true
	}
	left, err := m.leftBehind(ctx, st, &is)
	return err != nil || left != nil
}
