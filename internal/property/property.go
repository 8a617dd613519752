// Package property parses lists of properties as people type them: NAME=VALUE,NAME=VALUE.
// One rule holds wherever davadmin reads such a list:
//
//   - \, is a comma and \\ is a backslash; any other backslash stands for itself.
//   - A comma that is not escaped ends a value only if NAME= of a known property follows.
//     So a DN or a name with commas needs no escapes.
package property

import (
	"errors"
	"strings"

	"github.com/davadmin/davadmin/internal/similar"
)

// Property is one NAME=VALUE.
type Property struct{ Name, Value string }

// ErrNoName is returned for a list that does not begin with NAME=. The error does not
// contain the list, which may contain a password.
var ErrNoName = errors.New("missing '=' between property and value")

// UnknownError is returned for a name that is not known: the first of the list, or a later
// one that is likely to be a mistyped property.
type UnknownError struct {
	Name string
	Near string // the known name that is most like it; "" if none is
	// Later means that it follows a comma, so that it may also be a part of a value.
	Later bool
}

func (e *UnknownError) Error() string { return "unknown property" }

// Known lists the names of properties. The zero value knows none.
type Known struct {
	Names []string
	// Fold ignores the case of letters in names, which must be in lower case.
	Fold bool
}

// find returns the known name that is written as name.
func (k Known) find(name string) (string, bool) {
	name = strings.Trim(name, " \t")
	for _, n := range k.Names {
		if n == name || k.Fold && strings.EqualFold(n, name) {
			return n, true
		}
	}
	return name, false
}

// shortName is the maximum length of a name after a comma that is not taken for a mistyped
// property: the attributes of a DN are short.
const shortName = 4

// Parse parses a list. Spaces around names are ignored; values are kept as they are. An empty
// list, which may contain spaces, has no properties. The error is ErrNoName or
// *UnknownError.
func Parse(text string, known Known) ([]Property, error) {
	if strings.Trim(text, " \t") == "" {
		return nil, nil
	}
	typed, rest, ok := strings.Cut(text, "=")
	if !ok || strings.Trim(typed, " \t") == "" {
		return nil, ErrNoName
	}
	name, ok := known.find(typed)
	if !ok {
		near, _ := known.nearest(name)
		return nil, &UnknownError{Name: name, Near: near}
	}
	var out []Property
	var value strings.Builder
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && i+1 < len(rest) && (rest[i+1] == ',' || rest[i+1] == '\\'):
			i++
			value.WriteByte(rest[i])
		case rest[i] == ',':
			next, after, err := known.begins(rest[i+1:])
			if err != nil {
				return nil, err
			}
			if next == "" {
				value.WriteByte(',')
				continue
			}
			out = append(out, Property{name, value.String()})
			name = next
			value.Reset()
			i += after
		default:
			value.WriteByte(rest[i])
		}
	}
	return append(out, Property{name, value.String()}), nil
}

// maxName limits how far a name is searched for, so that the time is linear.
const maxName = 100

// begins returns the known name that text begins with, and the length of NAME=. The name is
// empty if absent. What is likely to be a mistyped name is an *UnknownError.
func (k Known) begins(text string) (name string, length int, err error) {
	end := strings.IndexByte(text[:min(len(text), maxName)], '=')
	if end < 0 {
		return "", 0, nil
	}
	name, ok := k.find(text[:end])
	if ok {
		return name, end + 1, nil
	}
	if near, ok := k.nearest(name); ok && len(name) > shortName {
		return "", 0, &UnknownError{Name: name, Near: near, Later: true}
	}
	return "", 0, nil
}

// nearest returns the known name that differs least from a mistyped one.
func (k Known) nearest(name string) (string, bool) {
	const most = 2 // mistakes
	best, found := most+1, ""
	for _, n := range k.Names {
		if len(name)-len(n) > most || len(n)-len(name) > most {
			continue
		}
		if d := similar.Distance(strings.ToLower(name), n, most); d < best && d < len(n)/2 {
			best, found = d, n
		}
	}
	return found, found != ""
}
