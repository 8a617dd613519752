package recur

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// codes returns the levels and codes of problems.
func codes(problems []ical.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Level.String()+":"+p.Code)
		if p.Text == "" || p.Line != 0 || p.Component != "" {
			all = append(all, fmt.Sprintf("odd problem %+v", p))
		}
	}
	return strings.Join(all, " ")
}

func TestParseRule(t *testing.T) {
	for _, c := range []struct{ text, want, problems string }{
		{"FREQ=DAILY", "FREQ=DAILY", ""},
		{"INTERVAL=1;FREQ=DAILY", "FREQ=DAILY", ""},
		{"BYDAY=MO;COUNT=3;FREQ=WEEKLY;WKST=MO", "FREQ=WEEKLY;COUNT=3;BYDAY=MO", ""},
		{"freq=weekly;byday=mo,-1fr", "FREQ=WEEKLY;BYDAY=MO,-1FR", "warning:rule-day-number"},
		{" FREQ = MONTHLY ; BYDAY = 1 MO , +2TU ", "FREQ=MONTHLY;BYDAY=1MO,2TU", ""},
		{"FREQ=WEEKLY;INTERVAL=1;COUNT=2;BYDAY=MO;", "FREQ=WEEKLY;COUNT=2;BYDAY=MO", "warning:rule-semicolon"},
		{";;FREQ=DAILY", "FREQ=DAILY", "warning:rule-semicolon"},
		{"FREQ=DAILY;X-WHY=because", "FREQ=DAILY", "note:rule-part-unknown"},
		{"FREQ=DAILY;BYEASTER=0", "FREQ=DAILY", "warning:rule-part-unknown"},
		{"FREQ=DAILY;nonsense", "FREQ=DAILY", "warning:rule-part-unknown"},
		{"FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY", "warning:rule-part-repeated"},
		{"FREQ=DAILY;FREQ=WEEKLY", "FREQ=DAILY", "error:rule-part-repeated"},
		{"FREQ=DAILY;BYDAY=", "FREQ=DAILY", "warning:rule-part-empty"},
		{"FREQ=DAILY;UNTIL=20261130", "FREQ=DAILY;UNTIL=20261130", ""},
		{"FREQ=DAILY;UNTIL=20261130t101500z", "FREQ=DAILY;UNTIL=20261130T101500Z", ""},
		{"FREQ=DAILY;UNTIL=20261130T101500", "FREQ=DAILY;UNTIL=20261130T101500", ""},
		{"FREQ=DAILY;COUNT=5;UNTIL=20261130", "FREQ=DAILY;UNTIL=20261130;COUNT=5", "warning:count-and-until"},
		{"FREQ=DAILY;COUNT=99999999999999999999", "FREQ=DAILY;COUNT=9223372036854775807", ""},
		{"FREQ=DAILY;COUNT=+5", "FREQ=DAILY;COUNT=5", "warning:rule-number-sign"},
		{"FREQ=MONTHLY;BYMONTHDAY=-1,31,1,1,-31", "FREQ=MONTHLY;BYMONTHDAY=1,31,-31,-1", ""},
		{"FREQ=MONTHLY;BYMONTHDAY=0,2,32,-32,x", "FREQ=MONTHLY;BYMONTHDAY=2", "error:rule-value error:rule-value error:rule-value error:rule-value"},
		{"FREQ=MONTHLY;BYMONTHDAY=1,,2,", "FREQ=MONTHLY;BYMONTHDAY=1,2", "warning:rule-list warning:rule-list"},
		{"FREQ=MONTHLY;BYDAY=0MO,MO,54TU,XX,5", "FREQ=MONTHLY;BYDAY=MO", "error:rule-value error:rule-value error:rule-value error:rule-value"},
		{"FREQ=MINUTELY;BYSECOND=0,60", "FREQ=MINUTELY;BYSECOND=0,59", "note:leap-second"},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "FREQ=YEARLY;BYDAY=1MO;BYWEEKNO=20", "warning:rule-day-number"},
		{"FREQ=MONTHLY;BYWEEKNO=20", "FREQ=MONTHLY;BYWEEKNO=20", "warning:rule-part-forbidden"},
		{"FREQ=DAILY;BYYEARDAY=20", "FREQ=DAILY;BYYEARDAY=20", "warning:rule-part-forbidden"},
		{"FREQ=HOURLY;BYYEARDAY=20", "FREQ=HOURLY;BYYEARDAY=20", ""},
		{"FREQ=WEEKLY;BYMONTHDAY=20", "FREQ=WEEKLY;BYMONTHDAY=20", "warning:rule-part-forbidden"},
		{"FREQ=MONTHLY;BYSETPOS=1", "FREQ=MONTHLY;BYSETPOS=1", "warning:setpos-alone"},
		{"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1", ""},
		{"FREQ=WEEKLY;WKST=SU;BYDAY=SA,SU", "FREQ=WEEKLY;BYDAY=SU,SA;WKST=SU", ""},
		{"FREQ=WEEKLY;WKST=XX", "FREQ=WEEKLY", "error:rule-value"},
		{"RSCALE=gregorian;FREQ=YEARLY", "FREQ=YEARLY", ""},
		{"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", ""},
		{"FREQ=YEARLY;SKIP=BACKWARD", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD", "warning:skip-without-rscale"},
		{"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=SIDEWAYS", "FREQ=YEARLY", "error:rule-value"},
		{"FREQ=YEARLY;BYSECOND=1;BYMINUTE=2;BYHOUR=3;BYDAY=4TH;BYMONTHDAY=5;BYYEARDAY=6;BYWEEKNO=7;BYMONTH=8;BYSETPOS=9;INTERVAL=10;COUNT=11",
			"FREQ=YEARLY;COUNT=11;INTERVAL=10;BYSECOND=1;BYMINUTE=2;BYHOUR=3;BYDAY=4TH;BYMONTHDAY=5;BYYEARDAY=6;BYWEEKNO=7;BYMONTH=8;BYSETPOS=9", "warning:rule-day-number"},
	} {
		r, problems, err := ParseRule(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := r.String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
		if got := codes(problems); got != c.problems {
			t.Errorf("%s: problems %s, want %s", c.text, got, c.problems)
		}
		again, _, err := ParseRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%s is read as %s, %v", r, again, err)
		}
	}
}

