package config

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// lineChecks are about lines: which setting they make, and where it ends.
func lineChecks() []check {
	return []check{
		{newRule("duplicate-key", finding.Warning,
			"no parameter is set twice",
			"only the last line of a name counts; whoever changes another one changes nothing (an error where the values differ)",
			"keep one line: take the parameter out and set it again"),
			checkDuplicates, false},
		{newRule("continuation-swallows-setting", finding.Error,
			"no line that ends in a backslash makes the next setting part of its value",
			"a backslash at the end of a line joins the next line to it: the setting there has no effect, and the value before it is spoilt",
			"set both parameters again"),
			checkContinuations, false},
		{newRule("file-ends-in-backslash", finding.Warning,
			"the file does not end in a backslash",
			"whatever is put behind the last line becomes part of its value",
			"take the last parameter out and set it again"),
			checkLastLine, false},
		{newRule("trailing-blank", finding.Warning,
			"no value ends in a blank",
			"Java keeps a blank at the end of a line as part of the value, where nobody sees it",
			"set the parameter again without the blank"),
			checkTrailing, false},
	}
}

func checkDuplicates(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		if !st.Shadowed {
			continue
		}
		last := s.get(st.Key)
		f := s.of(st, fmt.Sprintf("%s is set again in line %d, to the same value", st.name(), last.Line), s.fixRewrite(last))
		if last.Value != st.Value {
			f.Severity = finding.Error
			f.Detail = fmt.Sprintf("%s is set again in line %d, to another value: this line has no effect", st.name(), last.Line)
		}
		emit(f)
	}
	return nil
}

// swallowed is a setting that a continuation mark made part of a value.
type swallowed struct {
	name   string
	line   int
	offset int // in the raw text of the entry, from its key on
}

// findSwallowed looks at all lines of an entry but the first for the beginning
// of a setting that is known.
func (s *checkState) findSwallowed(st *setting) []swallowed {
	var out []swallowed
	for l := range physicalLines(st.body, st.Line) {
		if l.number == st.Line {
			continue
		}
		t := bytes.TrimLeft(l.text, blanks)
		end := bytes.IndexAny(t, "=:"+blanks)
		if end <= 0 {
			continue
		}
		behind := bytes.TrimLeft(t[end:], blanks)
		if len(behind) == 0 || behind[0] != '=' && behind[0] != ':' {
			continue
		}
		if name := string(t[:end]); s.known(name) {
			out = append(out, swallowed{name, l.number, l.offset})
		}
	}
	return out
}

func checkContinuations(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		if len(st.lost) == 0 {
			continue
		}
		fix := s.fixSwallowed(st)
		for _, l := range st.lost {
			emit(finding.Finding{
				Parameter: l.name, Where: s.where(l.line), Fix: finding.Text(finding.FixCommand, fix),
				Detail: fmt.Sprintf("%s is not set by this line: the line before it ends in a backslash, which makes this one part of %s", l.name, st.name()),
			})
		}
	}
	return nil
}

// fixSwallowed sets each of the parameters to what stands in its own line.
func (s *checkState) fixSwallowed(st *setting) string {
	if st.Shadowed {
		return ""
	}
	var edits []string
	seen := map[string]bool{}
	from := 0
	for i := range len(st.lost) + 1 {
		to := len(st.body)
		if i < len(st.lost) {
			to = st.lost[i].offset
		}
		d, err := Parse(bytes.TrimSuffix(bytes.TrimRight(st.body[from:to], "\r\n"), []byte(`\`)))
		from = to
		if err != nil || d.Len() != 1 {
			return ""
		}
		for e := range d.Entries() {
			if seen[e.Key] {
				return "" // one command sets a parameter once
			}
			seen[e.Key] = true
			if i == 0 || s.get(e.Key) == nil {
				edits = append(edits, s.editSet(e.Key, e.Value))
			}
		}
	}
	return modifyCommand(edits...)
}

// dangling returns the entry that ends the file with a backslash; nil when
// there is none.
func (s *checkState) dangling() *setting {
	last := len(s.settings) - 1
	if last < 0 || s.doc.entries[last].flags&dangling == 0 {
		return nil
	}
	return &s.settings[last]
}

func checkLastLine(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if st := s.dangling(); st != nil {
		emit(s.of(st, "the file ends in a backslash: a line put behind it would become part of "+orWord(st.name(), "this one"), s.fixRewrite(st)))
	}
	return nil
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func checkTrailing(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		trimmed := strings.TrimRight(st.Value, blanks)
		switch {
		case trimmed == st.Value, st.Shadowed, st.param != nil && !toleratesBlank(st.param):
			// Where the blank breaks the type, type-mismatch says so.
		case blankEscaped(st.body) && (st.param == nil || !st.param.List):
			// Somebody wants it.
		default:
			emit(s.of(st, st.name()+" ends in a blank, which the server takes for a part of the value", s.fixSet(st.Key, trimmed)))
		}
	}
	return nil
}

// blanks are the characters that separate names from values and members of
// lists from each other.
const blanks = " \t\f"

// toleratesBlank reports whether the server reads a value with a blank behind
// it as one of the type, though perhaps as another one than was meant.
func toleratesBlank(p *Parameter) bool {
	return p.List || p.Type == String || p.Type == Password || p.Type == MailList
}

func blankEscaped(raw []byte) bool {
	return len(raw) > 1 && strings.IndexByte(blanks, raw[len(raw)-1]) >= 0 && oddBackslashes(raw[:len(raw)-1])
}
