package relational

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// CreateAccount implements store.Writer.
func (s *Session) CreateAccount(ctx context.Context, a *store.NewAccount) error {
	if err := Prepare(a, s.backend, s.stamp); err != nil {
		return err
	}
	was, err := s.AccountByFoldedID(ctx, a.Account.ID)
	switch {
	case err == nil:
		return &store.ExistsError{What: "account", Value: a.Account.ID, Owner: was.ID}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := s.checkAddressesFree(ctx, a.Account.ID, a.Account.Addresses); err != nil {
		return err
	}
	if _, err := s.exec(ctx, Accounts().Insert(), AccountRow(a)...); err != nil {
		return fmt.Errorf("create the account: %w", err)
	}
	if err := s.addAddresses(ctx, &a.Account); err != nil {
		return err
	}
	for i := range a.Calendars {
		if _, err := s.exec(ctx, Collections().Insert(), CollectionRow(&a.Calendars[i])...); err != nil {
			return fmt.Errorf("create the collections of the account: %w", err)
		}
	}
	if err := s.insertAll(ctx, ACEs(), ACERows(a)); err != nil {
		return err
	}
	return s.insertAll(ctx, Representatives(), RepresentativeRows(&a.Account))
}

// checkAddressesFree returns an ExistsError if another account has one of the
// addresses.
func (s *Session) checkAddressesFree(ctx context.Context, id string, addresses []string) error {
	folded := make([]string, len(addresses))
	for i, a := range addresses {
		folded[i] = store.FoldAddress(a)
	}
	return inChunks(folded, func(placeholders string, args []any) error {
		var address, owner string
		query := fmt.Sprintf("SELECT address, account FROM address WHERE address IN (%s) AND account <> $%d ORDER BY address LIMIT 1", placeholders, len(args)+1)
		err := s.queryOne(ctx, query, append(args, id), &address, &owner)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		}
		return &store.ExistsError{What: "address", Value: address, Owner: owner}
	})
}

// activeAccount returns an account that can be changed, without its access list, delegates
// and owners. ErrNotFound, ErrDeleted, ErrMoving.
func (s *Session) activeAccount(ctx context.Context, id string) (*store.Account, error) {
	return s.activeWith(ctx, accountColumnsNoRights, id)
}

// activeWith is activeAccount with either accountColumns or accountColumnsNoRights.
func (s *Session) activeWith(ctx context.Context, columns, id string) (*store.Account, error) {
	if !valid(id) {
		return nil, fmt.Errorf("account %s: %w", id, store.ErrNotFound)
	}
	a, err := s.accountWith(ctx, columns, "id = $1", id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("account %s: %w", id, err)
	case !a.Active():
		return nil, fmt.Errorf("account %s: %w", id, store.ErrDeleted)
	case a.Leaving != "":
		return nil, &store.MovingError{Account: id, To: a.Leaving}
	}
	return a, nil
}

// UpdateAccount implements store.Writer.
func (s *Session) UpdateAccount(ctx context.Context, a *store.Account) error {
	if err := a.Check(); err != nil {
		return err
	}
	was, err := s.activeWith(ctx, accountColumns, a.ID)
	if err != nil {
		return err
	}
	if was.Version != a.Version {
		return fmt.Errorf("account %s: %w", a.ID, s.staleVersion("account "+a.ID, fmt.Sprint(a.Version)))
	}
	if err := s.checkAddressesFree(ctx, a.ID, a.Addresses); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, `UPDATE account SET kind = $3, mail = $4, addresses = $5, name = $6, attendance = $7, notify = $8,
		notify_to = $9, delegate_notify_to = $10, changed = $11, version = version + 1 WHERE id = $1 AND version = $2 AND leaving = ''`,
		a.ID, a.Version, int64(a.Kind), a.Mail(), lines(a.Addresses), a.DisplayName, int64(a.Attendance), flag(a.Notify),
		lines(a.NotifyTo), lines(a.DelegateNotifyTo), s.stamp)
	if err != nil {
		return fmt.Errorf("update account %s: %w", a.ID, err)
	}
	if lines(was.Addresses) != lines(a.Addresses) {
		if err := s.removeAddresses(ctx, a.ID); err != nil {
			return err
		}
		if err := s.addAddresses(ctx, a); err != nil {
			return err
		}
	}
	if err := s.replaceRights(ctx, was, a); err != nil {
		return err
	}
	s.next(&a.Version)
	a.Changed, a.Created, a.Deleted, a.Backend = Time(s.stamp), was.Created, was.Deleted, s.backend
	return nil
}

func (s *Session) removeAddresses(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, "DELETE FROM address WHERE account = $1", id); err != nil {
		return fmt.Errorf("release the addresses of account %s: %w", id, err)
	}
	return nil
}

func (s *Session) addAddresses(ctx context.Context, a *store.Account) error {
	for _, address := range a.Addresses {
		if _, err := s.exec(ctx, Addresses().Insert(), AddressRow(address, a.ID)...); err != nil {
			return fmt.Errorf("assign the address of account %s: %w", a.ID, err)
		}
	}
	return nil
}

// DeleteAccount implements store.Writer.
func (s *Session) DeleteAccount(ctx context.Context, id string) error {
	if _, err := s.activeAccount(ctx, id); err != nil {
		return err
	}
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET deleted = $2, changed = $2, version = version + 1 WHERE id = $1 AND deleted = 0 AND leaving = ''", id, s.stamp); err != nil {
		return fmt.Errorf("delete account %s: %w", id, err)
	}
	return s.removeAddresses(ctx, id)
}

// UndeleteAccount implements store.Writer.
func (s *Session) UndeleteAccount(ctx context.Context, id string) error {
	a, err := s.Account(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("account %s: %w", id, err)
	case a.Active():
		return fmt.Errorf("account %s is not deleted: %w", id, store.ErrConflict)
	}
	if err := s.checkAddressesFree(ctx, id, a.Addresses); err != nil {
		return err
	}
	// The version stands for the addresses that are assigned next.
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE account SET deleted = 0, changed = $2, version = version + 1 WHERE id = $1 AND version = $3", id, s.stamp, a.Version)
	if err != nil {
		return fmt.Errorf("restore account %s: %w", id, err)
	}
	return s.addAddresses(ctx, a)
}
