package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// fileChecks returns the checks of the file as a whole.
func fileChecks() []check {
	return []check{
		{newRule("file-malformed", finding.Error,
			"the server can load the file",
			"Java rejects the whole file because of one bad escape: the server does not start, or runs without its settings",
			"fix the line in an editor: write \\\\ for a backslash, and \\u only before four hexadecimal digits"),
			checkMalformed, true},
		{newRule("byte-order-mark", finding.Error,
			"the file does not begin with a byte-order mark",
			"the server reads the mark as the first characters of the first name, so this setting has no effect",
			"remove the mark; keep the file in ASCII"),
			checkMark, true},
		{newRule("file-readable", finding.Error,
			"only the owner and the group may read the file",
			"anyone with an account on this host can read how the server is configured (a warning), and the passwords in the file if there are any (an error)",
			"remove the read permission of others, and change passwords that others could read"),
			checkReadable, true},
		{newRule("file-writable", finding.Error,
			"only the owner may change or replace the file",
			"anyone who can write the file decides where the server looks up users and stores their calendars",
			"remove the write permission of others, on the directory as well"),
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
		emit(finding.Finding{Where: s.where(1), Detail: "the file begins with the byte-order mark of UTF-16; the server reads one byte per character"})
		return nil
	}
	if !bytes.HasPrefix(s.in.Text, []byte(utf8MarkBytes)) {
		return nil
	}
	f := finding.Finding{
		Where: s.where(1), Detail: "the file begins with the byte-order mark of UTF-8, which becomes part of the first name",
		Fix: finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMark}),
	}
	if len(s.settings) > 0 {
		st := &s.settings[0]
		f.Parameter = st.name()
		if name := strings.TrimPrefix(st.Key, utf8Mark); st.name() == st.Key && s.known(name) {
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
		Detail: fmt.Sprintf("all users of this host can read the file (mode %04o)", mode.Perm()),
		Fix:    fixMode(closedMode(mode), s.in.Path),
	}
	if s.holdsSecret() {
		f.Detail += ", and it contains a password"
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
		f.Detail = fmt.Sprintf("all users of this host can change the file (mode %04o)", mode.Perm())
	case mode&0o020 != 0:
		f.Severity = finding.Warning
		f.Detail = fmt.Sprintf("the group of the file can change it (mode %04o)", mode.Perm())
	}
	if f.Detail != "" {
		f.Fix = fixMode(closedMode(mode), s.in.Path)
		emit(f)
	}
	if s.in.Dir != nil && s.in.Dir.Mode()&0o002 != 0 && s.in.Dir.Mode()&fs.ModeSticky == 0 {
		dir := filepath.Dir(s.in.Path)
		emit(finding.Finding{
			Where:  &finding.Where{File: dir},
			Detail: fmt.Sprintf("all users of this host can replace the file with another one (mode %04o of the directory)", s.in.Dir.Mode().Perm()),
			Fix:    fixMode("o-w", dir),
		})
	}
	return nil
}

func errNoModes() error {
	return finding.NotApplicable("the settings were read from a stream, which has no permissions")
}

// closedMode returns a mode without any permission for others and without write
// permission for the group, in octal.
func closedMode(mode fs.FileMode) string { return fmt.Sprintf("%o", mode.Perm()&^0o027) }
