package cs6

import "strings"

// block is a record that has, or may have, several lines.
type block struct {
	first, last int    // lines
	text        string // the first line

	calendar    bool   // a calendar id was given
	doubtful    bool   // the calendar id was a word with a colon, which may be something else
	calUID      string // the parts of the calendar id
	calDomain   string
	owner       string // as written
	ownerUID    string
	ownerDomain string
	address     string
	addressFrom string // the key that set the address
	uid         string
	uidDomain   string
	disabled    bool

	props    int  // number of properties so far, not counting those on a line of cscal
	indented bool // one of them was indented
	tight    bool // one of them had no blank after its colon
	gap      bool // the last line was blank

	more map[string]string // the values of moreKeys; nil if there are none
}

// ofCalendar reports whether the record is one of cscal, which blank lines do not
// end.
func (b *block) ofCalendar() bool { return b.calendar || b.owner != "" }

// named reports whether the record identifies a user.
func (b *block) named() bool { return b.ofCalendar() || b.address != "" || b.uid != "" }

// contains reports whether an invalid line belongs to the record, that is, cannot
// be the beginning of another one.
func (b *block) contains(text string, indented bool) bool {
	if _, _, calendar := cutCalendarLine(text); calendar {
		return false
	}
	key, _, _, ok := cutKey(text)
	if !ok {
		return indented && !strings.HasSuffix(text, ":")
	}
	switch kindOf(key) {
	case statusKey, knownKey:
		return true
	case ownerKey:
		return b.owner == ""
	case addressKey, accountKey, uidKey:
		return b.ofCalendar() && !b.gap
	case otherKey:
		return b.props > 0 && indented == b.indented
	}
	return false
}

// set applies a property that a record of cscal uses.
func (b *block) set(kind keyKind, value string) (used bool, bad string) {
	switch kind {
	case ownerKey:
		if value == "" {
			return true, ""
		}
		uid, domain, bad := splitUser(value)
		if bad != "" {
			return false, bad
		}
		b.owner, b.ownerUID, b.ownerDomain = value, uid, domain
		return true, ""
	case statusKey:
		off, known := isOff(value)
		b.disabled = b.disabled || off
		return known, ""
	}
	return false, ""
}

// user returns the user whom the record identifies; bad says why it does not.
func (b *block) user() (p ListedUser, bad string) {
	more := moreKeys()
	p = listing(func(i int) string { return b.more[more[i]] })
	p.Disabled = b.disabled
	switch {
	case b.doubtful && b.props == 0:
		return p, "a word with a colon that is not followed by properties of a calendar"
	case b.ofCalendar():
		p.Calendars = 1
		p.UID, p.Domain = b.calUID, b.calDomain
		if b.owner != "" {
			p.UID = b.ownerUID
		}
		if b.ownerDomain != "" {
			p.Domain = b.ownerDomain
		}
		return p, ""
	case b.named():
		p.Address, p.UID, p.Domain = b.address, b.uid, b.uidDomain
		if p.Domain == "" {
			_, p.Domain, _ = strings.Cut(p.Address, "@")
		}
		return p, ""
	}
	return p, "properties without calid, owner, mail, account or uid"
}

// begin starts a record on the current line.
func (l *listReader) begin(text string) *block {
	l.flush()
	l.columns = nil
	l.block = &block{first: l.line, last: l.line, text: text}
	return l.block
}

// flush ends the current record. Its first line is counted only now, because it was
// not known before whether it identifies a user.
func (l *listReader) flush() {
	b := l.block
	if b == nil {
		return
	}
	l.block = nil
	p, bad := b.user()
	if bad != "" && !l.elsewhere(p) {
		l.reject(b, bad)
		return
	}
	l.emit(p, b.first)
}

// reject reports the error of a whole record.
func (l *listReader) reject(b *block, detail string) {
	l.tally.Errors++
	l.report(&LineError{File: l.o.Name, Line: b.first, Last: b.last, Text: b.text, Detail: detail})
}

// blank handles a blank line.
func (l *listReader) blank() {
	switch {
	case l.block == nil:
	case l.block.ofCalendar():
		l.block.gap = true
	default:
		l.flush()
	}
}

// calendarLine reads a line of `cscal list`: calid: owner=uid status=enabled. It
// reports whether the line has this form.
func (l *listReader) calendarLine(text string, indented bool) bool {
	calid, rest, found := cutCalendarLine(text)
	if !found {
		return false
	}
	if key, ok := foldKey(calid); ok && kindOf(key) != otherKey && l.block != nil && (indented || l.block.props > 0) {
		return false // the value of a property happens to look like that
	}
	// The lines that follow belong to this calendar, even if this line is invalid.
	l.flush()
	l.columns = nil
	b, ignored, bad := readCalendar(calid, rest)
	if bad != "" {
		l.fault(text, bad)
		return true
	}
	b.first, b.last, b.text = l.line, l.line, text
	l.block = b
	l.tally.Ignored += ignored
	return true
}

// cutCalendarLine splits a line of cscal after the colon that follows the calendar
// id, which may itself contain a colon.
func cutCalendarLine(text string) (calid, rest string, found bool) {
	at := strings.IndexAny(text, blanks)
	if at < 0 {
		return "", "", false
	}
	calid, rest = text[:at], trimBlanks(text[at:])
	if after, apart := strings.CutPrefix(rest, ":"); apart && !strings.HasSuffix(calid, ":") {
		calid, rest = calid+":", trimBlanks(after)
	}
	for _, key := range []string{"owner=", "status="} {
		if len(rest) >= len(key) && strings.EqualFold(rest[:len(key)], key) && strings.HasSuffix(calid, ":") {
			return calid[:len(calid)-1], rest, true
		}
	}
	return "", "", false
}

// readCalendar reads a calendar id and the properties after it; ignored is how many
// of the properties are not used.
func readCalendar(calid, rest string) (b *block, ignored int, bad string) {
	uid, domain, bad := splitCalendarID(calid)
	if bad != "" {
		return nil, 0, "calendar id: " + bad
	}
	b = &block{calendar: true, calUID: uid, calDomain: domain}
	for _, field := range strings.Fields(rest) {
		name, value, found := strings.Cut(strings.TrimRight(field, ",;"), "=")
		key, ok := foldKey(name)
		if !found || !ok {
			return nil, 0, quote(field) + " is not of the form key=value"
		}
		used, bad := b.set(kindOf(key), unquote(value))
		if bad != "" {
			return nil, 0, key + ": " + bad
		}
		if !used {
			ignored++
		}
	}
	return b, ignored, ""
}
