package ical

import (
	"strings"
)

// values checks the form of the value of a property, or of each value of a list.
func (c *checker) values(rule *propertyRule, p *Property, kind valueType) {
	value := p.Value()
	if kind == typeText {
		if rule.traits&(isList|isStructured) == 0 {
			c.text(p, value)
		}
		return
	}
	if rule.traits&isStructured != 0 {
		return
	}
	if rule.traits&isList == 0 {
		c.value(rule, p, kind, value)
		return
	}
	if strings.Trim(value, " \t,") == "" {
		// Some programs leave the property when its last value is removed.
		c.reportf(Warning, "value-invalid", p, "%s is empty; it is ignored", p.Name)
		return
	}
	flawed := 0
	for rest, more := value, true; more; {
		var one string
		one, rest, more = strings.Cut(rest, ",")
		if !c.value(rule, p, kind, one) {
			if flawed++; flawed == maxFlawsOfList {
				return
			}
		}
	}
}

// maxFlawsOfList is how many problems are reported of the values of one property.
const maxFlawsOfList = 10

// text checks a TEXT (RFC 5545, 3.3.11). A backslash or a separator that is not escaped is
// reported once.
func (c *checker) text(p *Property, value string) {
	for i := strings.IndexAny(value, `\,;`); i < len(value) && i >= 0; i++ {
		switch value[i] {
		case ',', ';':
			c.reportf(Warning, "text-not-escaped", p, "the text of %s contains %q without a backslash before it; it is read as text", p.Name, value[i:i+1])
			return
		case '\\':
			if i++; i == len(value) || strings.IndexByte(`\;,nN`, value[i]) < 0 {
				c.reportf(Warning, "text-backslash", p, `the text of %s contains a backslash that escapes nothing; it is read as text`, p.Name)
				return
			}
		}
	}
}

// value checks one value, and reports whether it has the form of its type.
func (c *checker) value(rule *propertyRule, p *Property, kind valueType, value string) bool {
	switch kind {
	case typeDate, typeDateTime:
		return c.timeValue(rule, p, kind, value)
	case typeDuration:
		return c.durationValue(rule, p, value)
	case typePeriod:
		return c.periodValue(rule, p, value)
	case typeInteger:
		if _, ok := parseInteger(value); !ok {
			return c.invalid(rule, p, value, "whole number")
		}
	case typeFloat:
		if !isFloat(value) {
			return c.invalid(rule, p, value, "number")
		}
	case typeBoolean:
		if !equalName(value, "TRUE") && !equalName(value, "FALSE") {
			return c.invalid(rule, p, value, "truth value (TRUE or FALSE)")
		}
	case typeUTCOffset:
		if isUTCOffset(value) {
			break
		}
		if !isClearOffset(value) {
			return c.invalid(rule, p, value, "UTC offset")
		}
		c.reportf(Warning, "offset-form", p, "%q is not the form of a UTC offset in RFC 5545, but its meaning is clear", clip(value))
	case typeURI:
		if !isURI(value) {
			return c.invalid(rule, p, value, "URI")
		}
	case typeCalAddress:
		c.address(p, value, p.Name)
	case typeBinary:
		return c.binary(p, value)
	}
	return true
}

// invalid reports a value that does not have the form of its type, and returns false.
func (c *checker) invalid(rule *propertyRule, p *Property, value, kind string) bool {
	if value == "" {
		c.reportf(c.worst(rule), "value-invalid", p, "%s is empty, but must be a %s; it is ignored", p.Name, kind)
		return false
	}
	c.reportf(c.worst(rule), "value-invalid", p, "%q is not a valid %s; it is ignored", clip(value), kind)
	return false
}

// timeValue checks a DATE or DATE-TIME.
func (c *checker) timeValue(rule *propertyRule, p *Property, kind valueType, value string) bool {
	t, err := ParseTime(value)
	if err != nil {
		what := "date"
		if kind == typeDateTime {
			what = "date and time"
		}
		return c.invalid(rule, p, value, what)
	}
	switch {
	case kind == typeDate && t.Form != Date && rule.traits&isList != 0:
		c.reportf(Warning, "value-type", p, "%q is a date and time, but VALUE=DATE says that it is a date; it is read as a date and time", clip(value))
		return false
	case kind == typeDate && t.Form != Date:
		c.reportf(c.worst(rule), "value-type", p, "%q is a date and time, but VALUE=DATE says that it is a date", clip(value))
		return false
	case kind == typeDateTime && t.Form == Date && rule.allowed&typeDate != 0:
		c.reportf(Warning, "value-type-missing", p, "%q is a date, so %s must have the parameter VALUE=DATE; it is read as a date", clip(value), p.Name)
		return true
	case kind == typeDateTime && t.Form == Date:
		c.reportf(Warning, "value-type", p, "%q is a date, but %s must be a date and time", clip(value), p.Name)
		return false
	case rule.traits&isUTC != 0 && t.Form != UTC:
		c.reportf(Warning, "not-utc", p, "%q is a local time, but %s must be in UTC", clip(value), p.Name)
		return false
	case t.Form != Local && p.hasParams() && p.HasParam("TZID"):
		c.zoneOfOther(p, t)
	}
	if !isExactTime(value) {
		c.reportf(Warning, "time-form", p, "%q is not the form of a time in RFC 5545, but its meaning is clear", clip(value))
	}
	return true
}

