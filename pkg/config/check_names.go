package config

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/finding"
)

// mostGuesses bounds the names for which a nearest one is looked up: a file
// with more unknown ones is not a configuration with a few slips of the pen.
const mostGuesses = 200

// nameChecks are about the names of parameters.
func nameChecks() []check {
	return []check{
		{newRule("unknown-parameter", finding.Warning,
			"every name is that of a parameter",
			"the server ignores a name that it does not know, so a misspelt setting has no effect and nothing says so",
			"correct the name; leave it when your release of the server documents it"),
			checkUnknown, false},
		{newRule("wrong-file", finding.Error,
			"no setting belongs into another file",
			"the server does not look for it here, and the program that needs it does not read this file",
			"set it in the file named in the finding, and take it out of this one"),
			checkWrongFile, false},
		{newRule("deprecated-parameter", finding.Warning,
			"no parameter is set that has been replaced by another",
			"a later release may ignore it",
			"use what the finding names in its place"),
			checkDeprecated, false},
	}
}

func checkUnknown(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	guesses := 0
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		if st.param != nil || st.alien != nil || st.marked || st.Shadowed || st.Key == "" && s.dangling() == st {
			continue
		}
		f := s.of(st, st.name()+" is not a known parameter", "")
		if st.Key == "" {
			f.Detail = "a line sets a parameter without a name"
		}
		near, ok := "", false
		if guesses++; guesses <= mostGuesses {
			near, ok = s.reg.Nearest(st.Key)
		}
		if ok {
			f.Detail += "; did you mean " + near + "?"
			f.Fix = finding.Text(finding.FixCommand, s.fixName(st, near))
		}
		emit(f)
	}
	return nil
}

// fixName moves the value to the right name. A setting of that name stays what
// it is.
func (s *checkState) fixName(st *setting, right string) string {
	if st.name() != st.Key {
		return ""
	}
	out := s.editDefault(st.Key)
	if s.get(right) != nil {
		return modifyCommand(out)
	}
	if sensitive(st.Key) {
		return ""
	}
	return modifyCommand(s.editSet(right, st.Value), out)
}

func checkWrongFile(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		if st.alien == nil || st.Shadowed {
			continue
		}
		emit(s.of(st, fmt.Sprintf("%s belongs into %s and has no effect here", st.Key, st.alien.File), s.fixDefault(st.Key)))
	}
	return nil
}

func checkDeprecated(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	for _, p := range s.reg.all {
		any = any || p.Deprecated != ""
	}
	if !any {
		return finding.NotApplicable("no parameter that davadmin knows has been replaced by another")
	}
	return s.each(ctx, func(st *setting) {
		if st.param.Deprecated == "" {
			return
		}
		f := s.of(st, fmt.Sprintf("%s is deprecated; in its place there is: %s", st.Key, st.param.Deprecated), "")
		if s.known(st.param.Deprecated) {
			f.Fix = finding.Text(finding.FixCommand, s.fixName(st, st.param.Deprecated))
		}
		emit(f)
	})
}
