package relational

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/davadmin/davadmin/pkg/store"
)

// chunkSize is the size of a chunk of content in bytes; only the last chunk may be shorter.
// Readers rely on it, so another size requires another schema.
const chunkSize int64 = 256 << 10

// upload is content that is being added to an account.
type upload struct {
	account string
	number  int64 // random
	size    int64 // bytes so far
	chunks  int64 // chunks written so far
	started bool  // the row in the table content exists
	sum     hash.Hash
}

func (u *upload) hash() string { return hex.EncodeToString(u.sum.Sum(nil)) }

// addContent reads content to its end and stores it, unless the account has the same. If
// the content cannot be read or is too long, nothing of it remains, and the transaction can
// continue.
func (s *Session) addContent(ctx context.Context, account string, from io.Reader, limit int64) (*upload, error) {
	u := &upload{account: account, number: newIncarnation(), sum: sha256.New()}
	chunk := make([]byte, chunkSize)
	for {
		n, end, err := fill(ctx, from, chunk)
		if u.size += int64(n); err == nil && u.size > limit {
			err = &store.InvalidError{Field: "size", Reason: fmt.Sprintf("the attachment is longer than %d bytes", limit)}
		}
		if err != nil {
			return nil, s.dropUpload(ctx, u, err)
		}
		u.sum.Write(chunk[:n])
		if end {
			return u, s.finishUpload(ctx, u, chunk[:n])
		}
		if err := s.addChunk(ctx, u, chunk[:n]); err != nil {
			return nil, err
		}
	}
}

// fill reads until the chunk is full or the content ends. io.ReadFull would not do: it
// returns the same error for content that is shorter than the chunk and for content whose
// source says that a part is missing.
func fill(ctx context.Context, from io.Reader, chunk []byte) (n int, end bool, err error) {
	const mostEmpty = 100 // as in package bufio
	for empty := 0; n < len(chunk); {
		if err := ctx.Err(); err != nil {
			return n, false, err
		}
		got, err := from.Read(chunk[n:])
		if got < 0 || got > len(chunk)-n {
			return n, false, errors.New("read the content of the attachment: its source returned an invalid count")
		}
		n += got
		switch {
		case err == io.EOF: // an error that wraps it is an error of the source
			return n, true, nil
		case err != nil:
			return n, false, fmt.Errorf("read the content of the attachment: %w", err)
		case got > 0:
			empty = 0
		default:
			if empty++; empty == mostEmpty {
				return n, false, fmt.Errorf("read the content of the attachment: %w", io.ErrNoProgress)
			}
		}
	}
	return n, false, nil
}

// addChunk writes the next chunk, and before the first one the row of the content.
func (s *Session) addChunk(ctx context.Context, u *upload, data []byte) error {
	if !u.started {
		u.started = true
		if _, err := s.exec(ctx, "INSERT INTO content (account, number, hash, size) VALUES ($1, $2, '', 0)", u.account, u.number); err != nil {
			return fmt.Errorf("store the content of the attachment: %w", err)
		}
	}
	if len(data) == 0 {
		return nil
	}
	if _, err := s.exec(ctx, "INSERT INTO chunk (account, number, serial, data) VALUES ($1, $2, $3, $4)", u.account, u.number, u.chunks, data); err != nil {
		return fmt.Errorf("store the content of the attachment: %w", err)
	}
	u.chunks++
	return nil
}

// finishUpload ends an upload with its last chunk. If the account has the same content,
// that is used and what was written is removed.
func (s *Session) finishUpload(ctx context.Context, u *upload, last []byte) error {
	var same int64
	err := s.queryOne(ctx, "SELECT number FROM content WHERE account = $1 AND hash = $2", []any{u.account, u.hash()}, &same)
	switch {
	case err == nil:
		if u.started {
			if err := s.removeContent(ctx, u.account, u.number); err != nil {
				return err
			}
		}
		u.number = same
		return nil
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := s.addChunk(ctx, u, last); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE content SET hash = $3, size = $4 WHERE account = $1 AND number = $2", u.account, u.number, u.hash(), u.size)
	if err != nil {
		return fmt.Errorf("store the content of the attachment: %w", err)
	}
	return nil
}

// dropUpload removes what was written of an upload and returns the cause. After the end of
// ctx the transaction cannot be committed anyway.
func (s *Session) dropUpload(ctx context.Context, u *upload, cause error) error {
	if !u.started || ctx.Err() != nil {
		return cause
	}
	return errors.Join(cause, s.removeContent(ctx, u.account, u.number))
}

// removeContent removes content that no attachment refers to.
func (s *Session) removeContent(ctx context.Context, account string, number int64) error {
	for _, table := range []string{"chunk", "content"} {
		if _, err := s.exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND number = $2", account, number); err != nil {
			return fmt.Errorf("remove the content of an attachment: %w", err)
		}
	}
	return nil
}
