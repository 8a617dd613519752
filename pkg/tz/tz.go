package tz

import (
	_ "embed" // the lists
	"fmt"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/internal/similar"
)

//go:embed names.txt
var namesText string

//go:embed windows.tsv
var windowsText string

// Names yields the names of the tz database, sorted.
func Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(namesText) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

// WindowsNames yields each Windows name with the name in the tz database.
func WindowsNames() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(windowsText) {
			if windows, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); !yield(windows, name) {
				return
			}
		}
	}
}

// Form is how a text names a time zone.
type Form uint8

// The forms.
const (
	Exact   Form = iota // a name of the tz database
	Case                // a name of the tz database in other letter case
	Windows             // the name of a Windows time zone, in any letter case
)

// UnknownError is returned for a text that names no time zone.
type UnknownError struct {
	Text string // as given; it may have any length and contain anything
	Near string // the name that was probably meant; "" if absent
}

func (e *UnknownError) Error() string {
	const most = 100
	text := e.Text
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if e.Near != "" {
		return fmt.Sprintf("'%s' is not the name of a time zone; did you mean %s?", text, e.Near)
	}
	return fmt.Sprintf("'%s' is not the name of a time zone, such as Europe/Rome", text)
}

// Find returns the name in the tz database for a text, and how the text names it. The
// error is an *UnknownError.
func Find(text string) (name string, form Form, err error) {
	for known := range Names() {
		switch {
		case known == text:
			return known, Exact, nil
		case equalFold(known, text):
			name = known
		}
	}
	if name != "" {
		return name, Case, nil
	}
	for windows, known := range WindowsNames() {
		if equalFold(windows, text) {
			return known, Windows, nil
		}
	}
	return "", Exact, &UnknownError{Text: text, Near: nearest(text)}
}

// equalFold compares texts without regard to the case of ASCII letters. Other letters
// have none here: the Kelvin sign is not a K.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// What may be suggested.
const (
	etc      = "Etc/"
	minText  = 3  // characters of a text that is more than an abbreviation
	maxText  = 64 // bytes; no name has more
	minCity  = 5  // letters of a name or a city in which mistakes are counted
	mistakes = 2
)

// nearest returns the name that was probably meant by a text: one that is written with
// blanks or hyphens for underscores, one whose last component is the text, or the one with
// the fewest mistakes. Windows names are compared last.
func nearest(text string) string {
	text = strings.TrimSpace(text)
	if len(text) < minText || len(text) > maxText {
		return ""
	}
	key, city := plain(text), ""
	for name := range Names() {
		folded := plain(name)
		if folded == key {
			return name
		}
		// A city is not in Etc, where the sign of Etc/GMT+1 is the opposite of what people
		// mean by GMT+1.
		if city == "" && strings.HasSuffix(folded, "/"+key) && !strings.HasPrefix(name, etc) {
			city = name
		}
	}
	if city != "" {
		return city
	}
	best, limit := "", mistakes
	compare := func(candidate, name string) {
		// Other digits are another offset, not a mistake.
		if len(key) < minCity || len(candidate) < minCity || digitsOf(candidate) != digitsOf(key) {
			return
		}
		if d := similar.Distance(key, plain(candidate), limit); d <= limit {
			best, limit = name, d-1
		}
	}
	for name := range Names() {
		compare(name, name)
		if last := strings.LastIndexByte(name, '/'); !strings.HasPrefix(name, etc) {
			compare(name[last+1:], name)
		}
	}
	if best == "" {
		for windows, name := range WindowsNames() {
			compare(windows, name)
		}
	}
	return best
}

// plain returns the form in which names are compared for a suggestion.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '_'
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}
