package relational

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

var _ store.MoveWriter = (*Session)(nil)

// Moves implements store.MoveReader.
func (s *Session) Moves(ctx context.Context, account string) ([]store.Move, error) {
	if !valid(account) {
		return nil, nil
	}
	return queryAll(ctx, s, "SELECT account, id, backend, state, at FROM moved WHERE account = $1 ORDER BY at DESC, id", []any{account}, scanMove)
}

// Leaving implements store.MoveReader.
func (s *Session) Leaving(ctx context.Context) iter.Seq2[store.Move, error] {
	return streamRows(ctx, s, "SELECT account, id, backend, state, at FROM moved WHERE state = 1 ORDER BY account", nil, scanMove)
}

func scanMove(rows Rows) (store.Move, error) {
	var m store.Move
	var state, at int64
	err := rows.Scan(&m.Account, &m.ID, &m.Backend, &state, &at)
	m.State, m.At = store.MoveState(state), Time(at)
	return m, err
}

// Leave implements store.MoveWriter. A transaction that has read the account before it was
// marked must not change it afterwards: in PostgreSQL it does not see the mark. Therefore
// every row is updated that such a transaction would have to change, too, and it fails with
// a conflict.
func (s *Session) Leave(ctx context.Context, account, to string) (store.Move, error) {
	m := store.Move{Account: account, ID: rand.Text(), Backend: to, State: store.MoveLeaving}
	if _, err := s.activeAccount(ctx, account); err != nil {
		return m, err
	}
	for _, t := range MoveTables() {
		if !t.Held {
			continue
		}
		column := slices.DeleteFunc(slices.Clone(t.Numbers), func(c string) bool { return slices.Contains(t.Key, c) })[0]
		if _, err := s.exec(ctx, "UPDATE "+t.Name+" SET "+column+" = "+column+" WHERE "+t.Account+" = $1", account); err != nil {
			return m, fmt.Errorf("lock the rows of %s: %w", t.Name, err)
		}
	}
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET leaving = $2 WHERE id = $1 AND leaving = ''", account, to); err != nil {
		return m, fmt.Errorf("mark account %s: %w", account, err)
	}
	return m, s.mark(ctx, &m)
}

// checkStays is called after a statement that locked a row of an account, or of one of its
// collections, and may have waited for a transaction that marked the account as leaving: what
// is changed now would not be exported. The transaction must be run again then.
func (s *Session) checkStays(ctx context.Context, account string) error {
	if s.races == nil {
		return nil
	}
	var leaving int64
	if err := s.queryOne(ctx, "SELECT count(*) FROM account WHERE id = $1 AND leaving <> ''", []any{account}, &leaving); err != nil {
		return fmt.Errorf("find out whether account %s is leaving: %w", account, err)
	}
	if leaving > 0 {
		return s.lostRace()
	}
	return nil
}

// hold locks the row of an account that is not leaving until the end of the transaction. It
// is for changes that lock no row of the account or of a collection by themselves.
func (s *Session) hold(ctx context.Context, account string) error {
	err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET revision_base = revision_base WHERE id = $1 AND deleted = 0 AND leaving = ''", account)
	if err != nil {
		return fmt.Errorf("account %s: %w", account, err)
	}
	return nil
}

// holdCollection locks the row of a collection until the end of the transaction, as every
// change of its content does: what is read before would be copied or moved without the change
// otherwise.
func (s *Session) holdCollection(ctx context.Context, c *store.Calendar) error {
	err := s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET floor = floor WHERE account = $1 AND number = $2 AND deleted = 0", c.Account, c.Number)
	if err != nil {
		return fmt.Errorf("calendar %s: %w", c.Name, err)
	}
	return s.checkStays(ctx, c.Account)
}

// notLeaving returns a MovingError for an account that is leaving. What cannot be found is
// not leaving.
func (s *Session) notLeaving(ctx context.Context, account string) error {
	e := &store.MovingError{Account: account}
	switch err := s.queryOne(ctx, "SELECT leaving FROM account WHERE id = $1 AND leaving <> ''", []any{account}, &e.To); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return e
}

// afterMarks returns the time of a new mark of an account: now, but after all of its other marks,
// also if the clock was set back, so that the latest is known.
func (s *Session) afterMarks(ctx context.Context, account string) (int64, error) {
	var latest int64
	if err := s.queryOne(ctx, "SELECT coalesce(max(at), 0) FROM moved WHERE account = $1", []any{account}, &latest); err != nil {
		return 0, fmt.Errorf("find the moves of account %s: %w", account, err)
	}
	return max(s.stamp, latest+1), nil
}

