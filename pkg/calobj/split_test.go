package calobj_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// split returns the items of a text, and the codes of the problems of the file.
func split(t testing.TB, text string, limits ical.Limits) (items []*calobj.Item, file []string) {
	t.Helper()
	o := calobj.SplitOptions{Dir: t.TempDir(), Limits: limits, Zones: recur.NewZones(), Report: func(p ical.Problem) { file = append(file, fmt.Sprintf("%d %s", p.Line, p.Code)) }}
	s, err := calobj.Split(t.Context(), ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), o)
	if err != nil {
		t.Fatal(err)
	}
	for item, err := range s.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return items, file
}

// codes returns the lines and codes of the problems of an item.
func codes(item *calobj.Item) (out []string) {
	for _, p := range item.Problems {
		out = append(out, fmt.Sprintf("%d %s", p.Line, p.Code))
	}
	return out
}

// text joins lines with an ending.
func text(ending string, lines ...string) string { return strings.Join(lines, ending) + ending }

// zone returns a time zone with a constant offset.
func zone(name, offset string) []string {
	return []string{"BEGIN:VTIMEZONE", "TZID:" + name, "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:" + offset, "TZOFFSETTO:" + offset, "END:STANDARD", "END:VTIMEZONE"}
}

// An object has its components byte for byte, in the order of the file, with exactly the zones
// that they mention, wherever these are defined.
func TestSplit(t *testing.T) {
	file := text("\r\n", slices.Concat(
		[]string{"BEGIN:VCALENDAR", "PRODID:-//their//EN", "VERSION:2.0", "METHOD:PUBLISH", "X-WR-TIMEZONE:Europe/Madrid", "X-WR-CALNAME:Home"},
		zone("A/A", "+0100"), zone("B/B", "+0200"),
		[]string{"BEGIN:VEVENT", "uid:1", "DTSTAMP:20260101T000000Z", "DTSTART;TZID=A/A:20260302T090000", "RRULE:FREQ=DAILY;COUNT=3", "SUMMARY:fol", " ded", "END:VEVENT"},
		[]string{"BEGIN:VTODO", "UID:2", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000", "BEGIN:VALARM", "TRIGGER;X-A=b:-PT5M", "X-T;TZID=C/C:20260302T090000", "END:VALARM", "END:VTODO"},
		[]string{"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID;TZID=B/B:20260303T100000", "DTSTART:20260303T110000Z", "END:VEVENT"},
		zone("C/C", "+0300"), zone("D/D", "+0300"),
		[]string{"END:VCALENDAR"},
	)...)
	items, problems := split(t, file, ical.Limits{})
	if len(items) != 2 || len(problems) != 0 {
		t.Fatalf("%d items, problems %v", len(items), problems)
	}
	header := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//their//EN"}
	want := []string{
		text("\r\n", slices.Concat(header, zone("A/A", "+0100"), zone("B/B", "+0200"),
			[]string{"BEGIN:VEVENT", "uid:1", "DTSTAMP:20260101T000000Z", "DTSTART;TZID=A/A:20260302T090000", "RRULE:FREQ=DAILY;COUNT=3", "SUMMARY:fol", " ded", "END:VEVENT"},
			[]string{"BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID;TZID=B/B:20260303T100000", "DTSTART:20260303T110000Z", "END:VEVENT"}, []string{"END:VCALENDAR"})...),
		text("\r\n", slices.Concat(header, zone("C/C", "+0300"),
			[]string{"BEGIN:VTODO", "UID:2", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000", "BEGIN:VALARM", "TRIGGER;X-A=b:-PT5M", "X-T;TZID=C/C:20260302T090000", "END:VALARM", "END:VTODO"}, []string{"END:VCALENDAR"})...),
	}
	for i, item := range items {
		if item.Err != nil || string(item.Object.Text()) != want[i] {
			t.Errorf("item %d: error %v, text\n%s", i, item.Err, item.Object.Text())
		}
		if item.TimeZone != "Europe/Madrid" || !slices.Equal(codes(item), []string{fmt.Sprintf("%d method-dropped", item.Line)}) {
			t.Errorf("item %d: zone %s, problems %v", i, item.TimeZone, codes(item))
		}
	}
	if first := items[0]; first.UID != "1" || first.Type != "VEVENT" || first.Line != 23 || first.Object.UID != "1" || !first.Object.Index.Recurring || first.Object.Index.Floating {
		t.Errorf("the first item is %+v", first)
	}
	if second := items[1]; second.Type != "VTODO" || !second.Object.Index.Floating {
		t.Errorf("the second item is %+v", second)
	}
}

// Each calendar of a file has zones of its own, and the lines of problems are those of the
// file.
func TestSplitCalendars(t *testing.T) {
	of := func(product, offset, uid string, more ...string) []string {
		return slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:6.0", product}, zone("Z", offset), []string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z", "DTSTART;TZID=Z:20260302T090000"}, more, []string{"END:VEVENT", "END:VCALENDAR"})
	}
	items, problems := split(t, text("\n", slices.Concat(of("PRODID:x", "+0100", "1"), of("X-NONE:y", "+0200", "2", "DTEND;TZID=Z:20260301T090000"), of("PRODID:x", "+0300", "1", "RECURRENCE-ID:20260302T080000Z"))...), ical.Limits{})
	if len(items) != 2 || items[0].Err != nil || items[1].Err != nil {
		t.Fatal(items)
	}
	if hour := items[0].Object.Index.Start.Hour(); hour != 8 {
		t.Errorf("the first event starts at %d", hour)
	}
	if hour := items[1].Object.Index.Start.Hour(); hour != 7 {
		t.Errorf("the second event starts at %d", hour)
	}
	if got := items[1].Object.Text(); bytes.Contains(got, []byte("\r")) || !bytes.Contains(got, []byte("PRODID:-//davadmin//")) || !bytes.HasPrefix(got, []byte("BEGIN:VCALENDAR\nVERSION:2.0\n")) {
		t.Errorf("the text is %q", got)
	}
	if got := codes(items[0]); !slices.Equal(got, []string{"47 zones-differ"}) {
		t.Errorf("the problems are %v", got)
	}
	if want := []string{"1 version-replaced", "18 version-replaced", "36 version-replaced"}; !slices.Equal(problems, want) {
		t.Errorf("the problems of the file are %v, want %v", problems, want)
	}
	found := false
	for _, p := range items[1].Object.Problems {
		found = found || p.Line == 33 && p.Property == "DTEND"
	}
	if !found {
		t.Errorf("no problem names line 33: %v", items[1].Object.Problems)
	}
}

// Of two masters, or two overrides of one instance, the newer one is kept.
func TestSplitDuplicates(t *testing.T) {
	v := func(uid, summary string, lines ...string) []string {
		return slices.Concat([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTART:20260302T090000Z", "SUMMARY:" + summary}, lines, []string{"END:VEVENT"})
	}
	for name, c := range map[string]struct {
		components [][]string
		kept       []string // summaries
		want       []string // problems
	}{
		"by sequence":       {[][]string{v("1", "new", "SEQUENCE:2", "DTSTAMP:20200101T000000Z"), v("1", "old", "SEQUENCE:1", "DTSTAMP:20260101T000000Z")}, []string{"new"}, []string{"10 duplicate-older"}},
		"by time of change": {[][]string{v("1", "old", "SEQUENCE:1", "LAST-MODIFIED:20200101T000000Z"), v("1", "new", "SEQUENCE:1", "LAST-MODIFIED:20260101T000000Z")}, []string{"new"}, []string{"3 duplicate-older"}},
		"by stamp":          {[][]string{v("1", "new", "DTSTAMP:20260101T000000Z"), v("1", "old", "DTSTAMP:20200101T000000Z")}, []string{"new"}, []string{"9 duplicate-older"}},
		"the later one":     {[][]string{v("1", "a"), v("1", "b")}, []string{"b"}, []string{"3 duplicate-older"}},
		"the same":          {[][]string{v("1", "a"), v("1", "a")}, []string{"a"}, []string{"8 duplicate"}},
		"overrides":         {[][]string{v("1", "master"), v("1", "x", "RECURRENCE-ID:20260303T090000Z", "SEQUENCE:1"), v("1", "y", "RECURRENCE-ID:20260303T090000Z")}, []string{"master", "x"}, []string{"15 duplicate-older"}},
		"other instances":   {[][]string{v("1", "x", "RECURRENCE-ID:20260303T090000Z"), v("1", "master"), v("1", "y", "RECURRENCE-ID:20260304T090000Z")}, []string{"x", "master", "y"}, nil},
		"another type":      {[][]string{v("1", "a"), {"BEGIN:VTODO", "UID:1", "SUMMARY:b", "END:VTODO"}}, []string{"a"}, []string{"8 type-differs"}},
	} {
		items, _ := split(t, text("\n", slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0"}, slices.Concat(c.components...), []string{"END:VCALENDAR"})...), ical.Limits{})
		if len(items) != 1 || items[0].Err != nil {
			t.Errorf("%s: %v", name, items)
			continue
		}
		var kept []string
		for _, child := range items[0].Object.Calendar.Components {
			kept = append(kept, child.Value("SUMMARY"))
		}
		if !slices.Equal(kept, c.kept) || !slices.Equal(codes(items[0]), c.want) {
			t.Errorf("%s: kept %v with %v; want %v with %v", name, kept, codes(items[0]), c.kept, c.want)
		}
	}
}

// A component without a UID gets one that depends on nothing but its content.
func TestSplitMakesUIDs(t *testing.T) {
	v := func(lines ...string) []string {
		return slices.Concat([]string{"BEGIN:VEVENT", "DTSTART:20260302T090000Z"}, lines, []string{"END:VEVENT"})
	}
	of := func(components ...[]string) []*calobj.Item {
		items, _ := split(t, text("\r\n", slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0"}, slices.Concat(components...), []string{"END:VCALENDAR"})...), ical.Limits{})
		return items
	}
	first := of(v("SUMMARY:a", "DTSTAMP:20260101T000000Z"), v("SUMMARY:b", "UID:"), v("SUMMARY:a", "DTSTAMP:20260202T000000Z"))
	if len(first) != 2 || len(first[0].UID) != 36 || first[0].UID == first[1].UID || first[0].Object.UID != first[0].UID || first[1].Object.UID != first[1].UID {
		t.Fatalf("the items are %+v %+v", first[0], first[1])
	}
	if got := codes(first[0]); !slices.Equal(got, []string{"3 uid-made", "3 duplicate-older"}) {
		t.Errorf("the problems are %v", got)
	}
	again := of(v("SUMMARY:b"), v("SUMMARY:a", "DTSTAMP:20270101T000000Z"))
	if again[0].UID != first[1].UID || again[1].UID != first[0].UID {
		t.Errorf("another export has the UIDs %s and %s", again[0].UID, again[1].UID)
	}
	if !bytes.Contains(first[1].Object.Text(), []byte("\r\nSUMMARY:b\r\n")) || bytes.Count(first[1].Object.Text(), []byte("UID:")) != 1 {
		t.Errorf("the text is %q", first[1].Object.Text())
	}
}

// What is wrong with one component does not touch its neighbours, and is reported.
func TestSplitKeepsNeighbours(t *testing.T) {
	file := text("\r\n", "BEGIN:VCALENDAR", "VERSION:2.0",
		"BEGIN:VEVENT", "UID:1", "DTSTART:20260302T090000Z", "DESCRIPTION:a", "b stray line", "END:VEVENT",
		"BEGIN:X-THING", "UID:2", "END:X-THING",
		"BEGIN:VEVENT", "UID:3", "DTSTART:20260302T090000Z", "SUMMARY;ENCODING=QUOTED-PRINTABLE:M=C3=BCll=0D=0Ax", "END:VEVENT",
		"BEGIN:VEVENT", "UID:"+strings.Repeat("4", 2000), "DTSTART:20260302T090000Z", "END:VEVENT",
		"BEGIN:VEVENT", "UID:5", "DTSTART:20260302T090000Z", "END:VEVENT", "END:VCALENDAR")
	items, problems := split(t, file, ical.Limits{})
	var uids []string
	for _, item := range items {
		if item.Err == nil {
			uids = append(uids, item.UID)
		}
	}
	if !slices.Equal(uids, []string{"1", "3", "5"}) || len(items) != 4 {
		t.Fatalf("the objects are %v", uids)
	}
	var refused *calobj.RefusedError
	if bad := items[2]; !errors.As(bad.Err, &refused) || bad.Line != 17 || refused.Problems[0].Line != 17 || bad.Object != nil {
		t.Errorf("the long UID: %+v", bad)
	}
	if got := items[1].Object.Calendar.Components[0].Get("SUMMARY").Text(); got != "Müll\nx" || !slices.Contains(codes(items[1]), "12 quoted-printable-decoded") {
		t.Errorf("the decoded text is %q, problems %v", got, codes(items[1]))
	}
	if !slices.Contains(problems, "9 type-unknown") || !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, "7 ") }) {
		t.Errorf("the problems of the file are %v", problems)
	}
}

// Lines that end with CR only become lines that all programs read.
func TestSplitLinesOfCR(t *testing.T) {
	items, _ := split(t, text("\r", "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", "DTSTART:20260302T090000Z", "SUMMARY:Lunch", "  and more", "END:VEVENT", "END:VCALENDAR"), ical.Limits{})
	if len(items) != 1 || items[0].Err != nil {
		t.Fatalf("%+v", items)
	}
	if got := items[0].Object.Calendar.String(); !strings.Contains(got, "SUMMARY:Lunch\r\n  and more\r\nEND:VEVENT\r\n") {
		t.Errorf("%q", got)
	}
}

// A file that ends too early, or whose source fails, gives nothing.
func TestSplitIncomplete(t *testing.T) {
	whole := text("\r\n", "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", "DTSTART:20260302T090000Z", "END:VEVENT", "END:VCALENDAR")
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"no end of the calendar": {t.Context(), strings.NewReader(strings.TrimSuffix(whole, "END:VCALENDAR\r\n")), nil},
		"no calendar":            {t.Context(), strings.NewReader("hello"), nil},
		"a source that fails":    {t.Context(), io.MultiReader(strings.NewReader(whole), failing{broken}), broken},
		"a context that ended":   {ended, strings.NewReader(whole), context.Canceled},
	} {
		s, err := calobj.Split(c.ctx, ical.NewReader(c.r, ical.Options{Lenient: true}), calobj.SplitOptions{Dir: t.TempDir()})
		if s != nil || err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, error %v", name, s, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// An object that grows over the limit is one error, whatever its parts.
func TestSplitLimits(t *testing.T) {
	var components []string
	for i := range 50 {
		components = append(components, "BEGIN:VEVENT", "UID:1", fmt.Sprintf("RECURRENCE-ID:202603%02dT090000Z", i%28+1), fmt.Sprint("SEQUENCE:", i), "DTSTART:20260302T090000Z", "SUMMARY:"+strings.Repeat("x", 60), "END:VEVENT")
	}
	file := text("\n", slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0"}, components, []string{"BEGIN:VEVENT", "UID:2", "DTSTART:20260302T090000Z", "END:VEVENT", "END:VCALENDAR"})...)
	items, _ := split(t, file, ical.Limits{Size: 2000})
	var refused *calobj.RefusedError
	if len(items) != 2 || !errors.As(items[0].Err, &refused) || refused.Precondition != calobj.MaxResourceSize || items[1].Err != nil {
		t.Errorf("the items are %+v, %+v", items[0], items[1])
	}
}

// A generated file has as many objects as UIDs, each of them valid, and every component is in
// one of them as it was.
func TestSplitGenerated(t *testing.T) {
	file, counts := icaltest.Text(icaltest.Typical(seed.New(t).Uint64(), 2000))
	items, _ := split(t, file, ical.Limits{})
	components := 0
	for _, item := range items {
		if item.Err != nil {
			t.Fatal(item.Err)
		}
		for _, c := range item.Object.Calendar.Components {
			if !strings.Contains(file, c.String()) {
				t.Fatalf("this is not in the file:\n%s", c)
			}
			if c.Name == item.Type {
				components++
			}
		}
		if _, err := calobj.Parse(item.Object.Text(), options(false)); err != nil {
			t.Fatalf("a strict reading: %v\n%s", err, item.Object.Text())
		}
	}
	if len(items) != counts.UIDs || components != counts.Events {
		t.Errorf("%d objects with %d components, want %d with %d", len(items), components, counts.UIDs, counts.Events)
	}
}

// Memory does not grow with the file.
func TestSplitMemory(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		_, err := icaltest.Write(w, icaltest.Typical(1, 30_000))
		_ = w.CloseWithError(err)
	}()
	zones := recur.NewZones()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, err := calobj.Split(t.Context(), ical.NewReader(r, ical.Options{Lenient: true}), calobj.SplitOptions{Dir: t.TempDir(), Zones: zones})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, most := 0, uint64(0)
	for item, err := range s.Items(t.Context()) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item)
		}
		if n++; n%10_000 == 1 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	if grown := int64(most) - int64(before.HeapAlloc); n < 25_000 || grown > 12<<20 {
		t.Errorf("%d objects of 14 MB took %d KiB of memory", n, grown>>10)
	}
}
