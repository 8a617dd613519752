package recur

import (
	"archive/zip"
	_ "embed" // the time zone database
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// zoneinfo is the time zone database as Go distributes it, in the public domain: an archive
// with a file for each zone. The copy of the operating system is not used, because the same
// object must mean the same on all hosts that share a store.
//
//go:embed zoneinfo.zip
var zoneinfo string

// openDatabase returns the files of the time zone database by their names.
func openDatabase() (map[string]*zip.File, error) {
	archive, err := zip.NewReader(strings.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return nil, fmt.Errorf("time zone database: %w", err)
	}
	files := make(map[string]*zip.File, len(archive.File))
	for _, file := range archive.File {
		files[file.Name] = file
	}
	return files, nil
}

// loadIANA returns a zone of the database.
func loadIANA(name string, file *zip.File) (*Zone, error) {
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", name, err)
	}
	defer func() { _ = r.Close() }() // a reader in memory
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", name, err)
	}
	location, err := time.LoadLocationFromTZData(name, text)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", name, err)
	}
	zone := &Zone{name: name, source: iana{location}, location: location}
	_, end := time.Unix(minInstant, 0).In(location).ZoneBounds()
	if end.IsZero() { // its offset never changes
		zone.source, zone.offset = nil, iana{location}.offset(0)
		return zone, nil
	}
	zone.limit(end.Unix(), tableEnd)
	zone.blocks = make([]atomic.Pointer[block], zone.blockCount())
	return zone, nil
}

// tableEnd is an instant after the last change of all zones that the database does not describe
// by a rule (2087 in Morocco): the year 2100.
const tableEnd = 4102444800

// iana is a zone of the time zone database.
type iana struct{ location *time.Location }

func (s iana) offset(unix int64) int32 {
	_, offset := time.Unix(unix, 0).In(s.location).Zone()
	return int32(offset)
}

func (s iana) load(b *block, from, to int64) {
	offset := s.offset(from)
	b.start(offset)
	for at := from; ; {
		if at = s.next(at); at >= to {
			return
		}
		b.change(at, s.offset(at))
	}
}

// next returns an instant after the given one up to which the offset does not change.
func (s iana) next(unix int64) int64 {
	_, end := time.Unix(unix, 0).In(s.location).ZoneBounds()
	if end.IsZero() {
		return maxInstant + 1<<blockShift
	}
	// After the last change of the database's table, Go takes a year of 365 days for the end of
	// a year in which the offset does not change any more.
	if next := end.Unix(); next > unix {
		return next
	}
	return unix + 3600
}
