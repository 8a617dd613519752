package coexist_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/finding"
)

// says answers with periods. An answer about all calendars can differ from one about the
// default calendar.
func says(all, alone string) func(*servers, http.ResponseWriter, string) {
	return func(_ *servers, w http.ResponseWriter, about string) {
		person, ofAll := strings.CutPrefix(about, "all of ")
		periods := alone
		if ofAll {
			periods = all
		}
		fmt.Fprint(w, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\nATTENDEE:mailto:"+person+"\r\n")
		for line := range strings.FieldsSeq(periods) {
			fmt.Fprint(w, "FREEBUSY"+line+"\r\n")
		}
		fmt.Fprint(w, "END:VFREEBUSY\r\nX-NSCP-WCAP-ERRNO:0\r\nEND:VCALENDAR\r\n")
	}
}

// changing answers the first times with one function, then with another.
func changing(times int, first, then func(*servers, http.ResponseWriter, string)) func(*servers, http.ResponseWriter, string) {
	return func(s *servers, w http.ResponseWriter, about string) {
		if times--; times >= 0 {
			first(s, w, about)
		} else {
			then(s, w, about)
		}
	}
}

// knowsNobodyByMail refuses queries for all calendars.
func knowsNobodyByMail(data func(*servers, http.ResponseWriter, string)) func(*servers, http.ResponseWriter, string) {
	return func(s *servers, w http.ResponseWriter, about string) {
		if strings.HasPrefix(about, "all of ") {
			knowsNobody(s, w, about)
		} else {
			data(s, w, about)
		}
	}
}

func TestProbesCompareBusyTimes(t *testing.T) {
	const (
		monday  = ":20261102T080000Z/20261102T090000Z"
		tuesday = ":20261103T080000Z/PT1H"
		allDay  = ":20261104T230000Z/20261105T230000Z"
		maybe   = ";FBTYPE=BUSY-TENTATIVE:20261102T080000Z/PT1H"
		broken  = ":20261102T080000Z/tomorrow"
		next    = "2026-11-02T08:00:00Z to 2026-11-02T09:00:00Z"
		later   = "2026-11-03T08:00:00Z to 2026-11-03T09:00:00Z"
	)
	type answer = func(*servers, http.ResponseWriter, string)
	for _, c := range []struct {
		name                        string
		ischedule, oldWCAP, newWCAP answer
		want                        string // about the user of the old server: severity, then parts of the details in order, or the reason for not-run
	}{
		{"the same", answers, says(monday, monday), says(monday, monday), "passed"},
		{"only on the new server", answers, says("", ""), says(monday, monday), "error: " + next + " is busy on the new server and free on the old server"},
		{"only on the old server", answers, says(monday+" "+tuesday, monday+" "+tuesday), says(monday, monday), "error: " + later + " is free on the new server and busy on the old server"},
		{"another type", answers, says(maybe, maybe), says(monday, monday), "error: " + next + " is busy on the new server and tentative on the old server"},
		{"an all-day item", answers, says(monday, monday), says(monday+" "+allDay, monday), "info: 2026-11-04T23:00:00Z to 2026-11-05T23:00:00Z is busy on the new server and free on the old server; that is expected: the new server counts all-day"},
		{"the default calendar alone", answers, says(monday+" "+tuesday, monday), says(monday, monday), "info: " + later + " is free on the new server and busy on the old server; that is expected: for the default calendar"},
		{"the new server has no query for all calendars", answers, says(monday+" "+tuesday, monday), knowsNobodyByMail(says("", monday)), "info: " + later + " is free on the new server"},
		{"the old server has no query for all calendars", says(monday, monday), knowsNobodyByMail(says("", monday)), says(tuesday, tuesday), "error: " + next + " is free on the new server and busy on the old server; " + later},
		{"a change between the queries", answers, says(monday, monday), changing(2, answers, says(monday, monday)), "passed"},
		{"the old server does not answer", forbids, forbids, answers, "not-run: nothing to compare: the old server does not return all free/busy of adam@example.com: "},
		{"the old server refuses", noAuthority, withErrno(28), answers, "not-run: nothing to compare: the old server does not return all free/busy of adam@example.com: 28 ACCESS_DENIED"},
		{"the old server redirects about its own user", forbids, redirects, answers, "not-run: nothing to compare: the old server does not return all free/busy of adam@example.com: the old server redirects to another server"},
		{"the new server does not answer", answers, answers, page, "not-run: nothing to compare: the new server does not return all free/busy of adam@example.com: "},
		{"a part of an answer is invalid", answers, says(monday, monday), says(monday+" "+broken, monday+" "+broken), "not-run: nothing to compare: the new server does not return all free/busy of adam@example.com: a part of the answer is invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.ischedule, c.oldWCAP, c.newWCAP)
			d := s.between(t)
			edit := d.edit
			d.edit = withRules(edit, "probe-compare-old")
			r := d.check(t)
			got := "passed"
			for _, f := range findings(t, r) {
				got = f.Severity.String() + ": " + strings.TrimPrefix(f.Detail, "the servers differ about adam@example.com: ")
				if f.Rule != "probe-compare-old" || f.Where == nil || place(f) != "ics.conf:5" || f.Value != "adam@example.com" || (f.Fix.String() == "") != (f.Severity == finding.Info) {
					t.Errorf("%+v", f)
				}
			}
			for _, o := range r.Outcomes {
				if o.Rule == "probe-compare-old" && o.Result == finding.NotRun {
					got = "not-run: " + o.Reason
				}
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// A calendar that was left on the old server differs from the one that was moved.
func TestProbesCompareACalendarThatWasLeft(t *testing.T) {
	const monday = ":20261102T080000Z/PT1H"
	s := start(t, answers, says(monday+" :20261103T080000Z/PT1H :20261104T080000Z/PT1H :20261105T080000Z/PT1H :20261106T080000Z/PT1H", ""), says(monday, monday))
	d := s.between(t)
	d.edit = withRules(d.edit, "probe-compare-new")
	all := findings(t, d.check(t))
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	const want = "the servers differ about nina@example.com: 2026-11-03T08:00:00Z to 2026-11-03T09:00:00Z is free on the new server and busy on the old server; " +
		"2026-11-04T08:00:00Z to 2026-11-04T09:00:00Z is free on the new server and busy on the old server; " +
		"2026-11-05T08:00:00Z to 2026-11-05T09:00:00Z is free on the new server and busy on the old server; and 1 more; " +
		"no rule of the servers explains this: find out which server has the calendars of this user, and compare the calendars before you delete any"
	if diff := cmp.Diff(want, all[0].Detail); diff != "" {
		t.Error(diff)
	}
	// The differences were found twice.
	if diff := cmp.Diff([]string{
		"new wcap all of nina@example.com", "old wcap all of nina@example.com",
		"new wcap all of nina@example.com", "old wcap all of nina@example.com",
	}, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// Nothing is compared about a user whom the new server sees on the other side.
func TestProbesCompareUsersOfTheirServer(t *testing.T) {
	s := start(t, answers, says("", ""), answers)
	d := s.between(t)
	d.edit = decidesWithMark(t, d, withRules(d.edit, "probe-compare-old"), "nina@example.com", "")
	for _, o := range d.check(t).Outcomes {
		if o.Rule == "probe-compare-old" && (o.Result != finding.NotRun || o.Reason != "nina@example.com is a user of the other server") {
			t.Errorf("%+v", o)
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("asked: %v", s.asked)
	}
}
