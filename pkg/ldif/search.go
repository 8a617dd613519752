package ldif

import (
	"bytes"
	"strconv"
)

// Search is what a file says about the search that produced it: in lines of its own,
// as OpenLDAP's ldapsearch prints it without -L, or in comments, as ldapsearch -L and
// the tools of UnboundID and OpenDJ print it. With -LL ldapsearch prints nothing.
type Search struct {
	// ResultExpected is set when the first line of the file is "# extended LDIF":
	// such a file ends with a result.
	ResultExpected bool
	// EndExpected is set when the file begins as the output of ldapsearch -L: such a
	// file ends with the comment "search result", which sets HasEnd.
	EndExpected, HasEnd bool
	// HasResult is set when the file contains a result. Code, Text and Line are its
	// fields. Code is not 0 when the server did not return all entries.
	HasResult bool
	Code      int
	Text      string
	Line      int

	// References is the number of search references: parts of the tree that are on
	// other servers and not in the file.
	References int

	// MorePages is set when the last page cookie of the file (RFC 2696) is not empty:
	// the search ended before its last page. PageLine is the line of that cookie, 0
	// when there is none.
	MorePages bool
	PageLine  int
}

// merge adds what another part of the same input says. Of several results it keeps
// the first one whose code is not 0, or else the last one.
func (s *Search) merge(o Search) {
	s.ResultExpected = s.ResultExpected || o.ResultExpected
	s.EndExpected = s.EndExpected || o.EndExpected
	s.HasEnd = s.HasEnd || o.HasEnd
	s.References += o.References
	if o.PageLine > s.PageLine {
		s.MorePages, s.PageLine = o.MorePages, o.PageLine
	}
	if !o.HasResult {
		return
	}
	replaces := !s.HasResult
	switch {
	case s.Code == 0 && o.Code == 0:
		replaces = replaces || o.Line > s.Line
	case s.Code != 0 && o.Code != 0:
		replaces = o.Line < s.Line
	default:
		replaces = o.Code != 0
	}
	if replaces {
		s.HasResult, s.Code, s.Text, s.Line = true, o.Code, o.Text, o.Line
	}
}

// searchKey is the subject of a line that ldapsearch prints about its search.
type searchKey int

const (
	keyNone searchKey = iota
	keyResult
	keyReference
	keyCount  // a number of results, which may stand alone
	keyDetail // a line that accompanies a result
)

func searchKeyOf(a *Attribute) searchKey {
	if a.Options != nil {
		return keyNone
	}
	switch string(bytes.ToLower(a.Name)) {
	case "result":
		return keyResult
	case "ref":
		return keyReference
	case "numresponses", "numentries", "numextended", "numpartial", "numreferences", "pagedresults":
		return keyCount
	case "search", "matcheddn", "text", "control", "sortresult", "vlvresult":
		return keyDetail
	}
	return keyNone
}

// searchParagraph parses a paragraph without a DN, which begins with line. It
// records what ldapsearch prints about its search; anything else is the rest of a
// record. A paragraph comes from ldapsearch only when all of its lines do: only
// references, only counts, or one result with the lines that accompany it.
func (p *parser) searchParagraph(line []byte) *RecordError {
	var seen [keyDetail + 1]int
	found := Search{HasResult: true}
	broken := p.fault("a record must begin with dn:, not with %s", quote(line))
	for ok := true; ok; line, ok = p.readLine() {
		if bytes.HasPrefix(line, []byte(pagePrompt)) {
			continue
		}
		if p.attribute(line) != nil {
			return broken
		}
		a := &p.attrs[len(p.attrs)-1]
		key := searchKeyOf(a)
		seen[key]++
		if key == keyResult {
			if found.Code, found.Text, ok = parseResult(a.Value); !ok {
				return p.fault("%s is not a valid search result", quote(a.Value))
			}
			found.Line = p.line
		}
		if is(a.Name, pagedResults) {
			found.MorePages, found.PageLine = hasCookie(a.Value), p.line
		}
	}
	n := len(p.attrs)
	switch {
	case seen[keyNone] > 0 || seen[keyResult] > 1:
		return broken
	case seen[keyResult] == 1:
		p.search.merge(found)
	case seen[keyCount]+seen[keyDetail] == n && found.PageLine > 0:
		found.HasResult = false
		p.search.merge(found)
	case seen[keyReference] == n:
		p.search.References += n
	case seen[keyCount] < n:
		return broken
	}
	return nil
}

// pagedResults is the name under which ldapsearch prints what the server returned of
// the paged results control.
const pagedResults = "pagedResults"

// pagePrompt is how ldapsearch begins the question whether to go on to the next page.
const pagePrompt = "Press [size] Enter for the next "

// hasCookie reports whether a value of pagedResults, such as "estimate=9 cookie=AAE=",
// contains a cookie that is not empty.
func hasCookie(v []byte) bool {
	_, cookie, _ := bytes.Cut(v, []byte("cookie="))
	return len(bytes.TrimSpace(cookie)) > 0
}

// searchComment records what a comment says about the search: a result or a page
// cookie. Any other comment says nothing.
func (p *parser) searchComment(line []byte) {
	name, value, found := bytes.Cut(bytes.Trim(line, "# \t"), []byte{':'})
	if !found {
		p.search.HasEnd = p.search.HasEnd || is(name, "search result")
		return
	}
	value = bytes.TrimSpace(value)
	switch {
	case is(name, "result"), is(name, "result code"):
		if code, text, ok := parseResult(value); ok {
			p.search.merge(Search{HasResult: true, Code: code, Text: text, Line: p.line})
		}
	case is(name, pagedResults):
		p.search.merge(Search{MorePages: hasCookie(value), PageLine: p.line})
	}
}

// parseResult parses a result such as "0 Success".
func parseResult(v []byte) (code int, text string, ok bool) {
	number, rest, _ := bytes.Cut(v, []byte{' '})
	n, err := strconv.ParseUint(string(number), 10, 31)
	if err != nil {
		return 0, "", false
	}
	return int(n), string(bytes.TrimSpace(rest)), true
}
