package store

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outgoing is a scheduling message that has to be sent: by iSchedule, by mail or to another
// back end. It is queued in the transaction that makes the change which it is about.
type Outgoing struct {
	Account   string // unique id of the account whose change caused it
	Sender    string // calendar user address of the originator, a URI (RFC 5546, 1.2.1)
	Recipient string // calendar user address
	Method    string // REQUEST, REPLY, CANCEL, …
	UID       string
	// NextAt is when the message is due; the zero time means at once.
	NextAt time.Time
	// Text is the message as iCalendar. A listing and a claim omit it.
	Text []byte

	// The following fields are set by the store.
	ID        string // letters and digits, in the order of creation
	Size      int64  // length of Text in bytes
	Created   time.Time
	Tries     int64  // how often it was claimed
	LastError string // of the last try; "" for none
}

// Bounds of outgoing messages.
const (
	MaxCalendarAddress = 1024
	MaxOutgoingError   = 1000 // bytes of LastError
	MaxClaim           = 1000 // messages of one claim
)

// OutgoingReader reads the queue of outgoing messages.
type OutgoingReader interface {
	// OutgoingMessage returns a message with its text. ErrNotFound.
	OutgoingMessage(ctx context.Context, account, id string) (*Outgoing, error)
	// OutgoingMessages lists the messages of an account, or of all accounts with "", in
	// the order of the accounts and of their creation.
	OutgoingMessages(ctx context.Context, account string) iter.Seq2[*Outgoing, error]
	// CountOutgoing counts the messages of an account, or of all accounts with "".
	CountOutgoing(ctx context.Context, account string) (OutgoingCount, error)
}

// OutgoingCount is the length of the queue.
type OutgoingCount struct {
	Messages int64     `json:"messages"`
	Due      int64     `json:"due"`    // of them, now
	Oldest   time.Time `json:"oldest"` // creation of the oldest; zero for none
}

// OutgoingWriter changes the queue of outgoing messages. A message stays in the queue until
// it is removed, so that each is sent at least once.
type OutgoingWriter interface {
	// AddOutgoing adds a message and sets the fields of m that the store sets. ErrNotFound
	// and ErrDeleted for the account, ErrInvalid.
	AddOutgoing(ctx context.Context, m *Outgoing) error
	// ClaimOutgoing returns the messages that are due, the longest first, at most limit,
	// which must not be more than MaxClaim. It counts a try of each and makes it due again
	// at the time until, so that nobody else claims it meanwhile, and somebody does if
	// this process dies. The messages may be sent only after the transaction has been
	// committed. A concurrent claim may make the result shorter, but never the same.
	// ErrInvalid for a limit, or for a time that is not in the future.
	ClaimOutgoing(ctx context.Context, until time.Time, limit int) ([]*Outgoing, error)
	// FailOutgoing records that a try failed, and when the next one is due. m must be as
	// it was claimed, by its Account, ID and Tries: ErrConflict if it was claimed again
	// since. The text of the error is stored without invalid characters, and shortened to
	// MaxOutgoingError. ErrNotFound. It sets LastError and NextAt of m.
	FailOutgoing(ctx context.Context, m *Outgoing, reason string, next time.Time) error
	// RemoveOutgoing removes a message that was sent, or that will not be. ErrNotFound.
	RemoveOutgoing(ctx context.Context, account, id string) error
}

// Check returns an error for a message that cannot be stored. It does not parse the text.
// The error is an *InvalidError.
func (m *Outgoing) Check() error {
	for _, a := range []struct{ field, value string }{{"sender", m.Sender}, {"recipient", m.Recipient}} {
		if err := checkCalendarAddress(a.value); err != "" {
			return &InvalidError{Field: a.field, Value: a.value, Reason: err}
		}
	}
	if err := checkMethod(m.Method); err != nil {
		return err
	}
	if err := CheckText(m.UID); err != nil || m.UID == "" || len(m.UID) > MaxUID {
		return &InvalidError{Field: "uid", Value: m.UID, Reason: fmt.Sprintf("must be valid text of 1 to %d bytes", MaxUID)}
	}
	switch {
	case len(m.Text) == 0:
		return &InvalidError{Field: "text", Reason: "must not be empty"}
	case len(m.Text) > MaxComponent:
		return &InvalidError{Field: "text", Reason: fmt.Sprintf("must not be longer than %d bytes", MaxComponent)}
	}
	return nil
}

// checkCalendarAddress returns why a calendar user address is invalid, or "". It becomes a
// line of a header, so control characters are refused.
func checkCalendarAddress(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case len(s) > MaxCalendarAddress:
		return fmt.Sprintf("is longer than %d bytes", MaxCalendarAddress)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "contains spaces or control characters"
	}
	return ""
}

// ClipError returns the text of an error as it is stored: in valid UTF-8, without control
// characters, and not longer than MaxOutgoingError.
func ClipError(text string) string {
	const more = "…"
	if len(text) > 4*MaxOutgoingError {
		text = text[:4*MaxOutgoingError]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = strings.TrimSpace(text)
	if len(text) <= MaxOutgoingError {
		return text
	}
	cut := MaxOutgoingError - len(more)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
