package coexist_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

const busy = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nX-NSCP-WCAP-ERRNO:%d\r\nBEGIN:VFREEBUSY\r\nATTENDEE:mailto:%s\r\n" +
	"FREEBUSY:20261102T080000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"

// servers are an old and a new server with scripted answers. There is no free
// implementation of either.
type servers struct {
	old, new *httptest.Server
	asked    []string // the queries that they received, in order
}

// start starts both servers. The handlers get the address of the user in the query.
func start(t *testing.T, ischedule, oldWCAP, newWCAP func(s *servers, w http.ResponseWriter, about string)) *servers {
	t.Helper()
	s := &servers{}
	about := func(r *http.Request) string {
		q := r.URL.Query()
		if !q.Has("calid") {
			return "all of " + q.Get("mail")
		}
		return strings.TrimPrefix(q.Get("calid"), "mailto:")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ischedule/", func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, fmt.Sprintf("old ischedule %s from %s", r.Header.Get("Recipient"), r.Header.Get("Originator")))
		ischedule(s, w, strings.TrimPrefix(r.Header.Get("Recipient"), "mailto:"))
	})
	mux.HandleFunc("GET /get_freebusy.wcap", func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, "old wcap "+about(r))
		oldWCAP(s, w, about(r))
	})
	s.old = httptest.NewServer(mux)
	t.Cleanup(s.old.Close)
	s.new = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, "new wcap "+about(r))
		newWCAP(s, w, about(r))
	}))
	t.Cleanup(s.new.Close)
	return s
}

// Ways to answer.
func answers(_ *servers, w http.ResponseWriter, about string)     { fmt.Fprintf(w, busy, 0, about) }
func knowsNobody(_ *servers, w http.ResponseWriter, about string) { fmt.Fprintf(w, busy, 29, about) }

// withErrno answers with an error number, in the form of a Calendar Server 6.
func withErrno(n int) func(*servers, http.ResponseWriter, string) {
	return func(_ *servers, w http.ResponseWriter, about string) {
		fmt.Fprintf(w, "BEGIN:VCALENDAR\r\nPRODID:-//Sun/Calendar Server//EN\r\nMETHOD:PUBLISH\r\nVERSION:6.0\r\n X-NSCP-CALPROPS-LAST-MODIFIED:20061003T165433Z\r\n"+
			"X-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=%s:x\r\nX-NSCP-WCAP-ERRNO:%d\r\nEND:VCALENDAR\r\n", about, n)
	}
}

func forbids(_ *servers, w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusForbidden) }
func page(_ *servers, w http.ResponseWriter, _ string) {
	_, _ = io.WriteString(w, "<html><title>Log in</title></html>")
}
func noAuthority(_ *servers, w http.ResponseWriter, about string) {
	fmt.Fprintf(w, `<schedule-response xmlns="urn:ietf:params:xml:ns:ischedule"><response><recipient>mailto:%s</recipient><request-status>3.8;No authority</request-status></response></schedule-response>`, about)
}

// redirects answers as a Calendar Server 6 does about users whom it does not know.
func redirects(s *servers, w http.ResponseWriter, _ string) {
	w.Header().Set("Location", s.new.URL+"/davserver/wcap/get_freebusy.wcap")
	w.WriteHeader(http.StatusFound)
}

// returns redirects back to the old server, which makes a loop.
func returns(s *servers, w http.ResponseWriter, _ string) {
	w.Header().Set("Location", s.old.URL+"/get_freebusy.wcap")
	w.WriteHeader(http.StatusFound)
}

// between returns a deployment of these two servers.
func (s *servers) between(t *testing.T) *deployment {
	t.Helper()
	d := good()
	d.domainMap = strings.ReplaceAll(d.domainMap, "http://cs6.example.com:8080", s.old.URL)
	swap(t, &d.icsConf, "http://cs7.example.com:8080", s.new.URL)
	u, err := url.Parse(s.new.URL)
	if err != nil {
		t.Fatal(err)
	}
	d.edit = func(o *coexist.Options) {
		o.Asker, o.Server.Hosts = ischedule.New(ischedule.Options{ReadTimeout: 2 * time.Second}), []string{u.Hostname()}
	}
	return d
}

