package relational

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

const accountColumns = "id, kind, addresses, name, sched_acl, attendance, notify, notify_to, delegate_notify_to, delegates, owners, created, changed, deleted, version"

// accountOf reads a row of accountColumns.
func (s *Session) accountOf(rows Rows) (*store.Account, error) {
	a := &store.Account{Backend: s.backend}
	var kind, attendance, notify, created, changed, deleted int64
	var addresses, acl, to, delegateTo, delegates, owners string
	err := rows.Scan(&a.ID, &kind, &addresses, &a.DisplayName, &acl, &attendance, &notify, &to, &delegateTo, &delegates, &owners, &created, &changed, &deleted, &a.Version)
	if err != nil {
		return nil, err
	}
	a.Kind, a.Attendance, a.Notify = store.Kind(kind), store.Attendance(attendance), notify != 0
	a.Addresses, a.NotifyTo, a.DelegateNotifyTo = splitLines(addresses), splitLines(to), splitLines(delegateTo)
	a.Created, a.Changed, a.Deleted = Time(created), Time(changed), Time(deleted)
	if a.SchedulingACL, err = store.DecodeACL(acl); err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	if a.Delegates, err = store.DecodePeople(delegates); err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	if a.Owners, err = store.DecodePeople(owners); err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	return a, nil
}

func (s *Session) accountWhere(ctx context.Context, rest string, args ...any) (*store.Account, error) {
	found, err := all(ctx, s, "SELECT "+accountColumns+" FROM account WHERE "+rest, args, s.accountOf)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, store.ErrNotFound
	}
	return found[0], nil
}

// Account implements store.Reader.
func (s *Session) Account(ctx context.Context, id string) (*store.Account, error) {
	if store.CheckID(id) != nil {
		return nil, store.ErrNotFound
	}
	return s.accountWhere(ctx, "id = $1", id)
}

// AccountByAddress implements store.Reader.
func (s *Session) AccountByAddress(ctx context.Context, address string) (*store.Account, error) {
	if store.CheckAddress(address) != nil {
		return nil, store.ErrNotFound
	}
	return s.accountWhere(ctx, "id = (SELECT account FROM address WHERE address = $1)", store.FoldAddress(address))
}

// AccountByFoldedID implements store.Reader.
func (s *Session) AccountByFoldedID(ctx context.Context, id string) (*store.Account, error) {
	if store.CheckID(id) != nil {
		return nil, store.ErrNotFound
	}
	return s.accountWhere(ctx, "folded = $1 ORDER BY CASE WHEN id = $2 THEN 0 ELSE 1 END, id LIMIT 1", store.FoldID(id), id)
}

// DeletedByAddress implements store.Reader.
func (s *Session) DeletedByAddress(ctx context.Context, address string) ([]*store.Account, error) {
	if !validAddress(address) {
		return nil, nil
	}
	const like = ` LIKE $1 ESCAPE '\'`
	query := "SELECT " + accountColumns + " FROM account WHERE deleted > 0 AND lower(addresses)" + like + " ORDER BY deleted DESC, id"
	found, err := all(ctx, s, query, []any{"%" + escapeLike(store.FoldAddress(address)) + "%"}, s.accountOf)
	if err != nil {
		return nil, err
	}
	// The pattern finds a part of an address, too.
	out := found[:0]
	for _, a := range found {
		for _, has := range a.Addresses {
			if store.FoldAddress(has) == store.FoldAddress(address) {
				out = append(out, a)
				break
			}
		}
	}
	return out, nil
}

// valid tells whether there can be an account with the id. What no engine can
// hold must not be asked for.
func valid(id string) bool { return store.CheckID(id) == nil }

func validAddress(address string) bool { return store.CheckAddress(address) == nil }

func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// Accounts implements store.Reader.
func (s *Session) Accounts(ctx context.Context, f store.AccountFilter) iter.Seq2[*store.Account, error] {
	w, err := accountWhere(f)
	if err != nil {
		return func(yield func(*store.Account, error) bool) { yield(nil, err) }
	}
	columns, scan := accountColumns, s.accountOf
	if f.Brief {
		columns, scan = briefColumns, s.briefOf
	}
	query := "SELECT " + columns + " FROM account"
	switch {
	case f.Alone && f.Limit == 0 && indexed(f.Order):
		return s.inTwo(ctx, query, w, f, scan)
	case f.Limit > 0:
		query += w.text() + orderBy(f) + " LIMIT " + w.value(int64(f.Limit))
	default:
		query += w.text() + orderBy(f)
	}
	if f.Alone {
		return read(ctx, s.tx.Query, query, w.args, scan)
	}
	return read(ctx, s.tx.Stream, query, w.args, scan)
}

