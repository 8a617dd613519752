// Package spill keeps on disk what a run must remember and memory should not
// hold: records that are looked at again, and pairs that must be sorted.
//
// It promises that memory does not grow with what is added, that the order in
// which things come back depends on nothing but what was added, and that nobody
// else can read the files: they are made with mode 0600 and lose their name at
// once, so that they are gone when the run ends, however it ends.
//
// It is not for anything that must outlive the run, and there is no format to
// rely on.
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

// ErrRecord is returned for a place at which no record begins, and for a record
// that is too large.
var ErrRecord = errors.New("no record of this file")

// create makes a file in dir ("" is the system's place for such files) that
// nobody else can open.
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

// Log is a file of records, written one behind the other and read at their
// places. Several goroutines may read at once while none appends.
type Log struct {
	dir string
	f   *os.File
	buf []byte // not yet written
	at  int64  // of buf in the file
}

const logBuffer = 256 << 10

// NewLog returns an empty log whose file is made in dir when it is needed.
func NewLog(dir string) *Log { return &Log{dir: dir} }

// Append adds a record and returns its place, which is less than 1<<48 in any
// file that a disk can hold. The places grow.
func (l *Log) Append(record []byte) (place int64, err error) {
	if len(record) > maxRecord {
		return 0, fmt.Errorf("%w: %d bytes", ErrRecord, len(record))
	}
	if len(l.buf)+len(record)+binary.MaxVarintLen64 > logBuffer {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	place = l.at + int64(len(l.buf))
	l.buf = binary.AppendUvarint(l.buf, uint64(len(record)))
	l.buf = append(l.buf, record...)
	return place, nil
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

// Read appends the record at a place to dst.
func (l *Log) Read(dst []byte, place int64) ([]byte, error) {
	if place < 0 || place >= l.at+int64(len(l.buf)) {
		return dst, fmt.Errorf("%w: place %d", ErrRecord, place)
	}
	if place >= l.at {
		rest := l.buf[place-l.at:]
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return dst, fmt.Errorf("%w: place %d", ErrRecord, place)
		}
		return append(dst, rest[size:size+int(n)]...), nil
	}
	head := make([]byte, min(512, l.at-place))
	if _, err := l.f.ReadAt(head, place); err != nil {
		return dst, fmt.Errorf("temporary file: %w", err)
	}
	n, size := binary.Uvarint(head)
	if size <= 0 || n > maxRecord || place+int64(size)+int64(n) > l.at {
		return dst, fmt.Errorf("%w: place %d", ErrRecord, place)
	}
	head = head[size:min(len(head), size+int(n))]
	dst = append(dst, head...)
	if more := int(n) - len(head); more > 0 {
		from := len(dst)
		dst = append(dst, make([]byte, more)...)
		if _, err := l.f.ReadAt(dst[from:], place+int64(size+len(head))); err != nil {
			return dst[:from], fmt.Errorf("temporary file: %w", noEOF(err))
		}
	}
	return dst, nil
}

// Size returns how many bytes the log takes.
func (l *Log) Size() int64 { return l.at + int64(len(l.buf)) }

// Close gives the file back. The log is empty then.
func (l *Log) Close() error {
	f := l.f
	*l = Log{dir: l.dir}
	if f == nil {
		return nil
	}
	return f.Close()
}

// noEOF turns the end of a file that must go on into an error that cannot be
// taken for the end of the data.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