// sync makes the commit of a step of a move wait until it is on disk. The next step, which is
// in another store, relies on it: if a server lost a step that it had acknowledged, the account
// would be active in both stores, or in none.
func (s *Session) sync(ctx context.Context) error {
	if err := s.tx.Sync(ctx); err != nil {
		return fmt.Errorf("make the commit wait for the disk: %w", err)
	}
	return nil
}

// mark records the state of a move, and sets its time.
func (s *Session) mark(ctx context.Context, m *store.Move) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	at, err := s.afterMarks(ctx, m.Account)
	if err != nil {
		return err
	}
	m.At = Time(at)
	_, err = s.exec(ctx, "INSERT INTO moved (account, id, backend, state, at) VALUES ($1, $2, $3, $4, $5)", m.Account, m.ID, m.Backend, int64(m.State), at)
	if err != nil {
		return fmt.Errorf("record the move of account %s: %w", m.Account, err)
	}
	return nil
}

// Stay implements store.MoveWriter.
func (s *Session) Stay(ctx context.Context, m store.Move) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	if err := s.mustChange(ctx, store.ErrConflict, "DELETE FROM moved WHERE account = $1 AND id = $2 AND state = 1", m.Account, m.ID); err != nil {
		return fmt.Errorf("end the move of account %s: %w", m.Account, err)
	}
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET leaving = '' WHERE id = $1", m.Account); err != nil {
		return fmt.Errorf("end the move of account %s: %w", m.Account, err)
	}
	return nil
}

// Remove implements store.MoveWriter.
func (s *Session) Remove(ctx context.Context, m store.Move) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	at, err := s.afterMarks(ctx, m.Account)
	if err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE moved SET state = 2, at = $3 WHERE account = $1 AND id = $2 AND state = 1", m.Account, m.ID, at)
	if err != nil {
		return fmt.Errorf("record the move of account %s: %w", m.Account, err)
	}
	for _, t := range slices.Backward(MoveTables()) {
		if _, err := s.exec(ctx, "DELETE FROM "+t.Name+" WHERE "+t.Account+" = $1", m.Account); err != nil {
			return fmt.Errorf("remove the rows of %s: %w", t.Name, err)
		}
	}
	return nil
}

// arrival returns the state of a move in the store to which it goes, or 0.
func (s *Session) arrival(ctx context.Context, m store.Move) (store.MoveState, error) {
	var state int64
	err := s.queryOne(ctx, "SELECT state FROM moved WHERE account = $1 AND id = $2", []any{m.Account, m.ID}, &state)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return store.MoveState(state), err
}

// Refuse implements store.MoveWriter.
func (s *Session) Refuse(ctx context.Context, m store.Move) error {
	if err := store.CheckID(m.Account); err != nil {
		return err
	}
	switch state, err := s.arrival(ctx, m); {
	case err != nil:
		return err
	case state == store.MoveRefused:
		return nil
	case state != 0:
		return fmt.Errorf("the move of account %s has arrived: %w", m.Account, store.ErrConflict)
	}
	m.State = store.MoveRefused
	return s.mark(ctx, &m)
}

// Receive implements store.MoveWriter.
func (s *Session) Receive(ctx context.Context, m store.Move, rows iter.Seq2[store.Row, error]) (store.MoveSum, error) {
	var sum store.MoveSum
	if err := store.CheckID(m.Account); err != nil {
		return sum, err
	}
	if state, err := s.arrival(ctx, m); err != nil || state != 0 {
		if err == nil {
			err = fmt.Errorf("the move of account %s has already ended: %w", m.Account, store.ErrConflict)
		}
		return sum, err
	}
	switch a, err := s.AccountByFoldedID(ctx, m.Account); {
	case err == nil:
		return sum, &store.ExistsError{What: "account", Value: m.Account, Owner: a.ID}
	case !errors.Is(err, store.ErrNotFound):
		return sum, err
	}
	m.State = store.MoveArrived
	if err := s.mark(ctx, &m); err != nil {
		return sum, err
	}
	to := importer{s: s, account: m.Account, tables: MoveTables()}
	for r, err := range rows {
		if err == nil {
			err = to.add(ctx, r)
		}
		if err != nil {
			return sum, err
		}
	}
	if err := to.flush(ctx); err != nil {
		return sum, err
	}
	back := store.NewMoveSummer()
	for r, err := range s.Export(ctx, m.Account) {
		if err != nil {
			return sum, fmt.Errorf("read back what was written: %w", err)
		}
		back.Add(r)
	}
	return back.Sum(), nil
}

// noneLeaves returns a MovingError if an account is leaving: a change of many accounts
// would be lost for it.
func (s *Session) noneLeaves(ctx context.Context) error {
	var e store.MovingError
	err := s.queryOne(ctx, "SELECT account, backend FROM moved WHERE state = 1 ORDER BY account LIMIT 1", nil, &e.Account, &e.To)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return &e
}