// indexed tells whether there is an index in an order.
func indexed(o store.AccountOrder) bool { return o == store.ByMail || o == store.ByID }

// firstPart is how many accounts are asked for first, where all are wanted.
const firstPart = 100

// inTwo reads a listing in two questions: a few accounts, which an index gives at
// once, and then all behind them. Asked for all, an engine sorts all before it
// gives the first.
func (s *Session) inTwo(ctx context.Context, query string, w *where, f store.AccountFilter, scan func(Rows) (*store.Account, error)) iter.Seq2[*store.Account, error] {
	return func(yield func(*store.Account, error) bool) {
		w := &where{slices.Clone(w.terms), slices.Clone(w.args)}
		n, given := len(w.args), 0
		var lastMail, lastID string // the account is the caller's once it was given
		limit := w.value(int64(firstPart))
		for a, err := range read(ctx, s.tx.Query, query+w.text()+orderBy(f)+" LIMIT "+limit, w.args, scan) {
			if err == nil {
				lastMail, lastID = a.Mail(), a.ID
			}
			if !yield(a, err) || err != nil {
				return
			}
			given++
		}
		if given < firstPart {
			return
		}
		w.args = w.args[:n]
		than := " > "
		if f.Reverse {
			than = " < "
		}
		if f.Order == store.ByMail {
			w.add("(mail, id)" + than + "(" + w.value(lastMail) + ", " + w.value(lastID) + ")")
		} else {
			w.add("id" + than + w.value(lastID))
		}
		for a, err := range read(ctx, s.tx.Query, query+w.text()+orderBy(f), w.args, scan) {
			if !yield(a, err) {
				return
			}
		}
	}
}

const briefColumns = "id, kind, mail, deleted"

// briefOf reads a row of briefColumns.
func (s *Session) briefOf(rows Rows) (*store.Account, error) {
	a := &store.Account{Backend: s.backend}
	var kind, deleted int64
	var mail string
	if err := rows.Scan(&a.ID, &kind, &mail, &deleted); err != nil {
		return nil, err
	}
	a.Kind, a.Addresses, a.Deleted = store.Kind(kind), []string{mail}, Time(deleted)
	return a, nil
}

// CountAccounts implements store.Reader.
func (s *Session) CountAccounts(ctx context.Context, f store.AccountFilter) (n int64, err error) {
	w, err := accountWhere(f)
	if err != nil {
		return 0, err
	}
	err = s.one(ctx, "SELECT count(*) FROM account"+w.text(), w.args, &n)
	return n, err
}

func orderBy(f store.AccountFilter) string {
	direction := ""
	if f.Reverse {
		direction = " DESC"
	}
	column := map[store.AccountOrder]string{store.ByMail: "mail", store.ByName: "name", store.ByCreated: "created", store.ByChanged: "changed"}[f.Order]
	if column == "" {
		return " ORDER BY id" + direction
	}
	return " ORDER BY " + column + direction + ", id" + direction
}

// where is a condition that is being put together.
type where struct {
	terms []string
	args  []any
}

// value adds a value and returns its place.
func (w *where) value(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// among is the condition that a column has one of the values.
func among[T any](w *where, column string, values []T) {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = w.value(v)
	}
	if len(places) == 0 {
		places = []string{"NULL"} // which equals nothing
	}
	w.terms = append(w.terms, column+" IN ("+strings.Join(places, ", ")+")")
}

func (w *where) add(term string) { w.terms = append(w.terms, term) }

func (w *where) text() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

// nothing is a condition that no row fits.
const nothing = "1 = 0"

