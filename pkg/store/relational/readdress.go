package relational

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// The SQL of the rows that name a person with another address.
const (
	outdatedACE            = "kind = 3 AND principal = $1 AND address <> $2"
	outdatedRepresentative = "person = $1 AND address <> $2"
)

// Readdress implements store.Writer.
func (s *Session) Readdress(ctx context.Context, p store.Person) (int, error) {
	if !valid(p.ID) {
		return 0, nil
	}
	if err := store.CheckAddress(p.Address); err != nil {
		return 0, &store.InvalidError{Field: "mail", Value: p.Address, Reason: err.Error()}
	}
	if err := s.noneLeaves(ctx); err != nil {
		return 0, err
	}
	changed := 0
	// The accounts and collections come first: whoever changes a list locks its account or
	// collection first, too.
	for _, part := range []struct {
		what, query string
		counted     bool
	}{
		{"accounts", "UPDATE account SET changed = $3, version = version + 1 WHERE id IN (SELECT account FROM ace WHERE number = 0 AND " + outdatedACE +
			" UNION SELECT account FROM representative WHERE " + outdatedRepresentative + ")", true},
		{"calendars", "UPDATE collection SET changed = $3, version = version + 1 WHERE (account, number) IN" +
			" (SELECT account, number FROM ace WHERE number > 0 AND " + outdatedACE + ")", true},
		{"access lists", "UPDATE ace SET address = $2 WHERE " + outdatedACE, false},
		{"delegates and owners", "UPDATE representative SET address = $2 WHERE " + outdatedRepresentative, false},
		{"subscriptions", "UPDATE subscription SET owner_address = $2 WHERE owner = $1 AND owner_address <> $2", true},
	} {
		args := []any{p.ID, p.Address}
		if part.what == "accounts" || part.what == "calendars" {
			args = append(args, s.stamp)
		}
		n, err := s.exec(ctx, part.query, args...)
		if err != nil {
			return 0, fmt.Errorf("update the address of a person in %s: %w", part.what, err)
		}
		if part.counted {
			changed += int(n)
		}
	}
	if s.races == nil {
		return changed, nil
	}
	// An account may have been marked as leaving since the first look.
	if err := s.noneLeaves(ctx); errors.Is(err, store.ErrMoving) {
		return 0, s.lostRace()
	} else if err != nil {
		return 0, err
	}
	return changed, nil
}
