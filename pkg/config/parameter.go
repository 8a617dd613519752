package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Certainty is where a name or the values of a parameter come from, and so how certain
// they are.
type Certainty byte

// The degrees of certainty.
const (
	CertaintySeen       Certainty = 'S' // printed in a manual that was available
	CertaintyRemembered Certainty = 'M' // from memory of the product's documentation
	CertaintyGuessed    Certainty = 'G' // by analogy with other parameters
	CertaintyOurs       Certainty = 'O' // an addition of davadmin
)

func (s Certainty) known() bool {
	return s == CertaintySeen || s == CertaintyRemembered || s == CertaintyGuessed || s == CertaintyOurs
}

// String returns the wording of the reference pages.
func (s Certainty) String() string {
	switch s {
	case CertaintySeen:
		return "seen in the manual"
	case CertaintyRemembered:
		return "remembered"
	case CertaintyGuessed:
		return "guessed"
	case CertaintyOurs:
		return "ours"
	}
	return fmt.Sprintf("sure(%d)", byte(s))
}

// Restart is whether a change takes effect only after a restart of the server.
type Restart string

// The answers to whether a restart is needed.
const (
	RestartNo      Restart = "no"      // the guide does not ask for one
	RestartYes     Restart = "yes"     // the manual asks for one
	RestartAssumed Restart = "assumed" // unknown, so better restart
)

func (r Restart) known() bool { return r == RestartNo || r == RestartYes || r == RestartAssumed }

// Parameter describes one parameter, or a family of parameters whose names differ
// in one component. It is shared and must not be changed.
type Parameter struct {
	Name           string // the key; a family has * for one component, a parameter of another file that file's prefix and a colon
	File           string // the file, if it is not davserver.properties; davadmin cannot set such a parameter
	Type           Type
	Unit           string   // what a number counts or a string is; calendar or scheduling for an acl; the schemes of a url
	Min, Max       *int64   // limits in addition to those of the type, nil for none; only for integer and long
	Default        string   // empty if unset by default, or, where Type has no empty value, if the default is unknown
	List           bool     // a list of words separated by blanks
	Choices        []string // the only valid values, nil for any; an empty string in it stands for clearing the parameter
	Restart        Restart
	NameCertainty  Certainty
	ValueCertainty Certainty // of the default, limits and choices
	Deprecated     string    // what to use instead, empty while the parameter is current
	Meaning        string    // one sentence
}

// Problem is one thing that is wrong with a value. Text and Hint never contain a
// secret or a password that is part of a URL.
type Problem struct {
	Severity   finding.Severity // Error, or Warning where the value may well be right
	Text       string           // what is wrong and what would be right
	Hint       string           // what to do, often empty
	Suggestion string           // the value that was probably meant; empty where it is unknown
}

// Family reports whether the parameter stands for a family, with * in its name.
func (p *Parameter) Family() bool { return strings.Contains(p.Name, "*") }

// Secret reports whether the value must never be shown.
func (p *Parameter) Secret() bool { return p.Type == Password }

// FoldCase reports whether members of this list that differ only in letter case
// are equal, as LDAP attribute names are (RFC 4512 section 1.4).
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

// Range returns the limits, as in "1 to 3600", or an empty string if there are
// none but those of the type. A missing limit on one side is replaced by the limit
// of the type.
func (p *Parameter) Range() string {
	if p.Min == nil && p.Max == nil {
		return ""
	}
	return fmt.Sprintf("%d to %d", p.low(), p.high())
}

// Values returns the values to offer for completion: the choices, the two
// booleans or the log levels. It returns nil if the values cannot be listed.
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

// maskedSecret is shown in place of a secret.
const maskedSecret = "********"

// ErrMasked is returned by CheckUnmasked.
var ErrMasked = errors.New("a secret in it is shown as ********, as in a listing")

// CheckUnmasked returns ErrMasked for a value in which a secret was replaced, so that it is not
// the value itself.
func CheckUnmasked(value string) error {
	if strings.Contains(value, maskedSecret) {
		return ErrMasked
	}
	return nil
}

// Mask returns the form of value that may be shown: stars for a secret and for a
// malformed URL that may contain one, and any other value without the passwords of URLs
// in it, because a URL may be in the wrong parameter.
func (p *Parameter) Mask(value string) string {
	switch {
	case p.Secret() && value != "":
		return maskedSecret
	case p.Type == URL && malformedURL(value):
		return maskedSecret
	case p.Type == URL && strings.Contains(asciiLower(value), ";password="):
		return maskedSecret // not a query as we know it, but clearly a password
	}
	return MaskURLPassword(value)
}

// Check returns the problems of a value, nil for a valid one.
//
// A value that does not have the type is an Error. So is a value outside the
// limits or choices, unless these are a guess: then it is a Warning that says so.
// An empty value clears the parameter and is valid for all types but the numbers,
// boolean and loglevel.
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
	return failure("the value is empty instead of "+want, "")
}

// strayBlank returns the problem of a value with blanks around it. It does not
// repeat a URL, which may contain a password.
func (p *Parameter) strayBlank(trimmed string) []Problem {
	const text = "the value begins or ends with a blank"
	if p.Type != URL && trimmed != "" {
		return correctable(text, trimmed)
	}
	return failure(text, "remove the blanks")
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
	case TimeZone:
		return checkTimeZone(value)
	}
	return nil
}

// limit returns the problem of a value outside the limits or choices, which is
// only as certain as these are.
func (p *Parameter) limit(text, what string) Problem {
	if p.ValueCertainty == CertaintyGuessed {
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

// checkOneLine finds what is invalid in values of every type. Its texts do not
// contain the value, which may be a secret.
func checkOneLine(value string) []Problem {
	for i, c := range value {
		if c == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(value[i:]); size == 1 {
				return failure("the value is not valid UTF-8 "+at(value, i), "")
			}
		}
		if unicode.IsControl(c) && c != '\t' {
			return failure(fmt.Sprintf("the value contains the control character U+%04X %s", c, at(value, i)), "give a value of one line")
		}
	}
	return nil
}

// failure returns one error.
func failure(text, hint string) []Problem {
	return []Problem{{Severity: finding.Error, Text: text, Hint: hint}}
}

// correctable returns one error about a value whose intended form is known. With
// an empty suggestion, it is the same as failure without a hint.
func correctable(text, suggestion string) []Problem {
	problems := failure(text, "")
	if suggestion != "" {
		problems[0].Hint, problems[0].Suggestion = "use "+quoted(suggestion), suggestion
	}
	return problems
}

// at describes a position in a value for the user, in characters counted from 1.
func at(value string, offset int) string {
	return fmt.Sprintf("at position %d", utf8.RuneCountInString(value[:offset])+1)
}

// quoted quotes a value for a message, shortened if it would fill the screen. A
// value that seems to contain the name of a password is masked, because two
// settings may have ended up on one line.
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
