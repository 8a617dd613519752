package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Type is the syntax of the values of a parameter.
type Type string

// The types. The first eight are terms of the original's parameter table; for the
// others, that table says string and describes the values in words.
const (
	String        Type = "string"
	Integer       Type = "integer"
	Long          Type = "long"
	Boolean       Type = "boolean"
	Password      Type = "password"
	LogLevel      Type = "loglevel"
	FilePath      Type = "filepath"
	URL           Type = "url"
	MailList      Type = "maillist"
	Attribute     Type = "attribute"
	AttributeList Type = "attributelist"
	ACL           Type = "acl"
	Filter        Type = "filter"
	Regex         Type = "regex"
	Template      Type = "template"
	TimeZone      Type = "timezone"
)

// Types lists all types, in the order of the reference pages.
func Types() []Type {
	return []Type{
		String, Integer, Long, Boolean, Password, LogLevel, FilePath, URL, MailList, Attribute, AttributeList, ACL, Filter, Regex, Template, TimeZone,
	}
}

func (t Type) known() bool { return t.Describe() != "" }

// Describe returns one line about the values of the type, for the reference pages.
// It returns an empty string for a type that is not one of the constants.
func (t Type) Describe() string {
	switch t {
	case String:
		return "text on one line"
	case Integer:
		return "a 32-bit integer (-2147483648 to 2147483647)"
	case Long:
		return "a 64-bit integer"
	case Boolean:
		return "true or false, in upper or lower case"
	case Password:
		return "a secret, never shown and never given on the command line"
	case LogLevel:
		return "a java.util.logging level in upper case: " + orList(logLevels())
	case FilePath:
		return "a path, relative to the server home unless it begins with /"
	case URL:
		return "an absolute URL with scheme and host and without a password"
	case MailList:
		return "mail addresses, separated by blanks or commas"
	case Attribute:
		return "an LDAP attribute name or OID (RFC 4512 section 1.4), with options such as ;lang-de"
	case AttributeList:
		return "LDAP attribute names or OIDs, separated by blanks, in upper or lower case"
	case ACL:
		return "access rules 'principal:letters', separated by ; where the principal is @, @domain or a mail address"
	case Filter:
		return "an LDAP filter (RFC 4515) whose values may contain %s, %U, %V, %o, $1 and ${name}"
	case Regex:
		return "a regular expression of java.util.regex.Pattern"
	case Template:
		return "text with $1 for a group of the pattern and ${attribute,default} for an LDAP attribute"
	case TimeZone:
		return "the name of a time zone in the IANA database, such as Europe/Rome"
	}
	return ""
}

// checkNumber reads a number as Java's Integer.parseInt and Long.parseLong do.
func (p *Parameter) checkNumber(value string) []Problem {
	bits := 32
	if p.Type == Long {
		bits = 64
	}
	n, err := strconv.ParseInt(value, 10, bits)
	switch {
	case errors.Is(err, strconv.ErrRange):
		// The type's own limits are certain even where the parameter's are not.
		q := *p
		if p.ValueCertainty == CertaintyGuessed {
			q.Min, q.Max = nil, nil
		}
		return failure(fmt.Sprintf("%s is out of range (%d to %d)", quoted(value), q.low(), q.high()), "")
	case err != nil:
		return failure(quoted(value)+" is not an integer"+p.rangeNote(), p.unitHint())
	case n < p.low() || n > p.high():
		return []Problem{p.limit(fmt.Sprintf("%s is out of range (%s)", quoted(value), p.Range()), "range")}
	}
	return nil
}

func (p *Parameter) unitHint() string {
	if p.Unit == "" || p.Unit == "bit mask" {
		return ""
	}
	return "give the number of " + p.Unit
}

// checkBoolean accepts true and false in any letter case, as Java's parseBoolean
// does. Java reads every other word as false, which is never meant.
func checkBoolean(value string) []Problem {
	word := strings.ToLower(value)
	meant := ""
	switch word {
	case "true", "false":
		return nil
	case "yes", "y", "on", "1", "t":
		meant = "true"
	case "no", "n", "off", "0", "f":
		meant = "false"
	}
	return correctable(quoted(value)+" is not a boolean ('true' or 'false')", meant)
}

// logLevels returns the levels of java.util.logging.Level that the manual lists,
// most severe first.
func logLevels() []string {
	return []string{"SEVERE", "WARNING", "INFO", "CONFIG", "FINE", "FINER", "FINEST", "OFF"}
}

// checkLogLevel requires upper case because Java's Level.parse does.
func checkLogLevel(value string) []Problem {
	if slices.Contains(logLevels(), value) {
		return nil
	}
	level := strings.ToUpper(value)
	switch level {
	case "ERROR", "FATAL", "CRITICAL":
		level = "SEVERE"
	case "WARN":
		level = "WARNING"
	case "DEBUG":
		level = "FINE"
	case "TRACE", "ALL":
		level = "FINEST"
	case "NONE":
		level = "OFF"
	}
	if !slices.Contains(logLevels(), level) {
		level = ""
	}
	return correctable(quoted(value)+" is not a log level ("+orList(logLevels())+")", level)
}
