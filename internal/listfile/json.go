package listfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// maxObject is the maximum size of an object in JSON, in bytes, roughly: the decoder reads
// ahead.
const maxObject = 4 << 20

// errLongObject is returned for an object of more than maxObject bytes.
var errLongObject = formatError(fmt.Sprintf("an object has more than %d bytes", maxObject))

// counted is a reader that knows on which line each byte is, as long as the bytes are asked
// for in their order, and that ends at a limit that moves on with each record.
type counted struct {
	r     io.Reader
	at    int64   // bytes read
	ends  []int64 // offsets of the line feeds that were read and not passed
	line  int     // at the last offset that was asked for
	limit int64
	err   error // of reading; not io.EOF
}

func (c *counted) Read(b []byte) (int, error) {
	if c.at > c.limit {
		c.err = errLongObject
		return 0, c.err
	}
	if len(b) > 32<<10 {
		b = b[:32<<10] // bounds the line feeds that are kept
	}
	n, err := c.r.Read(b)
	for i, x := range b[:n] {
		if x == '\n' {
			c.ends = append(c.ends, c.at+int64(i))
		}
	}
	c.at += int64(n)
	if err != nil && err != io.EOF { // a wrapped io.EOF is a failure
		c.err = err
		return n, errors.New("cannot be read")
	}
	return n, err
}

// lineAt returns the line of an offset, which is not below that of an earlier call.
func (c *counted) lineAt(offset int64) int {
	passed := 0
	for passed < len(c.ends) && c.ends[passed] < offset {
		passed++
	}
	c.line += passed
	c.ends = c.ends[:copy(c.ends, c.ends[passed:])]
	return c.line + 1
}

// jsonReader reads a document that contains a list of objects, or objects one after the
// other.
type jsonReader struct {
	l   *reader
	in  *counted
	dec *json.Decoder
}

// lists are the members of documents that contain the records.
func lists() []string {
	return []string{"accounts", "people", "users", "domains", "parameters", "pools", "calendars"}
}

// readJSON reads the whole input as JSON. line is the number of lines before it.
func (l *reader) readJSON(in *bufio.Reader, line int) {
	c := &counted{r: in, line: line, limit: maxObject}
	j := &jsonReader{l: l, in: c, dec: json.NewDecoder(c)}
	j.dec.UseNumber()
	for !l.done {
		token, err := j.dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = j.top(token)
		}
		if err != nil {
			j.fail(err)
			return
		}
	}
}

func (j *jsonReader) fail(err error) {
	if j.l.done {
		return
	}
	line := j.in.lineAt(j.dec.InputOffset())
	var incomplete *IncompleteError
	switch {
	case j.in.err != nil:
		err = j.in.err
	case errors.As(err, &incomplete), isFormat(err):
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = &IncompleteError{Detail: "the JSON ends before its end, so it is not complete"}
	default:
		err = formatError("invalid JSON: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	j.l.fail(line, err)
}

// top reads a value at the beginning of a line or a document.
func (j *jsonReader) top(token json.Token) error {
	switch token {
	case json.Delim('{'):
		return j.object(true)
	case json.Delim('['):
		return j.array()
	}
	return errors.New("neither an object nor a list")
}

// array reads the elements of a list, whose beginning was read.
func (j *jsonReader) array() error {
	for j.dec.More() && !j.l.done {
		token, err := j.dec.Token()
		if err != nil {
			return err
		}
		word, isText := token.(string)
		switch {
		case token == json.Delim('{'):
			err = j.object(false)
		case isText:
			j.next()
			r := Record{Line: j.in.lineAt(j.dec.InputOffset()), Text: word, Length: len(word) + 1}
			if strings.HasPrefix(strings.Trim(word, blanks), "#") {
				r.Bad = "a text that begins with '#' would be taken for a comment"
			}
			j.l.emit(r)
		default:
			err = errors.New("a list contains something else than objects")
		}
		if err != nil {
			return err
		}
	}
	if j.l.done {
		return nil
	}
	_, err := j.dec.Token()
	return err
}

// next lets another record be read.
func (j *jsonReader) next() { j.in.limit = j.dec.InputOffset() + maxObject }

// object reads an object, whose beginning was read. If it contains the list, it is the
// document.
func (j *jsonReader) object(top bool) error {
	r := Record{Line: j.in.lineAt(j.dec.InputOffset()), Fields: Fields{}}
	document := false
	for j.dec.More() && !j.l.done {
		token, err := j.dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if top && slices.Contains(lists(), name) {
			list, isList, err := j.list()
			if err != nil {
				return err
			}
			document = document || isList
			if !isList {
				r.Fields = append(r.Fields, newField(name, list))
			}
			continue
		}
		var raw json.RawMessage
		if err := j.dec.Decode(&raw); err != nil {
			return err
		}
		r.Fields = appendMember(r.Fields, name, raw)
	}
	if j.l.done {
		return nil
	}
	if _, err := j.dec.Token(); err != nil {
		return err
	}
	if (document || r.Fields.Get("kind") == "summary") && r.Fields.Get("complete") == "false" {
		return &IncompleteError{Detail: "it says that it is not complete: the command that wrote it did not read everything"}
	}
	if document {
		return j.alone(r.Fields)
	}
	if r.Fields.Get("kind") == "summary" {
		return nil
	}
	j.next()
	j.l.emit(r)
	return nil
}

// alone returns an error if the members of a document next to its list could be records too.
func (j *jsonReader) alone(members Fields) error {
	for _, f := range members {
		if j.l.o.Identifies(f.Name) && f.Value != "" {
			return formatError("an object has both '" + f.Title + "' and a list, so which of them is meant is unknown")
		}
		var list []map[string]json.RawMessage
		if json.Unmarshal([]byte(f.Value), &list) != nil {
			continue
		}
		for _, element := range list {
			for name := range element {
				if key, _ := FoldKey(name); j.l.o.Identifies(key) {
					return formatError("the document has another list, '" + f.Title + "', so which of them is meant is unknown")
				}
			}
		}
	}
	return nil
}

// list reads the value of a member that may be the list of records. If it is not a list,
// it returns its text.
func (j *jsonReader) list() (text string, isList bool, err error) {
	token, err := j.dec.Token()
	switch {
	case err != nil:
		return "", false, err
	case token == json.Delim('['):
		return "", true, j.array()
	case token == json.Delim('{'):
		return "", false, errors.New("an object instead of a list")
	case token == nil:
		return "", true, nil
	}
	return fmt.Sprint(token), false, nil
}

// appendMember appends the value of a member, and for an object of texts named properties, each
// of its members.
func appendMember(fields Fields, name string, raw json.RawMessage) Fields {
	var properties map[string]string
	if name != "properties" || json.Unmarshal(raw, &properties) != nil {
		return append(fields, newField(name, jsonText(raw)))
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		fields = append(fields, newField(key, properties[key]))
	}
	return fields
}

// jsonText returns a value as text: strings without quotes, lists of strings separated by
// spaces, null as "", and everything else as it is written.
func jsonText(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	var text string
	var list []string
	switch {
	case string(raw) == "null":
		return ""
	case json.Unmarshal(raw, &text) == nil:
		return text
	case json.Unmarshal(raw, &list) == nil:
		return strings.Join(list, " ")
	}
	return string(raw)
}
