package relational

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// The columns of an account, with or without its access list, delegates and owners.
const (
	accountColumns         = columnsBefore + accountACL + columnsBetween + representative + columnsAfter
	accountColumnsNoRights = columnsBefore + "''" + columnsBetween + "''" + columnsAfter
	columnsBefore          = "id, kind, addresses, name, "
	columnsBetween         = ", attendance, notify, notify_to, delegate_notify_to, "
	columnsAfter           = ", created, changed, deleted, version, leaving"
)

// scanAccountRow scans a row of accountColumns.
func (s *Session) scanAccountRow(rows Rows) (*store.Account, error) { return s.scanAccount(rows) }

// scanAccount scans a row of accountColumns and more columns.
func (s *Session) scanAccount(rows Rows, more ...any) (*store.Account, error) {
	a := &store.Account{Backend: s.backend}
	var kind, attendance, notify, created, changed, deleted int64
	var addresses, acl, to, delegateTo, people string
	err := rows.Scan(append([]any{&a.ID, &kind, &addresses, &a.DisplayName, &acl, &attendance, &notify, &to, &delegateTo, &people, &created, &changed, &deleted, &a.Version, &a.Leaving}, more...)...)
	if err != nil {
		return nil, err
	}
	a.Kind, a.Attendance, a.Notify = store.Kind(kind), store.Attendance(attendance), notify != 0
	a.Addresses, a.NotifyTo, a.DelegateNotifyTo = splitLines(addresses), splitLines(to), splitLines(delegateTo)
	a.Created, a.Changed, a.Deleted = Time(created), Time(changed), Time(deleted)
	if a.SchedulingACL, err = parseACL(acl); err == nil {
		err = parseRepresentatives(people, a)
	}
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.ID, err)
	}
	return a, nil
}

// accountWhere returns the first account of a query that ends with rest. ErrNotFound.
func (s *Session) accountWhere(ctx context.Context, rest string, args ...any) (*store.Account, error) {
	return s.accountWith(ctx, accountColumns, rest, args...)
}

// accountWith is accountWhere with either accountColumns or accountColumnsNoRights.
func (s *Session) accountWith(ctx context.Context, columns, rest string, args ...any) (*store.Account, error) {
	found, err := queryAll(ctx, s, "SELECT "+columns+" FROM account WHERE "+rest, args, s.scanAccountRow)
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
	return s.accountWhere(ctx, "folded = $1", store.FoldID(id))
}

