package recur

import (
	"archive/zip"
	"fmt"
	"strings"
	"sync"

	"github.com/davadmin/davadmin/pkg/tz"
)

// ZoneSource says how the zone of a name was found.
type ZoneSource uint8

// The sources, in the order in which they are tried.
const (
	NoZone       ZoneSource = iota // nothing was found
	ZoneEmbedded                   // a VTIMEZONE of the object
	ZoneIANA                       // a name of the tz database, in any letter case
	ZonePrefix                     // a name of the tz database or of Windows after the prefix of a program
	ZoneWindows                    // a name that Windows uses
	ZoneOffset                     // a text with an offset, such as "(UTC+01:00) Rome"
	ZoneHint                       // a VTIMEZONE without content, but with the name of a zone in another property
)

// String returns a few words for people.
func (s ZoneSource) String() string {
	switch s {
	case NoZone:
		return "unknown"
	case ZoneEmbedded:
		return "defined in the object"
	case ZoneIANA:
		return "tz database"
	case ZonePrefix:
		return "tz database, after a prefix"
	case ZoneWindows:
		return "Windows name"
	case ZoneOffset:
		return "fixed offset in the name"
	case ZoneHint:
		return "named in the VTIMEZONE"
	}
	return fmt.Sprintf("zone source %d", uint8(s))
}

// maxName is the maximum length of the name of a time zone in bytes. Longer names are unknown.
const maxName = 255

// Zones finds time zones and keeps those that were used: at most all of the tz database, and a
// bounded number of VTIMEZONEs. It is safe for concurrent use; one is enough for a process.
type Zones struct {
	mu     sync.RWMutex
	opened bool
	files  map[string]*zip.File // of the database
	names  map[string]string    // names of the database by nameKey
	window map[string]string    // names of Windows by nameKey
	zones  map[string]*Zone     // loaded, by their names

	embedded definitions
}

// NewZones returns an empty cache of zones.
func NewZones() *Zones { return &Zones{} }

// open fills the tables of names on first use.
func (z *Zones) open() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.opened {
		return
	}
	files, err := openDatabase()
	if err != nil {
		panic(err) // the archive is a part of the program, and a test reads all of it
	}
	z.files, z.zones = files, map[string]*Zone{}
	z.names, z.window = map[string]string{}, map[string]string{}
	for name := range tz.Names() {
		if files[name] != nil {
			z.names[nameKey(name)] = name
		}
	}
	for windows, name := range tz.WindowsNames() {
		z.window[nameKey(windows)] = name
	}
	z.opened = true
}

// nameKey returns the form in which names are compared: letters in lower case, and underscores
// for blanks. Letters outside of ASCII stay as they are.
func nameKey(name string) string {
	key := []byte(nil)
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == ' ':
			c = '_'
		default:
			continue
		}
		if key == nil {
			key = []byte(name)
		}
		key[i] = c
	}
	if key == nil {
		return name
	}
	return string(key)
}

// trimName removes blanks and quotes around a name.
func trimName(name string) string { return strings.Trim(name, " \t\"'") }

// Named returns the zone that a name means without a VTIMEZONE, and how it was found:
//
//   - by a name of the tz database, in any letter case, links to older names included;
//   - by such a name, or one of Windows, after the prefix of a program, such as
//     /freeassociation.sourceforge.net/Europe/Rome;
//   - by a name of Windows, as the Unicode CLDR says for the world (territory 001);
//   - by an offset at its beginning, with or without UTC or GMT before it, such as UTC+1,
//     GMT+0100, +01:00 or "(UTC+01:00) Rome". Signs are those of the clock: east is plus. Only
//     in names of the tz database, such as Etc/GMT+1, plus is west.
//
// It returns nil and NoZone for other names; a time with such a name is floating.
func (z *Zones) Named(name string) (*Zone, ZoneSource) {
	name = trimName(name)
	if name == "" || len(name) > maxName {
		return nil, NoZone
	}
	z.mu.RLock()
	zone, opened := z.zones[name], z.opened
	z.mu.RUnlock()
	if zone != nil {
		return zone, ZoneIANA
	}
	if !opened {
		z.open()
	}
	key := nameKey(name)
	if zone := z.iana(z.names[key]); zone != nil {
		return zone, ZoneIANA
	}
	if zone := z.afterPrefix(key); zone != nil {
		return zone, ZonePrefix
	}
	if zone := z.iana(z.window[key]); zone != nil {
		return zone, ZoneWindows
	}
	if offset, ok := offsetText(name); ok {
		return FixedZone(name, offset), ZoneOffset
	}
	return nil, NoZone
}

