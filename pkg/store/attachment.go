package store

import (
	"context"
	"fmt"
	"io"
	"iter"
	"mime"
	"strings"
	"time"
	"unicode"
)

// Attachment is a file of an account: a managed attachment (RFC 8607) or a file of the
// dropbox. It never changes; another content is another attachment.
type Attachment struct {
	Account string // unique id of the account
	// Folder is the name of the directory of a file in the dropbox, which has one file of
	// a name. It is "" for a managed attachment, whose names may repeat.
	Folder      string
	Name        string // file name; 1 to 255 bytes, no slash, no control characters
	ContentType string // media type with its parameters; "" if unknown

	// The following fields are set by the store.
	ID      string // random letters and digits; the MANAGED-ID of a managed attachment
	Hash    string // SHA-256 of the content, in hexadecimal digits
	Size    int64  // of the content, in bytes
	Created time.Time
	Deleted time.Time // zero if the attachment is not deleted
}

// AttachmentFilter selects attachments of an account. They are listed in the order of
// their creation, then of their ids.
type AttachmentFilter struct {
	State StateFilter
	// Folder and Name select files of the dropbox; "" means any.
	Folder, Name string
}

// AttachmentReader reads attachments.
type AttachmentReader interface {
	// Attachment returns an attachment that is not deleted. ErrNotFound.
	Attachment(ctx context.Context, account, id string) (*Attachment, error)
	// Attachments lists the attachments of an account that a filter selects.
	Attachments(ctx context.Context, account string, f AttachmentFilter) iter.Seq2[*Attachment, error]
	// AttachmentContent returns the content of an attachment that is not deleted, and the
	// attachment. The content is read in chunks, one of which is in memory at a time. It
	// is valid as long as the Reader, and its reads end with ctx. Reading it is no
	// listing: the Writer can make changes meanwhile. ErrNotFound; reads return ErrDamaged
	// for content that is not complete.
	AttachmentContent(ctx context.Context, account, id string) (*Attachment, io.ReadSeeker, error)
}

// AttachmentWriter changes attachments.
type AttachmentWriter interface {
	// AddAttachment adds an attachment with the content, which it reads to its end in
	// chunks, one of which is in memory at a time, and sets the fields of a that the store
	// sets. An account contains equal content only once. Content longer than limit bytes
	// is an InvalidError about "size". ErrNotFound and ErrDeleted for the account;
	// ErrExists for a file name that the folder has; ErrInvalid. An error of content is
	// returned. After an error nothing remains of the attachment.
	//
	// Update may call its function again, which must then provide the content from its
	// beginning. Other transactions may wait until this one ends, so the content should
	// not come directly from a client.
	AddAttachment(ctx context.Context, a *Attachment, content io.Reader, limit int64) error
	// DeleteAttachment deletes an attachment; it can be restored until it is purged.
	// ErrNotFound, ErrDeleted for the account.
	DeleteAttachment(ctx context.Context, account, id string) error
	// UndeleteAttachment restores a deleted attachment. ErrNotFound, ErrDeleted for the
	// account, ErrExists for the name of a file that the folder has now.
	UndeleteAttachment(ctx context.Context, account, id string) error
}

// MaxContentType is the maximum length of a media type, in bytes.
const MaxContentType = 255

// Check returns an error for an attachment that cannot be stored. The error is an
// *InvalidError.
func (a *Attachment) Check() error {
	if a.Folder != "" {
		if err := CheckName("folder", a.Folder); err != nil {
			return err
		}
	}
	if err := CheckName("attachment", a.Name); err != nil {
		return err
	}
	return checkContentType(a.ContentType)
}

// checkContentType checks a media type (RFC 9110, 8.3.1), which a server sends as a header.
func checkContentType(s string) error {
	if s == "" {
		return nil
	}
	var reason string
	switch _, _, err := mime.ParseMediaType(s); {
	case len(s) > MaxContentType:
		reason = fmt.Sprintf("is longer than %d bytes", MaxContentType)
	case CheckText(s) != nil || strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }):
		reason = "contains characters other than printable ASCII"
	case err != nil || !strings.Contains(strings.SplitN(s, ";", 2)[0], "/"):
		reason = "is not a valid media type"
	default:
		return nil
	}
	return &InvalidError{Field: "content type", Value: s, Reason: reason}
}

// CheckRandomID returns an *InvalidError for text that is not the id of an attachment or a
// message.
func CheckRandomID(id string) error {
	if id == "" || !alphanumeric(id) {
		return &InvalidError{Field: "id", Value: id, Reason: "is not a valid id"}
	}
	return nil
}
