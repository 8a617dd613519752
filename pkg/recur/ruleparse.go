package recur

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// MaxRule is the maximum length of a rule in bytes. The longest rule that repeats no number
// has less than 8,000.
const MaxRule = 16384

// maxProblems limits what is reported about one rule, which may be hostile.
const maxProblems = 40

// ruleError is the reason why a text has no meaning as a rule.
type ruleError struct{ text string }

func (e *ruleError) Error() string { return e.text }

// ruleParser collects the parts and problems of a rule.
type ruleParser struct {
	rule     *Rule
	problems []ical.Problem
	seen     map[string]string
	err      error // the first reason why the rule has no meaning
}

// ParseRule parses the value of an RRULE or EXRULE. It accepts names in lower case, blanks,
// semicolons too many, parts in any order, and unknown parts.
//
// The problems have a level, a code and a text, but no place. Those of level Error name what
// has no certain meaning, and how it is read. The error is not nil if the rule has no meaning
// at all; then the rule is nil, and the problems contain the same reason. docs/decisions/0012
// lists the readings.
func ParseRule(value string) (*Rule, []ical.Problem, error) {
	p := ruleParser{rule: &Rule{Interval: 1, WeekStart: time.Monday}, seen: make(map[string]string, 8)}
	if len(value) > MaxRule {
		p.fail("rule-too-long", "the rule has more than %d bytes", MaxRule)
		return nil, p.problems, p.err
	}
	for part := range strings.SplitSeq(value, ";") {
		if part = strings.Trim(part, " \t"); part != "" {
			p.part(part)
		}
	}
	if strings.HasSuffix(strings.Trim(value, " \t"), ";") || strings.Contains(value, ";;") {
		p.add(ical.Warning, "rule-semicolon", "the rule has a semicolon too many")
	}
	if p.rule.Frequency == 0 && p.err == nil {
		p.fail("rule-no-frequency", "the rule has no FREQ")
	}
	if p.err != nil {
		return nil, p.problems, p.err
	}
	p.combinations()
	return p.rule, p.problems, nil
}

func (p *ruleParser) add(level ical.Level, code, format string, args ...any) {
	if len(p.problems) >= maxProblems {
		return
	}
	p.problems = append(p.problems, ical.Problem{Level: level, Code: code, Text: fmt.Sprintf(format, args...)})
}

// fail records why the rule has no meaning.
func (p *ruleParser) fail(code, format string, args ...any) {
	if p.err != nil {
		p.add(ical.Error, code, format, args...)
		return
	}
	p.err = &ruleError{fmt.Sprintf(format, args...)}
	p.problems = append(p.problems, ical.Problem{Level: ical.Error, Code: code, Text: p.err.Error() + "; the rule is ignored"})
}

// quote shortens and quotes a value for a message.
func quote(value string) string {
	if len(value) > 40 {
		value = value[:40] + "…"
	}
	return strconv.Quote(value)
}

// part reads NAME=VALUE.
func (p *ruleParser) part(part string) {
	name, value, found := strings.Cut(part, "=")
	name = strings.ToUpper(strings.Trim(name, " \t"))
	value = strings.ToUpper(strings.Trim(value, " \t"))
	if !found {
		p.add(ical.Warning, "rule-part-unknown", "the rule contains %s, which is not NAME=VALUE; it is ignored", quote(part))
		return
	}
	if first, repeated := p.seen[name]; repeated {
		if first == value {
			p.add(ical.Warning, "rule-part-repeated", "the rule has the part %s twice", quote(name))
		} else {
			p.add(ical.Error, "rule-part-repeated", "the rule has the part %s twice with different values; the first is used", quote(name))
		}
		return
	}
	p.seen[name] = value
	if value == "" && name != "FREQ" {
		p.add(ical.Warning, "rule-part-empty", "the part %s of the rule is empty; it is ignored", quote(name))
		return
	}
	r := p.rule
	switch name {
	case "FREQ":
		p.frequency(value)
	case "INTERVAL":
		r.Interval = int(p.positive(name, value, math.MaxInt32))
	case "COUNT":
		r.Count = p.positive(name, value, math.MaxInt64)
	case "UNTIL":
		p.until(value)
	case "BYSECOND":
		r.BySecond = p.numbers(name, value, 0, 60)
		p.leapSecond()
	case "BYMINUTE":
		r.ByMinute = p.numbers(name, value, 0, 59)
	case "BYHOUR":
		r.ByHour = p.numbers(name, value, 0, 23)
	case "BYDAY":
		p.days(value)
	case "BYMONTHDAY":
		r.ByMonthDay = p.numbers(name, value, -31, 31)
	case "BYYEARDAY":
		r.ByYearDay = p.numbers(name, value, -366, 366)
	case "BYWEEKNO":
		r.ByWeekNo = p.numbers(name, value, -53, 53)
	case "BYMONTH":
		r.ByMonth = p.numbers(name, value, 1, 12)
	case "BYSETPOS":
		r.BySetPos = p.numbers(name, value, -366, 366)
	case "WKST":
		p.weekStart(value)
	case "RSCALE":
		if value != "GREGORIAN" {
			p.fail("rscale-unsupported", "the calendar RSCALE=%s is not supported, only GREGORIAN is", quote(value))
		}
	case "SKIP":
		p.skip(value)
	default:
		level := ical.Warning
		if strings.HasPrefix(name, "X-") {
			level = ical.Note
		}
		p.add(level, "rule-part-unknown", "the part %s of the rule is unknown; it is ignored", quote(name))
	}
}

