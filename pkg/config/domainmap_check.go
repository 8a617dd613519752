package config

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davadmin/davadmin/pkg/finding"
)

// DomainMapInput is what the checks of a domain map look at.
type DomainMapInput struct {
	Path string      // for messages: the file as the user knows it
	Text []byte      // the bytes as they are on disk; they must not be changed afterwards
	Err  error       // why the file could not be read; fs.ErrNotExist in it means that there is none
	Info fs.FileInfo // nil where there is no file
	Dir  fs.FileInfo // of the directory that holds the file; may be nil
}

// DomainMapRules returns the rules that CheckDomainMap applies, in the order of
// its report.
func DomainMapRules() []finding.Rule {
	var rules []finding.Rule
	for _, c := range (&mapState{}).checks() {
		rules = append(rules, c.Rule)
	}
	return rules
}

// CheckDomainMap looks for mistakes in an ischeduledomainmap.properties. When
// the file cannot be read or parsed, the rules that need its lines end as
// not-run, each with a check-not-run finding; without a file they have nothing to
// look at. No text of a finding holds a password, but keys and URLs come from the
// file and may hold anything else.
func CheckDomainMap(ctx context.Context, in DomainMapInput) *finding.Report {
	m := &mapState{checkState: checkState{in: CheckInput{Path: in.Path, Text: in.Text, Info: in.Info, Dir: in.Dir}, err: in.Err}}
	switch {
	case errors.Is(in.Err, fs.ErrNotExist):
		m.missing, m.err = true, nil
	case in.Err != nil:
	case isUTF16(in.Text):
		m.err = &SyntaxError{Line: 1, Detail: "the file is in UTF-16, which the server cannot read"}
	default:
		if m.doc, m.err = Parse(in.Text); m.err == nil {
			m.look()
		}
	}
	return finding.Run(ctx, m.checks())
}

// mapState is what the checks share. It is built once and then only read.
type mapState struct {
	checkState // of it: in, doc, err
	missing    bool
	domains    *DomainMap
	lines      []mapLine
}

// mapLine is a line with what is known of it. A line is judged by the first of
// its faults that spoils all the others.
type mapLine struct {
	*DomainEntry
	fault     lineFault
	counts    bool // it is the line that counts for its domain
	url       peerURL
	urlFault  *Problem
	meant     Domain // of a line that Java cuts elsewhere than was meant
	meantURL  string
	swallowed []DomainRequest // lines that a backslash made part of this one
	at        []int           // their numbers
}

// lineFault says what is wrong with a line as a whole.
type lineFault int

const (
	lineSound lineFault = iota
	lineMarked
	lineCut
	lineSwallows
	lineWildcard
	lineNoDomain
)

func (m *mapState) checks() []finding.Check {
	// parsed is for checks that look at lines.
	parsed := func(run func(ctx context.Context, emit func(finding.Finding)) error) func(context.Context, func(finding.Finding)) error {
		return func(ctx context.Context, emit func(finding.Finding)) error {
			switch {
			case m.missing:
				return finding.NotApplicable("there is no file")
			case m.doc == nil:
				return errors.New("the file cannot be read")
			}
			return run(ctx, emit)
		}
	}
	out := []finding.Check{
		{Rule: newRule("file-unreadable", finding.Error,
			"the file can be read, and the server can load it",
			"without it no free/busy of users on the old server is asked for; Java refuses the whole file for one bad escape",
			"mend the line in an editor: write \\\\ for a backslash, and \\u only before four hexadecimal digits"), Run: m.checkUnreadable},
		{Rule: newRule("file-writable", finding.Error,
			"only the owner may change or replace the file",
			"whoever may write the file decides which server is told who meets whom, and what it answers",
			"take the write permission away, from the directory as well"), Run: func(ctx context.Context, emit func(finding.Finding)) error {
			if m.missing || m.in.Info == nil {
				return finding.NotApplicable("there is no file")
			}
			return checkWritable(ctx, &m.checkState, emit)
		}},
		{Rule: newRule("no-domain-mapped", finding.Warning,
			"there is a domain map, and it maps a domain",
			"for users who are still on Calendar Server 6 no free/busy is asked for; it is empty and nothing says why",
			"map each mail domain that has users on Calendar Server 6: davadmin domainmap create -d DOMAIN -L http://HOST:PORT/ischedule/"), Run: m.checkEmpty},
	}
	for _, r := range m.lineRules() {
		out = append(out, finding.Check{Rule: r.rule, Run: parsed(r.each(m))})
	}
	return out
}

func (m *mapState) checkUnreadable(ctx context.Context, emit func(finding.Finding)) error {
	var syntax *SyntaxError
	if m.err != nil && !errors.As(m.err, &syntax) {
		emit(finding.Finding{Where: m.where(0), Detail: m.err.Error()})
		return nil
	}
	return checkMalformed(ctx, &m.checkState, emit)
}

func (m *mapState) checkEmpty(_ context.Context, emit func(finding.Finding)) error {
	switch {
	case m.missing:
		emit(finding.Finding{Where: m.where(0), Detail: "there is no such file, so that no domain is mapped"})
	case m.doc == nil:
		return errors.New("the file cannot be read")
	case len(m.lines) == 0:
		emit(finding.Finding{Where: m.where(0), Detail: "the file maps no domain"})
	}
	return nil
}

// lineRule is a rule about one line at a time.
type lineRule struct {
	rule finding.Rule
	run  func(m *mapState, l *mapLine, emit func(finding.Finding))
}

func (r lineRule) each(m *mapState) func(context.Context, func(finding.Finding)) error {
	return func(ctx context.Context, emit func(finding.Finding)) error {
		for i := range m.lines {
			if err := ctx.Err(); err != nil {
				return err
			}
			r.run(m, &m.lines[i], emit)
		}
		return nil
	}
}

// of makes a finding about a line.
func (m *mapState) of(l *mapLine, detail, fix string) finding.Finding {
	return finding.Finding{Parameter: l.Key, Value: MaskDomainURL(l.URL), Where: m.where(l.Line), Detail: detail, Fix: finding.Text(finding.FixCommand, fix)}
}
