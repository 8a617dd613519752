package ischedule

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// The namespaces of the elements of an answer: the draft, CalDAV and WebDAV.
const (
	nsISchedule = "urn:ietf:params:xml:ns:ischedule"
	nsCalDAV    = "urn:ietf:params:xml:ns:caldav"
	nsDAV       = "DAV:"
)

// element is an XML element. Its text is all character data directly in it.
type element struct {
	space, name string
	attributes  []xml.Attr
	text        []byte
	children    []*element
}

// known reports whether an element is in one of the accepted namespaces.
func (e *element) known() bool {
	return e.space == nsISchedule || e.space == nsCalDAV || e.space == ""
}

func (e *element) is(name string) bool { return e.name == name && e.known() }

// child returns the first child with that name, which may also be in the
// namespace of WebDAV.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name && (c.known() || c.space == nsDAV) {
			return c
		}
	}
	return nil
}

// trimmed returns the text without surrounding white space, shortened.
func (e *element) trimmed() string {
	if e == nil {
		return ""
	}
	return clip(string(bytes.TrimSpace(e.text)))
}

func (e *element) attribute(name string) string {
	for _, a := range e.attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// Limits of a document. An answer about a thousand people has about ten thousand
// elements.
const (
	maxDepth      = 32
	maxElements   = 200_000
	maxAttributes = 200_000 // in the whole document
	maxTag        = 64 << 10
)

var errTooMuchXML = errors.New("it has too many elements or attributes")

// parseXML parses a document. encoding/xml expands only the predefined entities
// of XML and fails on any other.
func parseXML(text []byte) (*element, error) {
	if hasLongTag(text) {
		return nil, errTooMuchXML
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	// The text is already UTF-8, whatever it declares.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	document := &element{}
	open := []*element{document}
	count, attributes := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		in := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			count++
			attributes += len(t.Attr)
			if count > maxElements || attributes > maxAttributes || len(open) > maxDepth {
				return nil, errTooMuchXML
			}
			e := &element{space: t.Name.Space, name: t.Name.Local, attributes: t.Attr}
			in.children = append(in.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			in.text = append(in.text, t...)
		}
	}
	if len(document.children) != 1 {
		return nil, fmt.Errorf("%d root elements", len(document.children))
	}
	return document.children[0], nil
}

// hasLongTag reports whether a tag has more than maxTag bytes: the decoder would
// keep all its attributes in memory before they could be counted.
func hasLongTag(text []byte) bool {
	for {
		start := bytes.IndexByte(text, '<')
		if start < 0 {
			return false
		}
		text = text[start:]
		var end int
		switch {
		case bytes.HasPrefix(text, []byte("<![CDATA[")):
			end = bytes.Index(text, []byte("]]>"))
		case bytes.HasPrefix(text, []byte("<!--")):
			end = bytes.Index(text, []byte("-->"))
		case bytes.HasPrefix(text, []byte("<?")):
			end = bytes.Index(text, []byte("?>"))
		default:
			if end = tagEnd(text[:min(len(text), maxTag)]); end < 0 && len(text) > maxTag {
				return true
			}
		}
		if end < 0 {
			return false // the decoder reports the missing end
		}
		text = text[end:]
	}
}

// tagEnd returns where the tag at the beginning of a text ends, -1 if it does
// not. A quoted value may contain '>'.
func tagEnd(text []byte) int {
	quote := byte(0)
	for i, c := range text {
		switch {
		case quote == 0 && c == '>':
			return i
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return -1
}

// readXML parses the body as XML and recognizes web pages.
func (r *reply) readXML() (*element, error) {
	text := r.text()
	switch {
	case isHTML(text):
		return nil, r.webPage(text)
	case len(text) == 0:
		return nil, fail(Malformed, r.at, r.status, "the answer is empty", nil)
	case text[0] != '<':
		if r.mediaType() == "text/html" {
			return nil, r.webPage(text)
		}
		return nil, fail(Malformed, r.at, r.status, fmt.Sprintf("the answer is neither XML nor iCalendar: it begins with %q", text[:min(len(text), 40)]), nil)
	}
	root, err := parseXML(text)
	var syntax *xml.SyntaxError
	switch {
	case err != nil && (r.mediaType() == "text/html" || r.mediaType() == "application/xhtml+xml"):
		return nil, r.webPage(text)
	case errors.As(err, &syntax) && strings.HasPrefix(syntax.Msg, "unexpected EOF"):
		return nil, fail(Truncated, r.at, r.status, fmt.Sprintf("the XML is truncated after %d bytes", len(text)), err)
	case err != nil:
		return nil, fail(Malformed, r.at, r.status, "invalid XML: "+err.Error(), err)
	case strings.EqualFold(root.name, "html"):
		return nil, r.webPage(text)
	}
	return root, nil
}

func (r *reply) webPage(text []byte) error {
	detail := "the answer is a web page"
	if title := htmlTitle(text); title != "" {
		detail += ": " + title
	}
	return fail(HTML, r.at, r.status, detail, nil)
}

// unexpected returns the error for a document with another root element.
func (r *reply) unexpected(root *element, want string) error {
	where := "no namespace"
	if root.space != "" {
		where = "the namespace " + clip(root.space)
	}
	return fail(Malformed, r.at, r.status, fmt.Sprintf("the answer is <%s> in %s, not <%s>", clip(root.name), where, want), nil)
}

// rejection returns the error for a body that is an error element of the protocol,
// nil for any other body.
func rejection(r *reply, bare bool) error {
	text := r.text()
	if len(text) == 0 || text[0] != '<' || isHTML(text) {
		return nil
	}
	root, err := parseXML(text)
	if err != nil {
		return nil //nolint:nilerr // the caller reports the status instead
	}
	return rejectionOf(r, root, bare)
}

func rejectionOf(r *reply, root *element, bare bool) error {
	if root.name != "error" || !root.known() && root.space != nsDAV {
		return nil
	}
	reason, description := "", root.child("response-description").trimmed()
	for _, e := range root.children {
		if e.name != "response-description" {
			reason = clip(e.name)
			break
		}
	}
	detail := "rejected: " + reason
	if reason == "" {
		detail = "rejected without a reason"
	}
	if description != "" {
		detail += ": " + description
	}
	e := fail(Rejected, r.at, r.status, detail, nil)
	e.Reason, e.Hint = reason, rejectionHint(reason, bare)
	return e
}

// text returns the body as UTF-8, without a byte-order mark and surrounding white
// space. A body that is not UTF-8 is read as Latin-1, whatever the peer declares:
// no byte is lost, and everything that is parsed here is ASCII.
func (r *reply) text() []byte {
	text := bytes.TrimSpace(bytes.TrimPrefix(r.body, []byte("\xef\xbb\xbf")))
	if utf8.Valid(text) {
		return text
	}
	var b bytes.Buffer
	b.Grow(len(text) + len(text)/8)
	for _, c := range text {
		b.WriteRune(rune(c))
	}
	return b.Bytes()
}

func (r *reply) mediaType() string {
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	return kind
}

func isHTML(text []byte) bool {
	for _, begin := range []string{"<!doctype html", "<html"} {
		if len(text) >= len(begin) && strings.EqualFold(string(text[:len(begin)]), begin) {
			return true
		}
	}
	return false
}

// htmlTitle returns the title of a web page, "" if it has none.
func htmlTitle(text []byte) string {
	const begin, end = "<title>", "</title>"
	head := strings.ToValidUTF8(string(text[:min(len(text), 8<<10)]), "\uFFFD")
	lower := strings.Map(asciiLower, head)
	from := strings.Index(lower, begin)
	if from < 0 {
		return ""
	}
	from += len(begin)
	length := strings.Index(lower[from:], end)
	if length < 0 {
		return ""
	}
	return clip(strings.Join(strings.Fields(head[from:from+length]), " "))
}

// asciiLower maps ASCII letters to lower case and so keeps the length of every
// character.
func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
