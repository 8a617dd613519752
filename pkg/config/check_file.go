package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/davadmin/davadmin/pkg/finding"
)

// fileChecks are about the file as such.
func fileChecks() []check {
	return []check{
		{newRule("file-malformed", finding.Error,
			"the server can load the file",
			"Java refuses the whole file for one bad escape: the server does not start, or runs on without its settings",
			"mend the line in an editor: write \\\\ for a backslash, and \\u only before four hexadecimal digits"),
			checkMalformed, true},
		{newRule("byte-order-mark", finding.Error,
			"the file does not begin with a byte-order mark",
			"the server reads the mark as the first characters of the first name, so that this setting has no effect",
			"take the first line out and set the parameter again; keep the file in ASCII"),
			checkMark, true},
		{newRule("file-readable", finding.Error,
			"only the owner and the group may read the file",
			"everybody with an account on this host learns how the server is set up (a warning) and the passwords in the file, if it has any (an error)",
			"take the read permission from others, and change passwords that were open to all"),
			checkReadable, true},
		{newRule("file-writable", finding.Error,
			"only the owner may change or replace the file",
			"whoever may write the file decides where the server looks up people and keeps their calendars",
			"take the write permission away, from the directory as well"),
			checkWritable, true},
	}
}

func checkMalformed(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if s.err == nil {
		return nil
	}
	f := finding.Finding{Where: s.where(0), Detail: "the file cannot be loaded: " + s.err.Error()}
	var syntax *SyntaxError
	if errors.As(s.err, &syntax) {
		f.Where.Line = syntax.Line
		f.Detail = "the file cannot be loaded: " + syntax.Detail
	}
	emit(f)
	return nil
}

func checkMark(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if isUTF16(s.in.Text) {
		emit(finding.Finding{Where: s.where(1), Detail: "the file begins with the byte-order mark of UTF-16; the server reads one byte a character"})
		return nil
	}
	if !bytes.HasPrefix(s.in.Text, []byte("\xef\xbb\xbf")) {
		return nil
	}
	f := finding.Finding{Where: s.where(1), Detail: "the file begins with the byte-order mark of UTF-8, which becomes part of the first name"}
	if len(s.settings) > 0 {
		st := &s.settings[0]
		f.Parameter = st.name()
		f.Fix = finding.Text(finding.FixCommand, s.fixMark(st))
		if name := st.Key[len(utf8Mark):]; !f.Fix.IsZero() && s.known(name) {
			f.Detail = "the file begins with the byte-order mark of UTF-8, which becomes part of the first name: " + name + " is not set by this line"
		}
	}
	emit(f)
	return nil
}

func (s *checkState) known(name string) bool {
	p, ok := s.lookup(name)
	return ok && p.File == ""
}

// fixMark takes the entry with the mark out, which takes the mark with it, and
// sets what it was meant to set.
func (s *checkState) fixMark(st *setting) string {
	if st.name() != st.Key {
		return ""
	}
	edits := []string{s.editDefault(st.Key)}
	if name := st.Key[len(utf8Mark):]; s.known(name) && s.get(name) == nil {
		edits = append(edits, s.editSet(name, st.Value))
	}
	return modifyCommand(edits...)
}

func checkReadable(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if s.in.Info == nil {
		return errNoModes()
	}
	mode := s.in.Info.Mode()
	if mode&0o004 == 0 {
		return nil
	}
	f := finding.Finding{
		Where:  s.where(0),
		Detail: fmt.Sprintf("everybody on this host may read the file (mode %04o)", mode.Perm()),
		Fix:    finding.Text(finding.FixCommand, fixMode(closedMode(mode), s.in.Path)),
	}
	if s.holdsSecret() {
		f.Detail += ", and it holds a password"
	} else {
		f.Severity = finding.Warning
	}
	emit(f)
	return nil
}

func checkWritable(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if s.in.Info == nil {
		return errNoModes()
	}
	f := finding.Finding{Where: s.where(0)}
	mode := s.in.Info.Mode()
	switch {
	case mode&0o002 != 0:
		f.Detail = fmt.Sprintf("everybody on this host may change the file (mode %04o)", mode.Perm())
	case mode&0o020 != 0:
		f.Severity = finding.Warning
		f.Detail = fmt.Sprintf("the group of the file may change it (mode %04o)", mode.Perm())
	}
	if f.Detail != "" {
		f.Fix = finding.Text(finding.FixCommand, fixMode(closedMode(mode), s.in.Path))
		emit(f)
	}
	if s.in.Dir != nil && s.in.Dir.Mode()&0o002 != 0 && s.in.Dir.Mode()&fs.ModeSticky == 0 {
		dir := filepath.Dir(s.in.Path)
		emit(finding.Finding{
			Where:  &finding.Where{File: dir},
			Detail: fmt.Sprintf("everybody on this host may put another file in the place of this one (mode %04o of the directory)", s.in.Dir.Mode().Perm()),
			Fix:    finding.Text(finding.FixCommand, fixMode("o-w", dir)),
		})
	}
	return nil
}

func errNoModes() error {
	return finding.NotApplicable("the settings were read from a stream, which has no permissions")
}

// closedMode is a mode without any permission for others and without write
// permission for the group.
func closedMode(mode fs.FileMode) string { return fmt.Sprintf("%o", mode.Perm()&^0o027) }
