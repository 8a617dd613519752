package relational

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// movable returns a calendar that can get another name or owner.
func (s *Session) movable(ctx context.Context, account, name, to string) (*store.Calendar, error) {
	if err := store.CheckName("calendar", to); err != nil {
		return nil, err
	}
	c, err := s.writableCalendar(ctx, account, name)
	if err != nil {
		return nil, err
	}
	if c.Kind != store.PlainCalendar {
		return nil, &store.InvalidError{Field: "calendar", Value: name, Reason: "is an " + c.Kind.String() + ", which has its place"}
	}
	return c, nil
}

// RenameCalendar implements store.Writer.
func (s *Session) RenameCalendar(ctx context.Context, account, name, to string) error {
	c, err := s.movable(ctx, account, name, to)
	if err != nil {
		return err
	}
	if err := s.checkNameFree(ctx, account, to); err != nil {
		return err
	}
	if _, err := s.subscribers(ctx, c); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET name = $4, changed = $5, version = version + 1 WHERE account = $1 AND number = $2 AND version = $3",
		account, c.Number, c.Version, to, s.stamp)
	if err != nil {
		return fmt.Errorf("rename calendar %s: %w", name, err)
	}
	if err := s.checkStays(ctx, account); err != nil {
		return err
	}
	return s.moveSubscriptions(ctx, c, account, to)
}

// MoveCalendar implements store.Writer.
func (s *Session) MoveCalendar(ctx context.Context, account, name, toAccount, to string) error {
	if account == toAccount {
		return &store.InvalidError{Field: "account", Value: account, Reason: "has the calendar already"}
	}
	c, err := s.movable(ctx, account, name, to)
	if err != nil {
		return err
	}
	if _, err := s.activeAccount(ctx, toAccount); err != nil {
		return err
	}
	if err := s.checkNameFree(ctx, toAccount, to); err != nil {
		return err
	}
	if _, err := s.subscribers(ctx, c); err != nil {
		return err
	}
	// Nobody writes to the calendar from now on.
	held, err := s.lock(ctx, account, name, 1)
	if err != nil {
		return err
	}
	if held.number != c.Number {
		return s.lostRace()
	}
	if err := s.checkStays(ctx, account); err != nil {
		return err
	}
	number, err := s.nextNumber(ctx, toAccount)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `INSERT INTO collection (account, number, name, kind, display_name, description, components, colour, sort_order, time_zone, transparent, created,
		changed, deleted, revision, floor, version, incarnation, properties) SELECT $3, CAST($4 AS bigint), $5, kind, display_name, description, components, colour, sort_order, time_zone,
		transparent, created, CAST($6 AS bigint), 0, revision, floor, version + 1, CAST($7 AS bigint), properties FROM collection WHERE account = $1 AND number = $2`,
		account, c.Number, toAccount, number, to, s.stamp, newIncarnation())
	if err != nil {
		return fmt.Errorf("move calendar %s: %w", name, err)
	}
	for _, table := range append(contentTables(), "ace") {
		if _, err := s.exec(ctx, "UPDATE "+table+" SET account = $3, number = $4 WHERE account = $1 AND number = $2", account, c.Number, toAccount, number); err != nil {
			return fmt.Errorf("move the content of calendar %s: %w", name, err)
		}
	}
	if err := s.removeCollection(ctx, account, c.Number); err != nil {
		return fmt.Errorf("move calendar %s: %w", name, err)
	}
	return s.moveSubscriptions(ctx, c, toAccount, to)
}

// nextNumber returns the number for a new collection of an account.
func (s *Session) nextNumber(ctx context.Context, account string) (number int64, err error) {
	err = s.execOne(ctx, "UPDATE account SET next_number = next_number + 1 WHERE id = $1 AND deleted = 0 AND leaving = '' RETURNING next_number - 1", []any{account}, &number)
	if errors.Is(err, store.ErrNotFound) {
		err = s.lostRace() // the caller has read that the account exists
	}
	if err != nil {
		return 0, fmt.Errorf("assign a number to the calendar: %w", err)
	}
	return number, nil
}

// removeCollection removes the row of a collection without content, with its access list.
func (s *Session) removeCollection(ctx context.Context, account string, number int64) error {
	_, err := s.exec(ctx, `UPDATE account SET revision_base = revision_base + 1 + (SELECT c.revision + c.version FROM collection c WHERE c.account = $1 AND c.number = $2)
		WHERE id = $1`, account, number)
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, "DELETE FROM ace WHERE account = $1 AND number = $2", account, number); err != nil {
		return err
	}
	return s.mustChange(ctx, store.ErrConflict, "DELETE FROM collection WHERE account = $1 AND number = $2", account, number)
}

// subscribers returns the accounts that subscribe to a calendar. ErrMoving if one of them is
// leaving: its subscription cannot be changed.
func (s *Session) subscribers(ctx context.Context, c *store.Calendar) ([]string, error) {
	query := "SELECT s.account, a.leaving FROM subscription s JOIN account a ON a.id = s.account WHERE s.owner = $1 AND s.calendar = $2 ORDER BY s.account"
	found, err := queryAll(ctx, s, query, []any{c.Account, c.Name}, func(rows Rows) (e store.MovingError, err error) { return e, rows.Scan(&e.Account, &e.To) })
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, e := range found {
		if e.To != "" {
			return nil, fmt.Errorf("subscriber of calendar %s: %w", c.Name, &e)
		}
		ids[i] = e.Account
	}
	return ids, nil
}

// moveSubscriptions changes the subscriptions to a calendar that is now that of another
// account, or has another name. Those of the owner, and those to what had the new name
// before, are removed.
func (s *Session) moveSubscriptions(ctx context.Context, was *store.Calendar, account, name string) error {
	owner, err := s.Account(ctx, account)
	if err != nil {
		return err
	}
	subscribers, err := s.subscribers(ctx, was)
	if errors.Is(err, store.ErrMoving) {
		return s.lostRace() // it was marked since the first look
	}
	if err != nil {
		return err
	}
	for _, id := range subscribers {
		if _, err := s.exec(ctx, "DELETE FROM subscription WHERE account = $1 AND owner = $2 AND calendar = $3", id, account, name); err != nil {
			return fmt.Errorf("update the subscriptions to calendar %s: %w", was.Name, err)
		}
		statement := "UPDATE subscription SET owner = $4, calendar = $5, owner_address = $6 WHERE account = $1 AND owner = $2 AND calendar = $3"
		args := []any{id, was.Account, was.Name, account, name, owner.Mail()}
		if id == account {
			statement, args = "DELETE FROM subscription WHERE account = $1 AND owner = $2 AND calendar = $3", args[:3]
		}
		if _, err := s.exec(ctx, statement, args...); err != nil {
			return fmt.Errorf("update the subscriptions to calendar %s: %w", was.Name, err)
		}
		if err := s.touch(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// touch increases the revision of the home of an account, which the caller has found, and not
// leaving.
func (s *Session) touch(ctx context.Context, account string) error {
	n, err := s.exec(ctx, "UPDATE account SET revision_base = revision_base + 1 WHERE id = $1 AND leaving = ''", account)
	if err == nil && n == 0 {
		err = s.lostRace()
	}
	if err != nil {
		return fmt.Errorf("change the revision of account %s: %w", account, err)
	}
	return nil
}
