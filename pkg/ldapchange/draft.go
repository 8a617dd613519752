package ldapchange

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// The lines of a plan's header. All of them are LDIF comments.
const (
	planAnyMark = "# davadmin plan " // and the version
	planMark    = planAnyMark + "1"
	planMade    = "# made: "
	planBy      = "# by: "
	planSource  = "# source: "
	planEntries = "# entries: "
	planChanges = "# changes: "
	planDigest  = "# digest: "
)

// Draft is a plan that is being written. Its records are kept in a private temporary
// file, because a plan may be as large as the directory.
type Draft struct {
	f       *os.File
	w       *bufio.Writer
	sum     hash.Hash
	text    *ldif.Writer
	buf     bytes.Buffer
	changes int
	err     error
}

// NewDraft returns an empty draft whose temporary file is in tmp, or in the system's
// directory for such files if tmp is "". Close removes the file.
func NewDraft(tmp string) (*Draft, error) {
	f, err := os.CreateTemp(tmp, "davadmin-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("temporary file: %w", err), f.Close())
	}
	return &Draft{f: f, w: bufio.NewWriterSize(f, 1<<18), sum: sha256.New()}, nil
}

// Close removes the temporary file.
func (d *Draft) Close() error { return d.f.Close() }

// Changes returns the number of records.
func (d *Draft) Changes() int { return d.changes }

// Add appends a record. The error is ErrSecret, ErrPlan for a record that changes
// nothing, or a write error. After the first error, every call returns it.
func (d *Draft) Add(r *Record) error {
	if d.err != nil {
		return d.err
	}
	if d.err = r.check(); d.err != nil {
		return d.err
	}
	text, err := d.encode(r)
	if err != nil {
		d.err = err
		return err
	}
	d.changes++
	_, _ = d.sum.Write(text)
	if _, err := d.w.Write(text); err != nil {
		d.err = fmt.Errorf("temporary file: %w", err)
	}
	return d.err
}

// encode returns a record as LDIF, as it is written to a plan.
func (d *Draft) encode(r *Record) ([]byte, error) {
	d.buf.Reset()
	if d.text == nil {
		d.text = ldif.NewWriter(&d.buf)
		if err := d.text.Comment(""); err != nil { // the version line comes with the header
			return nil, err
		}
		if err := d.text.Flush(); err != nil {
			return nil, err
		}
		d.buf.Reset()
	}
	if r.Note != "" {
		fmt.Fprintf(&d.buf, "# why: %s\n", oneLine(r.Note))
	}
	for i := range r.Expect {
		appendExpectation(&d.buf, &r.Expect[i])
	}
	if err := d.text.Modify(r.DN, r.Changes); err != nil {
		return nil, err
	}
	if err := d.text.Flush(); err != nil {
		return nil, err
	}
	return d.buf.Bytes(), nil
}

// appendExpectation writes an expectation as comments, one line for each value.
func appendExpectation(b *bytes.Buffer, e *Expectation) {
	fmt.Fprintf(b, "# %s %s", e.Need.keyword(), e.Name)
	if e.Need == NeedAbsent {
		b.WriteByte('\n')
		return
	}
	for i, v := range e.Values {
		if i > 0 {
			fmt.Fprintf(b, "# %s %s", e.Need.keyword(), e.Name)
		}
		switch {
		case len(v) == 0:
			b.WriteString(":\n")
		case ldif.IsSafe(v):
			fmt.Fprintf(b, ": %s\n", v)
		default:
			fmt.Fprintf(b, ":: %s\n", base64.StdEncoding.EncodeToString(v))
		}
	}
}

// Write writes the complete plan: the header, with the number of changes and the
// digest of this draft, and the records.
func (d *Draft) Write(w io.Writer, h Header) error {
	if d.err != nil {
		return d.err
	}
	h.Changes, h.Digest = d.changes, hex.EncodeToString(d.sum.Sum(nil))
	if _, err := io.WriteString(w, h.text()); err != nil {
		return err
	}
	return d.writeRecords(w)
}

// writeRecords writes only the records: LDIF without a header.
func (d *Draft) writeRecords(w io.Writer) error {
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	if _, err := io.Copy(w, io.NewSectionReader(d.f, 0, 1<<62)); err != nil {
		return fmt.Errorf("the plan is incomplete: %w", err)
	}
	return nil
}

// oneLine returns s as text that fits into a comment.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

// text returns the header as it is written to a file. No blank line follows the
// version line, because some servers reject that.
func (h *Header) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\n%s\n%s%s\n%s%s\n%s%s\n", planMark, planMade, h.Made.UTC().Format(time.RFC3339), planBy, oneLine(h.By), planSource, oneLine(h.Source))
	if h.Entries > 0 {
		fmt.Fprintf(&b, "%s%d\n", planEntries, h.Entries)
	}
	fmt.Fprintf(&b, "%s%d\n%s%s\n", planChanges, h.Changes, planDigest, h.Digest)
	return b.String()
}

// WriteFile writes the complete plan to a file that nobody else can read; see
// fsx.WriteOutput.
func (d *Draft) WriteFile(ctx context.Context, path string, h Header, o fsx.OutputOptions) error {
	return fsx.WriteOutput(ctx, path, o, func(w io.Writer) error { return d.Write(w, h) })
}
