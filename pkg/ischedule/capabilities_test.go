package ischedule

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fullDocument contains every element of the draft, and some that it does not have.
const fullDocument = `<?xml version="1.0" encoding="utf-8"?>
<query-result xmlns="urn:ietf:params:xml:ns:ischedule" xmlns:x="urn:x">
 <x:versions><version>6.6</version></x:versions>
 <later><x/></later>
 <capabilities>
  <serial-number> 42 </serial-number>
  <versions><version>1.0</version><version>2.0</version></versions>
  <scheduling-messages>
   <component name="VEVENT"><method name="REQUEST"/><method name="cancel"/><x:method name="X"/></component>
   <component name="vfreebusy"><method name="REQUEST"/></component>
   <component name="VTODO"/>
  </scheduling-messages>
  <calendar-data-types><calendar-data-type content-type="text/calendar" version="2.0"/><calendar-data-type content-type="application/calendar+xml"/></calendar-data-types>
  <attachments><inline/><external/></attachments>
  <rscales><rscale>GREGORIAN</rscale></rscales>
  <max-content-length>102400</max-content-length>
  <min-date-time>19910101T000000Z</min-date-time>
  <max-date-time>20381231T000000Z</max-date-time>
  <max-instances>150</max-instances>
  <max-recipients>250</max-recipients>
  <administrator>mailto:ischedule-admin@example.com</administrator>
 </capabilities>
</query-result>`

func fullCapabilities() *Capabilities {
	return &Capabilities{
		SerialNumber: "42",
		Versions:     []string{"1.0", "2.0"},
		Components:   []Component{{"VEVENT", []string{"REQUEST", "CANCEL"}}, {"VFREEBUSY", []string{"REQUEST"}}, {"VTODO", nil}},
		DataTypes:    []DataType{{"text/calendar", "2.0"}, {"application/calendar+xml", ""}},
		Attachments:  []string{"inline", "external"}, RScales: []string{"GREGORIAN"},
		MaxContentLength: 102400, MaxInstances: 150, MaxRecipients: 250,
		MinDateTime: time.Date(1991, 1, 1, 0, 0, 0, 0, time.UTC), MaxDateTime: time.Date(2038, 12, 31, 0, 0, 0, 0, time.UTC),
		Administrator: "mailto:ischedule-admin@example.com",
	}
}

// The names of the elements in the first drafts.
const firstDraft = `<C:query-result xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><C:capability-set>
 <C:supported-version-set><C:version>1.0</C:version></C:supported-version-set>
 <C:supported-scheduling-message-set><C:comp name="VFREEBUSY"><C:method name="REQUEST"/></C:comp></C:supported-scheduling-message-set>
 <C:supported-attachment-values><C:inline-attachment/><C:external-attachment/></C:supported-attachment-values>
 <C:max-content-length>-5</C:max-content-length><C:max-instances>many</C:max-instances><C:max-date-time>soon</C:max-date-time>
 <C:administrator><D:href>http://example.com/</D:href></C:administrator>
</C:capability-set></C:query-result>`

func TestCapabilities(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		want     *Capabilities
	}{
		"the whole draft": {fullDocument, fullCapabilities()},
		"no namespace":    {strings.Replace(fullDocument, ` xmlns="urn:ietf:params:xml:ns:ischedule"`, "", 1), fullCapabilities()},
		"the first draft": {firstDraft, &Capabilities{Versions: []string{"1.0"}, Components: []Component{{"VFREEBUSY", []string{"REQUEST"}}},
			Attachments: []string{"inline", "external"}, Administrator: "http://example.com/"}},
		"nothing": {`<query-result/>`, &Capabilities{}},
	} {
		d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("iSchedule-Version", "1.0")
			w.Header().Set("ISCHEDULE-CAPABILITIES", "42")
			w.Header().Set("Server", "Sun "+strings.Repeat("x", 600))
			respond(200, "application/xml", c.document)(w, r)
		})
		got, err := testClient(Options{}).Capabilities(t.Context(), d.at())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Capabilities{}, "Peer")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.URL != d.at() || got.Version != "1.0" || got.Serial != "42" || !strings.HasPrefix(got.Server, "Sun") || len(got.Server) > maxText+len("…") || got.Took <= 0 {
			t.Errorf("%s: %+v", name, got.Peer)
		}
		if want := c.want.Components != nil; got.Supports("vfreebusy", "request") != want || got.Supports("VFREEBUSY", "REPLY") || got.Supports("VPOLL", "REQUEST") {
			t.Errorf("%s: Supports is wrong", name)
		}
	}
}

