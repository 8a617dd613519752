package ischedule

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each kind of bad answer gives its kind, its status and a useful detail.
func TestBadAnswers(t *testing.T) {
	const xml = "application/xml; charset=utf-8"
	whole := `<schedule-response xmlns="` + nsISchedule + `"><response><recipient>mailto:user1@example.com</recipient></response></schedule-response>`
	lol := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><schedule-response><response><recipient>&b;</recipient></response></schedule-response>`
	page := "<!DOCTYPE html>\n<html><head><Title>\n Welcome to\tGlassFish </title></head><body>&nbsp;</body></html>"
	header := func(name, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		script http.HandlerFunc
		kind   Kind
		status int
		words  []string
	}{
		"whitelist":           {respond(403, "text/plain", "no"), Forbidden, 403, []string{"403 Forbidden"}},
		"login":               {respond(401, "text/html", page), Forbidden, 401, []string{"Welcome to GlassFish"}},
		"wrong path":          {respond(404, "text/html", page), NotFound, 404, []string{"404 Not Found", "Welcome to GlassFish"}},
		"no POST":             {respond(405, "text/html", page), NotFound, 405, []string{"405 Method Not Allowed"}},
		"gone":                {respond(410, "", ""), NotFound, 410, nil},
		"broken":              {respond(500, "text/html", page), ServerError, 500, []string{"500"}},
		"proxy":               {respond(504, "", ""), ServerError, 504, nil},
		"no such method":      {respond(501, "", ""), Other, 501, nil},
		"bad request":         {respond(400, "text/plain", "?"), Other, 400, nil},
		"a status of its own": {respond(599, "", ""), ServerError, 599, nil},
		"web page":            {respond(200, "text/html; charset=utf-8", page), HTML, 200, []string{"Welcome to GlassFish"}},
		"web page as XML":     {respond(200, xml, page), HTML, 200, nil},
		"old web page":        {respond(200, xml, "\n<HTML><br>&nbsp;"), HTML, 200, nil},
		"XHTML":               {respond(200, "application/xhtml+xml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><title>t</title></html>`), HTML, 200, nil},
		"commented web page":  {respond(200, "text/html", "<!-- -- --><p><br></p>"), HTML, 200, nil},
		"text web page":       {respond(200, "text/html", "It works"), HTML, 200, nil},
		"empty":               {respond(200, xml, " \r\n"), Malformed, 200, []string{"empty"}},
		"no content":          {respond(204, "", ""), Malformed, 204, nil},
		"text":                {respond(200, "text/plain", "OK\x1b[2J"), Malformed, 200, []string{`OK\x1b[2J`}},
		"another namespace":   {respond(200, xml, strings.ReplaceAll(whole, nsISchedule, "urn:x")), Malformed, 200, []string{"<schedule-response> in the namespace urn:x"}},
		"another document":    {respond(200, xml, `<multistatus xmlns="DAV:"/>`), Malformed, 200, []string{"<multistatus> in the namespace DAV:"}},
		"broken XML":          {respond(200, xml, strings.Replace(whole, "</recipient>", "</r>", 1)), Malformed, 200, nil},
		"two documents":       {respond(200, xml, whole+whole), Malformed, 200, []string{"2 root elements"}},
		"entities":            {respond(200, xml, lol), Malformed, 200, []string{"entity"}},
		"deep":                {respond(200, xml, strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100)), Malformed, 200, []string{"too many elements"}},
		"a long tag":          {respond(200, xml, `<schedule-response a="`+strings.Repeat("'>", maxTag)+`"/>`), Malformed, 200, []string{"attributes"}},
		"many attributes":     {respond(200, xml, "<a>"+strings.Repeat("<a a='' b='' c='' d=''/>", maxAttributes/4+1)+"</a>"), Malformed, 200, []string{"attributes"}},
		"many VFREEBUSY":      {respond(200, "text/calendar", calendarOf("", strings.Repeat("BEGIN:VFREEBUSY\r\n", maxComponents))), Malformed, 200, []string{"more than 10000 VFREEBUSY"}},
		"many elements":       {respond(200, xml, "<schedule-response>"+strings.Repeat("<response/>", maxElements)+"</schedule-response>"), Malformed, 200, nil},
		"an event":            {respond(200, "text/calendar", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR"), Malformed, 200, []string{"no VFREEBUSY"}},
		"unknown encoding":    {header("Content-Encoding", "br", whole), Malformed, 200, []string{`"br"`}},
		"not gzip":            {header("Content-Encoding", "gzip", whole), Malformed, 200, []string{"gzip"}},
		"cut XML":             {respond(200, xml, whole[:len(whole)-30]), Truncated, 200, []string{"truncated"}},
		"cut calendar":        {respond(200, "text/calendar", strings.TrimSuffix(calendarOf("user1@example.com", meeting), "END:VCALENDAR\r\n")), Truncated, 200, nil},
		"cut VFREEBUSY":       {respond(200, "text/calendar", "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\n"+meeting+"\nEND:VCALENDAR"), Truncated, 200, nil},
		"cut second object":   {respond(200, "text/calendar", calendarOf("user1@example.com", meeting)+"BEGIN:VCALENDAR\r\n"), Truncated, 200, nil},
		"shorter than length": {header("Content-Length", "5000", whole), Truncated, 200, nil},
		"rejected":            {respond(403, xml, `<error xmlns="`+nsISchedule+`"><originator-denied/></error>`), Rejected, 403, []string{"originator-denied"}},
		"rejected with 200":   {respond(200, xml, `<C:error xmlns:C="`+nsCalDAV+`"><C:max-recipients/></C:error>`), Rejected, 200, []string{"max-recipients"}},
		"rejected by WebDAV":  {respond(507, xml, `<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>`), Rejected, 507, []string{"quota-not-exceeded"}},
		"rejected in text":    {respond(400, xml, `<error><response-description>Go away</response-description></error>`), Rejected, 400, []string{"without a reason: Go away"}},
		"no Location":         {respond(302, "", ""), Redirect, 302, []string{"without a Location"}},
		"a bad Location":      {redirectTo(307, "http://[::1"), Redirect, 307, nil},
		"a file":              {redirectTo(307, "file:///etc/passwd"), Redirect, 307, []string{"file:///etc/passwd"}},
		"a login":             {redirectTo(307, "http://user:secret@example.com/"), Redirect, 307, []string{"xxxxx"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t, c.script)
			_, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
			e := requireError(t, err, c.kind, c.status, c.words...)
			if e.URL != d.at() {
				t.Errorf("the URL is %s", e.URL)
			}
			if n := len(d.requests()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestHints(t *testing.T) {
	refuse := func(reason string) http.HandlerFunc {
		return respond(400, "application/xml", `<error xmlns="`+nsISchedule+`"><`+reason+`/></error>`)
	}
	for name, c := range map[string]struct {
		script http.HandlerFunc
		bare   bool
		hint   string
	}{
		"whitelist":  {respond(403, "", ""), false, "iSchedule whitelist (service.dav.ischedulewhitelist"},
		"denied":     {refuse("originator-denied"), false, "service.dav.ischedulewhitelist"},
		"wrong path": {respond(404, "", ""), false, `/ischedule/, if service.http.caldavcompatible is "yes"`},
		"bare":       {refuse("version-not-supported"), true, "with the iSchedule headers"},
		"not bare":   {refuse("version-not-supported"), false, "bare form"},
		"redirect":   {redirectTo(301, "/davserver/ischedule/"), false, "map the domain to the URL"},
	} {
		q := ask("user1@example.com")
		q.Bare = c.bare
		_, err := testClient(Options{}).FreeBusy(t.Context(), newDouble(t, c.script).at(), q)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	// Every reason of the draft that an administrator can act on has a hint, too.
	for _, reason := range []string{"originator-invalid", "too-many-originators", "recipient-mismatch", "max-recipients", "max-content-length", "min-date-time", "max-date-time", "max-instances"} {
		if hint := rejectionHint(reason, false); hint == rejectionHint("invalid-calendar-data", false) || len(hint) < 20 {
			t.Errorf("%s: %q", reason, hint)
		}
	}
	// Every kind has its own hint.
	seen := map[string]Kind{}
	for _, kind := range []Kind{DNS, Refused, Timeout, TLS, Redirect, RedirectLoop, Forbidden, NotFound, HTML, TooLarge, Truncated, Malformed, ServerError, Other} {
		if other, ok := seen[hintFor(kind)]; ok {
			t.Errorf("%s and %s have the same hint", kind, other)
		}
		seen[hintFor(kind)] = kind
	}
}

func TestTooLarge(t *testing.T) {
	huge := strings.Repeat(" ", 5000)
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, huge); err != nil {
				return
			}
		}
	}
	for name, script := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "123456789012")
			w.WriteHeader(http.StatusOK)
		},
		"endless": endless,
		"just":    respond(200, "", strings.Repeat(" ", 2001)),
	} {
		_, err := testClient(Options{MaxBody: 2000}).FreeBusy(t.Context(), newDouble(t, script).at(), ask("user1@example.com"))
		if e := requireError(t, err, TooLarge, 200, "longer than 2000 bytes"); t.Failed() {
			t.Errorf("%s: %v", name, e)
		}
	}
	_, err := testClient(Options{MaxBody: 2000}).FreeBusy(t.Context(), newDouble(t, respond(200, "", strings.Repeat(" ", 2000))).at(), ask("user1@example.com"))
	requireError(t, err, Malformed, 200, "empty")
	// An endless header.
	d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", strings.Repeat("x", 4*maxHeader))
	})
	_, err = testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
	requireError(t, err, Other, 0, "exceeded")
}

