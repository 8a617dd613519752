package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"
	"time"
)

// ErrMoving is wrapped by MovingError.
var ErrMoving = errors.New("the account is being moved to another back end")

// MovingError is returned for a change of an account that is being moved. It wraps
// ErrMoving. Nothing was changed.
type MovingError struct {
	Account string // the unique id
	To      string // the id of the other back end
}

// Error names the account and the other back end.
func (e *MovingError) Error() string {
	return fmt.Sprintf("account %s is being moved to the back end %s, so it cannot be changed until that has ended", e.Account, e.To)
}

// Unwrap returns ErrMoving.
func (e *MovingError) Unwrap() error { return ErrMoving }

// MoveState is the state of a move, as one of the two stores knows it. The numbers are
// stored.
type MoveState uint8

// States of a move. The store that an account leaves knows the first two, the other one
// knows the last two: each move arrives or is refused, never both.
const (
	MoveLeaving MoveState = 1 // the account cannot be changed
	MoveGone    MoveState = 2 // and it is not in this store any more
	MoveArrived MoveState = 3 // the account was received completely
	MoveRefused MoveState = 4 // and it never will be
)

// Move is the mark of the move of an account in one store. Marks stay for ever, so that a
// move that was interrupted long ago is not made twice.
type Move struct {
	Account string // the unique id
	ID      string // random, and the same in both stores
	Backend string // the id of the other back end
	State   MoveState
	At      time.Time // of the state
}

// Row is a row of an account, in the form that is the same in every engine.
type Row struct {
	Table string
	// Values are the columns in the order of the implementation: int64, string or
	// []byte. Those that are new in each store are 0 or "".
	Values []any
}

// Bytes returns the size of the values, roughly.
func (r Row) Bytes() int {
	n := 0
	for _, v := range r.Values {
		switch v := v.(type) {
		case string:
			n += len(v)
		case []byte:
			n += len(v)
		default:
			n += 8
		}
	}
	return n
}

// MoveReader is implemented by Readers of stores whose accounts can be moved to others.
type MoveReader interface {
	// Moves returns the marks of the moves of an account, the latest first.
	Moves(ctx context.Context, account string) ([]Move, error)
	// Leaving lists the moves out of this store that have not ended, by account.
	Leaving(ctx context.Context) iter.Seq2[Move, error]
	// Export yields all rows of an account, always in the same order, that of Receive.
	// Memory is bounded by the largest row and about a megabyte. ErrNotFound.
	Export(ctx context.Context, account string) iter.Seq2[Row, error]
}

// MoveWriter is implemented by Writers of stores whose accounts can be moved to others.
// pkg/store/moving calls its methods in the order in which nothing can be lost.
type MoveWriter interface {
	MoveReader
	// Leave marks an account: changes of it fail with ErrMoving from then on, also those
	// of transactions that have begun. ErrNotFound, ErrDeleted, ErrMoving.
	Leave(ctx context.Context, account, to string) (Move, error)
	// Stay removes the mark of a move that was refused. ErrConflict if the account is
	// not leaving by this move.
	Stay(ctx context.Context, m Move) error
	// Remove removes an account that has arrived in the other store, with everything.
	// ErrConflict if the account is not leaving by this move.
	Remove(ctx context.Context, m Move) error
	// Receive writes the rows of an account, and records that the move has arrived. Its
	// collections have new incarnations. It returns the sum of the rows that it then
	// reads back. ErrExists when the id, in any letter case, or an address is in use;
	// ErrConflict if the move has already arrived or was refused; ErrInvalid for rows
	// that this store does not know.
	Receive(ctx context.Context, m Move, rows iter.Seq2[Row, error]) (MoveSum, error)
	// Refuse records that a move will never arrive. ErrConflict if it has arrived.
	Refuse(ctx context.Context, m Move) error
}

// MoveSum describes rows: two sequences of rows with the same sum are the same.
type MoveSum struct {
	Rows  int64
	Bytes int64
	Hash  [sha256.Size]byte
}

// MoveSummer computes a MoveSum.
type MoveSummer struct {
	sum  MoveSum
	hash hash.Hash
	head []byte
}

// NewMoveSummer returns a summer that has seen no rows.
func NewMoveSummer() *MoveSummer { return &MoveSummer{hash: sha256.New()} }

// Add adds a row.
func (s *MoveSummer) Add(r Row) {
	s.sum.Rows++
	s.sum.Bytes += int64(r.Bytes())
	s.part('r', len(r.Values), r.Table)
	for _, v := range r.Values {
		switch v := v.(type) {
		case string:
			s.part('t', len(v), v)
		case []byte:
			s.part('b', len(v), "")
			s.hash.Write(v)
		case int64:
			s.part('n', int(v), "")
		default:
			s.part('?', 0, fmt.Sprintf("%T", v))
		}
	}
}

// part adds the kind and the length of a value, so that two values never look like others,
// and a text.
func (s *MoveSummer) part(kind byte, n int, text string) {
	s.head = binary.BigEndian.AppendUint64(append(s.head[:0], kind), uint64(n))
	s.head = append(s.head, text...)
	s.hash.Write(s.head)
}

// Sum returns the sum of the rows so far.
func (s *MoveSummer) Sum() MoveSum {
	out := s.sum
	s.hash.Sum(out.Hash[:0])
	return out
}

// HasArrived reports whether an account that leaves a store, with the marks here, is already
// active in the store with the id to, which has the marks there.
func HasArrived(here []Move, to string, there []Move) bool {
	for _, m := range here {
		if m.Backend != to || m.State != MoveLeaving && m.State != MoveGone {
			continue
		}
		for _, x := range there {
			if x.ID == m.ID {
				return x.State == MoveArrived
			}
		}
		return false
	}
	return false
}