// action=capabilities is added to the URL, and again after a redirect; other query
// parameters are kept.
func TestCapabilitiesURL(t *testing.T) {
	for given, want := range map[string]string{
		"/ischedule/":                       "/ischedule/",
		"/ischedule?":                       "/ischedule",
		"/ischedule/?a=b&c":                 "/ischedule/?a=b&c",
		"/ischedule/?action=capabilities":   "/ischedule/",
		"/x?action=list&a=%26&action=c#top": "/x?a=%26",
		"/.well-known/ischedule?a":          "/ischedule",
	} {
		d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/.well-known") {
				redirectTo(301, "/ischedule")(w, r)
				return
			}
			respond(200, "application/xml", fullDocument)(w, r)
		})
		got, err := testClient(Options{}).Capabilities(t.Context(), d.Server.URL+given)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got.URL != d.Server.URL+want {
			t.Errorf("%s: the answer came from %s", given, got.URL)
		}
		asked := d.requests()[len(d.requests())-1]
		glue := "?"
		if strings.Contains(want, "?") {
			glue = "&"
		}
		if asked.URI != want+glue+"action=capabilities" || asked.Method != http.MethodGet || asked.Body != "" {
			t.Errorf("%s: asked %s %s", given, asked.Method, asked.URI)
		}
		if strings.HasPrefix(given, "/.well-known") {
			if diff := cmp.Diff([]string{d.Server.URL + given}, got.Redirects); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestCapabilitiesErrors(t *testing.T) {
	for name, c := range map[string]struct {
		script http.HandlerFunc
		kind   Kind
		status int
	}{
		"web page":      {respond(200, "text/html", "<html></html>"), HTML, 200},
		"free/busy":     {answerFor(nsISchedule, "%s"), Malformed, 200},
		"a calendar":    {respond(200, "text/calendar", calendarOf("a@b.c")), Malformed, 200},
		"unknown":       {respond(400, "text/html", "<html><title>400 Bad Request</title>"), Other, 400},
		"no GET":        {respond(405, "", ""), Other, 405},
		"circle":        {redirectTo(302, "?x"), RedirectLoop, 302},
		"to itself":     {redirectTo(301, "/ischedule/"), RedirectLoop, 301},
		"always on":     {func(w http.ResponseWriter, r *http.Request) { redirectTo(303, r.URL.Path+"x")(w, r) }, Redirect, 303},
		"refused":       {respond(403, "application/xml", `<error xmlns="urn:ietf:params:xml:ns:ischedule"><no-capabilities/></error>`), Rejected, 403},
		"cut":           {respond(200, "application/xml", fullDocument[:500]), Truncated, 200},
		"another space": {respond(200, "application/xml", strings.Replace(fullDocument, "ns:ischedule", "ns:carddav", 1)), Malformed, 200},
	} {
		_, err := testClient(Options{}).Capabilities(t.Context(), newDouble(t, c.script).at())
		if requireError(t, err, c.kind, c.status); t.Failed() {
			t.Fatalf("in the case %q", name)
		}
	}
}

// The lists have a maximum length.
func TestCapabilitiesAreLimited(t *testing.T) {
	many := "<query-result>" + strings.Repeat("<version>1</version><rscale/>", 5000) + "<component>" + strings.Repeat("<method/>", 5000) + "</component></query-result>"
	got, err := testClient(Options{}).Capabilities(t.Context(), newDouble(t, respond(200, "", many)).at())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Versions) != 1000 || len(got.RScales) != 1000 || len(got.Components[0].Methods) != 1000 {
		t.Errorf("%d, %d, %d", len(got.Versions), len(got.RScales), len(got.Components[0].Methods))
	}
}
