package sqlite

import (
	"context"
	"errors"
	"time"
)

// Limits of a group. A caller of Update waits for the ones after it in its group: those
// that begin within groupAge, the last of which may take groupAge more, then to the end of
// the statement that it executes, or of the row that it reads; and for what the function of
// each does outside of the store. Then the group is committed.
const (
	groupSize = 64
	groupAge  = 20 * time.Millisecond
)

// group is a transaction that callers of Update share, because they would wait for the
// disk one after the other: the connection is passed from one to the next while others
// wait, and the last one commits. Each has a savepoint to return to. None of them is told
// the result before the commit: even an error can come from what another one wrote.
type group struct {
	began   time.Time
	members int

	done chan struct{} // closed at the end
	err  error         // of the commit; may be read after done was closed
	lost bool          // there was no commit, because of the member that was active; likewise
}

// end tells the members the result.
func (g *group) end(lost bool, err error) {
	g.lost, g.err = lost, err
	close(g.done)
}

var (
	// errAborted is the error of a function that did not return.
	errAborted = errors.New("the function did not return")
	// errLate ends a member of a group that lets the others wait for too long. It is run
	// again in a transaction of its own.
	errLate = errors.New("the function is called again in a transaction of its own")
	// errEnded is the error of a function that continued after SQLite ended the transaction.
	errEnded = errors.New("an error has ended the transaction")
)

// share runs fn in a transaction that writes, which it may share with other callers. fn
// is called again if the transaction was lost through no fault of its own.
func (s *Store) share(ctx context.Context, fn func(*connection) error) error {
	if s.full != nil {
		return s.full
	}
	got, err := s.writers.take(ctx, true)
	if err != nil {
		return err
	}
	again, err := s.join(ctx, got, fn)
	if again {
		return s.change(ctx, true, fn)
	}
	return err
}

// join runs fn as the next member of a group, or as the first member of a new one. It
// returns whether fn has to be called again.
func (s *Store) join(ctx context.Context, got turn, fn func(*connection) error) (again bool, err error) {
	m := &member{s: s, c: got.c, g: got.g, first: got.g == nil}
	if m.first {
		m.g = &group{done: make(chan struct{})}
	}
	err = errAborted
	// The connection must be passed on even if fn panics: others wait for it.
	defer func() { again, err = m.leave(ctx, err) }()
	return false, m.run(ctx, fn)
}

// member is a caller that takes part in a group.
type member struct {
	s     *Store
	c     *connection
	g     *group
	first bool // it began the transaction, and needs no savepoint
	saved bool // there is a savepoint
}

// run begins the transaction or sets the savepoint, and calls fn.
func (m *member) run(ctx context.Context, fn func(*connection) error) error {
	m.c.use(ctx, m.s.o.limit())
	if m.first {
		if err := m.s.begin(ctx, m.c, true); err != nil {
			return err
		}
		m.g.began = time.Now()
	} else {
		m.c.until = time.Now().Add(m.s.age)
		if _, err := m.c.Exec(ctx, "SAVEPOINT member"); err != nil {
			return err
		}
		m.saved = true
	}
	if err := fn(m.c); err != nil {
		return err
	}
	return ctx.Err()
}

// leave ends the part of the member, of which err is the result so far. It passes the
// connection on, or commits.
func (m *member) leave(ctx context.Context, err error) (again bool, _ error) {
	if m.c.late {
		err = errLate
	}
	m.c.settle()
	alive, err := m.finish(err)
	if !alive {
		m.g.end(true, nil)
		m.s.writers.give(m.c)
		return errors.Is(err, errLate), err
	}
	m.g.members++
	if m.g.members >= groupSize || time.Since(m.g.began) >= m.s.age || !m.s.writers.pass(m.c, m.g) {
		m.g.end(false, m.c.commit(commitLimit))
		m.c.rest()
		m.s.writers.give(m.c)
	}
	return m.result(ctx, err)
}

// finish ends the savepoint of the member, with its changes if err is nil, and without
// them otherwise. It returns false if the transaction has ended, and the error of the
// member.
func (m *member) finish(err error) (alive bool, _ error) {
	if m.c.conn.AutocommitEnabled() { // see https://www.sqlite.org/lang_transaction.html, 3.2
		if err == nil {
			err = errEnded
		}
		return false, err
	}
	if m.first {
		if err != nil {
			m.c.rollback()
		}
		return err == nil, err
	}
	if !m.saved {
		return true, err
	}
	var failed error
	if err != nil {
		_, failed = m.c.Exec(context.Background(), "ROLLBACK TO member")
	}
	if failed == nil {
		_, failed = m.c.Exec(context.Background(), "RELEASE member")
	}
	if failed != nil {
		m.c.rollback()
		return false, errors.Join(err, failed)
	}
	return true, err
}

// result waits for the commit and returns what the caller of Update is told: err if it
// happened. A caller whose context ended, or whose function did not return, is told that
// without a wait: nothing was changed in either case.
func (m *member) result(ctx context.Context, err error) (again bool, _ error) {
	switch {
	case errors.Is(err, errLate):
		return true, nil
	case errors.Is(err, errAborted), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return false, err
	}
	<-m.g.done
	if m.g.lost {
		return true, nil
	}
	if m.g.err != nil {
		return false, m.g.err
	}
	return false, err
}
