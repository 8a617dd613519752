package relational

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// SharedWith implements store.Reader.
func (s *Session) SharedWith(ctx context.Context, person string) iter.Seq2[*store.Share, error] {
	if !valid(person) {
		return func(func(*store.Share, error) bool) {}
	}
	// The names of the columns of the subquery differ from those of collection, whose
	// columns are not qualified.
	query := "SELECT " + collectionColumns + ", owner_mail, given FROM collection JOIN" +
		" (SELECT e.account AS of_account, e.number AS of_number, e.rights AS given, a.mail AS owner_mail FROM ace e JOIN account a ON a.id = e.account" +
		" WHERE e.kind = 3 AND e.principal = $1 AND e.number > 0 AND e.rights <> 'n' AND a.deleted = 0) s" +
		" ON account = of_account AND number = of_number WHERE deleted = 0 ORDER BY owner_mail, account, name"
	return streamRows(ctx, s, query, []any{person}, func(rows Rows) (*store.Share, error) {
		x := &store.Share{}
		c, err := scanCollection(rows, &x.Owner.Address, &x.Rights)
		if err != nil {
			return nil, err
		}
		x.Owner.ID, x.Calendar = c.Account, c
		return x, nil
	})
}

// ActsFor implements store.Reader. It reads the ids of the accounts first, which are few: for
// a join, PostgreSQL reads all accounts if the tables were never analyzed.
func (s *Session) ActsFor(ctx context.Context, person string) iter.Seq2[*store.Represented, error] {
	if !valid(person) {
		return func(func(*store.Represented, error) bool) {}
	}
	return func(yield func(*store.Represented, error) bool) {
		all, err := s.actsFor(ctx, person)
		if err != nil {
			yield(nil, err)
			return
		}
		s.reading++
		defer func() { s.reading-- }()
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Session) actsFor(ctx context.Context, person string) ([]*store.Represented, error) {
	const byRights = 3 // in place of a role
	found := map[string]*store.Represented{}
	var ids []string
	_, err := queryAll(ctx, s, "SELECT account, role FROM representative WHERE person = $1"+
		" UNION ALL SELECT account, 3 FROM ace WHERE kind = 3 AND principal = $1 AND number = 0 AND rights LIKE '%m%'", []any{person},
		func(rows Rows) (_ struct{}, err error) {
			var id string
			var role int64
			if err := rows.Scan(&id, &role); err != nil {
				return struct{}{}, err
			}
			r := found[id]
			if r == nil {
				r = &store.Represented{}
				found[id], ids = r, append(ids, id)
			}
			r.AsDelegate, r.AsOwner, r.ByRights = r.AsDelegate || role == delegate, r.AsOwner || role == owner, r.ByRights || role == byRights
			return struct{}{}, nil
		})
	if err != nil {
		return nil, err
	}
	var out []*store.Represented
	err = inChunks(ids, func(placeholders string, args []any) error {
		accounts, err := queryAll(ctx, s, "SELECT "+accountColumns+" FROM account WHERE deleted = 0 AND id IN ("+placeholders+")", args, s.scanAccountRow)
		for _, a := range accounts {
			found[a.ID].Account = a
			out = append(out, found[a.ID])
		}
		return err
	})
	slices.SortFunc(out, func(a, b *store.Represented) int {
		return cmp.Or(cmp.Compare(a.Account.Mail(), b.Account.Mail()), cmp.Compare(a.Account.ID, b.Account.ID))
	})
	return out, err
}
