package ischedule

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	wcapPath     = "/davserver/wcap/get_freebusy.wcap"
	wcapQuestion = "calid=mailto:user1%40example.com&dtstart=20040902T000000Z&dtend=20040903T000000Z&fmt-out=text/calendar&busyonly=0"
)

// wcap returns the URL of get_freebusy.wcap, with the path of Calendar Server 7.
func (d *double) wcap() string { return d.Server.URL + wcapPath }

// wcapOf returns an answer with properties of the object before and after its
// components.
func wcapOf(before, components, after string) string {
	return "BEGIN:VCALENDAR\r\nPRODID:-//SunONE/Calendar Hosting Server//EN\r\nMETHOD:PUBLISH\r\nVERSION:2.0\r\n" + before + components + after + "END:VCALENDAR\r\n"
}

const (
	errnoOK   = "X-NSCP-WCAP-ERRNO:0\r\n"
	errnoNone = "X-NSCP-WCAP-ERRNO:29\r\n"
)

func calendarText(body string) http.HandlerFunc {
	return respond(200, "text/calendar; charset=utf-8", body)
}

// about returns a query about one person, without an originator.
func about(person string) Query {
	return Query{Recipients: []string{person}, Start: at(0, 0).Add(time.Millisecond), End: at(24, 0), Bare: true}
}

