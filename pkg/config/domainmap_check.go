package config

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davadmin/davadmin/pkg/finding"
)

// DomainMapInput is the input of CheckDomainMap.
type DomainMapInput struct {
	Path string      // for messages: the file as the user knows it
	Text []byte      // the bytes as they are on disk; they must not be changed afterwards
	Err  error       // why the file could not be read; wraps fs.ErrNotExist if there is no file
	Info fs.FileInfo // nil if there is no file
	Dir  fs.FileInfo // of the directory that contains the file; may be nil
	Only []string    // the ids of the rules to run; all if there are none
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

// CheckDomainMap looks for mistakes in an ischeduledomainmap.properties file. If the
// file cannot be read or parsed, the rules that need its lines end as not-run,
// each with a check-not-run finding. Without a file they do not apply. No text of
// a finding contains a password, but keys and URLs come from the file and may
// contain anything else.
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
	return finding.Run(ctx, finding.Select(m.checks(), in.Only))
}

// mapState is shared by all checks. It is read-only once it is built.
type mapState struct {
	checkState // only in, doc and err are used
	missing    bool
	domains    *DomainMap
	lines      []mapLine
}

// mapLine is a line with what is known about it. Only the first fault that makes all
// others meaningless is recorded.
type mapLine struct {
	*DomainEntry
	fault     lineFault
	effective bool // the line determines the URL of its domain
	url       peerURL
	urlFault  *Problem
	meant     Domain // of a line that Java splits in the wrong place
	meantURL  string
	swallowed []DomainRequest // lines that a backslash made part of this one
	at        []int           // their line numbers
}

// lineFault is what is wrong with a line as a whole.
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
	// parsed wraps the checks that need the lines.
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
			"without it the server does not request free/busy of users on the old server; Java rejects the whole file because of one bad escape",
			"fix the line in an editor: write \\\\ for a backslash, and \\u only before four hexadecimal digits"), Run: m.checkUnreadable},
		{Rule: newRule("file-writable", finding.Error,
			"only the owner may change or replace the file",
			"anyone who can write the file decides which server learns who meets whom, and which answers it gives",
			"remove the write permission of others, on the directory as well"), Run: func(ctx context.Context, emit func(finding.Finding)) error {
			if m.missing || m.in.Info == nil {
				return finding.NotApplicable("there is no file")
			}
			return checkWritable(ctx, &m.checkState, emit)
		}},
		{Rule: withTask(newRule("no-domain-mapped", finding.Warning,
			"the domain map exists and maps at least one domain",
			"the server does not request the free/busy of users who are still on Calendar Server 6; it looks empty, and no message says why",
			"map each mail domain that has users on Calendar Server 6"),
			finding.Task{Do: finding.CreateDomain, Domain: "DOMAIN", URL: "http://HOST:PORT" + peerPath}), Run: m.checkEmpty},
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
		emit(finding.Finding{Where: m.where(0), Detail: "the file does not exist, so no domain is mapped"})
	case m.doc == nil:
		return errors.New("the file cannot be read")
	case len(m.lines) == 0:
		emit(finding.Finding{Where: m.where(0), Detail: "the file maps no domain"})
	}
	return nil
}

// lineRule is a rule that is checked for each line separately.
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

// of returns a finding about a line.
func (m *mapState) of(l *mapLine, detail string, fix finding.Fix) finding.Finding {
	return finding.Finding{Parameter: l.Key, Value: MaskDomainURL(l.URL), Where: m.where(l.Line), Detail: detail, Fix: fix}
}
