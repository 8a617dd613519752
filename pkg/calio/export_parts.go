package calio

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// zone is a VTIMEZONE of an object.
type zone struct {
	id   string // its TZID
	text string // whole lines
}

// parts are the components of an object, each with the bytes that it has there.
type parts struct {
	zones      []zone
	components []string // whole lines
}

// partsOf divides the text of an object. The error says why nobody could read it.
func partsOf(text []byte) (*parts, error) {
	if p := scan(text); p != nil {
		return p, nil
	}
	calendar, _, err := ical.Parse(string(text), ical.Options{Lenient: true})
	if err != nil {
		return nil, err
	}
	p := &parts{}
	for _, c := range calendar.Components {
		p.add(c.Name, c.Value("TZID"), ended(c.String()))
	}
	if len(p.components) == 0 {
		return nil, fmt.Errorf("it has no component")
	}
	return p, nil
}

func (p *parts) add(name, tzid, text string) {
	if name == "VTIMEZONE" {
		p.zones = append(p.zones, zone{strings.TrimSpace(ical.UnescapeText(tzid)), text})
		return
	}
	p.components = append(p.components, text)
}

// ended returns lines with the end of the last one.
func ended(text string) string {
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return strings.TrimSuffix(text, "\r") + "\r\n"
}

// scan divides a text whose lines are those of most programs, without reading what is in its
// components; nil for any other text.
func scan(text []byte) *parts {
	p := &parts{}
	var open []string // names of the components that have begun
	begin, tzid := 0, ""
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += at + 1
		}
		line := bytes.TrimRight(text[at:end], "\r\n")
		name, begins := cutFold(line, "BEGIN:")
		switch {
		case bytes.IndexByte(line, '\r') >= 0, folds(text[end:]) && (begins || isLine(line, "END:") || isLine(line, "TZID")):
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
				p.add(name, tzid, ended(string(text[begin:end])))
			}
			if len(open) == 0 && len(bytes.TrimSpace(text[end:])) > 0 {
				return nil
			}
		case len(open) == 2 && isLine(line, "TZID") && tzid == "":
			_, value, ok := bytes.Cut(line, []byte(":"))
			if !ok {
				return nil
			}
			tzid = string(value)
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

// folds reports whether a text begins with the continuation of a line.
func folds(rest []byte) bool { return len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') }

// isLine reports whether a line begins with a word in any letter case.
func isLine(line []byte, word string) bool {
	return len(line) >= len(word) && strings.EqualFold(string(line[:len(word)]), word)
}

// cutFold returns the rest of a line that begins with a word, in upper case.
func cutFold(line []byte, word string) (string, bool) {
	if !isLine(line, word) {
		return "", false
	}
	return strings.ToUpper(strings.TrimSpace(string(line[len(word):]))), true
}
