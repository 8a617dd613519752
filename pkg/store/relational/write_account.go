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
	_, err := s.Account(ctx, a.Account.ID)
	switch {
	case err == nil:
		return &store.ExistsError{What: "account", Value: a.Account.ID, Owner: a.Account.ID}
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
	return nil
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

// activeAccount returns an account that can be changed. ErrNotFound, ErrDeleted,
// ErrMoving.
func (s *Session) activeAccount(ctx context.Context, id string) (*store.Account, error) {
	a, err := s.Account(ctx, id)
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
	was, err := s.activeAccount(ctx, a.ID)
	if err != nil {
		return err
	}
	if was.Version != a.Version {
		return fmt.Errorf("account %s: %w", a.ID, store.ErrConflict)
	}
	if err := s.checkAddressesFree(ctx, a.ID, a.Addresses); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, `UPDATE account SET kind = $3, mail = $4, addresses = $5, name = $6, sched_acl = $7, attendance = $8, notify = $9,
		notify_to = $10, delegate_notify_to = $11, delegates = $12, owners = $13, changed = $14, version = version + 1 WHERE id = $1 AND version = $2`,
		a.ID, a.Version, int64(a.Kind), a.Mail(), lines(a.Addresses), a.DisplayName, a.SchedulingACL.Encode(), int64(a.Attendance), flag(a.Notify),
		lines(a.NotifyTo), lines(a.DelegateNotifyTo), store.EncodePeople(a.Delegates), store.EncodePeople(a.Owners), s.stamp)
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
	a.Version, a.Changed, a.Created, a.Deleted, a.Backend = a.Version+1, Time(s.stamp), was.Created, was.Deleted, s.backend
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
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET deleted = $2, changed = $2, version = version + 1 WHERE id = $1", id, s.stamp); err != nil {
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
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE account SET deleted = 0, changed = $2, version = version + 1 WHERE id = $1", id, s.stamp); err != nil {
		return fmt.Errorf("restore account %s: %w", id, err)
	}
	return s.addAddresses(ctx, a)
}

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
	accounts, err := s.readdressAccounts(ctx, p)
	if err != nil {
		return 0, err
	}
	calendars, err := s.readdressCalendars(ctx, p)
	if err != nil {
		return 0, err
	}
	n, err := s.exec(ctx, "UPDATE subscription SET owner_address = $2 WHERE owner = $1 AND owner_address <> $2", p.ID, p.Address)
	if err != nil {
		return 0, fmt.Errorf("update the address in subscriptions: %w", err)
	}
	return accounts + calendars + int(n), nil
}

func (s *Session) readdressAccounts(ctx context.Context, p store.Person) (int, error) {
	const like = ` LIKE $1 ESCAPE '\'`
	query := "SELECT " + accountColumns + " FROM account WHERE sched_acl" + like + " OR delegates" + like + " OR owners" + like
	found, err := queryAll(ctx, s, query, []any{"%" + escapeLike(store.EscapedID(p.ID)) + "%"}, s.scanAccount)
	if err != nil {
		return 0, err
	}
	changed := 0
	for _, a := range found {
		acl := readdressACL(a.SchedulingACL, p)
		delegates, owners := readdressPeople(a.Delegates, p), readdressPeople(a.Owners, p)
		if !acl && !delegates && !owners {
			continue
		}
		changed++
		_, err := s.exec(ctx, "UPDATE account SET sched_acl = $2, delegates = $3, owners = $4, changed = $5, version = version + 1 WHERE id = $1",
			a.ID, a.SchedulingACL.Encode(), store.EncodePeople(a.Delegates), store.EncodePeople(a.Owners), s.stamp)
		if err != nil {
			return 0, fmt.Errorf("update the address in account %s: %w", a.ID, err)
		}
	}
	return changed, nil
}

func (s *Session) readdressCalendars(ctx context.Context, p store.Person) (int, error) {
	query := "SELECT " + collectionColumns + ` FROM collection WHERE acl LIKE $1 ESCAPE '\'`
	found, err := queryAll(ctx, s, query, []any{"%" + escapeLike(store.EscapedID(p.ID)) + "%"}, scanCollection)
	if err != nil {
		return 0, err
	}
	changed := 0
	for _, c := range found {
		if !readdressACL(c.ACL, p) {
			continue
		}
		changed++
		_, err := s.exec(ctx, "UPDATE collection SET acl = $3, changed = $4, version = version + 1 WHERE account = $1 AND number = $2", c.Account, c.Number, c.ACL.Encode(), s.stamp)
		if err != nil {
			return 0, fmt.Errorf("update the address in calendar %s of account %s: %w", c.Name, c.Account, err)
		}
	}
	return changed, nil
}

func readdressACL(l store.ACL, p store.Person) (changed bool) {
	for i := range l {
		if q := &l[i].Principal; q.ID == p.ID && q.Address != p.Address {
			q.Address, changed = p.Address, true
		}
	}
	return changed
}

func readdressPeople(people []store.Person, p store.Person) (changed bool) {
	for i := range people {
		if people[i].ID == p.ID && people[i].Address != p.Address {
			people[i].Address, changed = p.Address, true
		}
	}
	return changed
}
