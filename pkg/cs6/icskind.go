package cs6

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// OtherKind returns what a file is if it is clearly not an ics.conf, in words such as
// "an XML document", and "" if it may be one. It looks at the first 64 KiB. Read as an
// ics.conf, such a file would be one without settings: every setting would be missing.
// Text in UTF-16 is the business of the caller, who knows how to convert it.
func OtherKind(b []byte) string {
	const most = 64 << 10
	b = bytes.TrimPrefix(b[:min(len(b), most)], []byte(byteOrderMark))
	for _, k := range []struct{ begin, kind string }{
		{"PK\x03\x04", "a zip archive or an Office document"},
		{"\x1f\x8b", "a gzip file"},
		{"BZh", "a bzip2 file"},
		{"\xfd7zXZ\x00", "an xz file"},
		{"\x28\xb5\x2f\xfd", "a zstd file"},
		{"\x7fELF", "a program"},
		{"%PDF-", "a PDF document"},
		{`{\rtf`, "an RTF document"},
	} {
		if bytes.HasPrefix(b, []byte(k.begin)) {
			return k.kind
		}
	}
	if isBinary(b) {
		return "binary data"
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return "an empty file"
	}
	return textKind(string(b))
}

// isBinary reports whether more than a tenth of the bytes are control characters, as in no
// text, or any is NUL.
func isBinary(b []byte) bool {
	control := 0
	for _, c := range b {
		switch {
		case c == 0:
			return true
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f', c == 0x7f:
			control++
		}
	}
	return control > len(b)/10
}

// textKind returns what a text is whose first lines are not those of an ics.conf.
func textKind(text string) string {
	ours, theirs := 0, 0 // settings of an ics.conf, and of the new server
	first := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '!' || line[0] == '#' {
			continue
		}
		if first {
			if kind := firstLineKind(line); kind != "" {
				return kind
			}
			first = false
		}
		name, value, ok := strings.Cut(line, "=")
		switch name, value = trimBlanks(name), trimBlanks(value); {
		case !ok:
		case isNewServerName(name):
			theirs++
		case isIcsName(name) && strings.HasPrefix(value, `"`):
			ours++
		}
	}
	if theirs > 0 && ours == 0 {
		return "a configuration of Calendar Server 7 (davserver.properties)"
	}
	return ""
}

// firstLineKind returns the kind of a text by its first line that is neither empty nor a
// comment.
func firstLineKind(line string) string {
	lower := strings.ToLower(line[:min(len(line), 40)])
	has := func(begin string) bool { return strings.HasPrefix(lower, begin) }
	switch {
	case has("<!doctype html"), has("<html"), has("<head"), has("<body"):
		return "an HTML page"
	case has("<?xml"), has("<!doctype"), has("<!--"), len(lower) > 1 && has("<") && ('a' <= lower[1] && lower[1] <= 'z' || lower[1] >= utf8.RuneSelf):
		return "an XML document"
	case has("dn:"), has("version: 1"), has("version:1"):
		return "LDIF"
	case has("{"), has("[{"), has(`["`):
		return "JSON"
	case has("begin:vcalendar"):
		return "an iCalendar object"
	case has("-----begin "):
		return "a PEM file (a certificate or a key)"
	}
	return ""
}

// isNewServerName reports whether a parameter belongs to Calendar Server 7 or later.
func isNewServerName(name string) bool {
	for _, family := range []string{"davcore.", "store.dav.", "base.ldapinfo.", "log.dav.", "notification.dav.", "service.dav."} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}
