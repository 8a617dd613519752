package recur

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// at parses a date or time.
func at(t testing.TB, text string) ical.Civil {
	t.Helper()
	parsed, err := ical.ParseTime(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return parsed.Civil
}

func mustParse(t testing.TB, text string) *Rule {
	t.Helper()
	r, _, err := ParseRule(text)
	if err != nil {
		t.Fatalf("ParseRule(%q): %v", text, err)
	}
	return r
}

// list reads the times of a case: "1997: 9/2-4,8 10/1@0900,0930" are 2, 3, 4 and 8 September
// with the clock of the start, and two times on 1 October. Ranges with a slash after the end,
// such as 2-10/2, have a step.
func list(t testing.TB, start ical.Civil, text string) []ical.Civil {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		return n
	}
	var all []ical.Civil
	year := 0
	for _, token := range strings.Fields(text) {
		if y, ok := strings.CutSuffix(token, ":"); ok {
			year = number(y)
			continue
		}
		date, clocks, timed := strings.Cut(token, "@")
		month, days, _ := strings.Cut(date, "/")
		for _, days := range strings.Split(days, ",") {
			first, last, isRange := strings.Cut(days, "-")
			if !isRange {
				last = first
			}
			last, step, _ := strings.Cut(last, "/")
			if step == "" {
				step = "1"
			}
			for day := number(first); day <= number(last); day += number(step) {
				c := ical.DayOf(year, time.Month(number(month)), day)
				if !timed {
					all = append(all, c+start-start.Day())
					continue
				}
				for _, clock := range strings.Split(clocks, ",") {
					clock = (clock + "00")[:6]
					all = append(all, c+ical.Civil(number(clock[:2])*3600+number(clock[2:4])*60+number(clock[4:])))
				}
			}
		}
	}
	return all
}

// times returns up to n times of a rule.
func times(t testing.TB, r *Rule, start ical.Civil, allDay bool, n int) (all []ical.Civil, ended bool) {
	t.Helper()
	it := r.Iterator(start, allDay, NewBudget(1_000_000))
	for range n {
		c, ok := it.Next()
		if !ok {
			if it.Err() != nil {
				t.Fatal(it.Err())
			}
			return all, true
		}
		all = append(all, c)
	}
	_, ok := it.Next()
	return all, !ok
}

func format(all []ical.Civil) string {
	var b strings.Builder
	for _, c := range all {
		b.WriteString(" " + c.String())
	}
	return b.String()
}

// ruleCase is a rule with the times that were worked out by hand, or that the RFC prints. A
// list that ends with "end" is complete; others are the first times.
type ruleCase struct{ name, start, rule, want string }

func testCases(t *testing.T, cases []ruleCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := at(t, c.start)
			allDay := len(c.start) == 8
			text, complete := strings.CutSuffix(c.want, " end")
			want := list(t, start, text)
			r := mustParse(t, c.rule)
			got, ended := times(t, r, start, allDay, len(want))
			if !slices.Equal(got, want) {
				t.Errorf("%s from %s:\ngot  %s\nwant %s", c.rule, c.start, format(got), format(want))
			}
			if complete && !ended {
				t.Errorf("%s from %s: there are more than %d", c.rule, c.start, len(want))
			}
			// Each time is also what a jump to it finds.
			for i, c := range want {
				it := r.Iterator(start, allDay, NewBudget(DefaultBudget))
				it.Seek(c)
				if got, ok := it.Next(); !ok || got != c {
					t.Errorf("Seek(%s): got %s, %t, %v", c, got, ok, it.Err())
				}
				it.Seek(c + 1)
				got, ok := it.Next()
				switch {
				case i+1 < len(want) && (!ok || got != want[i+1]):
					t.Errorf("Seek after %s: got %s, %t, %v; want %s", c, got, ok, it.Err(), want[i+1])
				case i+1 == len(want) && complete && ok:
					t.Errorf("Seek after the last: got %s", got)
				}
			}
			if again := mustParse(t, r.String()); again.String() != r.String() {
				t.Errorf("%s is parsed as %s", r, again)
			}
		})
	}
}