func (p *ruleParser) frequency(value string) {
	i := slices.Index(frequencyNames[:], value)
	if i < 1 {
		p.fail("rule-frequency", "%s is not a frequency", quote(value))
		return
	}
	p.rule.Frequency = Frequency(i)
}

// positive reads a number from 1 to limit. A larger COUNT means the same as the limit, because
// no rule has so many instances before the year 10000.
func (p *ruleParser) positive(name, value string, limit int64) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && n > 0 && limit == math.MaxInt64:
		return n
	case err != nil:
		p.fail("rule-number", "%s=%s is not a number that a rule can have", name, quote(value))
		return 1
	case n < 1:
		p.fail("rule-number", "%s is %d, but must be at least 1", name, n)
		return 1
	case n > limit:
		p.fail("rule-number", "%s is %d, but must be at most %d", name, n, limit)
		return 1
	}
	if value[0] == '+' {
		p.add(ical.Warning, "rule-number-sign", "the number of %s has a plus sign", name)
	}
	return n
}

func (p *ruleParser) until(value string) {
	until, err := ical.ParseTime(value)
	if err != nil {
		p.fail("until-invalid", "UNTIL=%s is not a date or time", quote(value))
		return
	}
	p.rule.Until, p.rule.HasUntil = until, true
}

// numbers reads a list of numbers. 0 is not allowed in ranges that begin below it. Values out
// of range are left out; a list without any other value would match nothing, so the rule has
// no meaning.
func (p *ruleParser) numbers(name, value string, low, high int) []int {
	var list []int
	for item := range strings.SplitSeq(value, ",") {
		item = strings.Trim(item, " \t")
		if item == "" {
			p.add(ical.Warning, "rule-list", "the list of %s has an empty value", name)
			continue
		}
		n, err := strconv.Atoi(item)
		if err != nil || n < low || n > high || n == 0 && low < 0 {
			p.add(ical.Error, "rule-value", "%s=%s is out of range; the value is ignored", name, quote(item))
			continue
		}
		list = append(list, n)
	}
	if list == nil {
		p.fail("rule-value", "%s has no valid value", name)
	}
	return list
}

// leapSecond reads second 60 as 59: a civil time has no leap seconds (RFC 5545, 3.3.12).
func (p *ruleParser) leapSecond() {
	for i, n := range p.rule.BySecond {
		if n == 60 {
			p.rule.BySecond[i] = 59
			p.add(ical.Note, "leap-second", "BYSECOND=60 is read as 59")
			return
		}
	}
}

func (p *ruleParser) days(value string) {
	for item := range strings.SplitSeq(value, ",") {
		item = strings.Trim(item, " \t")
		if item == "" {
			p.add(ical.Warning, "rule-list", "the list of BYDAY has an empty value")
			continue
		}
		day, ok := parseDay(item)
		if !ok {
			p.add(ical.Error, "rule-value", "BYDAY=%s is not a day; the value is ignored", quote(item))
			continue
		}
		p.rule.ByDay = append(p.rule.ByDay, day)
	}
	if p.rule.ByDay == nil {
		p.fail("rule-value", "BYDAY has no valid value")
	}
}