// A compressed answer is decompressed only up to the maximum length.
func TestCompressionBomb(t *testing.T) {
	const size = 16 << 20
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range size >> 20 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := testClient(Options{MaxBody: 50_000}).FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
	runtime.ReadMemStats(&after)
	requireError(t, err, TooLarge, 200)
	if got := after.TotalAlloc - before.TotalAlloc; got > size/4 {
		t.Errorf("%d bytes were allocated", got)
	}
}

func TestConnections(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String() + "/ischedule/"
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	plain := newDouble(t, respond(200, "", ""))
	secure := &double{}
	secure.Server = httptest.NewUnstartedServer(secure.record(answerFor(nsISchedule, "mailto:%s")))
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	hangsUp := rawServer(t, func(c net.Conn) {})
	resets := rawServer(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	talksTLS := rawServer(t, func(c net.Conn) { _, _ = io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x16") })
	talksNonsense := rawServer(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 smtp.example.com ESMTP\r\n") })
	for name, c := range map[string]struct {
		url   string
		kind  Kind
		words []string
		hint  string
	}{
		"no such host":     {"http://nobody.invalid:8080/ischedule/", DNS, []string{"nobody.invalid"}, "host name"},
		"nothing listens":  {nobody, Refused, []string{"refused"}, "port"},
		"not trusted":      {secure.at(), TLS, []string{"certificate"}, "certificate"},
		"not TLS":          {strings.Replace(plain.at(), "http:", "https:", 1), TLS, nil, "use http"},
		"TLS":              {talksTLS, Malformed, nil, "use https"},
		"hangs up":         {hangsUp, Truncated, []string{"closed the connection"}, "log"},
		"resets":           {resets, Truncated, []string{"closed the connection"}, "log"},
		"not HTTP":         {talksNonsense, Malformed, []string{"not HTTP"}, "another protocol"},
		"not a URL":        {"http://[::1/ischedule/", Other, []string{"not a URL"}, "http://HOST:PORT/ischedule/"},
		"no scheme":        {"cs6.example.com:8080/ischedule/", Other, []string{"not a URL"}, "http://HOST:PORT/ischedule/"},
		"another scheme":   {"ftp://cs6.example.com/", Other, []string{"not a URL"}, "http://HOST:PORT/ischedule/"},
		"no host":          {"http:///ischedule/", Other, []string{"without a host"}, "http://HOST:PORT/ischedule/"},
		"a secret in it":   {"http://me:secret@cs6.example.com/", Other, []string{"contains a user name"}, "http://HOST:PORT/ischedule/"},
		"control in it":    {"http://cs6.example.com/\x1b", Other, []string{"not a URL"}, "http://HOST:PORT/ischedule/"},
		"a port too large": {"http://127.0.0.1:99999/", Other, []string{"99999"}, "http://HOST:PORT/ischedule/"},
	} {
		t.Run(name, func(t *testing.T) {
			client := testClient(Options{})
			_, err := client.FreeBusy(t.Context(), c.url, ask("user1@example.com"))
			if e := requireError(t, err, c.kind, 0, c.words...); !strings.Contains(e.Hint, c.hint) || strings.Contains(e.Error(), "secret") {
				t.Errorf("%v: %s", e, e.Hint)
			}
		})
	}
	// It works once the certificate is trusted.
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	a, err := testClient(Options{TLS: &tls.Config{RootCAs: pool}}).FreeBusy(t.Context(), secure.at(), ask("user1@example.com"))
	if err != nil || !a.Recipients[0].HasData {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = testClient(Options{TLS: &tls.Config{RootCAs: pool, ServerName: "cs6.example.org"}}).FreeBusy(t.Context(), secure.at(), ask("user1@example.com"))
	requireError(t, err, TLS, 0, "cs6.example.org")
}

// A query is sent to another URL only after a status that permits it, and never in
// a loop.
func TestRedirects(t *testing.T) {
	target := newDouble(t, answerFor(nsISchedule, "mailto:%s"))
	for _, status := range []int{301, 302, 303, 307, 308} {
		d := newDouble(t, redirectTo(status, target.at()+"#x"))
		a, err := testClient(Options{}).FreeBusy(t.Context(), d.at(), ask("user1@example.com"))
		if status < 307 {
			requireError(t, err, Redirect, status, target.at(), fmt.Sprint(status))
			continue
		}
		if err != nil {
			t.Errorf("%d: %v", status, err)
			continue
		}
		if diff := cmp.Diff([]string{d.at()}, a.Redirects); diff != "" || a.URL != target.at() || !a.Recipients[0].HasData {
			t.Errorf("%d: %+v", status, a)
		}
	}
	got := target.requests()
	if len(got) != 2 || got[0].Body == "" || got[0].Header.Get("Recipient") != "mailto:user1@example.com" {
		t.Errorf("the target received %+v", got)
	}

	circle := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{"/ischedule/": "/a", "/a": "b", "/b": "/a"}[r.URL.Path]
		redirectTo(307, to)(w, r)
	})
	_, err := testClient(Options{MaxRedirects: 10}).FreeBusy(t.Context(), circle.at(), ask("user1@example.com"))
	base := circle.Server.URL
	requireError(t, err, RedirectLoop, 307, base+"/ischedule/ -> "+base+"/a -> "+base+"/b -> "+base+"/a")

	long := newDouble(t, func(w http.ResponseWriter, r *http.Request) { redirectTo(308, r.URL.Path+"x")(w, r) })
	for most, want := range map[int]int{0: 4, -1: 1, 2: 3} { // most 0 means 3
		before := len(long.requests())
		_, err := testClient(Options{MaxRedirects: most}).FreeBusy(t.Context(), long.at(), ask("user1@example.com"))
		requireError(t, err, Redirect, 308, long.at(), "redirects")
		if n := len(long.requests()) - before; n != want {
			t.Errorf("with MaxRedirects %d: %d requests, want %d", most, n, want)
		}
	}

	secure := httptest.NewTLSServer(redirectTo(307, target.at()))
	t.Cleanup(secure.Close)
	_, err = testClient(Options{TLS: &tls.Config{InsecureSkipVerify: true}}).FreeBusy(t.Context(), secure.URL, ask("user1@example.com"))
	requireError(t, err, Redirect, 307, "from https to http")
	if len(target.requests()) != 2 {
		t.Error("the query was sent again without TLS")
	}
}
