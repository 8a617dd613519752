package cs6

import (
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/pkg/directory"
)

// listing returns the columns of a list that davadmin printed; get returns that of
// moreKeys with a number.
func listing(get func(int) string) ListedUser {
	p := ListedUser{ID: get(0), Side: sideOf(get(1)), Kind: get(2), State: get(3)}
	if n, err := strconv.Atoi(get(4)); err == nil && n > 0 && p.Side != "" {
		p.Calendars = n // those on the old server; other lists count others
	}
	return p
}

// sideOf returns the side that a listing names: tables do it in words.
func sideOf(word string) string {
	switch strings.ToLower(strings.Join(strings.Fields(word), "")) { // which may be on two lines of a cell
	case "oldserver":
		return "cs6"
	case "newserver":
		return "cs7"
	}
	return word
}

// isSide reports whether a word is one of ListedUser.Side.
func isSide(word string) bool {
	return slices.Contains([]string{"", "cs6", "cs7", "both", "neither", "inactive"}, word)
}

// fromListing reports whether a record has the columns of a list that davadmin printed.
func (p *ListedUser) fromListing() bool { return p.Kind != "" && (p.Side != "" || p.State != "") }

// setVerbatim sets the address of a listing, which is as the directory has it: one that is
// not valid still identifies the entry, and one such entry must not make the list useless.
func (p *ListedUser) setVerbatim(address string) {
	p.Address = address
	if at := strings.LastIndexByte(address, '@'); at >= 0 && p.Domain == "" {
		p.Domain = address[at+1:]
	}
}

// AddressFault returns why a line of a list of users cannot consist of a mail address, or "".
func AddressFault(address string) string {
	switch _, domain, bad := splitUser(address); {
	case bad != "":
		return bad
	case domain == "":
		return "not an address"
	case strings.HasPrefix(address, "#"):
		return "it begins with #, as a comment does"
	}
	return ""
}

// listed reads a record of named values.
func (l *listReader) listed(r *listfile.Record) {
	l.line, l.begins = r.Line, r.Line
	l.content = true
	l.counted = max(l.counted, r.Line)
	l.tally.Lines++
	if r.Note {
		l.note(r)
		return
	}
	p, bad := userOfFields(r.Fields)
	if r.Bad != "" {
		bad = r.Bad
	}
	if bad != "" && r.Bad == "" && l.elsewhere(p) {
		bad = ""
	}
	if bad != "" {
		text := r.Text
		if text == "" {
			text = describe(r.Fields)
		}
		l.tally.Errors++
		l.report(&LineError{File: l.o.Name, Line: r.Line, Last: r.Last, Text: text, Detail: bad})
		return
	}
	l.emit(p, r.Line)
}

// describe returns the first values of a record.
func describe(fields listfile.Fields) string {
	var words []string
	for i, f := range fields {
		if i < 4 {
			words = append(words, f.Name+"="+f.Value)
		}
	}
	return strings.Join(words, " ")
}

// userOfFields returns the user whom named values identify; bad says why they do not. Even
// then, the values of a listing are set.
func userOfFields(fields listfile.Fields) (p ListedUser, bad string) {
	more := moreKeys()
	p = listing(func(i int) string { return strings.TrimSpace(fields.Get(more[i])) })
	if kind := fields.Get("type"); kind != "" { // in JSON, "kind" is that of the record
		p.Kind = kind
	}
	var columns []string
	seen := map[keyKind]string{} // the values by kind
	for _, f := range fields {
		kind := kindOf(f.Name)
		if kind != addressKey && kind != accountKey && kind != uidKey {
			continue
		}
		columns = append(columns, "'"+f.Title+"'")
		word := directory.CutMailto(trimBlanks(f.Value))
		if differ(seen[kind], word) {
			return p, "'" + f.Title + "': a second one, so which user is meant is unknown"
		}
		if seen[kind] == "" {
			seen[kind] = word
		}
		if word == "" || kind == addressKey && p.Address != "" && p.Address == seen[addressKey] || kind == accountKey && p.Address != "" {
			continue
		}
		if b := badBytes(word); b != "" {
			return p, "'" + f.Title + "' contains " + b
		}
		uid, domain, b := splitUser(word)
		switch {
		case kind == addressKey && (b != "" || domain == "") && p.fromListing():
			p.setVerbatim(word)
		case b != "":
			return p, "'" + f.Title + "': " + b
		case kind == uidKey, kind == accountKey && domain == "":
			if p.UID = uid; domain != "" {
				p.Domain = domain
			}
		case domain == "":
			return p, "'" + f.Title + "': not an address"
		default:
			p.Address = word
			if p.Domain == "" {
				p.Domain = domain
			}
		}
	}
	switch domain := trimBlanks(fields.Get("domain")); {
	case columns == nil:
		return p, "no column identifies the user: expected 'mail', 'account' or 'uid'"
	case p.Address == "" && p.UID == "" && p.ID != "":
		return p, strings.Join(columns, " and ") + " are empty, and users are not found by 'id' here"
	case p.Address == "" && p.UID == "":
		return p, strings.Join(columns, " and ") + " are empty"
	case p.Domain == "" && isDomain(domain):
		p.Domain = domain
	}
	for _, f := range fields {
		if kindOf(f.Name) == statusKey {
			off, _ := isOff(trimBlanks(f.Value))
			p.Disabled = p.Disabled || off
		}
	}
	return p, ""
}

// note reads what a table says below its rows. Records that were yielded are not
// withdrawn, so a note by which they would not have been is an error.
func (l *listReader) note(r *listfile.Record) {
	for _, f := range r.Fields {
		var p ListedUser
		switch f.Name {
		case "side":
			p.Side = sideOf(f.Value)
		case "kind":
			p.Kind = f.Value
		case "state":
			p.State = f.Value
		default:
			continue
		}
		switch off, _ := isOff(p.State); {
		case f.Value == "…" && l.o.Elsewhere != nil:
			l.fault(r.Text, "the table does not show the column '"+f.Title+"', which decides who is meant; list it again with --output csv")
			return
		case off, l.elsewhere(p):
			l.fault(r.Text, "the table has the column '"+f.Title+"' only in this note; list it again with --output csv")
			return
		}
	}
	l.tally.Headers++
}
