package relational

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/davadmin/davadmin/pkg/store"
)

// Names in the table meta. The id of a run has a row of its own, which its end removes: a
// run without it has ended.
const (
	spansName    = "spans"
	spanRunName  = "spans_run"
	spanDoneName = "spans_done" // how far the run has come
)

// SpanState implements store.IndexReader.
func (s *Session) SpanState(ctx context.Context) (state store.SpanState, err error) {
	type row struct{ name, value string }
	rows, err := queryAll(ctx, s, "SELECT name, value FROM meta WHERE name IN ($1, $2, $3)", []any{spansName, spanRunName, spanDoneName}, func(rows Rows) (r row, err error) {
		return r, rows.Scan(&r.name, &r.value)
	})
	if err != nil {
		return state, fmt.Errorf("read how spans were computed: %w", err)
	}
	var id, done string
	for _, r := range rows {
		switch r.name {
		case spanRunName:
			id = r.value
		case spanDoneName:
			done = r.value
		default:
			if state.Algorithm, err = strconv.Atoi(r.value); err != nil || state.Algorithm < 0 {
				return state, fmt.Errorf("%w: invalid number of the algorithm of spans '%s'", store.ErrDamaged, r.value)
			}
		}
	}
	var run store.SpanRun
	// What cannot be read is begun again.
	if id != "" && json.Unmarshal([]byte(done), &run) == nil && run.ID == id {
		state.Run = &run
	}
	return state, nil
}

// Columns of a component and of a deleted one, as scanIndexed reads them.
const (
	indexedColumns = `name, uid, type, method, state, status, transparent, start_at, end_at, floating, recurring, etag, size, text,
		coalesce((SELECT mail FROM account a WHERE a.id = m.account), ''),
		coalesce((SELECT c.name FROM collection c WHERE c.account = m.account AND c.number = m.number), '')`
	indexedComponents = "SELECT account, number, 0, " + indexedColumns + " FROM component m WHERE (account, number, name) > ($1, $2, $3) ORDER BY account, number, name"
	indexedDeleted    = "SELECT account, number, revision, " + indexedColumns + " FROM trash m WHERE (account, number, revision) > ($1, $2, $3) AND moved = 0 ORDER BY account, number, revision"
)

// Indexed implements store.IndexReader.
func (s *Session) Indexed(ctx context.Context, after store.IndexPlace, limit int) iter.Seq2[*store.Indexed, error] {
	return func(yield func(*store.Indexed, error) bool) {
		left := limit
		for _, deleted := range []bool{false, true} {
			query, args := indexedComponents, []any{after.Account, after.Number, after.Name}
			switch {
			case !deleted && after.Deleted:
				continue
			case deleted && after.Deleted:
				query, args = indexedDeleted, []any{after.Account, after.Number, after.Revision}
			case deleted:
				query, args = indexedDeleted, []any{"", int64(0), int64(0)}
			}
			if limit > 0 {
				query += fmt.Sprintf(" LIMIT %d", left)
			}
			scan := func(rows Rows) (*store.Indexed, error) { return scanIndexed(rows, deleted) }
			for m, err := range streamRows(ctx, s, query, args, scan) {
				if !yield(m, err) || err != nil {
					return
				}
				left--
			}
			if limit > 0 && left <= 0 {
				return
			}
		}
	}
}

func scanIndexed(rows Rows, deleted bool) (*store.Indexed, error) {
	m := &store.Indexed{}
	var state, transparent, start, end, floating, recurring int64
	err := rows.Scan(&m.Place.Account, &m.Place.Number, &m.Place.Revision, &m.Name, &m.UID, &m.Type, &m.Method, &state, &m.Status, &transparent, &start, &end,
		&floating, &recurring, &m.ETag, &m.Size, &m.Text, &m.Address, &m.Calendar)
	setSpan(&m.Component, start, end)
	m.State = store.ItemState(state)
	m.Transparent, m.Floating, m.Recurring = transparent != 0, floating != 0, recurring != 0
	m.Place.Name, m.Place.Deleted, m.Revision = m.Name, deleted, m.Place.Revision
	return m, err
}

