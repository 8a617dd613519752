package relational

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/davadmin/davadmin/pkg/store"
)

// HomeRevision implements store.Reader. Everything that counts has a number that only
// increases; what is removed for good leaves its numbers in revision_base.
func (s *Session) HomeRevision(ctx context.Context, account string) (revision int64, err error) {
	if store.CheckID(account) != nil {
		return 0, store.ErrNotFound
	}
	err = s.queryOne(ctx, `SELECT a.revision_base + a.version + (SELECT CAST(coalesce(sum(c.revision + c.version), 0) AS bigint) FROM collection c WHERE c.account = a.id)
		FROM account a WHERE a.id = $1`, []any{account}, &revision)
	return revision, err
}

// presentSince lists the components of a collection that were written after a revision (with
// the condition of the index, which is no bound that SQLite could begin at instead), and
// goneSince the names that a component had before, whose last change was its removal. It counts,
// rather than asking what exists, so that the rows are looked up one by one by their names:
// PostgreSQL joins all rows of the collection if the tables were never analyzed.
const (
	presentSince = "SELECT name, 0 AS gone, etag, revision FROM component WHERE account = $1 AND number = $2 AND revision <> 0 AND revision > $3"
	goneSince    = `SELECT t.name, 1 AS gone, '' AS etag, t.revision FROM trash t WHERE t.account = $1 AND t.number = $2 AND t.revision > $3
		AND (SELECT count(*) FROM component m WHERE m.account = $1 AND m.number = $2 AND m.name = t.name) = 0
		AND (SELECT count(*) FROM trash l WHERE l.account = $1 AND l.number = $2 AND l.name = t.name AND l.revision > t.revision) = 0`
)

// Changes implements store.Reader. The last change of a component is its revision; a removed
// one is in the trash, or left a trace there.
func (s *Session) Changes(ctx context.Context, account, calendar string, since store.Token, limit int) (iter.Seq2[store.Change, error], store.Token, error) {
	c, err := s.Calendar(ctx, account, calendar)
	if err != nil {
		return nil, store.Token{}, err
	}
	end, err := s.Token(ctx, c)
	if err != nil {
		return nil, store.Token{}, err
	}
	query := presentSince
	if since == (store.Token{}) {
		end.Began = c.Revision
	} else {
		if err := s.checkToken(ctx, c, since, end); err != nil {
			return nil, store.Token{}, err
		}
		end.Began = since.Began
		query += " UNION ALL " + goneSince
	}
	query += " ORDER BY revision"
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	list := streamRows(ctx, s, query, []any{account, c.Number, since.Revision}, scanChange)
	if s.races != nil {
		list = s.unlessForgotten(ctx, c, since, list)
	}
	return list, end, nil
}

// unlessForgotten yields changes since a token. Other transactions can commit between the
// check of the token and the list, which then lacks what was purged or moved meanwhile: the
// transaction must be run again.
func (s *Session) unlessForgotten(ctx context.Context, c *store.Calendar, since store.Token, list iter.Seq2[store.Change, error]) iter.Seq2[store.Change, error] {
	check := func() error {
		var floor int64
		err := s.queryOne(ctx, "SELECT floor FROM collection WHERE account = $1 AND number = $2", []any{c.Account, c.Number}, &floor)
		gone := errors.Is(err, store.ErrNotFound)
		if gone || err == nil && since != (store.Token{}) && max(since.Revision, since.Began) < floor {
			return s.lostRace()
		}
		return err
	}
	return func(yield func(store.Change, error) bool) {
		checked := false
		for x, err := range list {
			if err == nil && !checked { // the list shows the state of before this check
				checked, err = true, check()
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
		if !checked {
			if err := check(); err != nil {
				yield(store.Change{}, err)
			}
		}
	}
}

// checkToken returns ErrTokenOld for a token that does not belong to the history of a
// collection, or from before something in it was forgotten. now is the current token.
func (s *Session) checkToken(ctx context.Context, c *store.Calendar, since, now store.Token) error {
	var floor int64
	if err := s.queryOne(ctx, "SELECT floor FROM collection WHERE account = $1 AND number = $2", []any{c.Account, c.Number}, &floor); err != nil {
		return err
	}
	now.Revision, now.Began = since.Revision, since.Began
	if now != since || since.Revision > c.Revision || since.Began > c.Revision || max(since.Revision, since.Began) < floor {
		return store.ErrTokenOld
	}
	return nil
}

func scanChange(rows Rows) (store.Change, error) {
	var x store.Change
	var gone int64
	err := rows.Scan(&x.Name, &gone, &x.ETag, &x.Revision)
	x.Deleted = gone != 0
	return x, err
}
