package calio

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
)

// slowParts divides a text with the reader of iCalendar.
func slowParts(t *testing.T, text string) *parts {
	t.Helper()
	p, err := readParts([]byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return p
}

var ignoreNothing = cmp.AllowUnexported(parts{}, zone{})

// What scan finds is what the reader of iCalendar finds.
func TestScanAgreesWithTheReader(t *testing.T) {
	const event = "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
	for _, c := range []struct {
		text    string
		scanned bool
	}{
		{"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + event + "END:VCALENDAR\r\n", true},
		{"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + event + "END:VCALENDAR", true},
		{strings.ReplaceAll("BEGIN:VCALENDAR\r\n"+event+"END:VCALENDAR\r\n", "\r", ""), true},
		{"begin:vcalendar\r\nbegin:vtimezone\r\ntzid: A \r\nend:vtimezone\r\n" + event + "End:VCalendar\r\n", true},
		{"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID;X=y:A\r\nEND:VTIMEZONE\r\n" + event + "END:VCALENDAR\r\n", false},
		{"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZ\r\n ID:A\r\nEND:VTIMEZONE\r\n" + event + "END:VCALENDAR\r\n", false},
		{"BEGIN:VCALENDAR\r\n" + event + "BEG\r\n IN:VTODO\r\nUID:1\r\nEN\r\n D:VTODO\r\nEND:VCALENDAR\r\n", false},
		{mentioning("DTSTART;TZID=A:20260101T000000", "DTEND;VALUE=DATE-TIME;tzid= B :20260101T000000", "EXDATE;TZID=A:20260101T000000"), true},
		{mentioning("X-A;P=\"q:r\";TZID=\"C:D\":x", "DTSTART;TZID=Europe/Very\r\n Long:20260101T000000", "ATTENDEE;CN=\"Doe: TZID=x\":mailto:a@example.com"), true},
		{mentioning("DTSTART;TZID=x^ny:20260101T000000", "SUMMARY:a;TZID=none:b", "DESCRIPTION:long\r\n ;TZID=none:b", "DTSTART;TZID", "DTEND;TZID=:x"), true},
		{"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nBEGIN:VALARM\r\nTZID:no\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", true},
		{"BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Ber\r\n lin\r\nEND:VTIMEZONE\r\n" + event + "END:VCALENDAR\r\n", false},
		{"BEGIN:VCALENDAR\r\nBEGIN:VEV\r\n ENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", false},
		{strings.ReplaceAll("BEGIN:VCALENDAR\r\n"+event+"END:VCALENDAR\r\n", "\r\n", "\r"), false},
		{"BEGIN:VCALENDAR\r\n" + event, false},
		{"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", false},
		{event, false},
		{"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VCALENDAR\r\n", false},
		{"", false},
	} {
		got := scan([]byte(c.text))
		if (got != nil) != c.scanned {
			t.Errorf("%q: scanned is %t", c.text, got != nil)
		}
		if got == nil {
			continue
		}
		if diff := cmp.Diff(slowParts(t, c.text), got, ignoreNothing); diff != "" {
			t.Errorf("%q: (-reader +scan)\n%s", c.text, diff)
		}
	}
}

// mentioning returns an object with an event and, in an alarm of it, some lines.
func mentioning(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nBEGIN:VALARM\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// objectsOf returns the objects of a text.
func objectsOf(t *testing.T, text string) (out []*calobj.Object) {
	t.Helper()
	s, err := calobj.Split(t.Context(), ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calobj.SplitOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for item, err := range s.Items(t.Context()) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item.Err)
		}
		out = append(out, item.Object)
	}
	return out
}

// exported writes objects as one file.
func exported(t *testing.T, objects []*calobj.Object) string {
	t.Helper()
	w := NewCalendarWriter(t.TempDir())
	for _, o := range objects {
		if err := w.Add(o.Text()); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := w.Close(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What is exported and read again has the same bytes, object by object, and so has the file.
func TestExportRoundTrip(t *testing.T) {
	random := seed.New(t)
	for range 20 {
		text, _ := icaltest.Text(icaltest.Typical(random.Uint64(), 50))
		objects := objectsOf(t, text)
		for _, o := range objects {
			if diff := cmp.Diff(slowParts(t, string(o.Text())), scan(o.Text()), ignoreNothing); diff != "" {
				t.Fatalf("(-reader +scan)\n%s", diff)
			}
		}
		file := exported(t, objects)
		again := objectsOf(t, file)
		if len(again) != len(objects) {
			t.Fatalf("%d objects became %d", len(objects), len(again))
		}
		for i, o := range objects {
			if o.UID != again[i].UID || !sameComponents(o.Text(), again[i]) {
				t.Errorf("object %s differs:\n%s\n%s", o.UID, o.Text(), again[i].Text())
			}
		}
		if exported(t, again) != file {
			t.Error("a second export differs from the first")
		}
		if n := strings.Count(file, "BEGIN:VCALENDAR"); n != 1 {
			t.Errorf("the file has %d calendars", n)
		}
	}
}

// Time zones of one name with different content do not get lost.
func TestZonesOfOneName(t *testing.T) {
	object := func(uid, offset string) []byte {
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:" + offset +
			"\r\nTZOFFSETTO:" + offset + "\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Z:20260302T080000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	}
	var objects []*calobj.Object
	for uid, offset := range map[string]string{"1": "+0100", "2": "+0200", "3": "+0100"} {
		o, err := calobj.Parse(object(uid, offset), calobj.Options{})
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	file := exported(t, objects)
	if n := strings.Count(file, "BEGIN:VCALENDAR"); n != 2 {
		t.Errorf("%d calendars:\n%s", n, file)
	}
	again := objectsOf(t, file)
	byUID := func(a, b *calobj.Object) int { return strings.Compare(a.UID, b.UID) }
	slices.SortFunc(objects, byUID)
	slices.SortFunc(again, byUID)
	for i, o := range objects {
		if got := again[i]; got.UID != o.UID || !got.Index.Start.Equal(o.Index.Start) {
			t.Errorf("%s starts at %s, then at %s", o.UID, o.Index.Start, got.Index.Start)
		}
	}
}

// An object of which something would be lost is left out and named.
func TestUnreadableObject(t *testing.T) {
	const event = "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n"
	for _, c := range []struct {
		name, text    string
		inICS, inJCal bool
	}{
		{"a good one", "BEGIN:VCALENDAR\r\n" + event + "END:VCALENDAR\r\n", true, true},
		{"a broken line", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nno colon\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", true, false},
		{"lines that end with CR", strings.ReplaceAll("BEGIN:VCALENDAR\r\n"+event+"END:VCALENDAR\r\n", "\n", ""), true, true},
		{"no component", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", false, false},
		{"no end of the calendar", "BEGIN:VCALENDAR\r\n" + event, false, false},
		{"no end of the event", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", false, false},
		{"no end of one of two events", "BEGIN:VCALENDAR\r\n" + event + "BEGIN:VEVENT\r\nUID:1\r\nEND:VCALENDAR\r\n", false, false},
		{"a second calendar", "BEGIN:VCALENDAR\r\n" + event + "END:VCALENDAR\r\nBEGIN:VCALENDAR\r\n" + event + "END:VCALENDAR\r\n", false, false},
		{"nothing", "", false, false},
	} {
		var ics, jcal bytes.Buffer
		w, j := NewCalendarWriter(t.TempDir()), NewJCalWriter(&jcal)
		for _, x := range []struct {
			format string
			err    error
			taken  bool
		}{{"ics", w.Add([]byte(c.text)), c.inICS}, {"jcal", j.Add([]byte(c.text)), c.inJCal}} {
			var broken *ObjectError
			if x.taken && x.err != nil || !x.taken && !errors.As(x.err, &broken) {
				t.Errorf("%s: %s: %v", c.name, x.format, x.err)
			}
		}
		if err := errors.Join(w.Close(t.Context(), &ics), j.Close()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(ics.String(), "UID:1"); got != c.inICS {
			t.Errorf("%s: %s", c.name, ics.String())
		}
		if got := strings.Contains(jcal.String(), "uid"); got != c.inJCal {
			t.Errorf("%s: %s", c.name, jcal.String())
		}
	}
}

func TestJCalWriter(t *testing.T) {
	text, _ := icaltest.Text(icaltest.Typical(7, 20))
	objects := objectsOf(t, text)
	var b bytes.Buffer
	w := NewJCalWriter(&b)
	for _, o := range objects {
		if err := w.Add(o.Text()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != len(objects)+2 || !strings.HasPrefix(b.String(), "[\n[\"vcalendar\"") {
		t.Errorf("%d lines for %d objects: %.60s", n, len(objects), b.String())
	}
}

func BenchmarkCalendarWriter(b *testing.B) {
	text, _ := icaltest.Text(icaltest.Typical(7, 2000))
	s, err := calobj.Split(b.Context(), ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calobj.SplitOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var texts [][]byte
	size := 0
	for item, err := range s.Items(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, item.Object.Text())
		size += len(item.Object.Text())
	}
	b.SetBytes(int64(size))
	dir := b.TempDir()
	for b.Loop() {
		w := NewCalendarWriter(dir)
		for _, text := range texts {
			if err := w.Add(text); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
