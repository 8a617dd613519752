package ischedule

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The request is that of the guide, with the headers of the draft added and the
// addresses as given.
func TestRequest(t *testing.T) {
	body := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Test\, Inc.//Test//EN
METHOD:REQUEST
BEGIN:VFREEBUSY
DTSTAMP:20040901T180200Z
ORGANIZER:mailto:cs7user@example.com
DTSTART:20040902T000000Z
DTEND:20040903T000000Z
UID:30313233-3435-4637-b839-616263646566
ATTENDEE:mailto:user1@example.com
ATTENDEE:mailto:%22a%2Cb%22%26%3Dc@example.com
END:VFREEBUSY
END:VCALENDAR
`, "\n", "\r\n")
	for _, bare := range []bool{false, true} {
		d := newDouble(t, answerFor(nsISchedule, "mailto:%s"))
		c := testClient(Options{PRODID: "-//Test, Inc.//Test//EN", UserAgent: "test/1"})
		q := ask("user1@example.com", `"a,b"&=c@example.com`)
		q.Bare = bare
		if _, err := c.FreeBusy(t.Context(), d.at(), q); err != nil {
			t.Fatal(err)
		}
		got := d.requests()[0]
		header := http.Header{
			"User-Agent": {"test/1"}, "Accept-Encoding": {"identity"}, "Content-Length": got.Header["Content-Length"], "Connection": {"close"},
			"Content-Type": {"text/calendar"},
		}
		if !bare {
			header["Content-Type"] = []string{"text/calendar; component=VFREEBUSY; method=REQUEST; charset=utf-8"}
			header["Cache-Control"] = []string{"no-cache, no-transform"}
			header["Ischedule-Version"] = []string{"1.0"}
			header["Ischedule-Message-Id"] = []string{"<30313233-3435-4637-b839-616263646566@example.com>"}
			header["Originator"] = []string{"mailto:cs7user@example.com"}
			header["Recipient"] = []string{"mailto:user1@example.com, mailto:%22a%2Cb%22%26%3Dc@example.com"}
		}
		if diff := cmp.Diff(sent{"POST", "/ischedule/", header, body}, got); diff != "" {
			t.Errorf("bare %v (-want +got):\n%s", bare, diff)
		}
	}
}

func TestAnswerFormats(t *testing.T) {
	known := Recipient{Address: "user1@example.com", Answered: true, Code: "2.0", Text: "Success", HasData: true, Busy: busyDay}
	unknown := Recipient{Address: "nobody@example.com", Answered: true, Code: "3.7", Text: "Invalid calendar user"}
	noStatus := known
	noStatus.Code, noStatus.Text = "", ""
	withStatus := noStatus
	withStatus.Code, withStatus.Text = "2.0", "Success"
	silent := Recipient{Address: "nobody@example.com"}
	day := []string{meeting, tentative, leisure, away}
	for name, c := range map[string]struct {
		script http.HandlerFunc
		form   Form
		want   []Recipient
		others []Recipient
	}{
		"iSchedule":    {answerFor(nsISchedule, "mailto:%s"), FormISchedule, []Recipient{known, unknown}, nil},
		"CalDAV":       {answerFor(nsCalDAV, "<D:href>MAILTO:%s</D:href>"), FormCalDAV, []Recipient{known, unknown}, nil},
		"blanks":       {answerFor(nsISchedule, "\n <C:href>\n mailto:%s </C:href>"), FormISchedule, []Recipient{known, unknown}, nil},
		"no mailto":    {answerFor(nsISchedule, "%s"), FormISchedule, []Recipient{known, unknown}, nil},
		"no namespace": {respond(200, "text/xml", "<schedule-response><response><recipient>MAILTO:USER1@EXAMPLE.COM</recipient><request-status>2.0;Success;x</request-status><calendar-data>"+calendarOf("", day...)+"</calendar-data></response></schedule-response>"), FormPlain, []Recipient{known, silent}, nil},
		"alone":        {respond(200, "text/calendar; charset=utf-8", calendarOf("user1@example.com", day...)), FormCalendar, []Recipient{noStatus, silent}, nil},
		"alone as XML": {respond(200, "text/xml", "\ufeff\r\n"+calendarOf("User1@example.com", append(day, "REQUEST-STATUS:2.0;Success")...)), FormCalendar, []Recipient{withStatus, silent}, nil},
		"alone, several for one": {respond(200, "text/calendar", strings.ReplaceAll("BEGIN:VCALENDAR\n"+component("user1@example.com", meeting, away)+component("user1@example.com", leisure, tentative)+"END:VCALENDAR", "\r\n", "\n")),
			FormCalendar, []Recipient{noStatus, silent}, nil},
		"alone, several objects": {respond(200, "text/calendar", calendarOf("other@example.com", meeting)+calendarOf("user1@example.com", day...)), FormCalendar, []Recipient{noStatus, silent},
			[]Recipient{{Address: "other@example.com", Answered: true, HasData: true, Busy: busyDay[1:2]}}},
		"said twice": {respond(200, "text/xml", "<schedule-response><response><recipient>mailto:nobody@example.com</recipient><request-status>3.7;Invalid calendar user</request-status></response>"+
			"<response><recipient>mailto:nobody@example.com</recipient><request-status>2.0;Success</request-status></response></schedule-response>"),
			FormPlain, []Recipient{{Address: "user1@example.com"}, unknown}, []Recipient{{Address: "nobody@example.com", Answered: true, Code: "2.0", Text: "Success"}}},
		"nobody": {respond(200, "text/xml", "<schedule-response/>"), FormPlain, []Recipient{{Address: "user1@example.com"}, silent}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, c.script)
			a, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com", "nobody@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			want := &Answer{Form: c.form, Recipients: c.want, Others: c.others}
			if diff := cmp.Diff(want, a, cmpopts.IgnoreFields(Answer{}, "Peer")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.URL != d.at() || a.Took <= 0 || len(a.Redirects) != 0 {
				t.Errorf("%+v", a.Peer)
			}
		})
	}
}

// A VFREEBUSY without an attendee belongs to the person asked about, and to nobody
// if the query is about several people.
func TestFreeBusyWithoutAttendee(t *testing.T) {
	d := newDouble(t, respond(200, "text/calendar", calendarOf("", meeting)))
	c := testClient(Options{})
	one, err := c.FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Recipient{{Address: "user1@example.com", Answered: true, HasData: true, Busy: busyDay[1:2]}}, one.Recipients); diff != "" {
		t.Error(diff)
	}
	two, err := c.FreeBusy(t.Context(), d.at(), ask("user1@example.com", "user2@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if two.Recipients[0].Answered || two.Recipients[1].Answered || len(two.Others) != 1 || !two.Others[0].HasData {
		t.Errorf("%+v", two)
	}
	// One with another attendee does not.
	d = newDouble(t, respond(200, "text/calendar", calendarOf("user2@example.com", meeting)))
	if a, err := c.FreeBusy(t.Context(), d.at(), ask("user1@example.com")); err != nil || a.Recipients[0].Answered {
		t.Errorf("%+v, %v", a, err)
	}
	// Neither does one with several.
	d = newDouble(t, respond(200, "text/calendar", calendarOf("user2@example.com", "ATTENDEE:mailto:user1@example.com", meeting)))
	if a, err := c.FreeBusy(t.Context(), d.at(), ask("user1@example.com")); err != nil || a.Recipients[0].Answered || a.Others[0].Problem == "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// Free/busy data that cannot be parsed is reported as a problem.
func TestInvalidData(t *testing.T) {
	const head = `<schedule-response xmlns="` + nsISchedule + `"><response><recipient>mailto:user1@example.com</recipient><request-status>2.0;Success</request-status>`
	xml := func(data string) http.HandlerFunc {
		return respond(200, "application/xml", head+data+"</response></schedule-response>")
	}
	calendar := func(lines ...string) http.HandlerFunc {
		return xml("<calendar-data>" + calendarOf("user1@example.com", lines...) + "</calendar-data>")
	}
	for name, c := range map[string]struct {
		script  http.HandlerFunc
		problem string
		busy    int
		hasData bool
	}{
		"a local time":   {calendar(meeting, "FREEBUSY;TZID=Europe/Paris:20040902T100000/PT1H"), "20040902T100000", 1, true},
		"no period":      {calendar("FREEBUSY:20040902T100000Z,20040902T100000Z/PT1H"), "not a period", 1, true},
		"backwards":      {calendar("FREEBUSY:20040902T100000Z/20040902T090000Z", meeting), "ends before", 1, true},
		"a bad duration": {calendar("FREEBUSY:20040902T100000Z/PT"), "not a duration", 0, true},
		"a long time":    {calendar("FREEBUSY:20040902T100000Z/P99999999W"), "hundred years", 0, true},
		"a strange line": {calendar("FREEBUSY;FBTYPE", meeting), "not an iCalendar line", 1, true},
		"cut short":      {xml("<calendar-data>BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\n" + meeting + "</calendar-data>"), "truncated", 1, true},
		"JSON":           {xml(`<calendar-data content-type="application/calendar+json">["vcalendar"]</calendar-data>`), "application/calendar+json", 0, false},
		"something else": {xml("<calendar-data>hello</calendar-data>"), "not an iCalendar object", 0, false},
		"an event":       {xml("<calendar-data>BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + meeting + "\nEND:VEVENT\nEND:VCALENDAR</calendar-data>"), "no VFREEBUSY", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, c.script).at(), ask("user1@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			got := a.Recipients[0]
			if !strings.Contains(got.Problem, c.problem) || len(got.Busy) != c.busy || got.HasData != c.hasData || got.Code != "2.0" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestReasonsForOnePerson(t *testing.T) {
	d := newDouble(t, respond(200, "application/xml", `<schedule-response xmlns="`+nsISchedule+`"><response><recipient>mailto:user1@example.com</recipient>
		<request-status>3.8;No authority</request-status><error><recipient-denied/></error><response-description>Not `+strings.Repeat("ä", maxText)+`</response-description></response></schedule-response>`))
	a, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	want := Recipient{Address: "user1@example.com", Answered: true, Code: "3.8", Text: "No authority", Reason: "recipient-denied",
		Description: "Not " + strings.Repeat("ä", (maxText-4)/2) + "…"}
	if diff := cmp.Diff([]Recipient{want}, a.Recipients); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The declared encoding of an answer may be wrong.
func TestEncodings(t *testing.T) {
	answer := func(declared, name string) string {
		return `<?xml version="1.0" encoding="` + declared + `"?><schedule-response><response><recipient>mailto:user1@example.com</recipient><response-description>` + name + `</response-description></response></schedule-response>`
	}
	compressed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, answer("utf-8", "Jürgen"))
		_ = z.Close()
	}
	for name, script := range map[string]http.HandlerFunc{
		"Latin-1":              respond(200, "text/xml; charset=iso-8859-1", answer("ISO-8859-1", "J\xfcrgen")),
		"Latin-1 called UTF-8": respond(200, "text/xml; charset=utf-8", answer("utf-8", "J\xfcrgen")),
		"UTF-8 called Latin-1": respond(200, "text/xml; charset=iso-8859-1", answer("ISO-8859-1", "Jürgen")),
		"UTF-8 called klingon": respond(200, "text/xml; charset=klingon; charset", answer("klingon", "Jürgen")),
		"gzip, unasked":        compressed,
	} {
		a, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, script).at(), ask("user1@example.com"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := a.Recipients[0]; got.Description != "Jürgen" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestInvalidQueries(t *testing.T) {
	d := newDouble(t, answerFor(nsISchedule, "mailto:%s"))
	good := ask("user1@example.com")
	for name, change := range map[string]func(*Query){
		"no recipients":         func(q *Query) { q.Recipients = nil },
		"an empty recipient":    func(q *Query) { q.Recipients = []string{""} },
		"no domain":             func(q *Query) { q.Recipients = []string{"user1@"} },
		"a header in it":        func(q *Query) { q.Recipients = []string{"user1@example.com\r\nX: y"} },
		"a header in the other": func(q *Query) { q.Originator = "a\nb@example.com" },
		"no originator":         func(q *Query) { q.Originator = "" },
		"not UTF-8":             func(q *Query) { q.Originator = "a\xff@example.com" },
		"long":                  func(q *Query) { q.Originator = strings.Repeat("a", 320) + "@example.com" },
		"no time":               func(q *Query) { q.End = q.Start },
		"less than a second":    func(q *Query) { q.End = q.Start.Add(time.Millisecond) },
		"a late year":           func(q *Query) { q.End = time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC) },
	} {
		q := good
		change(&q)
		if _, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), q); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := testClient(Options{Rand: strings.NewReader("short")}).FreeBusy(t.Context(), d.at(), good); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("without random bytes: %v", err)
	}
	if n := len(d.requests()); n != 0 {
		t.Errorf("%d of them were sent", n)
	}
}

// A recipient that is listed twice is sent once, and is in the answer twice.
func TestDuplicateRecipient(t *testing.T) {
	d := newDouble(t, answerFor(nsISchedule, "mailto:%s"))
	a, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com", "nobody@example.com", "user1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.requests()[0].Header["Recipient"]; len(got) != 1 || got[0] != "mailto:user1@example.com, mailto:nobody@example.com" {
		t.Errorf("asked about %q", got)
	}
	if diff := cmp.Diff(a.Recipients[0], a.Recipients[2]); diff != "" || !a.Recipients[0].HasData || len(a.Others) != 0 {
		t.Errorf("%+v", a)
	}
}

// The product name is escaped as a text value.
func TestEscapeText(t *testing.T) {
	for text, want := range map[string]string{
		"-//a//EN": "-//a//EN", `a\b;c,d`: `a\\b\;c\,d`, "a\r\nb\nc\rd": `a\nb\ncd`, "a\tb\x00\x7f\x1bc": "a\tbc", "a\xffb": "a\uFFFDb",
	} {
		if got := escapeText(text); got != want {
			t.Errorf("%q is escaped as %q, want %q", text, got, want)
		}
	}
}

// A large legitimate answer stays below all limits: a thousand people, the first
// of whom is busy every minute.
func TestLargeAnswer(t *testing.T) {
	const people, minutes = 1000, 5000
	var q []string
	var lines, body strings.Builder
	for i := range minutes {
		lines.WriteString("FREEBUSY;X-NOTE=\"a<b\":" + at(0, i).Format("20060102T150405Z") + "/PT1M\r\n")
	}
	body.WriteString("<schedule-response><!-- it's " + strings.Repeat("long ", 20_000) + "-->")
	for i := range people {
		q = append(q, fmt.Sprintf("user%d@example.com", i))
		body.WriteString("<response><recipient>mailto:" + q[i] + "</recipient><request-status>2.0;Success</request-status><calendar-data><![CDATA[" + calendarOf(q[i], lines.String()) + "]]></calendar-data></response>")
		lines.Reset()
	}
	body.WriteString("</schedule-response>")
	a, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, respond(200, "text/xml", body.String())).at(), ask(q...))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range a.Recipients {
		want := 0
		if i == 0 {
			want = minutes
		}
		if !r.HasData || r.Problem != "" || len(r.Busy) != want {
			t.Fatalf("%s: %v, %d periods, %q", r.Address, r.HasData, len(r.Busy), r.Problem)
		}
	}
}
