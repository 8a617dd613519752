package calio

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// zone is a time zone that an object defines, or only mentions.
type zone struct {
	id   string // its TZID
	text string // whole lines of the VTIMEZONE; "" if the object does not define the zone
}

// parts are the components of an object, each with the bytes that it has there.
type parts struct {
	zones      []zone   // that it defines
	mentioned  []string // TZIDs that its components mention
	components [][]byte // whole lines; they may refer to the text
}

// partsOf divides the text of an object. The error says why nobody could read it.
func partsOf(text []byte) (*parts, error) {
	if p := scan(text); p != nil {
		return p, nil
	}
	return readParts(text)
}

// readParts divides any text that can be read.
func readParts(text []byte) (*parts, error) {
	calendar, err := readWhole(text, "cr-lines", "control-character", "not-utf-8", "no-colon", "no-name", "open-quote", "continuation-of-nothing", "end-without-begin")
	if err != nil {
		return nil, err
	}
	p := &parts{}
	for _, c := range calendar.Components {
		p.add(c.Name, c.Value("TZID"), ended([]byte(c.String())))
		if c.Name != "VTIMEZONE" {
			p.mentionedBy(c)
		}
	}
	if len(p.components) == 0 {
		return nil, errNoComponent
	}
	return p, nil
}

var errNoComponent = errors.New("it has no component")

// readWhole reads a text of which nothing is lost: an error of the text is returned unless its
// code is one of those named, which the caller can keep.
func readWhole(text []byte, kept ...string) (*ical.Component, error) {
	calendar, problems, err := ical.Parse(string(text), ical.Options{Lenient: true})
	if err != nil {
		return nil, err
	}
	for i := range problems {
		if p := &problems[i]; p.Level == ical.Error && !slices.Contains(kept, p.Code) {
			return nil, p
		}
	}
	return calendar, nil
}

// add adds a component. Of two zones with one name, the first counts.
func (p *parts) add(name, tzid string, text []byte) {
	if name != "VTIMEZONE" {
		p.components = append(p.components, text)
		return
	}
	id := strings.TrimSpace(ical.UnescapeText(tzid))
	if !slices.ContainsFunc(p.zones, func(z zone) bool { return z.id == id }) {
		p.zones = append(p.zones, zone{id, string(text)})
	}
}

func (p *parts) mentionedBy(c *ical.Component) {
	for i := range c.Properties {
		if q := &c.Properties[i]; q.HasParam("TZID") {
			p.mention(q.Param("TZID"))
		}
	}
	for _, child := range c.Components {
		p.mentionedBy(child)
	}
}

func (p *parts) mention(tzid string) {
	if tzid = strings.TrimSpace(tzid); !slices.Contains(p.mentioned, tzid) {
		p.mentioned = append(p.mentioned, tzid)
	}
}

// allZones returns the zones that the object defines, and then those that it only mentions.
func (p *parts) allZones() []zone {
	all := slices.Clone(p.zones)
	for _, id := range p.mentioned {
		if !slices.ContainsFunc(p.zones, func(z zone) bool { return z.id == id }) {
			all = append(all, zone{id: id})
		}
	}
	return all
}

// ended returns lines with the end of the last one.
func ended(text []byte) []byte {
	if bytes.HasSuffix(text, []byte("\n")) {
		return text
	}
	return append(slices.Clone(bytes.TrimSuffix(text, []byte("\r"))), "\r\n"...)
}

