package relational

import (
	"context"
	"errors"
)

// errTransactionEnded is the error of everything that is asked of a Session after its
// transaction. The connection may belong to another one by then.
var errTransactionEnded = errors.New("the transaction has ended, and with it everything that was read from it")

// endedTx implements Tx for a transaction that has ended.
type endedTx struct{}

// Exec implements Tx.
func (endedTx) Exec(context.Context, string, ...any) (int64, error) { return 0, errTransactionEnded }

// Query implements Tx.
func (endedTx) Query(context.Context, string, ...any) (Rows, error) { return nil, errTransactionEnded }

// Stream implements Tx.
func (endedTx) Stream(context.Context, string, ...any) (Rows, error) { return nil, errTransactionEnded }

// Timeline implements Tx.
func (endedTx) Timeline(context.Context) (string, error) { return "", errTransactionEnded }
func (endedTx) Sync(context.Context) error               { return errTransactionEnded }

// End makes each further use of the session fail. Its engine calls it before it passes the
// connection on: callers may have kept the Reader, or the content of an attachment.
func (s *Session) End() { s.tx = endedTx{} }
