// Package spill keeps data on disk that a run must remember but memory should not
// hold: records that are read again, and pairs that must be sorted. Records are
// encoded with the Append functions and decoded with a Decoder.
//
// It promises that memory does not grow with what is added, that the order in
// which things are returned depends only on what was added, and that nobody else
// can read the files: they are created with mode 0600 and unlinked at once, so that
// they are gone when the run ends, however it ends.
//
// It is not for anything that must outlive the run, and its format may change at
// any time.
package spill

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxRecord bounds a record, so that a damaged length cannot take all memory.
const maxRecord = 1 << 30

// ErrRecord is returned for an offset at which no record begins, and for a record
// that is too large.
var ErrRecord = errors.New("invalid record of a temporary file")

// create creates a file in dir ("" is the system's directory for temporary files)
// that nobody else can open.
func create(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "davadmin-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("temporary file: %w", err), f.Close())
	}
	return f, nil
}

// Log is a file of records, written one after the other and read by offset.
// Several goroutines may read at once while none appends.
type Log struct {
	dir string
	f   *os.File
	buf []byte // not yet written
	at  int64  // the offset of buf in the file
}

const logBuffer = 256 << 10

// NewLog returns an empty log whose file is created in dir when it is needed.
func NewLog(dir string) *Log { return &Log{dir: dir} }

// Append adds a record and returns its offset, which is greater than that of the
// record before and, in any file that fits on a disk, less than 1<<48.
func (l *Log) Append(record []byte) (offset int64, err error) {
	if len(record) > maxRecord {
		return 0, fmt.Errorf("%w: %d bytes", ErrRecord, len(record))
	}
	if len(l.buf)+len(record)+binary.MaxVarintLen64 > logBuffer {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	offset = l.at + int64(len(l.buf))
	l.buf = AppendText(l.buf, record)
	return offset, nil
}

func (l *Log) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	if l.f == nil {
		f, err := create(l.dir)
		if err != nil {
			return err
		}
		l.f = f
	}
	if _, err := l.f.WriteAt(l.buf, l.at); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	l.at += int64(len(l.buf))
	l.buf = l.buf[:0]
	if cap(l.buf) > 4*logBuffer {
		l.buf = nil
	}
	return nil
}

// Read appends the record at an offset to dst.
func (l *Log) Read(dst []byte, offset int64) ([]byte, error) {
	if offset < 0 || offset >= l.at+int64(len(l.buf)) {
		return dst, fmt.Errorf("%w: offset %d", ErrRecord, offset)
	}
	if offset >= l.at {
		d := NewDecoder(l.buf[offset-l.at:])
		record := d.Bytes()
		if d.Err() != nil {
			return dst, fmt.Errorf("%w: offset %d", ErrRecord, offset)
		}
		return append(dst, record...), nil
	}
	head := make([]byte, min(512, l.at-offset))
	if _, err := l.f.ReadAt(head, offset); err != nil {
		return dst, fmt.Errorf("temporary file: %w", err)
	}
	d := NewDecoder(head)
	n := d.Uint()
	size := len(head) - len(d.Rest())
	if d.Err() != nil || n > maxRecord || offset+int64(size)+int64(n) > l.at {
		return dst, fmt.Errorf("%w: offset %d", ErrRecord, offset)
	}
	head = head[size:min(len(head), size+int(n))]
	dst = append(dst, head...)
	if more := int(n) - len(head); more > 0 {
		from := len(dst)
		dst = append(dst, make([]byte, more)...)
		if _, err := l.f.ReadAt(dst[from:], offset+int64(size+len(head))); err != nil {
			return dst[:from], fmt.Errorf("temporary file: %w", noEOF(err))
		}
	}
	return dst, nil
}

// Size returns the size of the log in bytes.
func (l *Log) Size() int64 { return l.at + int64(len(l.buf)) }

// Close removes the file and empties the log, which can be used again.
func (l *Log) Close() error {
	f := l.f
	*l = Log{dir: l.dir}
	if f == nil {
		return nil
	}
	return f.Close()
}

// noEOF replaces io.EOF, where the file must not end yet, with an error that cannot
// be mistaken for the end of the data.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
