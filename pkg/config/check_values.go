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

// valueChecks hold each value against its own parameter.
func valueChecks() []check {
	return []check{
		{newRule("type-mismatch", finding.Error,
			"every value is of the type of its parameter",
			"the server falls back to the default, reads something else, or does not start; a boolean that is not 'true' is false to it",
			"set the parameter to a value of its type; 'davadmin config describe NAME' shows it"),
			faultCheck(wrongType), false},
		{newRule("range-exceeded", finding.Error,
			"every value is within the limits of its parameter, or one of its choices",
			"the server refuses the value or works with another one",
			"set the parameter to a value within its limits; 'davadmin config describe NAME' shows them"),
			faultCheck(outsideLimits), false},
		{newRule("range-doubtful", finding.Warning,
			"no value is beyond limits that are a guess",
			"the limits come from memory: the server may take the value, or not",
			"look the limits up in the manual of your release; leave the value when it is right"),
			faultCheck(outsideGuess), false},
		{newRule("list-member-repeated", finding.Warning,
			"no list names a member twice",
			"nothing breaks, but whoever removes one of the two expects the member to be gone",
			"set the list with each member once"),
			checkRepeated, false},
		{newRule("empty-value", finding.Warning,
			"no parameter with a default is set to nothing",
			"an empty value is not the default: the server works with nothing in its place",
			"take the parameter out of the file, so that the default holds, or give it a value"),
			checkEmptyValues, false},
	}
}

// faultKind sorts what Parameter.Check finds into the rules.
type faultKind int

const (
	wrongType faultKind = iota
	outsideLimits
	outsideGuess
	repeatedMember
	otherRule // another rule reports it
)

// faults returns what is wrong with the value of a setting in itself.
func (st *setting) faults() []Problem {
	value := st.Value
	if len(st.lost) > 0 || checkOneLine(value) != nil {
		return nil // the value is not what anybody meant, and other rules say so
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
	case isDatabaseURL(p) && (!postgresURL(st.Value) || carriesPassword(st.Value)):
		return otherRule
	}
	return wrongType
}

// outside reports whether a value that is wrong is right but for the limits or
// the choices.
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

// faultDetail words a problem. Its texts quote the value, which is left out
// where it may hold what belongs to a neighbour.
func (st *setting) faultDetail(problem Problem) string {
	if st.param.Type != URL && sensitive(st.Value) {
		return fmt.Sprintf("%s: the value is not of the type %s (%s)", st.Key, st.param.Type, st.param.Type.Describe())
	}
	detail := st.Key + ": " + problem.Text
	if problem.Hint != "" {
		detail += "; " + problem.Hint
	}
	return detail
}

// fixFault sets what was clearly meant, else goes back to the default. It stays
// away from values that may be right, and from defaults that are none.
func (s *checkState) fixFault(st *setting, kind faultKind) string {
	if kind == outsideGuess {
		return ""
	}
	if fix := s.fixSet(st.Key, st.param.meant(st.Value)); fix != "" {
		return fix
	}
	if st.param.Default == "" {
		return ""
	}
	return s.fixDefault(st.Key)
}

// meant returns the value that a wrong one was probably meant to be, which may
// be the wrong one.
func (p *Parameter) meant(value string) string {
	value = strings.TrimSpace(value)
	var problems []Problem
	switch p.Type {
	case Boolean:
		problems = checkBoolean(value)
	case LogLevel:
		problems = checkLogLevel(value)
	}
	for _, problem := range problems {
		word, found := strings.CutPrefix(problem.Hint, "use '")
		if found {
			return strings.TrimSuffix(word, "'")
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
			names = "********"
		}
		emit(s.of(st, st.Key+" names more than once: "+names, s.fixSet(st.Key, strings.Join(once, " "))))
	})
}

func checkEmptyValues(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	return s.each(ctx, func(st *setting) {
		p := st.param
		if st.Value != "" || p.Default == "" || p.Check("") != nil || slices.Contains(p.Choices, "") || isFetchList(st.Key) {
			return
		}
		f := s.of(st, fmt.Sprintf("%s is set to nothing, so its default '%s' does not hold", st.Key, p.Mask(p.Default)), s.fixDefault(st.Key))
		if st.Key == paramPermanentUniqueID {
			f.Severity = finding.Error
		}
		emit(f)
	})
}