// scan divides a text whose lines are those of most programs, without reading what is in its
// components; nil for any other text.
func scan(text []byte) *parts {
	p := &parts{}
	open := make([]string, 0, 8) // names of the components that have begun
	begin, tzid := 0, ""
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += at + 1
		}
		line := withoutEnd(text[at:end])
		name, begins := cutFold(line, "BEGIN:")
		switch {
		case bytes.IndexByte(line, '\r') >= 0, folds(text[end:]) && mayBeStructure(line):
			return nil
		case begins:
			if len(open) == 1 {
				begin, tzid = at, ""
			}
			if open = append(open, name); open[0] != "VCALENDAR" {
				return nil
			}
		case isLine(line, "END:"):
			name, _ := cutFold(line, "END:")
			if len(open) == 0 || open[len(open)-1] != name {
				return nil
			}
			if open = open[:len(open)-1]; len(open) == 1 {
				p.add(name, tzid, ended(text[begin:end]))
			}
			if len(open) == 0 && len(bytes.TrimSpace(text[end:])) > 0 {
				return nil
			}
		case len(open) == 2 && open[1] == "VTIMEZONE" && isLine(line, "TZID"):
			// A parameter, or another property such as TZID-ALIAS-OF, takes a closer look.
			if tzid != "" || len(line) < len("TZID:x") || line[len("TZID")] != ':' {
				return nil
			}
			tzid = string(line[len("TZID:"):])
		case len(open) >= 2 && open[1] != "VTIMEZONE":
			p.scanMention(line, text[end:])
		case len(open) == 0 && len(line) > 0:
			return nil
		}
		at = end
	}
	if len(open) > 0 || len(p.components) == 0 {
		return nil
	}
	return p
}

// withoutEnd returns a line without its end.
func withoutEnd(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

// mayBeStructure reports whether a line that is folded could begin or end a component, or name
// a time zone.
func mayBeStructure(line []byte) bool {
	return len(line) < len("BEGIN:") || isLine(line, "BEGIN:") || isLine(line, "END:") || isLine(line, "TZID")
}

// scanMention adds the zone that a property mentions. rest is the text after its first line.
func (p *parts) scanMention(line, rest []byte) {
	semicolon, colon := bytes.IndexByte(line, ';'), bytes.IndexByte(line, ':')
	if semicolon < 0 || colon >= 0 && colon < semicolon || folds(line) {
		return // it has no parameter, or continues another line
	}
	const only = ";TZID="
	if value := line[semicolon:max(semicolon, colon)]; bytes.HasPrefix(value, []byte(only)) && !bytes.ContainsAny(value[len(only):], `;,"^`) {
		if value = value[len(only):]; len(p.mentioned) == 0 || p.mentioned[len(p.mentioned)-1] != string(value) {
			p.mention(string(value))
		}
		return
	}
	if folds(rest) && (colon < 0 || bytes.IndexByte(line, '"') >= 0) {
		line = unfolded(line, rest)
	}
	if !mentionsZone(line) {
		return
	}
	for q := range ical.ContentLines(string(line)) {
		if q.HasParam("TZID") {
			p.mention(q.Param("TZID"))
		}
	}
}

// mentionsZone reports whether a line may have the parameter TZID.
func mentionsZone(line []byte) bool {
	const name = "TZID"
	for {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			return false
		}
		if i >= len(name) && strings.EqualFold(string(line[i-len(name):i]), name) {
			return true
		}
		line = line[i+1:]
	}
}

// unfolded returns a line with those that continue it (RFC 5545, 3.1).
func unfolded(line, rest []byte) []byte {
	line = slices.Clone(line)
	for folds(rest) {
		next, after, _ := bytes.Cut(rest[1:], []byte("\n"))
		line = append(line, withoutEnd(next)...)
		rest = after
	}
	return line
}

// folds reports whether a text begins with the continuation of a line.
func folds(rest []byte) bool { return len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') }

// isLine reports whether a line begins with a word in any letter case.
func isLine(line []byte, word string) bool {
	return len(line) >= len(word) && line[0]|0x20 == word[0]|0x20 && strings.EqualFold(string(line[:len(word)]), word)
}

// cutFold returns the rest of a line that begins with a word, in upper case.
func cutFold(line []byte, word string) (string, bool) {
	if !isLine(line, word) {
		return "", false
	}
	return upper(bytes.TrimSpace(line[len(word):])), true
}

// upper returns a name of a component in upper case.
func upper(name []byte) string {
	for _, known := range [...]string{"VEVENT", "VALARM", "VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VTODO"} {
		if string(name) == known {
			return known // which costs no memory
		}
	}
	return strings.ToUpper(string(name))
}
