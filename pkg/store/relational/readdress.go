package relational

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// The accounts and collections come first: whoever changes a list locks its account or
	// collection first, too.
	changed, err := s.touchOutdated(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, part := range []struct {
		what, query string
		counted     bool
	}{
		{"access lists", "UPDATE ace SET address = $2 WHERE " + outdatedACE, false},
		{"delegates and owners", "UPDATE representative SET address = $2 WHERE " + outdatedRepresentative, false},
		{"subscriptions", "UPDATE subscription SET owner_address = $2 WHERE owner = $1 AND owner_address <> $2", true},
	} {
		n, err := s.exec(ctx, part.query, p.ID, p.Address)
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

// touchOutdated gives the accounts and collections whose lists name a person with another
// address a new version, and returns how many they are. It reads their keys first, because
// PostgreSQL reads all accounts for a subquery if the tables were never analyzed.
func (s *Session) touchOutdated(ctx context.Context, p store.Person) (touched int, err error) {
	type key struct {
		account string
		number  int64
	}
	keys, err := queryAll(ctx, s, "SELECT account, 0 AS number FROM representative WHERE "+outdatedRepresentative+
		" UNION SELECT account, number FROM ace WHERE "+outdatedACE+" ORDER BY account, number", []any{p.ID, p.Address},
		func(rows Rows) (k key, err error) { return k, rows.Scan(&k.account, &k.number) })
	if err != nil {
		return 0, fmt.Errorf("find the address of a person: %w", err)
	}
	const atOnce = 100
	for chunk := range slices.Chunk(keys, atOnce) {
		accounts, collections := &where{args: []any{s.stamp}}, &where{args: []any{s.stamp}}
		var ids, pairs []string
		for _, k := range chunk {
			if k.number == schedulingNumber {
				ids = append(ids, accounts.value(k.account))
			} else {
				pairs = append(pairs, "(account = "+collections.value(k.account)+" AND number = "+collections.value(k.number)+")")
			}
		}
		for _, part := range []struct {
			what, query string
			values      []string
			w           *where
		}{
			{"accounts", "UPDATE account SET changed = $1, version = version + 1 WHERE id IN (" + strings.Join(ids, ", ") + ")", ids, accounts},
			{"calendars", "UPDATE collection SET changed = $1, version = version + 1 WHERE " + strings.Join(pairs, " OR "), pairs, collections},
		} {
			if len(part.values) == 0 {
				continue
			}
			n, err := s.exec(ctx, part.query, part.w.args...)
			if err != nil {
				return 0, fmt.Errorf("update the address of a person in %s: %w", part.what, err)
			}
			touched += int(n)
		}
	}
	return touched, nil
}