// accountWhere is the condition of a filter.
func accountWhere(f store.AccountFilter) (*where, error) {
	w := &where{}
	switch f.State {
	case store.OnlyActive:
		w.add("deleted = 0")
	case store.OnlyDeleted:
		w.add("deleted > 0")
	}
	if len(f.IDs) > store.MaxIDs {
		return nil, &store.InvalidError{Field: "ids", Reason: fmt.Sprintf("are more than %d", store.MaxIDs)}
	}
	if f.IDs != nil {
		among(w, "id", slices.DeleteFunc(slices.Clone(f.IDs), func(id string) bool { return !valid(id) }))
	}
	if len(f.Kinds) > 0 {
		kinds := make([]int64, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = int64(k)
		}
		among(w, "kind", kinds)
	}
	switch {
	case f.Domain == "":
	case len(f.Domain) > store.MaxAddress || store.CheckText(f.Domain) != nil:
		w.add(nothing)
	default:
		w.add("lower(mail) LIKE " + w.value("%@"+escapeLike(store.FoldAddress(f.Domain))) + ` ESCAPE '\'`)
	}
	switch {
	case f.Match == "":
	case store.CheckText(f.Match) != nil:
		w.add(nothing)
	default:
		// Not LIKE: SQLite refuses long patterns.
		text := w.value(store.FoldAddress(f.Match))
		w.add("(replace(lower(mail), " + text + ", '') <> lower(mail) OR replace(lower(name), " + text + ", '') <> lower(name))")
	}
	if !f.Before.IsZero() {
		w.add("created < " + w.value(Stamp(f.Before)))
	}
	return w, nil
}

func anys(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// maxInList is how many values one statement asks about.
const maxInList = 500

// inGroups calls do with parts of ids that fit one statement, and with
// their numbered places.
func inGroups(ids []string, do func(places string, args []any) error) error {
	for len(ids) > 0 {
		part := ids[:min(len(ids), maxInList)]
		ids = ids[len(part):]
		places := make([]string, len(part))
		for i := range places {
			places[i] = fmt.Sprintf("$%d", i+1)
		}
		if err := do(strings.Join(places, ", "), anys(part)); err != nil {
			return err
		}
	}
	return nil
}

// Usage implements store.Reader.
func (s *Session) Usage(ctx context.Context, ids []string) (map[string]store.Usage, error) {
	out := map[string]store.Usage{}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !valid(id) })
	err := inGroups(ids, func(places string, args []any) error {
		return s.usage(ctx, places, args, out)
	})
	return out, err
}

func (s *Session) usage(ctx context.Context, places string, args []any, out map[string]store.Usage) error {
	type row struct {
		id         string
		a, b, size int64
	}
	read := func(query string, put func(*store.Usage, row)) error {
		rows, err := all(ctx, s, query, args, func(rows Rows) (r row, err error) {
			return r, rows.Scan(&r.id, &r.a, &r.b, &r.size)
		})
		for _, r := range rows {
			u := out[r.id]
			put(&u, r)
			out[r.id] = u
		}
		return err
	}
	err := read("SELECT account, count(*), 0, 0 FROM collection WHERE deleted = 0 AND account IN ("+places+") GROUP BY account",
		func(u *store.Usage, r row) { u.Calendars = int(r.a) })
	if err != nil {
		return err
	}
	err = read("SELECT m.account, count(*), 0, CAST(coalesce(sum(m.size), 0) AS bigint) FROM component m JOIN collection c ON c.account = m.account AND c.number = m.number"+
		" WHERE c.deleted = 0 AND m.account IN ("+places+") GROUP BY m.account",
		func(u *store.Usage, r row) { u.Components, u.Bytes = int(r.a), r.size })
	if err != nil {
		return err
	}
	return read("SELECT account, count(*), 0, 0 FROM subscription WHERE account IN ("+places+") GROUP BY account",
		func(u *store.Usage, r row) { u.Subscriptions = int(r.a) })
}

// Taken says what of new accounts is there.
func (s *Session) Taken(ctx context.Context, accounts []*store.NewAccount) (store.Taken, error) {
	out := store.Taken{IDs: map[string]*store.Account{}, Addresses: map[string]string{}}
	var ids, addresses []string
	for _, a := range accounts {
		if valid(a.Account.ID) {
			ids = append(ids, store.FoldID(a.Account.ID))
		}
		for _, address := range a.Account.Addresses {
			if validAddress(address) {
				addresses = append(addresses, store.FoldAddress(address))
			}
		}
	}
	err := inGroups(ids, func(places string, args []any) error {
		found, err := all(ctx, s, "SELECT "+accountColumns+" FROM account WHERE folded IN ("+places+")", args, s.accountOf)
		for _, a := range found {
			out.IDs[store.FoldID(a.ID)] = a
		}
		return err
	})
	if err != nil {
		return out, err
	}
	err = inGroups(addresses, func(places string, args []any) error {
		_, err := all(ctx, s, "SELECT address, account FROM address WHERE address IN ("+places+")", args, func(rows Rows) (struct{}, error) {
			var address, account string
			err := rows.Scan(&address, &account)
			out.Addresses[address] = account
			return struct{}{}, err
		})
		return err
	})
	return out, err
}
