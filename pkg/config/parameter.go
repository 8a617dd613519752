package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Sure says where a name or the values of a parameter come from.
type Sure byte

// The degrees of certainty.
const (
	SureSeen       Sure = 'S' // printed in a manual that could be read
	SureRemembered Sure = 'M' // from memory of the product's documentation
	SureGuessed    Sure = 'G' // by analogy with other parameters
	SureOurs       Sure = 'O' // an addition of davadmin
)

func (s Sure) known() bool {
	return s == SureSeen || s == SureRemembered || s == SureGuessed || s == SureOurs
}

// String returns the words of the reference pages.
func (s Sure) String() string {
	switch s {
	case SureSeen:
		return "seen in the manual"
	case SureRemembered:
		return "remembered"
	case SureGuessed:
		return "guessed"
	case SureOurs:
		return "ours"
	}
	return fmt.Sprintf("sure(%d)", byte(s))
}

// Restart says whether a change takes effect only after a restart of the
// server.
type Restart string

// The answers to whether a restart is needed.
const (
	RestartNo      Restart = "no"      // the guide prescribes none
	RestartYes     Restart = "yes"     // the manual asks for one
	RestartAssumed Restart = "assumed" // not known, so better done
)

func (r Restart) known() bool { return r == RestartNo || r == RestartYes || r == RestartAssumed }

// Parameter describes one parameter, or a family of them that differ in one
// component of the name. It is shared and must not be changed.
type Parameter struct {
	Name       string // the key; a family has * for one component, a parameter of another file that file's prefix and a colon
	File       string // the file when it is not davserver.properties; davadmin cannot set such a parameter
	Type       Type
	Unit       string   // what a number counts or a string is; calendar or scheduling for an acl; the schemes of a url
	Min, Max   *int64   // limits that the values add to those of the type, nil for none; they belong to integer and long
	Default    string   // empty when unset by default, or, where Type has no empty value, when the default is not known
	List       bool     // a list of words with blanks between
	Choices    []string // the only values there are, nil for any; an empty string in it stands for clearing the parameter
	Restart    Restart
	NameSure   Sure
	ValueSure  Sure   // of default, limits and choices
	Deprecated string // what to use instead, empty while the parameter is current
	Meaning    string // one sentence
}

// Problem is one thing that is wrong with a value. Neither text ever holds a
// secret or a password that is part of a URL.
type Problem struct {
	Severity finding.Severity // Error, or Warning where the value may well be right
	Text     string           // what is wrong and what would be right
	Hint     string           // what to do, often empty
}

// Family reports whether the parameter stands for several, with * in its name.
func (p *Parameter) Family() bool { return strings.Contains(p.Name, "*") }

// Secret reports whether the value must never be shown.
func (p *Parameter) Secret() bool { return p.Type == Password }

// FoldCase reports whether the members of this list are equal when they differ
// in letter case only, as LDAP attribute names are (RFC 4512 section 1.4).
func (p *Parameter) FoldCase() bool { return p.Type == AttributeList }

func (p *Parameter) numeric() bool { return p.Type == Integer || p.Type == Long }

func (p *Parameter) low() int64 {
	switch {
	case p.Min != nil:
		return *p.Min
	case p.Type == Integer:
		return math.MinInt32
	}
	return math.MinInt64
}

func (p *Parameter) high() int64 {
	switch {
	case p.Max != nil:
		return *p.Max
	case p.Type == Integer:
		return math.MaxInt32
	}
	return math.MaxInt64
}

// Range returns the limits, as in "1 to 3600", or an empty string where there
// are none but those of the type. Where one side is open, the limit of the type
// stands there.
func (p *Parameter) Range() string {
	if p.Min == nil && p.Max == nil {
		return ""
	}
	return fmt.Sprintf("%d to %d", p.low(), p.high())
}

// Values returns the values to offer for completion: the choices, the two
// booleans or the log levels; nil where there is no end of values.
func (p *Parameter) Values() []string {
	switch {
	case len(p.Choices) > 0:
		return slices.Clone(p.Choices)
	case p.Type == Boolean:
		return []string{"true", "false"}
	case p.Type == LogLevel:
		return logLevels()
	}
	return nil
}

// maskedSecret stands for a secret wherever something is shown.
const maskedSecret = "********"

// Mask returns the form of value that may be shown: stars for a secret and for
// a malformed URL that may hold one, a URL without its password, any other value
// as it is.
func (p *Parameter) Mask(value string) string {
	switch {
	case p.Secret() && value != "":
		return "********"
	case p.Type == URL && malformedURL(value):
		return maskedSecret
	case p.Type == URL && strings.Contains(asciiLower(value), ";password="):
		return maskedSecret // no query that we know, but plainly a password
	case p.Type == URL:
		return MaskURLPassword(value)
	}
	return value
}

