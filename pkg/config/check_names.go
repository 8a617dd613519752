package config

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/finding"
)

// mostGuesses limits how many unknown names are compared with the known ones. A
// file with more unknown names is not a configuration with a few typos.
const mostGuesses = 200

// nameChecks returns the checks of the names of parameters.
func nameChecks() []check {
	return []check{
		{newRule("unknown-parameter", finding.Warning,
			"every name is the name of a parameter",
			"the server ignores unknown names, so a misspelled setting silently has no effect",
			"correct the name; keep it if it is documented for your release of the server"),
			checkUnknown, false},
		{newRule("wrong-file", finding.Error,
			"no setting belongs in another file",
			"the server does not look for it here, and the program that needs it does not read this file",
			"set it in the file named in the finding, and remove it from this one"),
			checkWrongFile, false},
		{newRule("deprecated-parameter", finding.Warning,
			"no deprecated parameter is set",
			"a later release may ignore it",
			"use the replacement named in the finding"),
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
		f := s.of(st, st.name()+" is not a known parameter", finding.Fix{})
		if st.Key == "" {
			f.Detail = "a line sets a parameter without a name"
		}
		near, ok := "", false
		if guesses++; guesses <= mostGuesses {
			near, ok = s.reg.Nearest(st.Key)
		}
		if ok {
			f.Detail += "; did you mean " + near + "?"
			f.Fix = s.fixName(st, near)
		}
		emit(f)
	}
	return nil
}

// fixName returns the fix that moves the value to the correct name. If that name
// is already set, the fix keeps its value.
func (s *checkState) fixName(st *setting, correct string) finding.Fix {
	if st.name() != st.Key {
		return finding.Fix{}
	}
	remove := s.editDefault(st.Key)
	if s.get(correct) != nil {
		return fixOf(remove)
	}
	if sensitive(st.Key) {
		return finding.Fix{}
	}
	return fixOf(s.editSet(correct, st.Value), remove)
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
		emit(s.of(st, fmt.Sprintf("%s belongs in %s and has no effect here", st.Key, st.alien.File), s.fixDefault(st.Key)))
	}
	return nil
}

func checkDeprecated(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	for _, p := range s.reg.all {
		any = any || p.Deprecated != ""
	}
	if !any {
		return finding.NotApplicable("no known parameter is deprecated")
	}
	return s.each(ctx, func(st *setting) {
		if st.param.Deprecated == "" {
			return
		}
		f := s.of(st, fmt.Sprintf("%s is deprecated; its replacement is: %s", st.Key, st.param.Deprecated), finding.Fix{})
		if s.known(st.param.Deprecated) {
			f.Fix = s.fixName(st, st.param.Deprecated)
		}
		emit(f)
	})
}