// The examples of RFC 5545, 3.8.5.3, with the times printed there. UNTIL is left to those who
// know the zone, so these have the number of times instead.
func TestExamplesOfRFC5545(t *testing.T) {
	testCases(t, []ruleCase{
		{"daily for 10", "19970902T090000", "FREQ=DAILY;COUNT=10", "1997: 9/2-11 end"},
		{"daily until", "19970902T090000", "FREQ=DAILY;COUNT=113", "1997: 9/2-30 10/1-31 11/1-30 12/1-23 end"},
		{"every other day", "19970902T090000", "FREQ=DAILY;INTERVAL=2", "1997: 9/2-30/2 10/2-30/2 11/1-29/2 12/1-31/2"},
		{"every 10 days, 5 occurrences", "19970902T090000", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997: 9/2,12,22 10/2,12 end"},
		{"every day in January, yearly", "19980101T090000", "FREQ=YEARLY;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA;COUNT=93", "1998: 1/1-31 1999: 1/1-31 2000: 1/1-31 end"},
		{"every day in January, daily", "19980101T090000", "FREQ=DAILY;BYMONTH=1;COUNT=93", "1998: 1/1-31 1999: 1/1-31 2000: 1/1-31 end"},
		{"weekly for 10", "19970902T090000", "FREQ=WEEKLY;COUNT=10", "1997: 9/2-30/7 10/7-28/7 11/4 end"},
		{"weekly until", "19970902T090000", "FREQ=WEEKLY;COUNT=17", "1997: 9/2-30/7 10/7-28/7 11/4-25/7 12/2-23/7 end"},
		{"every other week", "19970902T090000", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997: 9/2-30/14 10/14,28 11/11,25 12/9,23 1998: 1/6,20 2/3,17"},
		{"weekly on Tuesday and Thursday", "19970902T090000", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", "1997: 9/2,4,9,11,16,18,23,25,30 10/2 end"},
		{"every other week on three days", "19970901T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=25;WKST=SU;BYDAY=MO,WE,FR", "1997: 9/1,3,5,15,17,19,29 10/1,3,13,15,17,27,29,31 11/10,12,14,24,26,28 12/8,10,12,22 end"},
		{"every other week on two days, 8", "19970902T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997: 9/2,4,16,18,30 10/2,14,16 end"},
		{"first Friday", "19970905T090000", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "1997: 9/5 10/3 11/7 12/5 1998: 1/2 2/6 3/6 4/3 5/1 6/5 end"},
		{"first and last Sunday of every other month", "19970907T090000", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "1997: 9/7,28 11/2,30 1998: 1/4,25 3/1,29 5/3,31 end"},
		{"second to last Monday", "19970922T090000", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997: 9/22 10/20 11/17 12/22 1998: 1/19 2/16 end"},
		{"third to last day", "19970928T090000", "FREQ=MONTHLY;BYMONTHDAY=-3", "1997: 9/28 10/29 11/28 12/29 1998: 1/29 2/26"},
		{"2nd and 15th", "19970902T090000", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", "1997: 9/2,15 10/2,15 11/2,15 12/2,15 1998: 1/2,15 end"},
		{"first and last day", "19970930T090000", "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "1997: 9/30 10/1,31 11/1,30 12/1,31 1998: 1/1,31 2/1 end"},
		{"every 18 months", "19970910T090000", "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "1997: 9/10-15 1999: 3/10-13 end"},
		{"every Tuesday of every other month", "19970902T090000", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", "1997: 9/2-30/7 11/4-25/7 1998: 1/6-27/7 3/3-31/7"},
		{"June and July", "19970610T090000", "FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "1997: 6/10 7/10 1998: 6/10 7/10 1999: 6/10 7/10 2000: 6/10 7/10 2001: 6/10 7/10 end"},
		{"every other year, three months", "19970310T090000", "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3", "1997: 3/10 1999: 1/10 2/10 3/10 2001: 1/10 2/10 3/10 2003: 1/10 2/10 3/10 end"},
		{"days of the year", "19970101T090000", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "1997: 1/1 4/10 7/19 2000: 1/1 4/9 7/18 2003: 1/1 4/10 7/19 2006: 1/1 end"},
		{"20th Monday", "19970519T090000", "FREQ=YEARLY;BYDAY=20MO", "1997: 5/19 1998: 5/18 1999: 5/17"},
		{"Monday of week 20", "19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997: 5/12 1998: 5/11 1999: 5/17"},
		{"Thursdays in March", "19970313T090000", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997: 3/13,20,27 1998: 3/5-26/7 1999: 3/4-25/7"},
		{"Thursdays in summer", "19970605T090000", "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "1997: 6/5-26/7 7/3-31/7 8/7-28/7 1998: 6/4-25/7 7/2-30/7 8/6-27/7 1999: 6/3-24/7 7/1-29/7 8/5-26/7"},
		// The RFC excludes DTSTART, which does not fit, by an EXDATE.
		{"Friday the 13th", "19970902T090000", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1997: 9/2 1998: 2/13 3/13 11/13 1999: 8/13 2000: 10/13"},
		{"Saturday after the first Sunday", "19970913T090000", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "1997: 9/13 10/11 11/8 12/13 1998: 1/10 2/7 3/7 4/11 5/9 6/13"},
		{"election day", "19961105T090000", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "1996: 11/5 2000: 11/7 2004: 11/2"},
		{"third of some days", "19970904T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997: 9/4 10/7 11/6 end"},
		{"second to last weekday", "19970929T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997: 9/29 10/30 11/27 12/30 1998: 1/29 2/26 3/30"},
		{"every 3 hours", "19970902T090000", "FREQ=HOURLY;INTERVAL=3;COUNT=3", "1997: 9/2@0900,1200,1500 end"},
		{"every 15 minutes", "19970902T090000", "FREQ=MINUTELY;INTERVAL=15;COUNT=6", "1997: 9/2@0900,0915,0930,0945,1000,1015 end"},
		{"every hour and a half", "19970902T090000", "FREQ=MINUTELY;INTERVAL=90;COUNT=4", "1997: 9/2@0900,1030,1200,1330 end"},
		{"every 20 minutes, daily", "19970902T090000", "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", "1997: 9/2-3@0900,0920,0940,1000,1020,1040,1100,1120,1140,1200,1220,1240,1300,1320,1340,1400,1420,1440,1500,1520,1540,1600,1620,1640"},
		{"every 20 minutes, minutely", "19970902T090000", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", "1997: 9/2-3@0900,0920,0940,1000,1020,1040,1100,1120,1140,1200,1220,1240,1300,1320,1340,1400,1420,1440,1500,1520,1540,1600,1620,1640"},
		{"week begins on Monday", "19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997: 8/5,10,19,24 end"},
		{"week begins on Sunday", "19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997: 8/5,17,19,31 end"},
		{"invalid date is ignored", "20070115T090000", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007: 1/15,30 2/15 3/15,30 end"},
		// 3.3.10
		{"last work day of the month", "19970930T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "1997: 9/30 10/31 11/28 12/31 1998: 1/30"},
		{"every other year on Sundays in January", "19970105T083000", "FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYDAY=SU;BYHOUR=8,9;BYMINUTE=30", "1997: 1/5-26/7@0830,0930 1999: 1/3-31/7@0830,0930"},
	})
}

// The Gregorian examples of RFC 7529, and the rest of SKIP.
func TestSkip(t *testing.T) {
	testCases(t, []ruleCase{
		{"leap day omitted", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY", "2012: 2/29 2016: 2/29 2020: 2/29"},
		{"leap day forward", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "2012: 2/29 2013: 3/1 2014: 3/1 2015: 3/1 2016: 2/29"},
		{"leap day backward", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD", "2012: 2/29 2013: 2/28 2014: 2/28 2015: 2/28 2016: 2/29"},
		{"31st backward", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4", "2014: 1/31 2/28 3/31 4/30 end"},
		{"31st forward", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4", "2014: 1/31 3/1,31 5/1 end"},
		{"31st omitted", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT;COUNT=4", "2014: 1/31 3/31 5/31 7/31 end"},
		// A day that is moved onto another one is one instance.
		{"two days onto one", "20150131", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=29,30,31;SKIP=BACKWARD;COUNT=7", "2015: 1/31 2/28 3/29,30,31 4/29,30 end"},
		{"moved onto the first", "20150101T090000", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD;COUNT=8", "2015: 1/1,31 2/1 3/1,31 4/1 5/1,31 end"},
		{"28 and 29 February", "20150201", "RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;SKIP=FORWARD", "2015: 2/1,28 3/1 2016: 2/28,29 2017: 2/28 3/1"},
		{"every third month", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;INTERVAL=3;SKIP=FORWARD", "2014: 1/31 5/1 7/31 10/31 2015: 1/31 5/1"},
		// The 31st from the end does not exist in February, April and so on.
		{"from the end, backward", "20150101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=BACKWARD", "2015: 1/1,31 3/1,31 5/1,31 7/1 8/1,31"},
		{"from the end, forward", "20150101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=FORWARD", "2015: 1/1 2/1 3/1 4/1 5/1"},
		{"day 366 backward", "20121231", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=BACKWARD", "2012: 12/31 2013: 12/31 2014: 12/31"},
		{"day 366 forward", "20121231", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD", "2012: 12/31 2014: 1/1 2015: 1/1 2016: 1/1 12/31 2018: 1/1"},
		{"day -366 backward", "20120101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=-366;SKIP=BACKWARD", "2012: 1/1 12/31 2013: 12/31 2014: 12/31 2016: 1/1 12/31"},
		// BYDAY limits the day onto which another was moved: 28 February 2014 was a Friday.
		{"limited after moving", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=FR;SKIP=BACKWARD", "2014: 1/31 2/28 10/31"},
		// In a limiting rule part, no day is missing.
		{"daily", "20140131", "RSCALE=GREGORIAN;FREQ=DAILY;BYMONTHDAY=31;SKIP=BACKWARD", "2014: 1/31 3/31 5/31"},
		{"daily, forward", "20140131", "RSCALE=GREGORIAN;FREQ=DAILY;BYMONTHDAY=31;SKIP=FORWARD", "2014: 1/31 3/31 5/31 7/31 8/31 10/31 12/31"},
		{"hourly", "20140131T090000", "RSCALE=GREGORIAN;FREQ=HOURLY;INTERVAL=12;BYMONTHDAY=31;SKIP=BACKWARD", "2014: 1/31@0900,2100 3/31@0900,2100 5/31@0900,2100"},
		{"hourly, day of the year", "20121231T090000", "RSCALE=GREGORIAN;FREQ=HOURLY;BYYEARDAY=366;BYHOUR=9;SKIP=FORWARD", "2012: 12/31@0900 2016: 12/31@0900 2020: 12/31@0900"},
		// BYSETPOS orders what comes from April and what comes from May.
		{"positions", "20150331T090000", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;BYHOUR=9,17;BYSETPOS=1,-1;SKIP=FORWARD", "2015: 3/31@0900,1700 4/1@0900 5/1@0900,1700 5/31@1700"},
	})
}

// What other programs do differently, or what the RFC leaves open: docs/decisions/0012 has the
// reasons.
func TestArguable(t *testing.T) {
	testCases(t, []ruleCase{
		// DTSTART is the first instance even if it does not fit.
		{"start does not fit", "20190101T100000", "FREQ=WEEKLY;BYDAY=WE,FR;INTERVAL=2;COUNT=4", "2019: 1/1,2,4,16 end"},
		{"start does not fit, every 13 months", "20100212", "FREQ=MONTHLY;INTERVAL=13;BYMONTH=5;COUNT=3", "2010: 2/12 2013: 5/12 2026: 5/12 end"},
		{"start is all", "20260302T090000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026: 3/2 end"},
		// BYWEEKNO without BYDAY: the weekday of DTSTART, a Tuesday.
		{"weeks without days", "20130101", "FREQ=YEARLY;BYWEEKNO=1,2;COUNT=4", "2013: 1/1,8 12/31 2014: 1/7 end"},
		{"last weeks without days", "20131224", "FREQ=YEARLY;BYWEEKNO=-1,-2", "2013: 12/24 2014: 12/16,23 2015: 12/22,29"},
		{"first weeks begin on Friday", "20130108", "FREQ=YEARLY;BYWEEKNO=1,2;WKST=FR", "2013: 1/8,15 2014: 1/7,14 2015: 1/6,13 2016: 1/5,12"},
		{"first weeks begin on Sunday", "20140111", "FREQ=YEARLY;BYWEEKNO=1,2;WKST=SU", "2014: 1/11 2015: 1/10,17 2016: 1/9,16 2017: 1/7,14"},
		{"week 20 begins on Sunday", "19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;WKST=SU", "1997: 5/12 1998: 5/18 1999: 5/17"},
		{"week 20 begins on Friday", "19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;WKST=FR", "1997: 5/12,19 1998: 5/18 1999: 5/17"},
		{"first and last weeks", "20130101", "FREQ=YEARLY;BYWEEKNO=1,2,-1,-2;BYDAY=TU", "2013: 1/1,8 12/17,24,31 2014: 1/7 12/16,23,30 2015: 1/6 12/22,29 2016: 1/5,12 12/20,27"},
		// A week belongs to one year. 3 January 2027 is the last day of week 53 of 2026.
		{"week 53 begins in the year before", "20270103", "FREQ=YEARLY;BYWEEKNO=53", "2027: 1/3 2033: 1/2 2038: 1/3"},
		{"week 53, Saturday", "20160101", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=TU,SA", "2016: 1/1,2 2020: 12/29 2021: 1/2"},
		{"1 January in week 52", "20060101", "FREQ=YEARLY;BYYEARDAY=1;BYWEEKNO=52", "2006: 1/1 2011: 1/1 2012: 1/1 2017: 1/1 2022: 1/1"},
		{"30 December in week 1", "20241230", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30;BYWEEKNO=1", "2024: 12/30 2025: 12/30 2030: 12/30 2031: 12/30"},
		// INTERVAL counts from the year of DTSTART, 2027: 2032 and 2093 have 53 weeks.
		{"week 53 every 5 years", "20270103", "FREQ=YEARLY;BYWEEKNO=53;INTERVAL=5;BYDAY=TH", "2027: 1/3 2032: 12/30"},
		{"week 53 every 6 years", "20270103", "FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;BYDAY=TH", "2027: 1/3 2093: 12/31"},
		// But if DTSTART fits, it counts from the year of its week: week 1 of 2013, 2015 and 2017.
		{"week 1 every other year", "20121231", "FREQ=YEARLY;BYWEEKNO=1;INTERVAL=2;BYDAY=MO", "2012: 12/31 2014: 12/29 2017: 1/2"},
		{"week 53 of 2020, every 6 years", "20210101", "FREQ=YEARLY;BYWEEKNO=53;INTERVAL=6;BYDAY=FR", "2021: 1/1 2027: 1/1 2032: 12/31"},
		// BYMONTHDAY expands a year to all months.
		{"day of every month", "20240229", "FREQ=YEARLY;BYMONTHDAY=29", "2024: 2/29 3/29 4/29 5/29"},
		{"last day of every month", "20240201", "FREQ=YEARLY;BYMONTHDAY=-29,-1", "2024: 2/1,29 3/3,31 4/2,30"},
		// BYSETPOS counts in the whole first period, though DTSTART is within it.
		{"positions in the first week", "20240102T120000", "FREQ=WEEKLY;BYDAY=MO,TU,SU,SA,TH;BYSETPOS=3,2;COUNT=4", "2024: 1/2,4,9,11 end"},
		{"position 3 is Wednesday", "20241023", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,3;COUNT=3", "2024: 10/23,28,30 end"},
		{"positions in the first year", "20240229T120000", "FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYMONTHDAY=29;BYSETPOS=3,2", "2024: 2/29 3/29 2025: 3/29 4/29"},
		{"position that some years lack", "20240229T120000", "FREQ=YEARLY;BYMONTH=1,2,3;BYMONTHDAY=29;BYSETPOS=3,2", "2024: 2/29 3/29 2025: 3/29 2026: 3/29"},
		{"positions of the clock", "20241023T154000", "FREQ=DAILY;BYMINUTE=0,10,20,30,40,50;BYSETPOS=-2,3;INTERVAL=5;COUNT=5", "2024: 10/23@1540 10/28@1520,1540 11/2@1520,1540 end"},
		{"positions of an hour", "20241023T154000", "FREQ=HOURLY;BYHOUR=15,17,19;BYMINUTE=0,10,20,30,40,50;BYSETPOS=5,-4;INTERVAL=2;COUNT=5", "2024: 10/23@1540,1720,1740,1920,1940 end"},
		{"positions of a minute", "20241023T001540", "FREQ=MINUTELY;BYSECOND=0,10,20,30,40,50;BYSETPOS=-2,3;INTERVAL=2;COUNT=5", "2024: 10/23@001540,001720,001740,001920,001940 end"},
		{"positions of a month", "20240101T081200", "FREQ=MONTHLY;BYMINUTE=12,39;BYHOUR=8,14,15;BYDAY=1MO,1TU,2SA,3MO;BYSETPOS=1,-5,3,-21,4,-8", "2024: 1/1@0812,1412,1439 1/13@1512 1/15@0839 2/5@0812,1412,1439 2/10@1512 2/19@0839"},
		{"more times than fit into 16 bits", "20250101T010101", "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16;BYMINUTE=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16;BYSECOND=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16;BYSETPOS=1,-1;COUNT=4", "2025: 1/1@010101 1/17@161616 2/1@010101 2/17@161616 end"},
		// A list of days is a union: every Sunday and the fourth Monday.
		{"days with and without numbers", "20160403", "FREQ=MONTHLY;BYDAY=SU,4MO", "2016: 4/3,10,17,24,25 5/1,8,15,22,23,29"},
		{"repeated values", "19970902T090000", "FREQ=DAILY;BYHOUR=9,10,9;BYMINUTE=0,20,0", "1997: 9/2@0900,0920,1000,1020 9/3@0900"},
		{"days in any order", "20240103", "FREQ=YEARLY;BYYEARDAY=3,2", "2024: 1/3 2025: 1/2,3 2026: 1/2"},
		// Days of the year from the end: 2012, 2016 and 2020 have 366.
		{"day -366", "20120101T120000", "FREQ=YEARLY;BYYEARDAY=-366;COUNT=3", "2012: 1/1 2016: 1/1 2020: 1/1 end"},
		{"day -366 limits hours", "20120101T120000", "FREQ=HOURLY;BYHOUR=12;BYYEARDAY=-366;COUNT=3", "2012: 1/1 2016: 1/1 2020: 1/1 end"},
		{"day -31", "20150101", "FREQ=MONTHLY;BYMONTHDAY=-31", "2015: 1/1 3/1 5/1 7/1 8/1 10/1 12/1 2016: 1/1"},
		{"31st of each month", "20260131T090000", "FREQ=MONTHLY", "2026: 1/31 3/31 5/31 7/31 8/31"},
		{"Friday on or after 26 March", "20060331T020000", "FREQ=YEARLY;BYDAY=FR;BYYEARDAY=-275,-276,-277,-278,-279,-280,-281", "2006: 3/31 2007: 3/30 2008: 3/28 2009: 3/27"},
		// Intervals that reach the allowed times seldom. 20 steps of 61 seconds are 20:20 minutes.
		{"seconds", "20250101T051005", "FREQ=SECONDLY;BYSECOND=5,25;INTERVAL=61;COUNT=2", "2025: 1/1@051005,053025 end"},
		{"minutes", "20250101T050500", "FREQ=MINUTELY;BYMINUTE=5,25;INTERVAL=61;COUNT=6", "2025: 1/1@0505 1/2@0125 1/3@1805 1/4@1425 1/6@0705 1/7@0325 end"},
		{"hours", "20250101T030500", "FREQ=HOURLY;BYHOUR=3,6;BYMINUTE=5,15,25;INTERVAL=7;COUNT=6", "2025: 1/1@0305,0315,0325 1/7@0605,0615,0625 end"},
		{"days", "20250101T030500", "FREQ=DAILY;BYMONTHDAY=1,20;INTERVAL=7", "2025: 1/1 8/20 10/1"},
		{"hourly on Thursdays", "20241024T221234", "FREQ=HOURLY;BYDAY=TH;BYHOUR=22,23", "2024: 10/24@221234,231234 10/31@221234,231234"},
		{"second 60 is 59", "20260302T090059", "FREQ=MINUTELY;BYSECOND=60", "2026: 3/2@090059,090159,090259"},
		// Parts that are not allowed with the frequency limit the days.
		{"weekly on the 13th", "20260213", "FREQ=WEEKLY;BYMONTHDAY=13", "2026: 2/13 3/13 4/13"},
		{"monthly on day 100", "20260410", "FREQ=MONTHLY;BYYEARDAY=100", "2026: 4/10 2027: 4/10 2028: 4/9"},
		{"daily in week 1", "20260101", "FREQ=DAILY;BYWEEKNO=1", "2026: 1/1-4 2027: 1/4-10 2028: 1/3-9"},
		{"monthly in week 1", "20260101", "FREQ=MONTHLY;BYWEEKNO=1", "2026: 1/1 2027: 1/7 2028: 1/6"},
		{"daily on the second Monday", "20260302", "FREQ=DAILY;BYDAY=2MO", "2026: 3/2,9,16"},
		{"position alone", "20260302", "FREQ=MONTHLY;BYSETPOS=1", "2026: 3/2 4/2"},
		// Weeks in which only some days are in January.
		{"weekly in January", "20260101", "FREQ=WEEKLY;BYMONTH=1;BYDAY=SU,SA,FR", "2026: 1/1,2,3,4,9,10,11,16,17,18,23,24,25,30,31 2027: 1/1,2,3"},
		// All-day rules have no clock.
		{"minutes of a date", "20241018", "FREQ=DAILY;BYMINUTE=1,2,3,4;INTERVAL=2;COUNT=3", "2024: 10/18,20,22 end"},
		{"hours of a date", "20260302", "FREQ=WEEKLY;BYHOUR=9,17;BYSETPOS=1", "2026: 3/2,9"},
		{"hourly from a date", "20260302", "FREQ=HOURLY;COUNT=3", "2026: 3/2,3,4 end"},
		{"every 36 hours from a date", "20260302", "FREQ=HOURLY;INTERVAL=36", "2026: 3/2,3,5,6,8"},
		{"every 2880 minutes from a date", "20260302", "FREQ=MINUTELY;INTERVAL=2880;BYMINUTE=7", "2026: 3/2,4,6"},
		{"secondly on Mondays from a date", "20260302", "FREQ=SECONDLY;BYDAY=MO;BYSECOND=7;COUNT=3", "2026: 3/2,9,16 end"},
	})
}
