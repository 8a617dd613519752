package relational

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/davadmin/davadmin/pkg/store"
)

// newRandomID returns a random id that nobody can guess.
func newRandomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// attachmentQuery selects attachments, for scanAttachment.
const attachmentQuery = `SELECT a.account, a.id, a.folder, a.name, a.content_type, a.created, a.deleted, c.hash, c.size, c.number
	FROM attachment a JOIN content c ON c.account = a.account AND c.number = a.content WHERE a.account = $1`

// storedAttachment is an attachment with the number of its content.
type storedAttachment struct {
	store.Attachment
	content int64
}

func scanAttachment(rows Rows) (*storedAttachment, error) {
	a := &storedAttachment{}
	var created, deleted int64
	err := rows.Scan(&a.Account, &a.ID, &a.Folder, &a.Name, &a.ContentType, &created, &deleted, &a.Hash, &a.Size, &a.content)
	a.Created, a.Deleted = Time(created), Time(deleted)
	return a, err
}

// attachment returns an attachment with the id that is deleted or not. ErrNotFound.
func (s *Session) attachment(ctx context.Context, account, id string, deleted bool) (*storedAttachment, error) {
	if !valid(account) || store.CheckRandomID(id) != nil {
		return nil, fmt.Errorf("attachment %s: %w", id, store.ErrNotFound)
	}
	found, err := queryAll(ctx, s, attachmentQuery+" AND a.id = $2", []any{account, id}, scanAttachment)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 || found[0].Deleted.IsZero() == deleted:
		return nil, fmt.Errorf("attachment %s: %w", id, store.ErrNotFound)
	}
	return found[0], nil
}

// Attachment implements store.Reader.
func (s *Session) Attachment(ctx context.Context, account, id string) (*store.Attachment, error) {
	a, err := s.attachment(ctx, account, id, false)
	if err != nil {
		return nil, err
	}
	return &a.Attachment, nil
}

// Attachments implements store.Reader.
func (s *Session) Attachments(ctx context.Context, account string, f store.AttachmentFilter) iter.Seq2[*store.Attachment, error] {
	if !valid(account) || f.Folder != "" && store.CheckName("folder", f.Folder) != nil || f.Name != "" && store.CheckName("attachment", f.Name) != nil {
		return func(func(*store.Attachment, error) bool) {}
	}
	query, args := attachmentQuery, []any{account}
	switch f.State {
	case store.OnlyActive:
		query += " AND a.deleted = 0"
	case store.OnlyDeleted:
		query += " AND a.deleted > 0"
	}
	for _, x := range []struct{ column, value string }{{"folder", f.Folder}, {"name", f.Name}} {
		if x.value != "" {
			args = append(args, x.value)
			query += fmt.Sprintf(" AND a.%s = $%d", x.column, len(args))
		}
	}
	return streamRows(ctx, s, query+" ORDER BY a.created, a.id", args, func(rows Rows) (*store.Attachment, error) {
		a, err := scanAttachment(rows)
		return &a.Attachment, err
	})
}

// AddAttachment implements store.Writer.
func (s *Session) AddAttachment(ctx context.Context, a *store.Attachment, content io.Reader, limit int64) error {
	if err := a.Check(); err != nil {
		return err
	}
	if _, err := s.activeAccount(ctx, a.Account); err != nil {
		return err
	}
	if err := s.checkFileFree(ctx, a.Account, a.Folder, a.Name); err != nil {
		return err
	}
	if s.reading > 0 {
		return store.ErrListing
	}
	u, err := s.addContent(ctx, a.Account, content, limit)
	if err != nil {
		return err
	}
	if err := s.hold(ctx, a.Account); err != nil {
		return err
	}
	id := newRandomID()
	_, err = s.exec(ctx, "INSERT INTO attachment (account, id, folder, name, content_type, content, created, deleted) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
		a.Account, id, a.Folder, a.Name, a.ContentType, u.number, s.stamp)
	if err != nil {
		return fmt.Errorf("add attachment %s: %w", a.Name, err)
	}
	a.ID, a.Hash, a.Size, a.Created, a.Deleted = id, u.hash(), u.size, Time(s.stamp), Time(0)
	return nil
}