func TestGetFreeBusyRequest(t *testing.T) {
	d := newDouble(t, calendarText(calendarOf("user1@example.com", meeting)))
	for name, c := range map[string]struct {
		query, person, want string
	}{
		"plain":           {"", "user1@example.com", wcapQuestion},
		"a question mark": {"?", "user1@example.com", wcapQuestion},
		"others kept":     {"?id=x%26y&tz&a=b;c&&#top", "user1@example.com", "id=x%26y&tz&a=b;c&" + wcapQuestion},
		"same names":      {"?calid=boss&dtstart=1&id=2&dtend=3&fmt%2Dout=text/xml&busyonly=1&calid", "user1@example.com", "id=2&" + wcapQuestion},
		"others that win": {"?duration=9&mail=boss@example.com", "user1@example.com", wcapQuestion},
		"names like them": {"?calids=1&Calid=2&%zz=3", "user1@example.com", "calids=1&Calid=2&%zz=3&" + wcapQuestion},
		"an odd address":  {"", `"a b&c=d%41"+e/é@example.com`, strings.Replace(wcapQuestion, "user1%40", "%22a%20b%26c%3Dd%2541%22%2Be%2F%C3%A9%40", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := testClient(Options{UserAgent: "test/1"}).GetFreeBusy(t.Context(), d.wcap()+c.query, about(c.person))
			if err != nil {
				t.Fatal(err)
			}
			seen := d.requests()
			want := sent{"GET", wcapPath + "?" + c.want, http.Header{
				"User-Agent": {"test/1"}, "Accept": {"text/calendar"}, "Accept-Encoding": {"identity"}, "Connection": {"close"},
			}, ""}
			if diff := cmp.Diff(want, seen[len(seen)-1]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.URL != d.wcap()+"?"+c.want || a.Status != 200 || a.Took <= 0 || len(a.Redirects) != 0 {
				t.Errorf("%+v", a.Peer)
			}
			if got := a.Recipients[0]; got.Address != c.person || !got.HasData {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestGetFreeBusyAnswers(t *testing.T) {
	day := []string{meeting, tentative, leisure, away}
	busy := Recipient{Address: "user1@example.com", Answered: true, HasData: true, Busy: busyDay}
	with := func(change func(*Recipient)) []Recipient {
		r := busy
		change(&r)
		return []Recipient{r}
	}
	refused := func(code, text string) []Recipient {
		n, err := strconv.Atoi(code)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := LookupErrno(n)
		return []Recipient{{Address: "user1@example.com", Answered: true, Code: code, Text: text, Meaning: e.Meaning, Retry: e.Retry}}
	}
	calid := "X-NSCP-CALPROPS-RELATIVE-CALID:user1\r\n"
	for name, c := range map[string]struct {
		body         string
		want, others []Recipient
	}{
		"with the person":        {wcapOf(errnoOK, component("User1@example.com", day...), ""), []Recipient{busy}, nil},
		"without":                {wcapOf(calid, component("", day...), errnoOK), []Recipient{busy}, nil},
		"no number":              {wcapOf("", component("", day...), ""), []Recipient{busy}, nil},
		"number in it":           {wcapOf("", component("", append(day, "COMMENT:folded:", " X-NSCP-WCAP-ERRNO:29", "x-nscp-wcap-errno: 0 ")...), ""), []Recipient{busy}, nil},
		"named by Sun":           {wcapOf("X-S1CS-EMAIL:USER1@example.com\r\n", component("", day...), errnoOK), []Recipient{busy}, nil},
		"named by Sun otherwise": {wcapOf("", component("", append(day, "X-SICS-EMAIL:mailto:first.last@example.com")...), errnoOK), with(func(r *Recipient) { r.Description = "the peer names first.last@example.com" }), nil},
		"another attendee":       {wcapOf("X-S1CS-EMAIL:user1@example.com\r\n", component("first.last@example.com", day...), errnoOK), with(func(r *Recipient) { r.Description = "the peer names first.last@example.com" }), nil},
		"two names for one":      {wcapOf("X-S1CS-EMAIL:a@example.com\r\nX-SICS-EMAIL:b@example.com\r\n", component("", day...), errnoOK), []Recipient{busy}, nil},
		"two spellings":          {wcapOf("X-S1CS-EMAIL:USER1@example.com\r\n", component("", away, meeting)+component("", leisure, tentative, "X-S1CS-EMAIL:user1@example.com"), errnoOK), []Recipient{busy}, nil},
		"several for one":        {wcapOf(calid, component("", away, meeting)+component("", leisure, tentative), errnoOK), []Recipient{busy}, nil},
		"one of two is broken": {wcapOf("", component("", day...)+component("", "FREEBUSY:x"), errnoOK), with(func(r *Recipient) {
			r.Problem = `"x" is not a period`
		}), nil},
		"with a status": {wcapOf("", component("", append(day, "REQUEST-STATUS:2.0;Success")...), errnoOK), with(func(r *Recipient) { r.Code, r.Text = "2.0", "Success" }), nil},
		"somebody else too": {wcapOf("", component("boss@example.com", meeting)+component("user1@example.com", day...), errnoOK), []Recipient{busy},
			[]Recipient{{Address: "boss@example.com", Answered: true, HasData: true, Busy: busyDay[1:2]}}},
		"two others, unnamed": {wcapOf("X-S1CS-EMAIL:a@example.com\r\n", component("", meeting), errnoOK) + wcapOf("X-S1CS-EMAIL:b@example.com\r\n", component("", meeting), errnoOK), []Recipient{{Address: "user1@example.com"}},
			[]Recipient{{Answered: true, HasData: true, Busy: busyDay[1:2]}, {Answered: true, HasData: true, Busy: busyDay[1:2]}}},
		"unknown":              {wcapOf("", "", errnoNone), refused("29", "CALENDAR_DOES_NOT_EXIST"), nil},
		"unknown, after an ok": {wcapOf(errnoOK, "", errnoNone), refused("29", "CALENDAR_DOES_NOT_EXIST"), nil},
		"unknown, with data":   {wcapOf("", component("user1@example.com", append(day, "X-NSCP-WCAP-ERRNO;X-A=b:29")...), errnoOK), refused("29", "CALENDAR_DOES_NOT_EXIST"), nil},
		"denied":               {wcapOf("", "", "X-NSCP-WCAP-ERRNO:28\r\n"), refused("28", "ACCESS_DENIED_TO_CALENDAR"), nil},
		"a login wanted":       {wcapOf("X-NSCP-WCAP-ERRNO:\r\n  1\r\n", "", ""), refused("1", "LOGIN_FAILED"), nil},
		"failed":               {wcapOf("", "", "X-NSCP-WCAP-ERRNO:39\r\n"), refused("39", "GET_FREEBUSY_FAILED"), nil},
		"the back end is busy": {wcapOf("", "", "X-NSCP-WCAP-ERRNO:11000\r\n"), refused("11000", "CDWP_ERR_MAX_CONNECTION_REACHED"), nil},
		"disabled":             {wcapOf("", "", "X-NSCP-WCAP-ERRNO:34\r\n"), refused("34", "CALENDAR_DISABLED"), nil},
		"a number of its own":  {wcapOf("", "", "X-NSCP-WCAP-ERRNO:12345\r\n"), refused("12345", ""), nil},
		"a clipped group": {wcapOf("", component("", day...), "X-NSCP-WCAP-ERRNO:43\r\n"), with(func(r *Recipient) {
			r.Problem = "the group has more members than calstore.group.attendee.maxsize, so some are missing"
		}), nil},
		"named with the calid":  {wcapOf("X-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=first.last@example.com:flast\r\n", component("", day...), errnoOK), with(func(r *Recipient) { r.Description = "the peer names first.last@example.com" }), nil},
		"named so, in quotes":   {wcapOf("X-NSCP-CALPROPS-RELATIVE-CALID;X-A=b;X-SICS-EMAIL=\"mailto:user1@example.com\":user1\r\n", component("", day...), errnoOK), []Recipient{busy}, nil},
		"no address":            {wcapOf("X-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=none:user1\r\nX-S1CS-EMAIL:none\r\n", component("", day...), errnoOK), []Recipient{busy}, nil},
		"a space too many":      {wcapOf(" X-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=a@example.com:a\r\n", component("", day...), errnoOK), with(func(r *Recipient) { r.Description = "the peer names a@example.com" }), nil},
		"one more, an error":    {wcapOf(" X-NSCP-WCAP-ERRNO:28\r\n", component("", day...), ""), refused("28", "ACCESS_DENIED_TO_CALENDAR"), nil},
		"a number below":        {wcapOf("", "", "X-NSCP-WCAP-ERRNO:-1\r\n"), refused("-1", ""), nil},
		"with LF, for an event": {strings.ReplaceAll(wcapOf(errnoNone, "BEGIN:VEVENT\r\nEND:VEVENT\r\n", ""), "\r", ""), refused("29", "CALENDAR_DOES_NOT_EXIST"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, calendarText(c.body))
			a, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap(), about("user1@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			want := &Answer{Form: FormCalendar, Recipients: c.want, Others: c.others}
			if diff := cmp.Diff(want, a, cmpopts.IgnoreFields(Answer{}, "Peer")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// All calendars of a person are asked for by mail. Each has an object and an error number
// of its own, as a Calendar Server 6 writes them one after another.
func TestGetFreeBusyOfAllCalendars(t *testing.T) {
	calendar := func(name string, errno int, lines ...string) string {
		text := ""
		if len(lines) > 0 {
			text = component("", lines...)
		}
		return "BEGIN:VCALENDAR\r\nPRODID:-//SunJavaSystem/Calendar Hosting Server//EN\r\nMETHOD:PUBLISH\r\nVERSION:6.0\r\n" +
			" X-NSCP-CALPROPS-LAST-MODIFIED:20061003T165433Z\r\nX-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=user1@example.com:user1" + name + "\r\n" +
			text + "X-NSCP-WCAP-ERRNO:" + strconv.Itoa(errno) + "\r\nEND:VCALENDAR\r\n"
	}
	person := Recipient{Address: "user1@example.com", Answered: true}
	for name, c := range map[string]struct {
		body string
		want func(*Recipient)
	}{
		"one": {calendar("", 0, meeting, tentative, leisure, away), func(r *Recipient) { r.HasData, r.Busy = true, busyDay }},
		"two": {calendar("", 0, meeting, away) + calendar(":work", 0, tentative, leisure), func(r *Recipient) { r.HasData, r.Busy = true, busyDay }},
		"one of three is closed": {calendar("", 28) + calendar(":work", 0, tentative, leisure, meeting) + calendar(":more", 0, away), func(r *Recipient) {
			r.HasData, r.Busy = true, busyDay
			r.Problem = "another calendar of this person has no data: 28 ACCESS_DENIED_TO_CALENDAR"
		}},
		"none is open": {calendar("", 11001) + calendar(":work", 28), func(r *Recipient) {
			r.Code, r.Text, r.Retry = "11001", "CDWP_ERR_CANNOT_CONNECT", true
			r.Meaning = "the front end of the peer cannot reach the server that has the calendar"
		}},
	} {
		d := newDouble(t, calendarText(c.body))
		q := about("user1@example.com")
		q.AllCalendars = true
		a, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap()+"?calid=boss", q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := person
		c.want(&want)
		if diff := cmp.Diff(&Answer{Form: FormCalendar, Recipients: []Recipient{want}}, a, cmpopts.IgnoreFields(Answer{}, "Peer")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got, want := d.requests()[0].URI, wcapPath+"?"+strings.Replace(wcapQuestion, "calid=mailto:", "mail=", 1); got != want {
			t.Errorf("%s: asked %s", name, got)
		}
	}
	d := newDouble(t, calendarText(calendar("", 0, meeting)+strings.TrimSuffix(calendar(":work", 0, away), "END:VCALENDAR\r\n")))
	q := about("user1@example.com")
	q.AllCalendars = true
	_, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap(), q)
	requireError(t, err, Truncated, 200, "truncated")
}

// Errors of the network between the servers are temporary, and refusals are not.
func TestErrnoRetry(t *testing.T) {
	seen := map[int]bool{}
	for n := -5000; n <= 12000; n++ {
		e, ok := LookupErrno(n)
		if !ok {
			continue
		}
		seen[n] = true
		temporary := n >= 48 && n <= 51 || n >= 11000 && n <= 11008 || n == 61 || n == 69
		if e.Number != n || e.Name == "" || e.Meaning == "" || e.Retry != temporary {
			t.Errorf("%+v", e)
		}
	}
	for _, n := range []int{1, 28, 29, 34, 39, 48, 51, 61, 69, 11000, 11008} {
		if !seen[n] {
			t.Errorf("%d is not known", n)
		}
	}
	if _, ok := LookupErrno(0); ok {
		t.Error("0 is not an error")
	}
}

func TestBadWCAPAnswers(t *testing.T) {
	page := "<!DOCTYPE html>\n<html><head><title>Login</title></head></html>"
	whole := wcapOf("", component("", meeting), errnoNone)
	denied := `<D:error xmlns:D="DAV:"><D:need-privileges/></D:error>`
	const (
		path = "/davserver/wcap/get_freebusy.wcap"
		log  = "log of the peer"
	)
	for name, c := range map[string]struct {
		script http.HandlerFunc
		kind   Kind
		status int
		words  string
		hint   string
	}{
		"login":             {respond(401, "text/html", page), Forbidden, 401, "Login", "davcore.acl.schedulinganonymousall"},
		"forbidden":         {respond(403, "text/plain", ""), Forbidden, 403, "403 Forbidden", "davcore.acl.schedulinganonymousall"},
		"forbidden, in DAV": {respond(403, "application/xml", denied), Forbidden, 403, "403 Forbidden", "davcore.acl.schedulinganonymousall"},
		"wrong path":        {respond(404, "text/html", page), NotFound, 404, "404 Not Found", path},
		"no GET":            {respond(405, "", ""), Other, 405, "405", path},
		"bad request":       {respond(400, "", ""), Other, 400, "400", log},
		"broken":            {respond(500, "", ""), ServerError, 500, "500", log},
		"web page":          {respond(200, "text/html", page), HTML, 200, "Login", path},
		"web page, renamed": {calendarText(page), HTML, 200, "Login", path},
		"empty":             {calendarText(""), Malformed, 200, "people it does not know", "get_freebusy.wcap"},
		"JSON":              {respond(200, "text/html", `{}&&{"iCalendar":{}}`), Malformed, 200, "JSON", "text/calendar"},
		"XML":               {respond(200, "text/html", "<?xml version='1.0'?><iCalendar><iCal><X-NSCP-WCAP-ERRNO>29</X-NSCP-WCAP-ERRNO></iCal></iCalendar>"), Malformed, 200, "<iCalendar>", "text/calendar"},
		"iSchedule":         {answerFor(nsISchedule, "%s"), Malformed, 200, "<schedule-response>", "get_freebusy.wcap"},
		"text":              {respond(200, "text/plain", "OK\x1b[2J"), Malformed, 200, `OK\x1b[2J`, "get_freebusy.wcap"},
		"an event":          {calendarText(wcapOf(errnoOK, "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "")), Malformed, 200, "no VFREEBUSY", "get_freebusy.wcap"},
		"nothing in it":     {calendarText(wcapOf("", "", "")), Malformed, 200, "no VFREEBUSY", "get_freebusy.wcap"},
		"many VFREEBUSY":    {calendarText(wcapOf(errnoNone, strings.Repeat("BEGIN:VFREEBUSY\r\n", maxComponents+1), "")), Malformed, 200, "more than 10000 VFREEBUSY", "get_freebusy.wcap"},
		"a number in words": {calendarText(wcapOf("X-NSCP-WCAP-ERRNO:29 \x1b[2J\u202e\r\n", component("", meeting), errnoOK)), Malformed, 200, `ERRNO of the answer is "29 \x1b[2J\u202e"`, "get_freebusy.wcap"},
		"an empty number":   {calendarText(wcapOf("X-NSCP-WCAP-ERRNO:\r\n", component("", meeting), "")), Malformed, 200, `is ""`, "get_freebusy.wcap"},
		"a huge number":     {calendarText(wcapOf("X-NSCP-WCAP-ERRNO:99999999999999999999\r\n", component("", meeting), "")), Malformed, 200, "99999999999999999999", "get_freebusy.wcap"},
		"cut":               {calendarText(strings.TrimSuffix(whole, "END:VCALENDAR\r\n")), Truncated, 200, "truncated", log},
		"cut in the number": {calendarText(strings.TrimSuffix(whole, "9\r\nEND:VCALENDAR\r\n")), Truncated, 200, "truncated", log},
		"cut before it":     {calendarText(strings.TrimSuffix(whole, "29\r\nEND:VCALENDAR\r\n")), Truncated, 200, "truncated", log},
		"cut VFREEBUSY":     {calendarText(wcapOf(errnoOK, "BEGIN:VFREEBUSY\r\n"+meeting+"\r\n", "")), Truncated, 200, "truncated", log},
		"too large":         {calendarText(wcapOf("", component("", strings.Repeat(meeting+"\r\n", 200)), "")), TooLarge, 200, "longer than 6000 bytes", "a shorter time range"},
		"no Location":       {respond(302, "", ""), Redirect, 302, "without a Location", "service.wcap.freebusy.redirecturl"},
		"a file":            {redirectTo(302, "file:///etc/passwd"), Redirect, 302, "file:///etc/passwd", "service.wcap.freebusy.redirecturl"},
		"a login in it":     {redirectTo(302, "http://user:secret@example.com/"), Redirect, 302, "xxxxx", "service.wcap.freebusy.redirecturl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{}
			if c.kind == TooLarge {
				o.MaxBody = 6000
			}
			d := newDouble(t, c.script)
			_, err := testClient(o).GetFreeBusy(t.Context(), d.wcap(), about("user1@example.com"))
			e := requireError(t, err, c.kind, c.status, c.words)
			if !strings.Contains(e.Hint, c.hint) || strings.Contains(strings.ToLower(e.Hint), "ischedule") {
				t.Errorf("the hint is %q", e.Hint)
			}
			if e.URL != d.wcap()+"?"+wcapQuestion || strings.Contains(e.Error(), "secret") || len(d.requests()) != 1 {
				t.Errorf("%v, %d requests", e, len(d.requests()))
			}
		})
	}
}

// Text from a peer is passed on as received, up to a maximum length.
func TestHostileWCAPText(t *testing.T) {
	long := "\x1b]0;\u202e" + strings.Repeat("ä", 5*maxText)
	d := newDouble(t, calendarText(wcapOf("X-S1CS-EMAIL:"+long+"\r\n", component("", meeting, "FREEBUSY:"+long), errnoOK)))
	a, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap(), about("user1@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	got := a.Recipients[0]
	requireValidRecipient(t, got)
	if !strings.HasPrefix(got.Description, "the peer names \x1b]0;\u202eää") || !strings.HasPrefix(got.Problem, `"\x1b]0;`) || len(got.Busy) != 1 {
		t.Errorf("%+v", got)
	}
	// The list of names is limited, because searching a long one would be slow.
	h, err := readWCAPHeader([]byte(wcapOf("X-S1CS-EMAIL:a@b\r\nX-S1CS-EMAIL:c@d\r\nX-S1CS-EMAIL:e@f\r\n", "", "")))
	if diff := cmp.Diff([]string{"a@b", "c@d"}, h.names); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestInvalidWCAPURLs(t *testing.T) {
	for _, u := range []string{
		"http://[::1/get_freebusy.wcap", "cs6.example.com:8080/get_freebusy.wcap", "ftp://cs6.example.com/", "http:///get_freebusy.wcap",
		"http://me:secret@cs6.example.com/get_freebusy.wcap", "http://127.0.0.1:99999/",
	} {
		_, err := testClient(Options{}).GetFreeBusy(t.Context(), u, about("user1@example.com"))
		if e := requireError(t, err, Other, 0); !strings.Contains(e.Hint, "http://HOST:PORT"+wcapPath) || strings.Contains(e.Error(), "secret") {
			t.Errorf("%v: %s", e, e.Hint)
		}
	}
	// Hints about the connection are the same for every protocol.
	plain := newDouble(t, calendarText(""))
	_, err := testClient(Options{}).GetFreeBusy(t.Context(), strings.Replace(plain.wcap(), "http:", "https:", 1), about("user1@example.com"))
	if e := requireError(t, err, TLS, 0); !strings.Contains(e.Hint, "use http") {
		t.Errorf("%v: %s", e, e.Hint)
	}
}

func TestWCAPRedirects(t *testing.T) {
	target := newDouble(t, calendarText(wcapOf("", component("", meeting), errnoOK)))
	for name, c := range map[string]struct {
		location, want string
	}{
		"no query":        {"", "?" + wcapQuestion},
		"a question mark": {"?", "?" + wcapQuestion},
		"another query":   {"?a=%26&dtstart=1&calid=#x", "?a=%26&" + wcapQuestion},
		"a calid":         {"?calid=user1&fmt-out=text%2Fcalendar&a", "?calid=user1&fmt-out=text%2Fcalendar&a"},
		"a mail":          {"?mail=user1%40example.com&duration=60", "?mail=user1%40example.com&duration=60"},
		"an empty mail":   {"?mail=", "?" + wcapQuestion},
		"the question":    {"?" + wcapQuestion, "?" + wcapQuestion},
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			d := newDouble(t, redirectTo(status, target.wcap()+c.location))
			a, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap()+"?id=1", about("user1@example.com"))
			if err != nil {
				t.Errorf("%s, %d: %v", name, status, err)
				continue
			}
			seen := target.requests()
			if got := seen[len(seen)-1]; got.Method != http.MethodGet || got.URI != wcapPath+c.want || got.Body != "" {
				t.Errorf("%s, %d: asked %s %s", name, status, got.Method, got.URI)
			}
			if diff := cmp.Diff([]string{d.wcap() + "?id=1&" + wcapQuestion}, a.Redirects); diff != "" || a.URL != target.wcap()+c.want || !a.Recipients[0].HasData {
				t.Errorf("%s, %d: %+v", name, status, a)
			}
		}
	}
}

func TestWCAPRedirectErrors(t *testing.T) {
	for name, c := range map[string]struct {
		script http.HandlerFunc
		most   int
		kind   Kind
		hint   string
		asked  int
	}{
		"to itself":           {redirectTo(302, wcapPath), 9, RedirectLoop, "service.wcap.freebusy.redirecturl", 1},
		"to itself, verbatim": {func(w http.ResponseWriter, r *http.Request) { redirectTo(302, r.URL.String())(w, r) }, 9, RedirectLoop, "redirecturl", 1},
		"in a circle": {func(w http.ResponseWriter, r *http.Request) {
			redirectTo(301, map[string]string{wcapPath: "/a", "/a": "/b?calid=x", "/b": "/a"}[r.URL.Path])(w, r)
		}, 9, RedirectLoop, "redirecturl", 3},
		"on and on":   {func(w http.ResponseWriter, r *http.Request) { redirectTo(303, r.URL.Path+"x")(w, r) }, 2, Redirect, "redirecturl", 3},
		"not allowed": {redirectTo(302, "/a"), -1, Redirect, "query the URL that the peer redirects to", 1},
	} {
		d := newDouble(t, c.script)
		_, err := testClient(Options{MaxRedirects: c.most}).GetFreeBusy(t.Context(), d.wcap(), about("user1@example.com"))
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Status/100 != 3 || !strings.Contains(e.Hint, c.hint) || len(d.requests()) != c.asked {
			t.Errorf("%s: %#v, %d requests", name, err, len(d.requests()))
		}
	}
	target := newDouble(t, calendarText(""))
	secure := httptest.NewTLSServer(redirectTo(302, target.wcap()))
	t.Cleanup(secure.Close)
	_, err := testClient(Options{TLS: &tls.Config{InsecureSkipVerify: true}}).GetFreeBusy(t.Context(), secure.URL, about("user1@example.com"))
	if requireError(t, err, Redirect, 302, "from https to http"); len(target.requests()) != 0 {
		t.Error("the query was sent again without TLS")
	}
}

func TestInvalidWCAPQueries(t *testing.T) {
	d := newDouble(t, calendarText(calendarOf("user1@example.com", meeting)))
	for name, change := range map[string]func(*Query){
		"nobody":           func(q *Query) { q.Recipients = nil },
		"two":              func(q *Query) { q.Recipients = []string{"user1@example.com", "user2@example.com"} },
		"one twice":        func(q *Query) { q.Recipients = []string{"user1@example.com", "user1@example.com"} },
		"no domain":        func(q *Query) { q.Recipients = []string{"user1@"} },
		"a header in it":   func(q *Query) { q.Recipients = []string{"user1@example.com\r\nX: y"} },
		"not UTF-8":        func(q *Query) { q.Recipients = []string{"a\xff@example.com"} },
		"a bad originator": func(q *Query) { q.Originator = "nobody" },
		"no time":          func(q *Query) { q.End = q.Start },
		"an early year":    func(q *Query) { q.Start = time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC) },
		"a late year":      func(q *Query) { q.End = time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC) },
	} {
		q := about("user1@example.com")
		change(&q)
		if _, err := testClient(Options{}).GetFreeBusy(t.Context(), d.wcap(), q); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(d.requests()); n != 0 {
		t.Errorf("%d of them were sent", n)
	}
	// No random bytes are needed, and an originator is ignored.
	q := about("user1@example.com")
	q.Originator = "cs7user@example.com"
	if _, err := testClient(Options{Rand: strings.NewReader("")}).GetFreeBusy(t.Context(), d.wcap(), q); err != nil {
		t.Error(err)
	}
}

// No hint mentions iSchedule, and every kind has its own hint.
func TestWCAPHints(t *testing.T) {
	seen := map[string]Kind{}
	for _, kind := range []Kind{DNS, Refused, Timeout, TLS, Redirect, RedirectLoop, Forbidden, NotFound, HTML, TooLarge, Truncated, Malformed, ServerError, Other} {
		hint := wcapHintFor(kind)
		if other, ok := seen[hint]; ok || strings.Contains(strings.ToLower(hint), "ischedule") || strings.Contains(hint, "people") {
			t.Errorf("%s (and %q): %s", kind, other, hint)
		}
		seen[hint] = kind
	}
	// A canceled query gets no hint.
	if e := withWCAPHint(&Error{Kind: Other, Status: 200, Err: io.EOF}).(*Error); e.Hint != "" { //nolint:errorlint // the function returns its argument
		t.Errorf("%q", e.Hint)
	}
}

func FuzzGetFreeBusy(f *testing.F) {
	for _, body := range []string{
		"", "<html>", "{}&&", "<iCalendar/>", wcapOf("", "", errnoNone), wcapOf(errnoOK, component("", meeting, tentative, away), errnoNone), wcapOf("", component("user1@example.com", leisure, meeting), errnoOK),
		wcapOf("X-S1CS-EMAIL:a@b\r\n", component("", "X-SICS-EMAIL:mailto:%40@c", meeting)+component("", away), "X-NSCP-WCAP-ERRNO;X=\"0\":-0\r\n"), wcapOf("", component("x@y", meeting)+component("", away), "X-NSCP-WCAP-ERRNO:x\r\n"),
	} {
		f.Add([]byte(body), "text/calendar")
		f.Add([]byte(body), "text/html; charset")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := &reply{at: "http://x/", status: 200, header: http.Header{"Content-Type": {contentType}}, body: body}
		a, err := readWCAP(r, "user1@example.com", len(body)%2 == 0)
		if err != nil {
			requireValidError(t, withWCAPHint(err))
			if a != nil {
				t.Fatal("an answer and an error")
			}
			return
		}
		if len(a.Recipients) != 1 || a.Form != FormCalendar || a.Recipients[0].Address != "user1@example.com" || !a.Recipients[0].Answered && len(a.Others) == 0 {
			t.Fatalf("%+v", a)
		}
		for _, said := range append(a.Others, a.Recipients...) {
			requireValidRecipient(t, said)
			if said.Code == "0" && !said.HasData {
				t.Fatalf("%+v", said)
			}
		}
	})
}