// iana returns a zone of the database by its exact name; nil if absent.
func (z *Zones) iana(name string) *Zone {
	if name == "" {
		return nil
	}
	z.mu.RLock()
	zone := z.zones[name]
	z.mu.RUnlock()
	if zone != nil {
		return zone
	}
	zone, err := loadIANA(name, z.files[name])
	if err != nil {
		panic(err) // a test loads all of them
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if other := z.zones[name]; other != nil {
		return other
	}
	z.zones[name] = zone
	return zone
}

// afterPrefix returns the zone whose name follows the prefix of a program; nil if absent.
//
// The rest of a path or URI may be any name. Without a slash at the beginning, only a name
// with a slash of its own is one, such as in posix/Europe/Rome, because the last word
// alone may mean something else.
func (z *Zones) afterPrefix(key string) *Zone {
	key = strings.TrimSuffix(key, ".ics")
	global := strings.HasPrefix(key, "/") || strings.Contains(key, "://")
	for rest := key; ; {
		_, after, ok := strings.Cut(rest, "/")
		if !ok || !global && !strings.Contains(after, "/") {
			return nil
		}
		rest = after
		if zone := z.iana(z.names[rest]); zone != nil {
			return zone
		}
		if zone := z.iana(z.window[rest]); zone != nil {
			return zone
		}
	}
}

// offsetText reads an offset at the beginning of a name, and returns it in seconds.
func offsetText(name string) (int, bool) {
	rest, bracket := strings.CutPrefix(name, "(")
	if bracket {
		inner, _, ok := strings.Cut(rest, ")")
		if !ok {
			return 0, false
		}
		rest = inner
	}
	rest = strings.TrimSpace(rest)
	named := false
	if len(rest) >= 3 && (strings.EqualFold(rest[:3], "UTC") || strings.EqualFold(rest[:3], "GMT")) {
		rest, named = strings.TrimSpace(rest[3:]), true
	}
	switch {
	case rest == "" || rest == "Z" || rest == "z":
		return 0, named || rest != ""
	case strings.HasPrefix(rest, "\u2212"): // the minus sign of typography
		rest = "-" + strings.TrimPrefix(rest, "\u2212")
	}
	if rest[0] != '+' && rest[0] != '-' {
		return 0, false
	}
	if !bracket {
		rest, _, _ = strings.Cut(rest, " ")
	}
	return shortOffset(rest)
}

// shortOffset reads an offset with a sign as people write it: H, HH, HMM, HHMM, H:MM or HH:MM.
func shortOffset(s string) (int, bool) {
	digits := s[1:]
	hours, minutes, colon := strings.Cut(digits, ":")
	if !colon && len(digits) > 2 {
		hours, minutes = digits[:len(digits)-2], digits[len(digits)-2:]
	}
	if !colon && len(digits) <= 2 {
		minutes = "00"
	}
	h, ok1 := smallNumber(hours)
	m, ok2 := smallNumber(minutes)
	if !ok1 || !ok2 || len(minutes) != 2 || h > 23 || m > 59 {
		return 0, false
	}
	offset := h*3600 + m*60
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// smallNumber reads one or two digits.
func smallNumber(s string) (int, bool) {
	if len(s) < 1 || len(s) > 2 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