// checkFileFree returns an ExistsError if a folder has a file of a name.
func (s *Session) checkFileFree(ctx context.Context, account, folder, name string) error {
	if folder == "" {
		return nil
	}
	var n int64
	err := s.queryOne(ctx, "SELECT count(*) FROM attachment WHERE account = $1 AND folder = $2 AND name = $3 AND deleted = 0", []any{account, folder, name}, &n)
	if err == nil && n > 0 {
		return &store.ExistsError{What: "attachment", Value: folder + "/" + name}
	}
	return err
}

// DeleteAttachment implements store.Writer.
func (s *Session) DeleteAttachment(ctx context.Context, account, id string) error {
	return s.markAttachment(ctx, account, id, true)
}

// UndeleteAttachment implements store.Writer.
func (s *Session) UndeleteAttachment(ctx context.Context, account, id string) error {
	return s.markAttachment(ctx, account, id, false)
}

// markAttachment marks an attachment as deleted, or as not deleted.
func (s *Session) markAttachment(ctx context.Context, account, id string, deleted bool) error {
	if _, err := s.activeAccount(ctx, account); err != nil {
		return err
	}
	a, err := s.attachment(ctx, account, id, !deleted)
	if err != nil {
		return err
	}
	if err := s.hold(ctx, account); err != nil {
		return err
	}
	stamp := s.stamp
	if !deleted {
		stamp = 0
		if err := s.checkFileFree(ctx, account, a.Folder, a.Name); err != nil {
			return err
		}
	}
	if err := s.mustChange(ctx, store.ErrConflict, "UPDATE attachment SET deleted = $3 WHERE account = $1 AND id = $2", account, id, stamp); err != nil {
		return fmt.Errorf("change attachment %s: %w", id, err)
	}
	return nil
}

// purgeAttachments removes attachments that were deleted before a time, and content that
// nothing refers to any more.
func (s *Session) purgeAttachments(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	type key struct {
		account, id string
		content     int64
	}
	keys, err := queryAll(ctx, s, "SELECT account, id, content FROM attachment WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, account, id LIMIT $2", []any{cutoff, int64(limit)},
		func(rows Rows) (k key, err error) { return k, rows.Scan(&k.account, &k.id, &k.content) })
	if err != nil {
		return err
	}
	for _, k := range keys {
		n, err := s.exec(ctx, "DELETE FROM attachment WHERE account = $1 AND id = $2", k.account, k.id)
		if err != nil {
			return err
		}
		done.Attachments += n
		var uses int64
		err = s.queryOne(ctx, "SELECT count(*) FROM attachment WHERE account = $1 AND content = $2", []any{k.account, k.content}, &uses)
		if err == nil && uses == 0 {
			err = s.removeContent(ctx, k.account, k.content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AttachmentContent implements store.Reader.
func (s *Session) AttachmentContent(ctx context.Context, account, id string) (*store.Attachment, io.ReadSeeker, error) {
	a, err := s.attachment(ctx, account, id, false)
	if err != nil {
		return nil, nil, err
	}
	return &a.Attachment, &contentReader{ctx: ctx, s: s, account: account, number: a.content, size: a.Size, have: -1}, nil
}

// contentReader implements io.ReadSeeker.
type contentReader struct {
	ctx     context.Context
	s       *Session
	account string
	number  int64
	size    int64
	at      int64 // position
	have    int64 // number of the chunk in memory; -1 for none
	chunk   []byte
}

// Read implements io.Reader.
func (r *contentReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.at >= r.size {
		return 0, io.EOF
	}
	if err := r.load(r.at / chunkSize); err != nil {
		return 0, err
	}
	n := copy(p, r.chunk[r.at%chunkSize:])
	r.at += int64(n)
	return n, nil
}

// load reads a chunk.
func (r *contentReader) load(serial int64) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.have == serial {
		return nil
	}
	r.have = -1
	err := r.s.queryOne(r.ctx, "SELECT data FROM chunk WHERE account = $1 AND number = $2 AND serial = $3", []any{r.account, r.number, serial}, &r.chunk)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read the content of an attachment: %w", err)
	}
	if want := min(chunkSize, r.size-serial*chunkSize); err != nil || int64(len(r.chunk)) != want {
		return fmt.Errorf("%w: a part of the content of an attachment is missing", store.ErrDamaged)
	}
	r.have = serial
	return nil
}

// Seek implements io.Seeker.
func (r *contentReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("the position is before the beginning of the content")
	}
	r.at = offset
	return offset, nil
}
