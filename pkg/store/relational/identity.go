package relational

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// epochName is the name of the epoch of a store in the table meta: a random text that is
// another one after the store was restored or made again.
const epochName = "epoch"

// newEpoch returns a random epoch.
func newEpoch() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// newIncarnation returns a random number for a collection.
func newIncarnation() int64 {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return int64(binary.BigEndian.Uint64(b))
}

// RenewEpoch gives a store another epoch, so that sync tokens of before are rejected: what
// they name may have been undone.
func RenewEpoch(ctx context.Context, tx Tx) error {
	n, err := tx.Exec(ctx, "UPDATE meta SET value = $2 WHERE name = $1", epochName, newEpoch())
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: the epoch is missing", store.ErrDamaged)
	}
	return err
}

// Token implements store.Reader.
func (s *Session) Token(ctx context.Context, c *store.Calendar) (store.Token, error) {
	if s.origin == nil {
		var t store.Token
		err := s.queryOne(ctx, "SELECT value FROM meta WHERE name = $1", []any{epochName}, &t.Epoch)
		if errors.Is(err, store.ErrNotFound) {
			err = fmt.Errorf("%w: the epoch is missing", store.ErrDamaged)
		}
		if err != nil {
			return store.Token{}, err
		}
		if t.Timeline, err = s.tx.Timeline(ctx); err != nil {
			return store.Token{}, fmt.Errorf("read the timeline of the server: %w", err)
		}
		s.origin = &t
	}
	return store.Token{Epoch: s.origin.Epoch, Timeline: s.origin.Timeline, Incarnation: c.Incarnation, Revision: c.Revision}, nil
}