// DeletedByAddress implements store.Reader.
func (s *Session) DeletedByAddress(ctx context.Context, address string) ([]*store.Account, error) {
	if !validAddress(address) {
		return nil, nil
	}
	const like = ` LIKE $1 ESCAPE '\'`
	query := "SELECT " + accountColumns + " FROM account WHERE deleted > 0 AND lower(addresses)" + like + " ORDER BY deleted DESC, id"
	found, err := queryAll(ctx, s, query, []any{"%" + escapeLike(store.FoldAddress(address)) + "%"}, s.scanAccountRow)
	if err != nil {
		return nil, err
	}
	// The pattern also matches a part of an address.
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

// valid reports whether an account can have the id. An invalid id must not be passed
// to a query, because an engine may reject its text.
func valid(id string) bool { return store.CheckID(id) == nil }

func validAddress(address string) bool { return store.CheckAddress(address) == nil }

// escapeLike escapes text for the right side of LIKE with ESCAPE '\'.
func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// Accounts implements store.Reader.
func (s *Session) Accounts(ctx context.Context, f store.AccountFilter) iter.Seq2[*store.Account, error] {
	w, err := filterAccounts(f)
	if err != nil {
		return func(yield func(*store.Account, error) bool) { yield(nil, err) }
	}
	columns, scan := accountColumns, s.scanAccountRow
	switch {
	case f.Brief:
		columns, scan = briefColumns, s.scanBrief
	case f.WithoutRights:
		columns = accountColumnsNoRights
	}
	query := "SELECT " + columns + " FROM account"
	switch {
	case f.Alone && f.Limit == 0 && indexed(f.Order):
		return s.firstThenRest(ctx, query, w, f, scan)
	case f.Limit > 0:
		query += w.text() + orderBy(f) + " LIMIT " + w.value(int64(f.Limit))
	default:
		query += w.text() + orderBy(f)
	}
	if f.Alone {
		return readRows(ctx, s, s.tx.Query, query, w.args, scan)
	}
	return readRows(ctx, s, s.tx.Stream, query, w.args, scan)
}

// indexed reports whether there is an index for a sort order.
func indexed(o store.AccountOrder) bool { return o == store.ByMail || o == store.ByID }

// firstRows is the number of accounts in the first query of firstThenRest.
const firstRows = 100

// firstThenRest reads a listing with two queries, so that its first rows arrive at
// once: an index delivers the first few accounts, but a query for all accounts would
// sort them before it returns the first. The second query continues after the last
// account of the first.
func (s *Session) firstThenRest(ctx context.Context, query string, w *where, f store.AccountFilter, scan func(Rows) (*store.Account, error)) iter.Seq2[*store.Account, error] {
	return func(yield func(*store.Account, error) bool) {
		w := w.clone()
		n, given := len(w.args), 0
		var lastMail, lastID string // copied, because the account belongs to the caller after yield
		limit := w.value(int64(firstRows))
		for a, err := range readRows(ctx, s, s.tx.Query, query+w.text()+orderBy(f)+" LIMIT "+limit, w.args, scan) {
			if err == nil {
				lastMail, lastID = a.Mail(), a.ID
			}
			if !yield(a, err) || err != nil {
				return
			}
			given++
		}
		if given < firstRows {
			return
		}
		w.args = w.args[:n]
		for _, key := range s.sortKeys(f.Order) {
			after, order := w.after(key, f, lastMail, lastID)
			for a, err := range readRows(ctx, s, s.tx.Query, query+after.text()+order, after.args, scan) {
				if errors.Is(err, store.ErrFull) && given == firstRows {
					break // without space to sort, the index has to do
				}
				if !yield(a, err) || err != nil {
					return
				}
				given++
			}
			if given > firstRows {
				return
			}
		}
	}
}

// TableScanner is implemented by a Tx of an engine which would read a listing in the order
// of an index, where reading the whole table and sorting it is faster: the index leads to
// its rows in no order.
type TableScanner interface {
	// ScansTables does nothing.
	ScansTables()
}

// sortKeys returns the expressions to sort a whole listing by, the best first.
func (s *Session) sortKeys(o store.AccountOrder) []string {
	if o != store.ByMail {
		return []string{"id"}
	}
	if _, ok := s.tx.(TableScanner); ok {
		return []string{"mail || ''", "mail"} // no index contains the first
	}
	return []string{"mail"}
}

// after returns the conditions and the order of what follows an account, sorted by key.
func (w *where) after(key string, f store.AccountFilter, mail, id string) (*where, string) {
	w = w.clone()
	than, direction := " > ", ""
	if f.Reverse {
		than, direction = " < ", " DESC"
	}
	if f.Order == store.ByMail {
		w.add("(" + key + ", id)" + than + "(" + w.value(mail) + ", " + w.value(id) + ")")
		return w, " ORDER BY " + key + direction + ", id" + direction
	}
	w.add("id" + than + w.value(id))
	return w, " ORDER BY id" + direction
}

const briefColumns = "id, kind, mail, deleted, leaving"

// scanBrief scans a row of briefColumns.
func (s *Session) scanBrief(rows Rows) (*store.Account, error) {
	a := &store.Account{Backend: s.backend}
	var kind, deleted int64
	var mail string
	if err := rows.Scan(&a.ID, &kind, &mail, &deleted, &a.Leaving); err != nil {
		return nil, err
	}
	a.Kind, a.Addresses, a.Deleted = store.Kind(kind), []string{mail}, Time(deleted)
	return a, nil
}

// CountAccounts implements store.Reader.
func (s *Session) CountAccounts(ctx context.Context, f store.AccountFilter) (n int64, err error) {
	w, err := filterAccounts(f)
	if err != nil {
		return 0, err
	}
	err = s.queryOne(ctx, "SELECT count(*) FROM account"+w.text(), w.args, &n)
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

// where collects the conditions of a WHERE clause and their parameters.
type where struct {
	terms []string
	args  []any
}

// clone returns a copy that can get other conditions and parameters.
func (w *where) clone() *where { return &where{slices.Clone(w.terms), slices.Clone(w.args)} }

// value adds a parameter and returns its placeholder.
func (w *where) value(v any) string {
	w.args = append(w.args, v)
	return fmt.Sprintf("$%d", len(w.args))
}

// addIn adds the condition that a column has one of the values.
func addIn[T any](w *where, column string, values []T) {
	placeholders := make([]string, len(values))
	for i, v := range values {
		placeholders[i] = w.value(v)
	}
	if len(placeholders) == 0 {
		placeholders = []string{"NULL"} // equals nothing
	}
	w.terms = append(w.terms, column+" IN ("+strings.Join(placeholders, ", ")+")")
}

// add adds a condition.
func (w *where) add(term string) { w.terms = append(w.terms, term) }

// text returns the WHERE clause, or "" without conditions.
func (w *where) text() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

// neverTrue is a condition that no row meets.
const neverTrue = "1 = 0"

// filterAccounts returns the conditions of a filter.
func filterAccounts(f store.AccountFilter) (*where, error) {
	w := &where{}
	switch f.State {
	case store.OnlyActive:
		w.add("deleted = 0")
	case store.OnlyDeleted:
		w.add("deleted > 0")
	}
	if len(f.IDs) > store.MaxIDs {
		return nil, &store.InvalidError{Field: "ids", Reason: fmt.Sprintf("must not be more than %d", store.MaxIDs)}
	}
	if f.IDs != nil {
		addIn(w, "id", slices.DeleteFunc(slices.Clone(f.IDs), func(id string) bool { return !valid(id) }))
	}
	if len(f.Kinds) > 0 {
		kinds := make([]int64, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = int64(k)
		}
		addIn(w, "kind", kinds)
	}
	switch {
	case f.Domain == "":
	case len(f.Domain) > store.MaxAddress || store.CheckText(f.Domain) != nil:
		w.add(neverTrue)
	default:
		w.add("lower(mail) LIKE " + w.value("%@"+escapeLike(store.FoldAddress(f.Domain))) + ` ESCAPE '\'`)
	}
	switch {
	case f.Match == "":
	case store.CheckText(f.Match) != nil:
		w.add(neverTrue)
	default:
		// LIKE is not used, because SQLite rejects long patterns.
		contains, err := containsFolded(w, f.Match)
		if err != nil {
			return nil, err
		}
		w.add("(" + contains("mail") + " OR " + contains("name") + ")")
	}
	if !f.Before.IsZero() {
		w.add("created < " + w.value(Stamp(f.Before)))
	}
	return w, nil
}

func toAny(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// maxChunk is the maximum number of values in one statement.
const maxChunk = 500

// inChunks calls do with chunks of values that fit into one statement, and with the
// numbered placeholders of each chunk.
func inChunks(values []string, do func(placeholders string, args []any) error) error {
	for len(values) > 0 {
		chunk := values[:min(len(values), maxChunk)]
		values = values[len(chunk):]
		placeholders := make([]string, len(chunk))
		for i := range placeholders {
			placeholders[i] = fmt.Sprintf("$%d", i+1)
		}
		if err := do(strings.Join(placeholders, ", "), toAny(chunk)); err != nil {
			return err
		}
	}
	return nil
}

// Usage implements store.Reader.
func (s *Session) Usage(ctx context.Context, ids []string) (map[string]store.Usage, error) {
	out := map[string]store.Usage{}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !valid(id) })
	err := inChunks(ids, func(placeholders string, args []any) error {
		return s.usage(ctx, placeholders, args, out)
	})
	return out, err
}

// usage adds the usage of the accounts in args to out.
func (s *Session) usage(ctx context.Context, placeholders string, args []any, out map[string]store.Usage) error {
	type row struct {
		id         string
		a, b, size int64
	}
	read := func(query string, put func(*store.Usage, row)) error {
		rows, err := queryAll(ctx, s, query, args, func(rows Rows) (r row, err error) {
			return r, rows.Scan(&r.id, &r.a, &r.b, &r.size)
		})
		for _, r := range rows {
			u := out[r.id]
			put(&u, r)
			out[r.id] = u
		}
		return err
	}
	err := read("SELECT account, count(*), 0, 0 FROM collection WHERE deleted = 0 AND account IN ("+placeholders+") GROUP BY account",
		func(u *store.Usage, r row) { u.Calendars = int(r.a) })
	if err != nil {
		return err
	}
	err = read("SELECT m.account, count(*), 0, CAST(coalesce(sum(m.size), 0) AS bigint) FROM component m JOIN collection c ON c.account = m.account AND c.number = m.number"+
		" WHERE c.deleted = 0 AND m.account IN ("+placeholders+") GROUP BY m.account",
		func(u *store.Usage, r row) { u.Components, u.Bytes = int(r.a), r.size })
	if err != nil {
		return err
	}
	err = read("SELECT a.account, count(*), 0, CAST(sum(c.size) AS bigint) FROM attachment a JOIN content c ON c.account = a.account AND c.number = a.content"+
		" WHERE a.deleted = 0 AND a.account IN ("+placeholders+") GROUP BY a.account",
		func(u *store.Usage, r row) { u.Attachments, u.AttachmentBytes = int(r.a), r.size })
	if err != nil {
		return err
	}
	return read("SELECT account, count(*), 0, 0 FROM subscription WHERE account IN ("+placeholders+") GROUP BY account",
		func(u *store.Usage, r row) { u.Subscriptions = int(r.a) })
}

// Taken returns which ids and addresses of new accounts are in use, see store.Loader.
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
	err := inChunks(ids, func(placeholders string, args []any) error {
		found, err := queryAll(ctx, s, "SELECT "+accountColumns+" FROM account WHERE folded IN ("+placeholders+")", args, s.scanAccountRow)
		for _, a := range found {
			out.IDs[store.FoldID(a.ID)] = a
		}
		return err
	})
	if err != nil {
		return out, err
	}
	err = inChunks(addresses, func(placeholders string, args []any) error {
		_, err := queryAll(ctx, s, "SELECT address, account FROM address WHERE address IN ("+placeholders+")", args, func(rows Rows) (struct{}, error) {
			var address, account string
			err := rows.Scan(&address, &account)
			out.Addresses[address] = account
			return struct{}{}, err
		})
		return err
	})
	return out, err
}
