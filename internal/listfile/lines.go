package listfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ByteOrderMark is what editors of Windows write at the beginning of a UTF-8 file.
const ByteOrderMark = "\xef\xbb\xbf"

// EncodingError is returned for text that is not in UTF-8 or a part of it.
type EncodingError struct {
	Kind string // the encoding, as iconv calls it
}

// Error names the encoding.
func (e *EncodingError) Error() string { return "it is " + e.Kind + " text, not UTF-8" }

// Encoding returns the encoding of a text in UTF-16 or UTF-32, judging by its first bytes,
// and "" for any other text.
func Encoding(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}):
		return "UTF-32"
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "UTF-16"
	case len(head) >= 4 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return "UTF-16LE" // without a byte-order mark
	case len(head) >= 4 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return "UTF-16BE"
	}
	return ""
}

// SizeError is returned for an input that is larger than Options.MaxSize.
type SizeError struct {
	Limit int64
}

// Error names the limit.
func (e *SizeError) Error() string { return fmt.Sprintf("it has more than %d bytes", e.Limit) }

// limited reads from r until the limit, and then returns a *SizeError instead of the end.
type limited struct {
	r     io.Reader
	left  int64
	limit int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left < 0 {
		return 0, &SizeError{Limit: l.limit}
	}
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, &SizeError{Limit: l.limit}
	}
	return n, err
}

// readLine appends a line to buf, at most limit bytes and the line ending. length
// is the length of the whole line with its ending, 0 if there is no further line.
// last reports whether the input has ended.
func readLine(in *bufio.Reader, buf []byte, limit int) (line []byte, length int, last bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		length += len(part)
		if room := limit + len("\r\n") - len(buf); room > 0 {
			buf = append(buf, part[:min(room, len(part))]...)
		}
		switch {
		case err == io.EOF: // a wrapped io.EOF is a failure
			return buf, length, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return buf, length, false, err
		}
	}
}

// cutEnding returns a line without its line ending.
func cutEnding(line string) string {
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
}

const blanks = " \t"

// FoldKey returns the name of a column or a property in lower case and without blanks,
// hyphens and underscores; ok reports whether it can be a name.
func FoldKey(name string) (key string, ok bool) {
	b := make([]byte, 0, len(name))
	for _, c := range []byte(name) {
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.':
			b = append(b, c)
		case c == ' ' || c == '\t' || c == '-' || c == '_':
		default:
			return "", false
		}
	}
	return string(b), len(b) > 0 && 'a' <= b[0] && b[0] <= 'z'
}