// Check returns what is wrong with value, nil when nothing is.
//
// What breaks the type is an Error. So is a value outside the limits or
// choices, unless these are themselves a guess: then it is a Warning that says
// so. An empty value clears the parameter and is right for all types but the
// numbers, boolean and loglevel.
func (p *Parameter) Check(value string) []Problem {
	if value == "" {
		return p.checkEmpty()
	}
	if problems := checkOneLine(value); problems != nil {
		return problems
	}
	if p.Type != String && p.Type != Password {
		if trimmed := strings.TrimFunc(value, unicode.IsSpace); trimmed != value {
			return p.strayBlank(trimmed)
		}
	}
	problems := p.checkType(value)
	if problems == nil && len(p.Choices) > 0 && !slices.Contains(p.Choices, value) {
		problems = append(problems, p.limit(fmt.Sprintf("%s is not %s", quoted(value), p.choiceText()), "list"))
	}
	return problems
}

func (p *Parameter) checkEmpty() []Problem {
	var want string
	switch p.Type {
	case Integer, Long:
		want = "an integer" + p.rangeNote()
	case Boolean:
		want = "'true' or 'false'"
	case LogLevel:
		want = "a log level"
	default:
		return nil
	}
	return []Problem{{finding.Error, "the value is empty instead of " + want, "use --default to go back to the default"}}
}

// strayBlank speaks of a value with blanks around it. A URL is not repeated,
// since it may hold a password.
func (p *Parameter) strayBlank(trimmed string) []Problem {
	hint := "leave the blanks out"
	if p.Type != URL && trimmed != "" {
		hint = "use " + quoted(trimmed)
	}
	return failure("the value begins or ends with a blank", hint)
}

func (p *Parameter) checkType(value string) []Problem {
	switch p.Type {
	case Integer, Long:
		return p.checkNumber(value)
	case Boolean:
		return checkBoolean(value)
	case LogLevel:
		return checkLogLevel(value)
	case URL:
		return checkURL(value, strings.Split(p.Unit, " or "))
	case MailList:
		return checkMailList(value)
	case Attribute:
		return checkAttribute(value)
	case AttributeList:
		return checkAttributeList(value)
	case ACL:
		return checkACL(value, p.Unit)
	case Filter:
		return checkFilter(value)
	case Regex:
		return checkRegex(value)
	case Template:
		return checkTemplate(value)
	}
	return nil
}

// limit makes the problem of a value outside the limits or choices, which is
// only as certain as these are.
func (p *Parameter) limit(text, what string) Problem {
	if p.ValueSure == SureGuessed {
		return Problem{Severity: finding.Warning, Text: text + "; this " + what + " is a guess"}
	}
	return Problem{Severity: finding.Error, Text: text}
}

func (p *Parameter) choiceText() string {
	words := make([]string, len(p.Choices))
	for i, c := range p.Choices {
		words[i] = "'" + c + "'"
		if c == "" {
			words[i] = "empty"
		}
	}
	return orList(words)
}

func (p *Parameter) rangeNote() string {
	if r := p.Range(); r != "" {
		return " (" + r + ")"
	}
	return ""
}

// checkOneLine refuses what no value of any type may hold. The value itself
// stays out of the text, since it may be a secret.
func checkOneLine(value string) []Problem {
	for i, c := range value {
		if c == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(value[i:]); size == 1 {
				return failure("the value is not valid UTF-8 "+at(value, i), "")
			}
		}
		if unicode.IsControl(c) && c != '\t' {
			return failure(fmt.Sprintf("the value holds the control character U+%04X %s", c, at(value, i)), "give a value of one line")
		}
	}
	return nil
}

// failure is the one problem that most checks end with.
func failure(text, hint string) []Problem { return []Problem{{finding.Error, text, hint}} }

// at names a place in a value for a reader: characters counted from 1.
func at(value string, offset int) string {
	return fmt.Sprintf("at position %d", utf8.RuneCountInString(value[:offset])+1)
}

// quoted puts a value into a message, cut short where it would fill the screen.
// One that seems to hold the name of a password is not shown: two settings may
// have come into one line.
func quoted(value string) string {
	const most = 120
	if namesSecret(value) {
		return "'" + maskedSecret + "'"
	}
	if utf8.RuneCountInString(value) > most {
		value = string([]rune(value)[:most-3]) + "..."
	}
	return "'" + value + "'"
}

// orList joins words for a sentence: "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