func TestProbes(t *testing.T) {
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	for _, c := range []struct {
		name                        string
		ischedule, oldWCAP, newWCAP func(*servers, http.ResponseWriter, string)
		want                        []string // rule: detail, of each finding
	}{
		{"all is well", answers, redirects, answers, nil},
		{"13 the old server has no whitelist entry for us", forbids, redirects, answers, []string{
			"probe-old-server: the old server does not return free/busy of adam@example.com: http://HOST/ischedule/: the status is 403 Forbidden (forbidden); "}},
		{"13 the old server gives no authority", noAuthority, redirects, answers, []string{
			"probe-old-server: the old server has no free/busy of adam@example.com (3.8 No authority); allow free/busy queries without a login"}},
		{"13 the new server is closed", answers, redirects, forbids, []string{
			"probe-new-server: the new server does not return free/busy of nina@example.com: http://HOST/davserver/wcap/get_freebusy.wcap?",
			"probe-old-to-new: the old server does not return free/busy of nina@example.com: http://HOST/davserver/wcap/get_freebusy.wcap?",
			"probe-new-to-old: the new server does not return free/busy of adam@example.com: http://HOST/davserver/wcap/get_freebusy.wcap?",
		}},
		{"the new server does not find the old one", answers, redirects, func(s *servers, w http.ResponseWriter, about string) {
			if strings.HasPrefix(about, "adam") {
				knowsNobody(s, w, about)
			} else {
				answers(s, w, about)
			}
		}, []string{"probe-new-to-old: the new server has no free/busy of adam@example.com (29 CALENDAR_DOES_NOT_EXIST: the peer has no default calendar of this person); find out"}},
		{"the old server still has a calendar of a user who was moved", answers, answers, answers, []string{
			"probe-old-to-new: the old server answers about nina@example.com itself instead of redirecting"}},
		{"the old server does not redirect", answers, knowsNobody, answers, []string{
			"probe-old-to-new: the old server has no free/busy of nina@example.com (29 CALENDAR_DOES_NOT_EXIST: the peer has no default calendar of this person)"}},
		{"the old server has only a calendar that is not the default one", answers, func(s *servers, w http.ResponseWriter, about string) {
			if person, all := strings.CutPrefix(about, "all of "); all {
				answers(s, w, person)
			} else {
				knowsNobody(s, w, about)
			}
		}, answers, []string{
			"probe-old-to-new: the old server does not redirect, and has no default calendar of nina@example.com (calid=mailto:), but it has other calendars of this user (mail=)"}},
		{"the back end of the old server is down", answers, withErrno(11001), answers, []string{
			"probe-old-to-new: the old server has no free/busy of nina@example.com (11001 CDWP_ERR_CANNOT_CONNECT: the front end of the peer cannot reach the server that has the calendar); this is temporary: try again later"}},
		{"the calendar is closed", answers, withErrno(28), answers, []string{
			"probe-old-to-new: the old server has no free/busy of nina@example.com (28 ACCESS_DENIED_TO_CALENDAR: the access list of the calendar does not let everyone see free/busy); give everyone the right f"}},
		{"a loop", answers, redirects, returns, []string{
			"probe-new-server: the new server does not return free/busy of nina@example.com: ",
			"probe-old-to-new: the old server does not return free/busy of nina@example.com: ",
			"probe-new-to-old: the new server does not return free/busy of adam@example.com: ",
		}},
		{"a web page", page, redirects, answers, []string{
			"probe-old-server: the old server does not return free/busy of adam@example.com: http://HOST/ischedule/: the answer is a web page: Log in (html)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.ischedule, c.oldWCAP, c.newWCAP)
			all := findings(t, s.between(t).check(t))
			var got []string
			for i, f := range all {
				text := port.ReplaceAllString(f.Rule+": "+f.Detail, "HOST")
				if i < len(c.want) && strings.HasPrefix(text, c.want[i]) {
					text = c.want[i]
				}
				if c.name == "a loop" && !strings.Contains(f.Detail, "redirect-loop") {
					t.Errorf("the loop is not named: %s", f.Detail)
				}
				if f.Where == nil || f.Where.Line == 0 || f.Severity != finding.Error {
					t.Errorf("%+v", f)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// The queries are the real ones: each server is queried about one user of each side.
func TestProbesSendRealQueries(t *testing.T) {
	s := start(t, answers, redirects, answers)
	s.between(t).check(t)
	if diff := cmp.Diff([]string{
		"old ischedule mailto:adam@example.com from mailto:nina@example.com",
		"new wcap nina@example.com",
		"old wcap nina@example.com", "new wcap nina@example.com",
		"new wcap adam@example.com",
		// The comparison; here, the old server redirects even about its own user.
		"new wcap all of adam@example.com", "old wcap all of adam@example.com", "new wcap all of adam@example.com",
		"old ischedule mailto:adam@example.com from mailto:nina@example.com",
		"new wcap all of nina@example.com", "old wcap all of nina@example.com", "new wcap all of nina@example.com",
	}, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// The users to query can be given, and then no directory is needed.
func TestProbesOfGivenUsers(t *testing.T) {
	s := start(t, answers, redirects, answers)
	d := s.between(t)
	d.people = ""
	edit := d.edit
	d.edit = func(o *coexist.Options) {
		edit(o)
		o.Ask6, o.Ask7 = "MAILTO:olga@Example.ORG", ""
	}
	r := d.check(t)
	if diff := cmp.Diff([]string{
		"old ischedule mailto:olga@Example.ORG from mailto:olga@Example.ORG", "new wcap olga@Example.ORG",
		"new wcap all of olga@Example.ORG", "old wcap all of olga@Example.ORG", "new wcap all of olga@Example.ORG",
		"old ischedule mailto:olga@Example.ORG from mailto:olga@Example.ORG",
	}, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, o := range r.Outcomes {
		switch o.Rule {
		case "probe-old-server", "probe-new-to-old", "probe-compare-old":
			if o.Result != finding.Passed {
				t.Errorf("%+v", o)
			}
		case "probe-new-server", "probe-old-to-new", "probe-compare-new":
			if o.Result != finding.NotRun || o.Reason != "needs the address of a user on the new server" || !slices.Contains(o.Needs, finding.NeedNewServerUser) {
				t.Errorf("%+v", o)
			}
		}
	}
}

// A password in a URL is neither sent nor shown.
func TestProbesKeepPasswords(t *testing.T) {
	s := start(t, answers, redirects, answers)
	d := s.between(t)
	d.domainMap = strings.ReplaceAll(d.domainMap, "http://", "http://admin:hunter2@")
	swap(t, &d.icsConf, "\"http://", "\"http://admin:hunter2@")
	all := findings(t, d.check(t))
	if len(s.asked) != 0 {
		t.Errorf("asked: %v", s.asked)
	}
	for _, f := range all {
		if strings.Contains(fmt.Sprintf("%+v", f), "hunter2") {
			t.Errorf("shown: %+v", f)
		}
	}
	if len(all) == 0 {
		t.Error("no finding")
	}
}

// A user whom the new server sees on the other side is reported before any server is
// queried, whatever the servers would answer.
func TestProbesOfUsersOnTheOtherSide(t *testing.T) {
	s := start(t, answers, redirects, answers)
	d := s.between(t)
	d.edit = decidesWithMark(t, d, d.edit, "nina@example.com", "Mailto:adam@example.com")
	var got []string
	for _, f := range findings(t, d.check(t)) {
		got = append(got, f.Rule+" "+place(f)+" "+f.Fix.String())
	}
	if diff := cmp.Diff([]string{
		"probe-old-server uid=nina,ou=People,o=isp explain-address nina@example.com",
		"probe-new-server uid=adam,ou=People,o=isp explain-address adam@example.com",
	}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, question := range s.asked {
		if strings.HasPrefix(question, "old ischedule") {
			t.Errorf("queried anyway: %s", question)
		}
	}
}

// decidesWithMark returns an edit that asks about these users, and lets the check decide by
// the mark of their entries where they are.
func decidesWithMark(t *testing.T, d *deployment, edit func(*coexist.Options), ask6, ask7 string) func(*coexist.Options) {
	return func(o *coexist.Options) {
		edit(o)
		o.Ask6, o.Ask7 = ask6, ask7
		o.Decide = func(ctx context.Context, address string) (*route.Decision, error) {
			return route.Decide(ctx, route.Config{
				MailFilter: "(mail=%s)", LocalAttr: "davstore", Fetched: []string{"mail", "davstore"}, Store: "davStore", Backend: "defaultbackend",
				Peer: func(string) (route.Peer, bool) { return route.Peer{}, false },
			}, d.source(t), address)
		}
	}
}

// withRules returns an edit that selects rules.
func withRules(edit func(*coexist.Options), ids ...string) func(*coexist.Options) {
	return func(o *coexist.Options) {
		edit(o)
		o.Only = ids
	}
}
