package ischedule

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// fuzzPeople are the recipients in the fuzz tests.
var fuzzPeople = []string{"user1@example.com", "nobody@example.com", "User1@example.com"}

func FuzzAnswer(f *testing.F) {
	response := `<response><recipient>mailto:user1@example.com</recipient><request-status>2.0;Success</request-status><calendar-data><![CDATA[` + calendarOf("user1@example.com", meeting, tentative, away) + `]]></calendar-data></response>`
	for _, body := range []string{
		"", "<html>", "OK", calendarOf("user1@example.com", meeting, tentative, away, leisure), calendarOf("", "REQUEST-STATUS:3.7;x", "FREEBUSY:,/,"),
		`<schedule-response xmlns="` + nsISchedule + `">` + response + response + `</schedule-response>`,
		`<C:schedule-response xmlns:C="` + nsCalDAV + `" xmlns:D="DAV:"><C:response><C:recipient><D:href>MAILTO:x%40y</D:href></C:recipient><C:error><C:a/></C:error></C:response></C:schedule-response>`,
		`<?xml version="1.0" encoding="x"?><error><version-not-supported/><response-description>` + "\xff" + `</response-description></error>`, fullDocument, firstDraft,
	} {
		f.Add([]byte(body), "text/xml")
		f.Add([]byte(body), "text/html; charset")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := &reply{at: "http://x/", status: 200, header: http.Header{"Content-Type": {contentType}}, body: body}
		a, err := readAnswer(r, fuzzPeople, false)
		if err != nil {
			requireValidError(t, err)
			if a != nil {
				t.Fatal("an answer and an error")
			}
			return
		}
		if len(a.Recipients) != len(fuzzPeople) || a.Form == "" {
			t.Fatalf("%+v", a)
		}
		for i, said := range a.Recipients {
			if said.Address != fuzzPeople[i] || said.Answered != a.Recipients[2-i].Answered && i != 1 {
				t.Fatalf("%+v", a)
			}
			requireValidRecipient(t, said)
		}
		for _, said := range a.Others {
			if !said.Answered {
				t.Fatalf("%+v", said)
			}
			requireValidRecipient(t, said)
		}
	})
}

// requireValidRecipient checks the invariants of a Recipient.
func requireValidRecipient(t *testing.T, r Recipient) {
	t.Helper()
	for _, text := range []string{r.Address, r.Code, r.Text, r.Reason, r.Description, r.Problem} {
		if len(text) > 6*maxText+100 {
			t.Fatalf("a text of %d bytes", len(text))
		}
	}
	if !r.Answered && (r.HasData || r.Code != "" || r.Problem != "") || !r.HasData && len(r.Busy) > 0 {
		t.Fatalf("%+v", r)
	}
	for i, p := range r.Busy {
		if p.End.Before(p.Start) || p.Type != Busy && p.Type != Tentative && p.Type != Unavailable || i > 0 && p.Start.Before(r.Busy[i-1].Start) {
			t.Fatalf("%+v", r.Busy)
		}
	}
}

func requireValidError(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Hint == "" || e.Detail == "" || len(e.Detail) > maxText+len("…") || (e.Kind == Rejected) != strings.HasPrefix(e.Detail, "rejected") {
		t.Fatalf("%#v", err)
	}
}

func FuzzCapabilities(f *testing.F) {
	for _, body := range []string{"", fullDocument, firstDraft, "<query-result><a><comp/><version>1</version></a></query-result>"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := readCapabilities(&reply{at: "http://x/", status: 200, header: http.Header{}, body: body})
		if err != nil {
			return
		}
		if c.MaxContentLength < 0 || c.MaxInstances < 0 || c.MaxRecipients < 0 || len(c.Components) > 1000 || len(c.Administrator) > maxText+len("…") {
			t.Fatalf("%+v", c)
		}
	})
}

// Work that grows with the square of the length of an answer would exceed the time
// limit of the test.
func TestHostileAnswersTakeLinearTime(t *testing.T) {
	const n = 256 << 10
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	data := func(text string) string {
		return "<schedule-response><response><recipient>user1@example.com</recipient><calendar-data>BEGIN:VCALENDAR\n" + text + "\nEND:VCALENDAR</calendar-data></response></schedule-response>"
	}
	for name, body := range map[string]string{
		"folds":      data("BEGIN:VFREEBUSY\nFREEBUSY:" + fill("\n ")),
		"commas":     data("BEGIN:VFREEBUSY\nFREEBUSY:" + fill(",") + "\nEND:VFREEBUSY"),
		"components": data(fill("BEGIN:VFREEBUSY\n")),
		"attendees":  data("BEGIN:VFREEBUSY\n" + fill("ATTENDEE:a\n")),
		"parameters": data("BEGIN:VFREEBUSY\nFREEBUSY" + fill(";a=b") + ":x"),
		"quotes":     data("BEGIN:VFREEBUSY\nFREEBUSY;a=" + fill(`"`) + ":x"),
		"alone":      "BEGIN:VCALENDAR\n" + fill("BEGIN:VFREEBUSY\nATTENDEE:user1@example.com\n"),
		"responses":  "<schedule-response>" + strings.Repeat("<response><recipient>user1@example.com</recipient></response>", 20000) + "</schedule-response>",
		"attributes": "<schedule-response " + fill("a='' "),
		"open tags":  fill("<a>"),
		"broken":     "<a>" + fill("\xff"),
		"comments":   fill("<!-- -->"),
		"titles":     "<html>" + fill("<title>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reply{at: "http://x/", status: 200, header: http.Header{}, body: []byte(body)}
			a, err := readAnswer(r, fuzzPeople, false)
			if err != nil {
				requireValidError(t, err)
				return
			}
			for _, said := range a.Recipients {
				requireValidRecipient(t, said)
			}
			if a.Recipients[0].Problem == "" && len(a.Others) == 0 {
				t.Errorf("no problem reported: %+v", a.Recipients[0])
			}
		})
	}
}
