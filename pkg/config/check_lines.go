package config

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// lineChecks returns the checks of lines: which setting a line makes, and where the
// setting ends.
func lineChecks() []check {
	return []check{
		{newRule("duplicate-key", finding.Warning,
			"no parameter is set twice",
			"only the last line of a name has an effect; changing another one changes nothing (an error where the values differ)",
			"keep one line: remove the parameter from the file and set it again"),
			checkDuplicates, false},
		{newRule("continuation-swallows-setting", finding.Error,
			"no line that ends in a backslash makes the next setting part of its value",
			"a backslash at the end of a line joins the next line to it: the setting there has no effect, and the value before it is corrupted",
			"set both parameters again"),
			checkContinuations, false},
		{newRule("file-ends-in-backslash", finding.Warning,
			"the file does not end in a backslash",
			"whatever is appended to the file becomes part of the last value",
			"remove the last parameter from the file and set it again"),
			checkLastLine, false},
		{newRule("trailing-blank", finding.Warning,
			"no value ends in a blank",
			"Java keeps a blank at the end of a line as part of the value, where it is easily overlooked",
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

// swallowed is a setting that became part of the value before it, because that
// value ends in a continuation mark.
type swallowed struct {
	name   string
	line   int
	offset int // in the raw text of the entry, counted from its key
}

// findSwallowed looks for settings of known parameters on all lines of an entry
// but the first.
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
		after := bytes.TrimLeft(t[end:], blanks)
		if len(after) == 0 || after[0] != '=' && after[0] != ':' {
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
				Parameter: l.name, Where: s.where(l.line), Fix: fix,
				Detail: fmt.Sprintf("%s is not set by this line: the line before it ends in a backslash, which makes this one part of %s", l.name, st.name()),
			})
		}
	}
	return nil
}

// fixSwallowed returns the fix that sets each of the parameters to the value on its
// own line.
func (s *checkState) fixSwallowed(st *setting) finding.Fix {
	if st.Shadowed {
		return finding.Fix{}
	}
	var edits []finding.ParameterEdit
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
			return finding.Fix{}
		}
		for e := range d.Entries() {
			if seen[e.Key] {
				return finding.Fix{} // one edit of each parameter at a time
			}
			seen[e.Key] = true
			if i == 0 || s.get(e.Key) == nil {
				edits = append(edits, s.editSet(e.Key, e.Value))
			}
		}
	}
	return fixOf(edits...)
}

// dangling returns the entry that ends the file with a backslash, or nil if there
// is none.
func (s *checkState) dangling() *setting {
	last := len(s.settings) - 1
	if last < 0 || s.doc.entries[last].flags&dangling == 0 {
		return nil
	}
	return &s.settings[last]
}

func checkLastLine(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if st := s.dangling(); st != nil {
		emit(s.of(st, "the file ends in a backslash: a line appended to it would become part of "+orWord(st.name(), "this one"), s.fixRewrite(st)))
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
			// Where the blank breaks the type, type-mismatch reports it.
		case blankEscaped(st.body) && (st.param == nil || !st.param.List):
			// The blank is intended.
		default:
			emit(s.of(st, st.name()+" ends in a blank, which the server reads as part of the value", s.fixSet(st.Key, trimmed)))
		}
	}
	return nil
}

// blanks are the characters that separate names from values, and the members of a
// list.
const blanks = " \t\f"

// toleratesBlank reports whether a value with a blank at its end is still valid for
// the parameter, though perhaps not the value that was meant.
func toleratesBlank(p *Parameter) bool {
	return p.List || p.Type == String || p.Type == Password || p.Type == MailList
}

func blankEscaped(raw []byte) bool {
	return len(raw) > 1 && strings.IndexByte(blanks, raw[len(raw)-1]) >= 0 && oddBackslashes(raw[:len(raw)-1])
}
