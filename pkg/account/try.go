package account

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// errTried rolls back the transaction of TryChange.
var errTried = errors.New("the change was only tried")

// TryChange finds out whether a store accepts changes: it creates an account with a random id
// and an address in a domain that cannot exist (RFC 2606), in a transaction that is rolled back, so nothing changes and nobody
// else can see it. The error is that of the store, such as ErrReadOnly, ErrDenied, ErrFull or
// ErrLocked.
func TryChange(ctx context.Context, st store.Store) error {
	id := "davadmin-try-" + strings.ToLower(rand.Text())
	err := st.Update(ctx, func(w store.Writer) error {
		a := &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@davadmin.invalid"}}}
		if err := w.CreateAccount(ctx, a); err != nil {
			return err
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		return nil
	}
	return err
}