func TestParsedFields(t *testing.T) {
	got := mustParse(t, "FREQ=YEARLY;BYSECOND=1;BYMINUTE=2;BYHOUR=3;BYDAY=-4TH,MO;BYMONTHDAY=5,-1;BYYEARDAY=6;BYWEEKNO=7;BYMONTH=8;"+
		"BYSETPOS=9;INTERVAL=10;COUNT=11;UNTIL=20261130T101500Z;WKST=WE;SKIP=FORWARD;RSCALE=GREGORIAN")
	want := &Rule{Frequency: Yearly, Interval: 10, Count: 11, HasUntil: true,
		Until:    ical.Time{Civil: ical.CivilOf(2026, 11, 30, 10, 15, 0), Form: ical.UTC},
		BySecond: []int{1}, ByMinute: []int{2}, ByHour: []int{3}, ByDay: []Day{{-4, time.Thursday}, {0, time.Monday}},
		ByMonthDay: []int{5, -1}, ByYearDay: []int{6}, ByWeekNo: []int{7}, ByMonth: []int{8}, BySetPos: []int{9},
		WeekStart: time.Wednesday, Skip: Forward}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := mustParse(t, "FREQ=WEEKLY"); got.WeekStart != time.Monday || got.Interval != 1 || got.HasUntil || got.Count != 0 {
		t.Errorf("the defaults are %+v", got)
	}
}

func TestRulesWithoutMeaning(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "FREQ"},
		{"COUNT=3", "FREQ"},
		{"FREQ=", "frequency"},
		{"FREQ=FORTNIGHTLY", "FORTNIGHTLY"},
		{"FREQ=DAILY;INTERVAL=0", "INTERVAL"},
		{"FREQ=DAILY;INTERVAL=-1", "INTERVAL"},
		{"FREQ=DAILY;INTERVAL=two", "INTERVAL"},
		{"FREQ=DAILY;INTERVAL=2147483648", "2147483647"},
		{"FREQ=DAILY;COUNT=0", "COUNT"},
		{"FREQ=DAILY;COUNT=-5", "COUNT"},
		{"FREQ=DAILY;COUNT=-99999999999999999999", "COUNT"},
		{"FREQ=DAILY;UNTIL=tomorrow", "UNTIL"},
		{"FREQ=DAILY;UNTIL=20260230", "UNTIL"},
		{"FREQ=YEARLY;BYMONTH=13", "BYMONTH"},
		{"FREQ=YEARLY;BYMONTH=5L", "BYMONTH"},
		{"FREQ=YEARLY;BYDAY=8", "BYDAY"},
		{"FREQ=YEARLY;BYHOUR=24", "BYHOUR"},
		{"FREQ=YEARLY;BYSETPOS=0", "BYSETPOS"},
		{"RSCALE=HEBREW;FREQ=YEARLY", "HEBREW"},
		{"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=5L", "CHINESE"},
		{"FREQ=DAILY;X=" + strings.Repeat("a", MaxRule), "16384 bytes"},
	} {
		r, problems, err := ParseRule(c.text)
		if err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: got %v, %v; want an error about %s", c.text, r, err, c.want)
			continue
		}
		found := false
		for _, p := range problems {
			found = found || p.Level == ical.Error && p.Text == err.Error()+"; the rule is ignored"
		}
		if !found {
			t.Errorf("%.40s: the error %v is not one of the problems %v", c.text, err, problems)
		}
		var rule *ruleError
		if !errors.As(err, &rule) {
			t.Errorf("%.40s: the error is a %T", c.text, err)
		}
	}
}

