package config

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// valueChecks returns the checks of each value against its own parameter.
func valueChecks() []check {
	describe := finding.Task{Do: finding.DescribeParameter, Parameter: "NAME"}
	return []check{
		{withTask(newRule("type-mismatch", finding.Error,
			"every value has the type of its parameter",
			"the server falls back to the default, reads something else, or does not start; a boolean that is not 'true' is read as false",
			"set the parameter to a value of its type"), describe),
			faultCheck(wrongType), false},
		{withTask(newRule("range-exceeded", finding.Error,
			"every value is within the limits of its parameter, or one of its choices",
			"the server rejects the value or uses another one",
			"set the parameter to a value within its limits"), describe),
			faultCheck(outsideLimits), false},
		{newRule("range-doubtful", finding.Warning,
			"no value is outside limits that are a guess",
			"the limits come from memory: the server may or may not accept the value",
			"look up the limits in the manual of your release; keep the value if it is right"),
			faultCheck(outsideGuess), false},
		{newRule("list-member-repeated", finding.Warning,
			"no list contains a member twice",
			"nothing breaks, but anyone who removes one of the two expects the member to be gone",
			"set the list with each member only once"),
			checkRepeated, false},
		{newRule("empty-value", finding.Warning,
			"no parameter with a default is set to an empty value",
			"an empty value is not the default: the server uses the empty value instead",
			"remove the parameter from the file, so that the default applies, or give it a value"),
			checkEmptyValues, false},
	}
}

// faultKind assigns the problems that Parameter.Check finds to the rules.
type faultKind int

const (
	wrongType faultKind = iota
	outsideLimits
	outsideGuess
	repeatedMember
	otherRule // another rule reports it
)

// faults returns the problems of the value of a setting, regardless of other
// settings.
func (st *setting) faults() []Problem {
	value := st.Value
	if len(st.lost) > 0 || checkOneLine(value) != nil {
		return nil // the value is not the one that was meant; other rules report it
	}
	if toleratesBlank(st.param) {
		value = strings.TrimRight(value, blanks)
	}
	return st.param.Check(value)
}

func (st *setting) kindOf(problem Problem) faultKind {
	p := st.param
	switch {
	case problem.Severity < finding.Error && p.Type == AttributeList:
		return repeatedMember
	case problem.Severity < finding.Error:
		return outsideGuess
	case p.outside(st.Value):
		return outsideLimits
	case p.DatabaseURL() && (!postgresURL(st.Value) || carriesPassword(st.Value)):
		return otherRule
	}
	return wrongType
}

// outside reports whether an invalid value is only outside the limits or the
// choices.
func (p *Parameter) outside(value string) bool {
	if p.numeric() {
		_, err := strconv.ParseInt(value, 10, 64)
		return err == nil || errors.Is(err, strconv.ErrRange)
	}
	return len(p.Choices) > 0 && p.checkType(value) == nil
}

func faultCheck(kind faultKind) func(context.Context, *checkState, func(finding.Finding)) error {
	return func(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
		return s.each(ctx, func(st *setting) {
			for _, problem := range st.faults() {
				if st.kindOf(problem) == kind {
					emit(s.of(st, st.faultDetail(problem), s.fixFault(st, kind)))
				}
			}
		})
	}
}

// faultDetail returns the detail of a finding about a problem. The texts of a
// problem quote the value, so they are not used where the value may contain part
// of the next setting.
func (st *setting) faultDetail(problem Problem) string {
	if st.param.Type != URL && sensitive(st.Value) {
		return fmt.Sprintf("%s: the value does not have the type %s (%s)", st.Key, st.param.Type, st.param.Type.Describe())
	}
	detail := st.Key + ": " + problem.Text
	if problem.Hint != "" {
		detail += "; " + problem.Hint
	}
	return detail
}

// fixFault returns the fix that sets the value that was clearly meant, or else
// restores the default. It returns the zero Fix for values that may be valid, and
// where no default is known.
func (s *checkState) fixFault(st *setting, kind faultKind) finding.Fix {
	if kind == outsideGuess {
		return finding.Fix{}
	}
	if fix := s.fixSet(st.Key, st.param.meant(st.Value)); !fix.IsZero() {
		return fix
	}
	if st.param.Default == "" {
		return finding.Fix{}
	}
	return s.fixDefault(st.Key)
}

// meant returns the value that was probably meant by an invalid one. It may be the
// invalid value itself.
func (p *Parameter) meant(value string) string {
	value = strings.TrimSpace(value)
	var problems []Problem
	switch p.Type {
	case Boolean:
		problems = checkBoolean(value)
	case LogLevel:
		problems = checkLogLevel(value)
	case TimeZone:
		problems = checkTimeZone(value)
	}
	for _, problem := range problems {
		if problem.Suggestion != "" {
			return problem.Suggestion
		}
	}
	return value
}

func checkRepeated(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	return s.each(ctx, func(st *setting) {
		if !slices.ContainsFunc(st.faults(), func(p Problem) bool { return st.kindOf(p) == repeatedMember }) {
			return
		}
		var once, twice []string
		for _, m := range SplitList(st.Value) {
			switch {
			case !contains(once, m, st.param.FoldCase()):
				once = append(once, m)
			case !contains(twice, m, st.param.FoldCase()):
				twice = append(twice, m)
			}
		}
		names := strings.Join(twice, " ")
		if sensitive(st.Value) {
			names = maskedSecret
		}
		emit(s.of(st, st.Key+" contains more than once: "+names, s.fixSet(st.Key, strings.Join(once, " "))))
	})
}

func checkEmptyValues(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	return s.each(ctx, func(st *setting) {
		p := st.param
		if st.Value != "" || p.Default == "" || p.Check("") != nil || slices.Contains(p.Choices, "") || isFetchList(st.Key) {
			return
		}
		f := s.of(st, fmt.Sprintf("%s is set to an empty value, so its default '%s' does not apply", st.Key, p.Mask(p.Default)), s.fixDefault(st.Key))
		if st.Key == paramPermanentUniqueID {
			f.Severity = finding.Error
		}
		emit(f)
	})
}
