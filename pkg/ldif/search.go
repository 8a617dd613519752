package ldif

import (
	"bytes"
	"strconv"
)

// Search is what a file says about the search that it came from. Only
// ldapsearch without -L prints all of it; with -L it prints nothing.
type Search struct {
	Due  bool // the file calls itself "extended LDIF" in its first line: such a file ends with a result
	Seen bool // it holds a result, and the next three fields are about it
	Code int  // not 0 when the server did not give all entries
	Text string
	Line int

	// References counts the search references: parts of the tree that other
	// servers hold, and that are not in the file.
	References int
}

// merge adds what another part of the same input says. Of several results the
// first that is not 0 stays, else the last.
func (s *Search) merge(o Search) {
	s.Due = s.Due || o.Due
	s.References += o.References
	if !o.Seen {
		return
	}
	replaces := !s.Seen
	switch {
	case s.Code == 0 && o.Code == 0:
		replaces = replaces || o.Line > s.Line
	case s.Code != 0 && o.Code != 0:
		replaces = o.Line < s.Line
	default:
		replaces = o.Code != 0
	}
	if replaces {
		s.Seen, s.Code, s.Text, s.Line = true, o.Code, o.Text, o.Line
	}
}

// searchKey is what a line of ldapsearch's own is about.
type searchKey int

const (
	keyNone searchKey = iota
	keyResult
	keyReference
	keyCount  // how much there was, which may stand alone
	keyDetail // what stands with a result
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

// searchParagraph reads a paragraph without a DN, which begins with line. What
// ldapsearch prints about its search is noted; anything else is what is left of
// a record. A paragraph is ldapsearch's only when all of it is: references
// alone, counts alone, or one result with what belongs to it.
func (p *parser) searchParagraph(line []byte) *RecordError {
	var seen [keyDetail + 1]int
	found := Search{Seen: true}
	broken := p.fault("a record begins with dn:, not with %s", quote(line))
	for ok := true; ok; line, ok = p.readLine() {
		if p.attribute(line) != nil {
			return broken
		}
		a := &p.attrs[len(p.attrs)-1]
		key := searchKeyOf(a)
		seen[key]++
		if key == keyResult {
			if found.Code, found.Text, ok = parseResult(a.Value); !ok {
				return p.fault("%s is not the result of a search", quote(a.Value))
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

// parseResult reads "0 Success".
func parseResult(v []byte) (code int, text string, ok bool) {
	number, rest, _ := bytes.Cut(v, []byte{' '})
	n, err := strconv.ParseUint(string(number), 10, 31)
	if err != nil {
		return 0, "", false
	}
	return int(n), string(bytes.TrimSpace(rest)), true
}
