package ischedule

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sent is a request as the double received it.
type sent struct {
	Method, URI string
	Header      http.Header
	Body        string
}

// double is a test double of a Calendar Server 6 that runs a handler.
type double struct {
	*httptest.Server
	mu   sync.Mutex
	seen []sent
}

// at returns the iSchedule URL, as written in the guide.
func (d *double) at() string { return d.Server.URL + "/ischedule/" }

// requests returns the requests received so far.
func (d *double) requests() []sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// newDouble starts a server that answers every request with script.
func newDouble(t testing.TB, script http.HandlerFunc) *double {
	t.Helper()
	d := &double{}
	d.Server = httptest.NewServer(d.record(script))
	t.Cleanup(d.Close)
	return d
}

func (d *double) record(script http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		d.mu.Lock()
		d.seen = append(d.seen, sent{r.Method, r.URL.RequestURI(), r.Header, string(body)})
		d.mu.Unlock()
		script(w, r)
	})
}

// respond returns a handler that always gives the same answer.
func respond(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// redirectTo returns a handler that redirects to another URL.
func redirectTo(status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

// calendarOf returns the free/busy object of a person, with the given lines.
func calendarOf(address string, lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//Calendar Server 6//EN\r\nMETHOD:REPLY\r\n" + component(address, lines...) + "END:VCALENDAR\r\n"
}

func component(address string, lines ...string) string {
	text := "BEGIN:VFREEBUSY\r\nDTSTAMP:20040901T200200Z\r\nUID:34222-232@example.com\r\nDTSTART:20040902T000000Z\r\nDTEND:20040903T000000Z\r\n"
	if address != "" {
		text += "ATTENDEE;CN=\"Last, First: x\":mailto:" + address + "\r\n"
	}
	for _, line := range lines {
		text += line + "\r\n"
	}
	return text + "END:VFREEBUSY\r\n"
}

// Free/busy lines of one day.
const (
	meeting   = "FREEBUSY:20040902T100000Z/20040902T113000Z"
	tentative = "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20040902T080000Z/PT1H30M,20040902T\r\n 200000Z/PT5M"
	away      = "FREEBUSY;X-A=\"b;c:d\";FBTYPE=BUSY-UNAVAILABLE:20040902T220000Z/P1D"
	leisure   = "FREEBUSY;FBTYPE=FREE:20040902T120000Z/PT1H"
)

func at(hour, minute int) time.Time { return time.Date(2004, 9, 2, hour, minute, 0, 0, time.UTC) }

// busyDay contains the busy periods of the four lines above.
var busyDay = []Period{
	{at(8, 0), at(9, 30), Tentative},
	{at(10, 0), at(11, 30), Busy},
	{at(20, 0), at(20, 5), Tentative},
	{at(22, 0), at(46, 0), Unavailable},
}

// attendees returns the attendees of a request.
func attendees(body string) []string {
	var all []string
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n ", ""), "\r\n") {
		if address, ok := strings.CutPrefix(line, "ATTENDEE:mailto:"); ok {
			all = append(all, address)
		}
	}
	return all
}

// answerFor returns a handler that answers for each attendee, in the given
// namespace and with the given notation of a recipient. Only addresses that begin
// with user are known.
func answerFor(namespace, recipient string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.Header().Set("iSchedule-Version", "1.0")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><C:schedule-response xmlns:C=%q xmlns:D="DAV:" xmlns:x="urn:x">`, namespace)
		for _, address := range attendees(string(body)) {
			status, data := "3.7;Invalid calendar user", ""
			if strings.HasPrefix(address, "user") {
				status = "2.0;Success"
				data = "<C:calendar-data><![CDATA[" + calendarOf(address, meeting, tentative, leisure, away) + "]]></C:calendar-data>"
			}
			fmt.Fprintf(w, "\n<C:response><x:other><C:request-status>9.9;No</C:request-status></x:other><C:recipient>"+recipient+
				"</C:recipient><C:request-status>%s</C:request-status>%s</C:response>", address, status, data)
		}
		_, _ = io.WriteString(w, "</C:schedule-response>\n")
	}
}

// testClient returns a client with a fixed clock and fixed ids.
func testClient(o Options) *Client {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Date(2004, 9, 1, 20, 2, 0, 5, time.FixedZone("", 7200)) }
	}
	if o.Rand == nil {
		o.Rand = strings.NewReader(strings.Repeat("0123456789abcdef", 10))
	}
	return New(o)
}

// ask returns the query of the guide for these people.
func ask(people ...string) Query {
	return Query{Originator: "cs7user@example.com", Recipients: people, Start: at(0, 0), End: at(24, 0)}
}

// requireError checks the kind and status of an error, that it contains the words,
// and that its hint is one line of at least 20 bytes.
func requireError(t *testing.T, err error, kind Kind, status int, words ...string) *Error {
	t.Helper()
	e, ok := err.(*Error) //nolint:errorlint // it must be this type itself
	if !ok {
		t.Fatalf("%v is a %T, not an *Error", err, err)
	}
	if diff := cmp.Diff([]any{kind, status}, []any{e.Kind, e.Status}); diff != "" {
		t.Errorf("%v (-want +got):\n%s", e, diff)
	}
	for _, word := range words {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("%q does not contain %q", e, word)
		}
	}
	if len(e.Hint) < 20 || strings.ContainsAny(e.Hint, "\r\n") {
		t.Errorf("the hint is %q", e.Hint)
	}
	return e
}