// What is reported about one rule does not grow with its length.
func TestProblemsAreLimited(t *testing.T) {
	r, problems, err := ParseRule("FREQ=DAILY;BYMONTHDAY=1" + strings.Repeat(",99", 5000))
	if err != nil || len(r.ByMonthDay) != 1 || len(problems) != maxProblems {
		t.Errorf("got %v, %d problems, %v", r, len(problems), err)
	}
	_, problems, err = ParseRule(strings.Repeat("A;", 100) + "COUNT=0;FREQ=X")
	if err == nil || len(problems) > maxProblems+1 || problems[len(problems)-1].Text != err.Error()+"; the rule is ignored" {
		t.Errorf("%d problems, %v", len(problems), err)
	}
}

func TestCheckStart(t *testing.T) {
	for _, c := range []struct{ start, rule, want string }{
		{"20260302T090000", "FREQ=WEEKLY", ""},
		{"20260302T090000", "FREQ=WEEKLY;BYDAY=MO,TU", ""},
		{"20260302T090000", "FREQ=WEEKLY;BYDAY=TU", "warning:start-not-in-rule"},
		{"20260302T090000", "FREQ=DAILY;BYHOUR=10", "warning:start-not-in-rule"},
		{"20260302T090000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "warning:start-not-in-rule"},
		{"20270103", "FREQ=YEARLY;BYWEEKNO=53", ""},
		{"20121231", "FREQ=YEARLY;BYWEEKNO=1;INTERVAL=3", ""},
		{"20260302", "FREQ=DAILY;BYHOUR=10;BYSECOND=3", "warning:rule-clock-of-date warning:rule-clock-of-date"},
		{"20260302", "FREQ=HOURLY;INTERVAL=36", "warning:rule-frequency-of-date"},
		{"20260302", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2", "warning:start-not-in-rule"},
		{"20260302", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", ""},
	} {
		if got := codes(mustParse(t, c.rule).CheckStart(at(t, c.start), len(c.start) == 8)); got != c.want {
			t.Errorf("%s from %s: got %s, want %s", c.rule, c.start, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Secondly.String(), "SECONDLY"}, {Yearly.String(), "YEARLY"}, {Frequency(0).String(), ""}, {Frequency(99).String(), ""},
		{Omit.String(), "OMIT"}, {Forward.String(), "FORWARD"}, {Skip(9).String(), ""},
		{Day{-1, time.Friday}.String(), "-1FR"}, {Day{0, time.Sunday}.String(), "SU"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// FuzzRule parses any text and iterates the rule with a small budget.
func FuzzRule(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.rule, int64(at(f, c.start)), int64(86400*365), false)
	}
	f.Add("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,-31,31;BYSETPOS=1,-1;SKIP=FORWARD", int64(0), int64(1e9), true)
	f.Add("FREQ=YEARLY;BYWEEKNO=1,53,-1;BYDAY=MO,2TU;COUNT=77", int64(1e9), int64(1e10), true)
	f.Add("FREQ=HOURLY;INTERVAL=5;BYDAY=MO;COUNT=1000", int64(1e9), int64(1e9), true)
	f.Fuzz(func(t *testing.T, text string, start, jump int64, allDay bool) {
		r, problems, err := ParseRule(text)
		if len(problems) > maxProblems+1 {
			t.Fatalf("%d problems", len(problems))
		}
		if err != nil {
			return
		}
		again, _, err := ParseRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q is read as %v, %v", r, again, err)
		}
		first := ical.Civil(minDay*86400 + modulo64(start, (maxDay-minDay+1)*86400))
		r.CheckStart(first, allDay)
		budget := NewBudget(20_000)
		it := r.Iterator(first, allDay, budget)
		var all []ical.Civil
		for range 50 {
			c, ok := it.Next()
			if !ok {
				break
			}
			if len(all) > 0 && c <= all[len(all)-1] || c > lastTime {
				t.Fatalf("%s from %s: %s after %s", r, first, c, format(all))
			}
			all = append(all, c)
		}
		if len(all) == 0 {
			t.Fatalf("%s: no instance", r)
		}
		if r.Count > 0 && int64(len(all)) > r.Count {
			t.Fatalf("%s: %d instances", r, len(all))
		}
		// A jump to any of them finds it, and so does one to the second after the one before.
		for i, want := range all {
			from := want
			if i > 0 && start%2 == 0 {
				from = all[i-1] + 1
			}
			it := r.Iterator(first, allDay, budget)
			it.Seek(from)
			if got, ok := it.Next(); it.Err() == nil && (!ok || got != want) {
				t.Fatalf("%s from %s: Seek(%s) gives %s, %t; want %s", r, first, from, got, ok, want)
			}
		}
		it = r.Iterator(first, allDay, budget)
		it.Seek(first + ical.Civil(jump))
		if got, ok := it.Next(); ok && got < first+ical.Civil(jump) {
			t.Fatalf("%s from %s: Seek(+%d) gives %s", r, first, jump, got)
		}
	})
}