// Reindex implements store.IndexWriter. The account is locked first, because it may begin to
// move to another back end.
func (s *Session) Reindex(ctx context.Context, place store.IndexPlace, etag string, x store.Index) (bool, error) {
	if err := store.CheckText(x.Status); err != nil {
		return false, &store.InvalidError{Field: "status", Value: x.Status, Reason: err.Error()}
	}
	m := &store.Component{Start: x.Start, End: x.End}
	if !m.Start.IsZero() && !m.End.IsZero() && m.End.Before(m.Start) {
		return false, &store.InvalidError{Field: "span", Reason: "the end is before the start"}
	}
	if !valid(place.Account) || !place.Deleted && store.CheckName("resource", place.Name) != nil || store.CheckText(etag) != nil {
		return false, nil
	}
	n, err := s.exec(ctx, "UPDATE account SET revision_base = revision_base WHERE id = $1 AND leaving = ''", place.Account)
	if err != nil {
		return false, fmt.Errorf("lock account %s: %w", place.Account, err)
	}
	if n == 0 {
		return false, s.notLeaving(ctx, place.Account)
	}
	start, end, long := spanOf(m)
	query := "UPDATE component SET status = $5, transparent = $6, start_at = $7, end_at = $8, long = $9, floating = $10, recurring = $11" +
		" WHERE account = $1 AND number = $2 AND name = $3 AND etag = $4"
	args := []any{place.Account, place.Number, place.Name, etag, x.Status, flag(x.Transparent), start, end, flag(long), flag(x.Floating), flag(x.Recurring)}
	if place.Deleted {
		query = "UPDATE trash SET status = $5, transparent = $6, start_at = $7, end_at = $8, long = $9, floating = $10, recurring = $11" +
			" WHERE account = $1 AND number = $2 AND revision = $3 AND etag = $4 AND moved = 0"
		args[2] = place.Revision
	}
	if n, err = s.exec(ctx, query, args...); err != nil {
		return false, fmt.Errorf("write the index of component %s: %w", place.Name, err)
	}
	return n > 0, nil
}

// BeginSpans implements store.IndexWriter.
func (s *Session) BeginSpans(ctx context.Context, algorithm int) (store.SpanRun, error) {
	run := store.SpanRun{ID: rand.Text(), Algorithm: algorithm, Begun: Time(s.stamp), Pass: 1}
	if err := s.setMeta(ctx, spanRunName, run.ID); err != nil {
		return run, fmt.Errorf("begin to compute spans: %w", err)
	}
	return run, s.SaveSpans(ctx, run)
}

// SaveSpans implements store.IndexWriter.
func (s *Session) SaveSpans(ctx context.Context, run store.SpanRun) error {
	text, err := json.Marshal(run)
	if err == nil {
		err = s.ownRun(ctx, run, "UPDATE meta SET value = value WHERE name = $1 AND value = $2")
	}
	if err == nil {
		err = s.setMeta(ctx, spanDoneName, string(text))
	}
	if err != nil {
		return fmt.Errorf("save how many spans are computed: %w", err)
	}
	return nil
}

// EndSpans implements store.IndexWriter.
func (s *Session) EndSpans(ctx context.Context, run store.SpanRun) error {
	err := s.ownRun(ctx, run, "DELETE FROM meta WHERE name = $1 AND value = $2")
	if err == nil {
		err = s.setMeta(ctx, spansName, strconv.Itoa(run.Algorithm))
	}
	if err == nil {
		_, err = s.exec(ctx, "DELETE FROM meta WHERE name = $1", spanDoneName)
	}
	if err != nil {
		return fmt.Errorf("record that spans are computed: %w", err)
	}
	return nil
}

// ownRun executes a statement on the id of a run. ErrConflict if the run has ended.
func (s *Session) ownRun(ctx context.Context, run store.SpanRun, query string) error {
	n, err := s.exec(ctx, query, spanRunName, run.ID)
	if err == nil && n == 0 {
		err = fmt.Errorf("another run began, or components have arrived: %w", store.ErrConflict)
	}
	return err
}

// LowerSpans implements store.IndexWriter. It locks the row of the run until the end of the
// transaction, as its beginning and end do: a run either sees the components that have
// arrived, or finds that it has ended.
func (s *Session) LowerSpans(ctx context.Context, algorithm int) error {
	_, err := s.exec(ctx, "INSERT INTO meta (name, value) VALUES ($1, '') ON CONFLICT (name) DO UPDATE SET value = meta.value", spanRunName)
	if err != nil {
		return fmt.Errorf("lock the run that computes spans: %w", err)
	}
	state, err := s.SpanState(ctx)
	if err != nil {
		return err
	}
	if state.Run != nil && algorithm < state.Run.Algorithm {
		err = s.setMeta(ctx, spanRunName, "")
	}
	if err == nil && algorithm < state.Algorithm {
		err = s.setMeta(ctx, spansName, strconv.Itoa(algorithm))
	}
	if err != nil {
		return fmt.Errorf("record how spans were computed: %w", err)
	}
	return nil
}

// setMeta sets a value of the table meta.
func (s *Session) setMeta(ctx context.Context, name, value string) error {
	_, err := s.exec(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}
