package relational

import (
	"context"
	"iter"

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

// ActsFor implements store.Reader.
func (s *Session) ActsFor(ctx context.Context, person string) iter.Seq2[*store.Represented, error] {
	if !valid(person) {
		return func(func(*store.Represented, error) bool) {}
	}
	query := "SELECT " + accountColumns + ", is_delegate, is_owner, is_allowed FROM account JOIN" +
		" (SELECT represented, max(CASE WHEN as_role = 1 THEN 1 ELSE 0 END) AS is_delegate, max(CASE WHEN as_role = 2 THEN 1 ELSE 0 END) AS is_owner," +
		" max(CASE WHEN as_role = 3 THEN 1 ELSE 0 END) AS is_allowed FROM" +
		" (SELECT account AS represented, role AS as_role FROM representative WHERE person = $1" +
		" UNION ALL SELECT account, 3 FROM ace WHERE kind = 3 AND principal = $1 AND number = 0 AND rights LIKE '%m%') r" +
		" GROUP BY represented) s ON id = represented WHERE deleted = 0 ORDER BY mail, id"
	return streamRows(ctx, s, query, []any{person}, func(rows Rows) (*store.Represented, error) {
		var asDelegate, asOwner, allowed int64
		a, err := s.scanAccount(rows, &asDelegate, &asOwner, &allowed)
		if err != nil {
			return nil, err
		}
		return &store.Represented{Account: a, AsDelegate: asDelegate != 0, AsOwner: asOwner != 0, ByRights: allowed != 0}, nil
	})
}
