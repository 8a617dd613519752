package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/finding"
)

// maxFilterDepth is how deeply the parts of a filter may be nested. A hand-written
// template does not reach the limit of any directory server.
const maxFilterDepth = 50

// filterParser parses a filter and stops at the first fault.
type filterParser struct {
	s     string
	pos   int
	fault string // empty while there is none
	odd   string // an unknown percent placeholder
}

// checkFilter checks a filter template: the grammar of RFC 4515 section 3, with
// the placeholders %s, %U, %V, %o, $n and ${name} in the values.
func checkFilter(value string) []Problem {
	p := filterParser{s: value}
	if !strings.HasPrefix(value, "(") {
		return correctable(quoted(value)+" is not an LDAP filter: '(' is missing at position 1", inParentheses(value))
	}
	p.filter(0)
	if p.fault == "" && p.pos < len(value) {
		p.fail("text follows the last ')'")
	}
	if p.fault != "" {
		return failure(fmt.Sprintf("%s is not an LDAP filter: %s %s", quoted(value), p.fault, at(value, p.pos)), "")
	}
	if p.odd != "" {
		text := fmt.Sprintf("'%s' is not a placeholder (%%s, %%U, %%V or %%o)", p.odd)
		return []Problem{{Severity: finding.Warning, Text: text, Hint: p.oddHint()}}
	}
	return nil
}

// inParentheses returns a filter without parentheses, which other tools accept, in
// parentheses. It returns an empty string for text that is not a filter.
func inParentheses(value string) string {
	p := filterParser{s: "(" + value + ")"}
	p.filter(0)
	if p.fault != "" || p.pos < len(p.s) {
		return ""
	}
	return p.s
}

func (p *filterParser) fail(fault string) {
	if p.fault == "" {
		p.fault = fault
	}
}

// next returns the byte at the current position, 0 at the end. A filter contains
// no NUL, because checkOneLine rejects it.
func (p *filterParser) next() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *filterParser) expect(c byte) {
	if p.next() != c {
		p.fail(fmt.Sprintf("'%c' is missing", c))
		return
	}
	p.pos++
}

// filter reads one filter with its parentheses.
func (p *filterParser) filter(depth int) {
	if depth == maxFilterDepth {
		p.fail(fmt.Sprintf("there are more than %d levels", maxFilterDepth))
		return
	}
	p.expect('(')
	switch p.next() {
	case '&', '|':
		p.pos++
		if p.next() != '(' {
			p.fail("a filter is missing")
		}
		for p.fault == "" && p.next() == '(' {
			p.filter(depth + 1)
		}
	case '!':
		p.pos++
		p.filter(depth + 1)
	case ')':
		p.fail("nothing comes before the ')'")
	default:
		p.item()
	}
	if p.fault == "" {
		p.expect(')')
	}
}

// item reads an attribute, an operator and a value, including an extensible match.
func (p *filterParser) item() {
	if p.fault != "" {
		return
	}
	start := p.pos
	end := strings.IndexAny(p.s[start:], "=~<>:()")
	if end < 0 {
		end = len(p.s) - start
	}
	name := p.s[start : start+end]
	if name == "" && p.next() != ':' {
		p.fail("an attribute is missing")
		return
	}
	if name != "" && !isAttribute(name) {
		p.fail(quoted(name) + " is not an attribute")
		return
	}
	p.pos += end
	switch p.next() {
	case '=':
		p.pos++
		p.value(true)
	case '~', '<', '>':
		p.pos++
		p.expect('=')
		p.value(false)
	case ':':
		p.matchingRule(name != "")
		p.value(false)
	default:
		p.fail("'=' is missing")
	}
}

// matchingRule reads [":dn"] [":" rule] ":=" of an extensible match, whose rule is
// optional only if there is an attribute.
func (p *filterParser) matchingRule(optional bool) {
	rest := p.s[p.pos:]
	before, _, found := strings.Cut(rest, ":=")
	if !found || strings.ContainsAny(before, "()=") {
		p.fail("':=' is missing")
		return
	}
	rule := before
	if len(rule) >= 3 && strings.EqualFold(rule[:3], ":dn") && (len(rule) == 3 || rule[3] == ':') {
		rule = rule[3:]
	}
	if rule == "" && optional {
		p.pos += len(before) + 2
		return
	}
	name := strings.TrimPrefix(rule, ":")
	if name == rule || !isDescr(name) && !isNumericOID(name) {
		p.pos += len(before) - len(rule)
		p.fail("a matching rule is missing")
		return
	}
	p.pos += len(before) + 2
}

// value reads up to the closing parenthesis. Only an equality match may contain
// stars, which make it a presence or substring match.
func (p *filterParser) value(stars bool) {
	for p.fault == "" {
		switch c := p.next(); {
		case c == ')' || p.pos >= len(p.s):
			return
		case c == '(':
			p.fail(`'(' must be written as \28`)
		case c == '*' && !stars:
			p.fail(`'*' must be written as \2a after this operator`)
		case c == '\\':
			p.escape()
		case c == '%':
			p.percent()
		case c == '$' && strings.HasPrefix(p.s[p.pos:], "${"):
			n, fault := placeholder(p.s[p.pos:])
			if fault != "" {
				p.fail(fault)
			}
			p.pos += n
		default:
			p.pos++
		}
	}
}

func (p *filterParser) escape() {
	rest := p.s[p.pos+1:]
	if len(rest) < 2 || !isHex(rest[0]) || !isHex(rest[1]) {
		p.fail(`'\' is not followed by two hexadecimal digits`)
		return
	}
	p.pos += 3
}

// percent records a placeholder that the server does not know. In RFC 4515 a
// percent sign is an ordinary character, so this is not a fault.
func (p *filterParser) percent() {
	c, size := utf8.DecodeRuneInString(p.s[p.pos+1:])
	if !strings.ContainsRune("sUVo", c) && p.odd == "" {
		p.odd = "%"
		if c != ')' && size > 0 {
			p.odd += string(c)
		}
	}
	p.pos++
}

func (p *filterParser) oddHint() string {
	for _, known := range []string{"%s", "%U", "%V", "%o"} {
		if strings.EqualFold(p.odd, known) {
			return "use '" + known + "'"
		}
	}
	return `write \25 for a percent sign`
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