// zoneOfOther reports a TZID of a date or of a time in UTC, to which it does not apply (RFC 5545, 3.2.19).
func (c *checker) zoneOfOther(p *Property, t Time) {
	level, code, what := Warning, "tzid-on-utc", "a time in UTC"
	if t.Form == Date {
		code, what = "tzid-on-date", "a date"
		if c.sun {
			level, code = Note, "sun-tzid-on-date"
		}
	}
	c.reportf(level, code, p, "%s is %s, so its TZID has no meaning", p.Name, what)
}

// durationValue checks a DURATION.
func (c *checker) durationValue(rule *propertyRule, p *Property, value string) bool {
	if _, err := ParseDuration(value); err != nil {
		if _, err := ParseTime(value); err == nil && rule.allowed&typeDateTime != 0 {
			c.reportf(Warning, "value-type-missing", p, "%q is a time, so %s must have the parameter VALUE=DATE-TIME", clip(value), p.Name)
			return true
		}
		return c.invalid(rule, p, value, "duration")
	}
	if !isExactDuration(value) {
		c.reportf(Warning, "duration-form", p, "%q is not the form of a duration in RFC 5545, but its meaning is clear", clip(value))
	}
	return true
}

// periodValue checks a PERIOD.
func (c *checker) periodValue(rule *propertyRule, p *Property, value string) bool {
	period, err := ParsePeriod(value)
	switch {
	case err != nil:
		return c.invalid(rule, p, value, "period")
	case period.HasEnd && period.End.Civil <= period.Start.Civil, !period.HasEnd && !period.Duration.IsPositive():
		c.reportf(c.worst(rule), "period-order", p, "the period %q does not end after its start", clip(value))
		return false
	case rule.traits&isUTC != 0 && period.Start.Form != UTC:
		c.reportf(Warning, "not-utc", p, "the period %q is in local time, but %s must be in UTC", clip(value), p.Name)
		return false
	}
	return true
}

// isExactTime reports whether a time that can be parsed is as RFC 5545 writes it.
func isExactTime(s string) bool {
	return (len(s) == 8 || len(s) == 15 && s[8] == 'T' || len(s) == 16 && s[8] == 'T' && s[15] == 'Z') && s[0] >= '0' && s[0] <= '9'
}

// isExactDuration reports whether a duration that can be parsed is as RFC 5545 writes it: in
// upper case, weeks alone, hours and seconds with minutes between them, and no empty time.
func isExactDuration(s string) bool {
	weeks, hours, minutes, seconds, days := false, false, false, false, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == 'W':
			weeks = true
		case c == 'D':
			days = true
		case c == 'H':
			hours = true
		case c == 'M':
			minutes = true
		case c == 'S':
			seconds = true
		case c >= 'a' && c <= 'z' || c == ' ' || c == '\t' || c == 'T' && i == len(s)-1:
			return false
		}
	}
	return !(weeks && (days || hours || minutes || seconds)) && !(hours && seconds && !minutes)
}

// parseInteger parses an INTEGER, a signed number of 32 bits (RFC 5545, 3.3.8).
func parseInteger(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	if digits == "" || len(digits) > 18 {
		return 0, false
	}
	n, ok := number(digits)
	if negative {
		n = -n
	}
	return n, ok && n >= -1<<31 && n <= 1<<31-1
}

// isFloat reports whether a value is a FLOAT (RFC 5545, 3.3.7).
func isFloat(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	whole, fraction, dot := strings.Cut(s, ".")
	return isDigits(whole) && (!dot || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isUTCOffset reports whether a value is a UTC-OFFSET (RFC 5545, 3.3.14): hours and minutes, and
// seconds that may be left out; -0000 is not allowed.
func isUTCOffset(s string) bool {
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' || !isDigits(s[1:]) {
		return false
	}
	return s[1:3] < "24" && s[3] < '6' && (len(s) == 5 || s[5] < '6') && !(s[0] == '-' && strings.Trim(s[1:], "0") == "")
}

// isClearOffset reports whether a value is a UTC-OFFSET but for a sign that is missing, colons,
// blanks around it, or -0000.
func isClearOffset(s string) bool {
	s = strings.Trim(s, " \t")
	if s == "" || len(s) > len("+hh:mm:ss") {
		return false
	}
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	if hour, rest, ok := strings.Cut(s, ":"); ok && len(hour) == 2 {
		s = hour + rest
		if len(rest) == 5 && rest[2] == ':' {
			s = hour + rest[:2] + rest[3:]
		}
	}
	return isUTCOffset("+" + s)
}

// scheme returns the scheme of a URI (RFC 3986, 3.1) as it is written, and what follows its
// colon; ok is false if the text has no scheme.
func scheme(s string) (name, rest string, ok bool) {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 {
		return "", "", false
	}
	for i := range colon {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return "", "", false
		}
	}
	return s[:colon], s[colon+1:], true
}

// isURI reports whether a value begins as a URI does, and contains no blank.
func isURI(s string) bool {
	_, rest, ok := scheme(s)
	return ok && rest != "" && strings.IndexByte(s, ' ') < 0
}

// binary checks a value in base64 (RFC 5545, 3.3.1).
func (c *checker) binary(p *Property, value string) bool {
	if !equalName(p.Param("ENCODING"), "BASE64") {
		c.reportf(Warning, "encoding", p, "VALUE=BINARY is without ENCODING=BASE64")
	}
	if !isBase64(value) {
		c.reportf(Warning, "value-invalid", p, "the value of %s is not valid base64", p.Name)
		return false
	}
	return true
}

func isBase64(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if c := body[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return len(s)%4 == 0 && len(s)-len(body) <= 2 && s != ""
}
