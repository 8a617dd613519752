package cs6

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// property reads "key: value" or "key=value" and reports whether the line has this
// form: as part of the current record, as the first line of a new one, or as an
// error.
func (l *listReader) property(text string, indented bool) bool {
	if calid, alone := strings.CutSuffix(text, ":"); alone && l.calendarHeading(trimBlanks(calid), text, indented) {
		return true
	}
	key, sep, value, ok := cutKey(text)
	if !ok || key == "mailto" {
		return false
	}
	kind := kindOf(key)
	tight := sep == ':' && value != "" && !strings.ContainsRune(blanks, rune(value[0]))
	value = unquote(trimBlanks(value))
	if kind == otherKey && tight && !indented && (l.block == nil || !l.block.tight) {
		// A calendar id without a domain, or a URL, is as likely as a property.
		l.fault(text, "neither a known property nor the id of a user")
		l.flush()
		return true
	}
	b, bad := l.place(kind, key, value, text)
	if bad != "" {
		l.fault(text, bad)
		return true
	}
	b.props++
	b.gap = false
	if slices.Contains(moreKeys(), key) {
		if b.more == nil {
			b.more = map[string]string{}
		}
		b.more[key] = value
	}
	b.indented = b.indented || indented
	b.tight = b.tight || tight
	if b.first != l.line {
		b.last = l.line
		l.tally.Continuations++
	}
	return true
}

// calendarHeading reads a calendar id that is followed by a colon only, which may
// also be a property without a value.
func (l *listReader) calendarHeading(calid, text string, indented bool) bool {
	if key, ok := foldKey(calid); ok && kindOf(key) != otherKey {
		return false
	}
	inside := l.block != nil && l.block.props > 0 && (indented || !l.block.indented)
	if !strings.Contains(calid, "@") && (inside || indented) {
		return false
	}
	uid, domain, bad := splitCalendarID(calid)
	if bad != "" {
		return false
	}
	b := l.begin(text)
	b.calendar, b.calUID, b.calDomain = true, uid, domain
	b.doubtful = domain == ""
	return true
}

// place puts a property into the current record, or into a new one if it can only
// be the beginning of one: what identifies a user is never overwritten.
func (l *listReader) place(kind keyKind, key, value, text string) (*block, string) {
	switch kind {
	case calendarKey:
		return l.placeCalendar(value, text)
	case ownerKey:
		return l.placeOwner(value, text)
	case addressKey, accountKey, uidKey:
		if l.block == nil || !l.block.ofCalendar() || l.block.gap {
			return l.placeAccount(kind, key, value, text)
		}
		// The contact of a calendar is not its owner.
	}
	b := l.block
	if b == nil {
		b = l.begin(text)
	}
	if used, _ := b.set(kind, value); !used {
		l.tally.Ignored++
	}
	return b, ""
}

// placeCalendar begins a record, unless the current one does not identify a user
// yet. If the calendar id is invalid, the current record ends, so that the lines
// that follow are not read as part of it.
func (l *listReader) placeCalendar(value, text string) (*block, string) {
	uid, domain, bad := splitCalendarID(value)
	if bad != "" {
		l.flush()
		return nil, "calendar id: " + bad
	}
	b := l.block
	if b == nil || b.named() {
		b = l.begin(text)
	}
	b.calendar, b.calUID, b.calDomain = true, uid, domain
	return b, ""
}

// placeOwner puts the owner into the current record. A second owner belongs to a
// calendar whose beginning was not recognized.
func (l *listReader) placeOwner(value, text string) (*block, string) {
	var given block
	b := l.block
	if _, bad := given.set(ownerKey, value); bad != "" {
		if b != nil && b.owner != "" {
			l.flush() // the owner of another calendar: what follows does not belong to this record
		}
		return nil, "owner: " + bad
	}
	switch {
	case b != nil && !b.ofCalendar() && b.named():
		l.tally.Ignored++ // the owner of an account, such as a resource
		return b, ""
	case b == nil, b.owner != "" && given.owner != "" && !strings.EqualFold(b.owner, value):
		b = l.begin(text)
	}
	if given.owner != "" {
		b.owner, b.ownerUID, b.ownerDomain = given.owner, given.ownerUID, given.ownerDomain
	}
	return b, ""
}

// placeAccount puts an address or a user id into the current record, or into a new
// one if the current record has another one.
func (l *listReader) placeAccount(kind keyKind, key, value, text string) (*block, string) {
	value = directory.CutMailto(value)
	uid, domain, bad := splitUser(value)
	if bad == "" && domain == "" && kind == addressKey {
		bad = "not an address"
	}
	b := l.block
	if bad != "" {
		if b != nil && (b.ofCalendar() || b.uid != "" && kind == uidKey || b.address != "" && b.addressFrom == key) {
			l.flush() // of another user: what follows does not belong to this record
		}
		return nil, key + ": " + bad
	}
	if b != nil && b.ofCalendar() {
		b = nil
	}
	isUID := kind == uidKey || domain == ""
	switch {
	case b == nil,
		isUID && b.uid != "",
		!isUID && b.address != "" && (b.addressFrom == key || !strings.EqualFold(b.address, value)):
		b = l.begin(text)
	}
	if isUID {
		b.uid, b.uidDomain = uid, domain
	} else {
		b.address, b.addressFrom = value, key
	}
	return b, ""
}
