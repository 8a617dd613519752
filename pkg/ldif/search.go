package ldif

import (
	"bytes"
	"strconv"
)

// Search is what a file says about the search that produced it. Only ldapsearch
// without -L prints all of it; with -L it prints nothing.
type Search struct {
	// ResultExpected is set when the first line of the file is "# extended LDIF":
	// such a file ends with a result.
	ResultExpected bool
	// HasResult is set when the file contains a result. Code, Text and Line are its
	// fields. Code is not 0 when the server did not return all entries.
	HasResult bool
	Code      int
	Text      string
	Line      int

	// References is the number of search references: parts of the tree that are on
	// other servers and not in the file.
	References int
}

// merge adds what another part of the same input says. Of several results it keeps
// the first one whose code is not 0, or else the last one.
func (s *Search) merge(o Search) {
	s.ResultExpected = s.ResultExpected || o.ResultExpected
	s.References += o.References
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
	}
	n := len(p.attrs)
	switch {
	case seen[keyNone] > 0 || seen[keyResult] > 1:
		return broken
	case seen[keyResult] == 1:
		p.search.merge(found)
	case seen[keyReference] == n:
		p.search.References += n
	case seen[keyCount] < n:
		return broken
	}
	return nil
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
