package busyview

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/freebusy"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// office are the working hours of the tests.
func office(z *time.Location) freebusy.Hours {
	return freebusy.Hours{Zone: z, From: 9 * time.Hour, To: 17 * time.Hour, Days: [7]bool{false, true, true, true, true, true, false}}
}

// text returns a page as text.
func text(t *testing.T, p *Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func colleagues(t *testing.T) *Page {
	berlin := zone(t, "Europe/Berlin")
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, berlin) }
	return &Page{
		Start: at(0, 0), End: at(24, 0), Zone: berlin, Cell: 30 * time.Minute, Work: office(berlin),
		People: []Person{
			{Name: "ann@example.com", Busy: []freebusy.Period{{Start: at(9, 0), End: at(10, 15), Kind: freebusy.Busy}, {Start: at(10, 0), End: at(12, 0), Kind: freebusy.Tentative}}},
			{Name: "bob@old.example.com", Busy: []freebusy.Period{{Start: at(13, 0), End: at(15, 0), Kind: freebusy.Unavailable}, {Start: at(-4, 0), End: at(1, 0), Kind: freebusy.Busy}}},
			{Name: "zoe@far.example", Busy: []freebusy.Period{{Start: at(0, 0), End: at(24, 0), Kind: freebusy.Unknown}}, Note: "not in the directory"},
		},
		Common: []freebusy.Window{{Start: at(12, 0), End: at(13, 0)}},
	}
}

func TestAPageOfThreePeople(t *testing.T) {
	t.Parallel()
	want := `Time zone: Europe/Berlin

Monday, 2026-03-02
                     00    03    06    09    12    15    18    21
ann@example.com     |                  ###~~~..........              |
bob@old.example.com |##                ........xxxx....              |
zoe@far.example     |????????????????????????????????????????????????|

# busy  ~ tentative  x unavailable  ? unknown  . free in working hours
zoe@far.example: not in the directory

Common free times:
  Mon 2026-03-02 12:00 to 13:00 +01:00
`
	if diff := cmp.Diff(want, text(t, colleagues(t))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsOutsideOfThePageIsNotFree(t *testing.T) {
	t.Parallel()
	p := colleagues(t)
	p.Start, p.End, p.People = p.Start.Add(10*time.Hour), p.Start.Add(34*time.Hour), p.People[:1]
	got := text(t, p)
	for _, line := range []string{
		"ann@example.com |??????????????????###~~~..........              |", // busy times outside are still shown
		"ann@example.com |                  ..????????????????????????????|",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing from\n%s", line, got)
		}
	}
}

func TestADayOnWhichTheClocksChangeHasAnotherLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone         string
		year, month  int
		date, length int
	}{
		{"Europe/Berlin", 2026, 3, 29, 23},
		{"Europe/Berlin", 2026, 10, 25, 25},
		{"America/Sao_Paulo", 2018, 11, 4, 23}, // the day begins at one o'clock
		{"America/Sao_Paulo", 2018, 11, 3, 24},
		{"Australia/Lord_Howe", 2026, 4, 5, 25}, // by half an hour: the last cell is a part of an hour
	} {
		z := zone(t, c.zone)
		noon := time.Date(c.year, time.Month(c.month), c.date, 12, 0, 0, 0, z)
		p := &Page{Start: noon, End: noon.Add(time.Minute), Zone: z, Cell: time.Hour, Work: office(z), People: []Person{{Name: "a"}}}
		n := 0
		for d := range p.days() {
			n++
			if cells := p.kinds(d, &p.People[0]); len(cells) != c.length || d.start.Day() != c.date || !d.start.Before(noon) || !d.end.After(noon) {
				t.Errorf("%s, %s: %d cells from %s to %s", c.zone, noon, len(cells), d.start, d.end)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d days", c.zone, n)
		}
	}
}

// TestCellsAgreeWithASlowModel compares each cell with a search through all periods.
func TestCellsAgreeWithASlowModel(t *testing.T) {
	t.Parallel()
	random := seed.New(t)
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "America/Sao_Paulo"), zone(t, "Asia/Kathmandu")}
	for range 400 {
		begin := time.Date(2016+random.IntN(12), time.Month(1+random.IntN(12)), 1+random.IntN(28), random.IntN(24), random.IntN(60), 0, 0, time.UTC)
		p := &Page{Start: begin, End: begin.Add(time.Duration(1+random.IntN(5000)) * time.Minute), Zone: zones[random.IntN(len(zones))], Cell: 15 * time.Minute}
		var who Person
		for range random.IntN(8) {
			start := begin.Add(time.Duration(random.IntN(6000)-600) * time.Minute)
			who.Busy = append(who.Busy, freebusy.Period{Start: start, End: start.Add(time.Duration(random.IntN(300)) * time.Minute), Kind: freebusy.Kind(1 + random.IntN(4))})
		}
		var last time.Time
		for d := range p.days() {
			if !last.IsZero() && !d.start.Equal(last) {
				t.Fatalf("a gap between the days, from %s to %s", last, d.start)
			}
			last = d.end
			for i, got := range p.kinds(d, &who) {
				start, end := d.start.Add(time.Duration(i)*p.Cell), d.start.Add(time.Duration(i+1)*p.Cell)
				want := freebusy.Free
				if start.Before(p.Start) || min(end.Unix(), d.end.Unix()) > p.End.Unix() {
					want = freebusy.Unknown
				}
				for _, b := range who.Busy {
					if b.Start.Before(end) && b.Start.Before(d.end) && b.End.After(start) && b.End.After(b.Start) {
						want = max(want, b.Kind)
					}
				}
				if got != want {
					t.Fatalf("%s in %s: %s instead of %s", start, p.Zone, got, want)
				}
			}
		}
		if last.Before(p.End) {
			t.Fatalf("the last day ends at %s, before %s", last, p.End)
		}
	}
}

func TestHostileTextDoesNoHarm(t *testing.T) {
	t.Parallel()
	p := colleagues(t)
	p.People[0].Name = "<script>alert(1)</script>\x1b[2J\u202e" + strings.Repeat("n", 5000)
	p.People[0].Note = "</p><img src=x onerror=alert(1)>\r\nann: free"
	if got := text(t, p); strings.ContainsAny(got, "\x1b\r\u202e") || strings.Contains(got, "\nann: free") {
		t.Errorf("%q", got)
	}
	var b strings.Builder
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "<script") || strings.Contains(got, "<img") || strings.Contains(got, "http://") || strings.Contains(got, "ZgotmplZ") {
		t.Errorf("%s", got)
	}
}

func TestTheWebPageShowsTheSamePeople(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := colleagues(t)
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"Time zone: Europe/Berlin", `class="busy" title="busy: Mon 2026-03-02 09:00 to 10:15 &#43;01:00" style="left:37.5%;width:5.208333333333336%"`,
		`class="unknown" title="unknown: Mon 2026-03-02 00:00 to 2026-03-03 00:00 &#43;01:00" style="left:0%;width:100%"`, "zoe@far.example: not in the directory", "<li>Mon 2026-03-02 12:00 to 13:00 &#43;01:00</li>",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is missing from\n%s", part, b.String())
		}
	}
	p.Common, p.CommonNote = nil, "not known, because one person is unknown"
	b.Reset()
	if err := p.WriteHTML(&b); err != nil || !strings.Contains(b.String(), "<p>not known, because one person is unknown</p>") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
