package ischedule

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// captured returns the answer of Cyrus 3.6.1 after line n, counted from 0, of those
// lines of a file that begin with title. Headers with lengths are removed, because
// the captures have lost their carriage returns, and one has lost its end.
func captured(t *testing.T, file, title string, n int) http.HandlerFunc {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	for range n + 1 {
		at := bytes.Index(text, []byte("\n"+title))
		if at < 0 {
			t.Fatalf("%s has no %q", file, title)
		}
		text = text[at+1:]
		text = text[bytes.IndexByte(text, '\n'):]
	}
	text = text[1:]
	for _, next := range []string{"\n=== ", "\n--- ", "\nsed: "} {
		text, _, _ = bytes.Cut(text, []byte(next))
	}
	head, body, _ := strings.Cut(string(text), "\n\n")
	in := textproto.NewReader(bufio.NewReader(strings.NewReader(head + "\n\n")))
	first, err := in.ReadLine()
	if err != nil {
		t.Fatal(err)
	}
	status, err := strconv.Atoi(strings.Fields(first)[1])
	if err != nil {
		t.Fatal(err)
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Content-Length", "Connection", "Upgrade"} {
		header.Del(name)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestCyrusReplies(t *testing.T) {
	people := []string{"u1@example.com", "nobody@example.com", "x@elsewhere.net"}
	stranger := func(address string) Recipient {
		return Recipient{Address: address, Answered: true, Code: "3.7", Text: "Invalid calendar user"}
	}
	known := Recipient{Address: people[0], Answered: true, Code: "2.0", Text: "Success", HasData: true}
	for name, c := range map[string]struct {
		file, title string
		n           int
		people      []string
		want        []Recipient
	}{
		"unknown":        {"cyrus-post-1.txt", "=== POST /ischedule -H", 1, people[:1], []Recipient{stranger(people[0])}},
		"component":      {"cyrus-post-1.txt", "=== with component", 0, people[:1], []Recipient{stranger(people[0])}},
		"known":          {"cyrus-post-2.txt", "=== POST /ischedule -H", 0, people, []Recipient{known, stranger(people[1]), stranger(people[2])}},
		"comma list":     {"cyrus-post-2.txt", "=== POST /ischedule/ -H", 0, people, []Recipient{known, stranger(people[1]), stranger(people[2])}},
		"another person": {"cyrus-post-2.txt", "=== POST /ischedule/ -H", 0, []string{"u2@example.com"}, []Recipient{{Address: "u2@example.com"}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, captured(t, c.file, c.title, c.n)).at(), ask(c.people...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, a.Recipients); diff != "" || a.Form != FormISchedule || a.Version != "1.0" || a.Serial != "1795232912" {
				t.Errorf("%+v (-want +got):\n%s", a.Peer, diff)
			}
		})
	}
}

func TestCyrusRefusals(t *testing.T) {
	for _, c := range []struct {
		file, title string
		n           int
		reason      string
	}{
		{"cyrus-post-1.txt", "=== POST /ischedule/ \n", 0, "version-not-supported"},
		{"cyrus-post-1.txt", "=== POST /ischedule -H", 0, "originator-missing"},
		{"cyrus-post-3.txt", "--- no recipient", 0, "recipient-missing"},
		{"cyrus-post-3.txt", "--- version 2.0", 0, "version-not-supported"},
		{"cyrus-post-3.txt", "--- garbage body", 0, "invalid-calendar-data"},
		{"cyrus-post-3.txt", "--- VFREEBUSY without DTEND", 0, "invalid-calendar-data: Failed iTIP restrictions for DTEND"},
	} {
		_, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, captured(t, c.file, c.title, c.n)).at(), ask("u1@example.com"))
		e := requireError(t, err, Rejected, 400, c.reason)
		if want, _, _ := strings.Cut(c.reason, ":"); e.Reason != want {
			t.Errorf("%s: the reason is %q", c.title, e.Reason)
		}
	}
}

func TestCyrusCapabilities(t *testing.T) {
	const file = "cyrus-capabilities.txt"
	// The well-known URL redirects to the real one, without the query.
	first := captured(t, file, "=== GET /ischedule?action=capabilities", 0)
	var whole http.HandlerFunc = func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RequestURI() {
		case "/.well-known/ischedule?action=capabilities":
			redirectTo(301, "/ischedule")(w, r)
		case "/ischedule?action=capabilities":
			first(w, r)
			// The end that the capture has lost.
			_, _ = io.WriteString(w, "<rscale>ROC</rscale></rscales><max-content-length>2147483647</max-content-length><min-date-time>19011213T204552Z</min-date-time>"+
				"<max-date-time>20380119T031407Z</max-date-time><max-recipients/><administrator/></capabilities></query-result>")
		default:
			captured(t, file, "=== GET /ischedule\n", 0)(w, r)
		}
	}
	d := newDouble(t, whole)
	got, err := testClient(Options{}).Capabilities(t.Context(), d.Server.URL+"/.well-known/ischedule")
	if err != nil {
		t.Fatal(err)
	}
	itip := []string{"REQUEST", "REPLY", "CANCEL"}
	want := &Capabilities{
		SerialNumber: "1795232912", Versions: []string{"1.0"},
		Components:  []Component{{"VEVENT", itip}, {"VTODO", itip}, {"VPOLL", append([]string{"POLLSTATUS"}, itip...)}, {"VFREEBUSY", itip[:1]}},
		DataTypes:   []DataType{{"text/calendar", "2.0"}, {"application/calendar+xml", ""}, {"application/calendar+json", ""}},
		Attachments: []string{"inline"}, MaxContentLength: 1<<31 - 1,
		MinDateTime: time.Unix(-1<<31, 0).UTC(), MaxDateTime: time.Unix(1<<31-1, 0).UTC(),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Capabilities{}, "Peer", "RScales")); diff != "" || len(got.RScales) != 18 || got.URL != d.Server.URL+"/ischedule" {
		t.Errorf("%+v, %d (-want +got):\n%s", got.Peer, len(got.RScales), diff)
	}
	_, err = testClient(Options{}).Capabilities(t.Context(), newDouble(t, first).at())
	requireError(t, err, Truncated, 200)
	_, err = testClient(Options{}).Capabilities(t.Context(), newDouble(t, captured(t, file, "=== GET /ischedule\n", 0)).at())
	requireError(t, err, Other, 400, "400 Bad Request")
}