// parseDay parses a value of BYDAY in upper case.
func parseDay(item string) (Day, bool) {
	if len(item) < 2 {
		return Day{}, false
	}
	i := slices.Index(weekdayNames[:], item[len(item)-2:])
	if i < 0 {
		return Day{}, false
	}
	day := Day{Weekday: time.Weekday(i)}
	if number := strings.TrimRight(item[:len(item)-2], " \t"); number != "" {
		n, err := strconv.Atoi(number)
		if err != nil || n == 0 || n < -53 || n > 53 {
			return Day{}, false
		}
		day.N = n
	}
	return day, true
}

func (p *ruleParser) weekStart(value string) {
	i := slices.Index(weekdayNames[:], value)
	if i < 0 {
		p.add(ical.Error, "rule-value", "WKST=%s is not a day of the week; it is read as MO", quote(value))
		return
	}
	p.rule.WeekStart = time.Weekday(i)
}

func (p *ruleParser) skip(value string) {
	i := slices.Index(skipNames[:], value)
	if i < 0 {
		p.add(ical.Error, "rule-value", "SKIP=%s is unknown; it is read as OMIT", quote(value))
		return
	}
	p.rule.Skip = Skip(i)
}

// combinations reports parts that must not be used together, and how they are read.
func (p *ruleParser) combinations() {
	r := p.rule
	if r.Count > 0 && r.HasUntil {
		p.add(ical.Warning, "count-and-until", "the rule has COUNT and UNTIL; the earlier end is used")
	}
	if _, has := p.seen["SKIP"]; has {
		if _, scale := p.seen["RSCALE"]; !scale {
			p.add(ical.Warning, "skip-without-rscale", "the rule has SKIP without RSCALE; it is read as RSCALE=GREGORIAN")
		}
	}
	forbidden := func(name string) {
		p.add(ical.Warning, "rule-part-forbidden", "%s is not allowed with FREQ=%s; it limits the days", name, r.Frequency)
	}
	if r.ByWeekNo != nil && r.Frequency != Yearly {
		forbidden("BYWEEKNO")
	}
	if r.ByYearDay != nil && (r.Frequency == Daily || r.Frequency == Weekly || r.Frequency == Monthly) {
		forbidden("BYYEARDAY")
	}
	if r.ByMonthDay != nil && r.Frequency == Weekly {
		forbidden("BYMONTHDAY")
	}
	if slices.ContainsFunc(r.ByDay, func(d Day) bool { return d.N != 0 }) {
		switch {
		case r.Frequency < Monthly:
			p.add(ical.Warning, "rule-day-number", "numbers in BYDAY are not allowed with FREQ=%s; they are ignored", r.Frequency)
		case r.Frequency == Yearly && r.ByWeekNo != nil:
			p.add(ical.Warning, "rule-day-number", "numbers in BYDAY are not allowed with BYWEEKNO; they are ignored")
		}
	}
	if r.BySetPos != nil && r.BySecond == nil && r.ByMinute == nil && r.ByHour == nil && r.ByDay == nil && r.ByMonthDay == nil &&
		r.ByYearDay == nil && r.ByWeekNo == nil && r.ByMonth == nil {
		p.add(ical.Warning, "setpos-alone", "BYSETPOS is not allowed without another part that begins with BY")
	}
}

// CheckStart returns the problems that a rule has with a DTSTART. Like those of [ParseRule],
// they have no place.
func (r *Rule) CheckStart(start ical.Civil, allDay bool) []ical.Problem {
	var p ruleParser
	if allDay {
		for _, part := range []struct {
			name string
			list []int
		}{{"BYSECOND", r.BySecond}, {"BYMINUTE", r.ByMinute}, {"BYHOUR", r.ByHour}} {
			if len(part.list) > 0 {
				p.add(ical.Warning, "rule-clock-of-date", "%s is not allowed with a date as DTSTART; it is ignored", part.name)
			}
		}
		if r.Frequency < Daily {
			p.add(ical.Warning, "rule-frequency-of-date",
				"FREQ=%s with a date as DTSTART means each day in which the rule has a time", r.Frequency)
		}
	}
	it := r.Iterator(start, allDay, NewBudget(startBudget))
	it.position(it.start)
	if t, ok := it.advance(); it.err == nil && (!ok || t != it.start) {
		p.add(ical.Warning, "start-not-in-rule", "DTSTART does not match the rule; it is the first instance all the same")
	}
	return p.problems
}

// startBudget is enough to find DTSTART, which is in the first period if it is anywhere.
const startBudget = 1000
