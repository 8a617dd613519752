package ask

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

// day is the window of the tests.
var day = freebusy.Window{Start: at(0), End: at(24)}

func at(hour int) time.Time { return time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC) }

// meeting is the busy period that every server of the tests reports.
var meeting = freebusy.Period{Start: at(9), End: at(10), Kind: freebusy.Busy}

// oldServer is a scripted server that answers iSchedule. Its refuse, if set, decides about a
// request with these recipients; an empty status continues with the usual answer.
type oldServer struct {
	*httptest.Server
	refuse func(n int, people []string) (status int, body string)
	mu     sync.Mutex
	asked  [][]string
}

func newOldServer(t *testing.T) *oldServer {
	s := &oldServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

// requests returns the recipients of each request so far.
func (s *oldServer) requests() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// answer answers for each recipient: "late" people have data that is damaged, "nobody" is
// unknown, and "silent" is not mentioned.
func (s *oldServer) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var people []string
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n ", ""), "\r\n") {
		if address, ok := strings.CutPrefix(line, "ATTENDEE:mailto:"); ok {
			people = append(people, address)
		}
	}
	s.mu.Lock()
	s.asked = append(s.asked, people)
	n := len(s.asked)
	s.mu.Unlock()
	if s.refuse != nil {
		if status, text := s.refuse(n, people); status != 0 {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = io.WriteString(w, `<schedule-response xmlns="urn:ietf:params:xml:ns:ischedule">`)
	for _, address := range people {
		name, _, _ := strings.Cut(address, "@")
		line := "FREEBUSY:20260302T090000Z/20260302T100000Z"
		switch name {
		case "silent":
			continue
		case "nobody":
			fmt.Fprintf(w, `<response><recipient>mailto:%s</recipient><request-status>3.7;Invalid calendar user</request-status></response>`, address)
			continue
		case "late":
			line += "\r\nFREEBUSY:20260302T110000Z/whenever"
		}
		fmt.Fprintf(w, `<response><recipient>mailto:%s</recipient><request-status>2.0;Success</request-status><calendar-data>`+
			"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nMETHOD:REPLY\r\nBEGIN:VFREEBUSY\r\nDTSTAMP:20260301T000000Z\r\nUID:1\r\n"+
			"DTSTART:20260302T000000Z\r\nDTEND:20260303T000000Z\r\nATTENDEE:mailto:%s\r\n%s\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"+
			`</calendar-data></response>`, address, address, line)
	}
	_, _ = io.WriteString(w, "</schedule-response>")
}

// options returns options under which the domain of an address decides the side: local
// people are at here.example, those at a key of servers are on the old server with this URL,
// and everybody else is external.
func options(servers map[string]string) Options {
	return Options{
		Decide: func(_ context.Context, address string) (*route.Decision, error) {
			_, domain, ok := strings.Cut(address, "@")
			if !ok {
				return nil, fmt.Errorf("%w: '%s'", route.ErrAddress, address)
			}
			d := &route.Decision{Address: address, Side: route.External}
			if url, ok := servers[domain]; ok {
				d.Side, d.URL = route.OldServer, url
			}
			switch domain {
			case "here.example":
				d.Side = route.Local
			case "twice.example":
				d.Side = route.Ambiguous
			case "unmapped.example":
				d.Side, d.NoURL = route.OldServer, "the domain map has no line"
			}
			return d, nil
		},
		Local: func(context.Context, *route.Decision, freebusy.Window) ([]freebusy.Period, error) {
			return []freebusy.Period{meeting}, nil
		},
		Peers: ischedule.New(ischedule.Options{ConnectTimeout: time.Second, ReadTimeout: time.Second}),
		Pause: time.Millisecond,
	}
}

// mustAsk returns the results of People, which may not fail.
func mustAsk(t *testing.T, o Options, addresses ...string) []Result {
	t.Helper()
	results, err := People(t.Context(), o, addresses, day)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(addresses) {
		t.Fatalf("%d results for %d people", len(results), len(addresses))
	}
	for i, r := range results {
		if r.Address != addresses[i] {
			t.Errorf("result %d is about %s, not %s", i, r.Address, addresses[i])
		}
	}
	return results
}
