package config

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// CheckInput is the input of Check.
type CheckInput struct {
	Path     string      // for messages: the file as the user knows it
	Text     []byte      // the bytes as they are on disk; they must not be changed afterwards
	Info     fs.FileInfo // nil for a stream, which has no mode to check
	Dir      fs.FileInfo // of the directory that contains the file; may be nil
	Home     []HomePath  // of the home: first its directory; nil if they are not to be checked
	Registry *Registry   // must not be nil
	Only     []string    // the ids of the rules to run; all if there are none
}

// check is a rule with the code that looks for its failures.
type check struct {
	rule finding.Rule
	run  func(ctx context.Context, s *checkState, emit func(finding.Finding)) error
	// raw is set where run can also handle a file that cannot be parsed. The
	// state then has no document.
	raw bool
}

// checkTable lists all checks in the order of the report: first those of the
// file as a whole, then of its lines, names and values, then of settings that
// depend on each other.
func checkTable() []check {
	return slices.Concat(
		fileChecks(), homeChecks(), textChecks(), lineChecks(), nameChecks(), valueChecks(), secretChecks(),
		listChecks(), identityChecks(), backendChecks(), ldapChecks(), coexistChecks(), serviceChecks(),
	)
}

// CheckRules returns the rules that Check applies, in the order of its report.
func CheckRules() []finding.Rule {
	table := checkTable()
	rules := make([]finding.Rule, len(table))
	for i, c := range table {
		rules[i] = c.rule
	}
	return rules
}

// Check looks for mistakes in a davserver.properties file. If the file cannot be
// parsed, the rules that need its settings end as not-run, each with a
// check-not-run finding. No text of a finding contains a password, but names and
// values come from the file and may contain anything else.
func Check(ctx context.Context, in CheckInput) *finding.Report {
	s := newCheckState(in)
	table := checkTable()
	list := make([]finding.Check, len(table))
	for i, c := range table {
		list[i] = finding.Check{Rule: c.rule, Run: func(ctx context.Context, emit func(finding.Finding)) error {
			if s.doc == nil && !c.raw {
				return errors.New("the file cannot be read")
			}
			return c.run(ctx, s, emit)
		}}
	}
	return finding.Run(ctx, finding.Select(list, in.Only))
}

// checkState is shared by all checks. It is read-only once it is built.
type checkState struct {
	in       CheckInput
	reg      *Registry
	doc      *Document // nil when the file cannot be parsed
	err      error     // why it cannot be parsed
	settings []setting // every entry, including those without effect
	byName   map[string]int
}

// setting is one entry of the file with what is known about it.
type setting struct {
	Entry
	param  *Parameter // nil for an unknown name
	alien  *Parameter // the parameter of this name in another file, nil for none
	marked bool       // the key begins with the byte-order mark of the file
	body   []byte     // the raw text, starting at the key
	lost   []swallowed
}

// utf8Mark is the byte-order mark as the server reads it: as three characters
// of Latin-1.
const utf8Mark = "\u00ef\u00bb\u00bf"

// utf8MarkBytes is the byte-order mark in the file.
const utf8MarkBytes = "\xef\xbb\xbf"

func newCheckState(in CheckInput) *checkState {
	s := &checkState{in: in, reg: in.Registry}
	if isUTF16(in.Text) {
		s.err = &SyntaxError{Line: 1, Detail: "the file is in UTF-16, which the server cannot read"}
		return s
	}
	if s.doc, s.err = Parse(in.Text); s.err != nil {
		s.doc = nil
		return s
	}
	elsewhere := map[string]*Parameter{}
	for _, p := range s.reg.All() {
		if p.File != "" {
			_, bare, _ := strings.Cut(p.Name, ":")
			elsewhere[bare] = p
		}
	}
	s.settings = make([]setting, 0, len(s.doc.entries))
	s.byName = make(map[string]int, len(s.doc.entries))
	for e := range s.doc.Entries() {
		raw := &s.doc.entries[len(s.settings)]
		st := setting{Entry: e, body: s.doc.src[raw.keyStart:raw.valEnd]}
		switch p, known := s.lookup(e.Key); {
		case known && p.File == "":
			st.param = p
		case known:
			st.alien = p
		default:
			st.alien = elsewhere[e.Key]
		}
		st.marked = len(s.settings) == 0 && bytes.HasPrefix(in.Text, []byte("\xef\xbb\xbf"))
		st.lost = s.findSwallowed(&st)
		if !e.Shadowed {
			s.byName[e.Key] = len(s.settings)
		}
		s.settings = append(s.settings, st)
	}
	return s
}

// lookup returns the parameter of a key. The pattern of a family is not a key.
func (s *checkState) lookup(key string) (*Parameter, bool) {
	if strings.Contains(key, "*") {
		return nil, false
	}
	return s.reg.Lookup(key)
}

// get returns the effective entry of a name, or nil if the file does not set it.
func (s *checkState) get(name string) *setting {
	if i, ok := s.byName[name]; ok {
		return &s.settings[i]
	}
	return nil
}

// value returns the value that the server uses.
func (s *checkState) value(name string) string { return s.reg.Effective(s.doc, name) }

// on reads a boolean as Java does: everything but true is false.
func (s *checkState) on(name string) bool { return strings.EqualFold(s.value(name), "true") }

// line returns the line of the first of the names that the file sets, or 0 if it
// sets none of them.
func (s *checkState) line(names ...string) int {
	for _, name := range names {
		if st := s.get(name); st != nil {
			return st.Line
		}
	}
	return 0
}

// each calls f for every setting that has an effect and a known parameter.
func (s *checkState) each(ctx context.Context, f func(*setting)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		if st := &s.settings[i]; !st.Shadowed && st.param != nil {
			f(st)
		}
	}
	return nil
}

// at returns a finding about a parameter. If the file sets it, the finding shows
// the masked value.
func (s *checkState) at(name string, line int, detail string, fix finding.Fix) finding.Finding {
	f := finding.Finding{Parameter: name, Where: s.where(line), Detail: detail, Fix: fix}
	if st := s.get(name); st != nil {
		f.Value = st.shown()
	}
	return f
}

// of returns a finding about one entry.
func (s *checkState) of(st *setting, detail string, fix finding.Fix) finding.Finding {
	return finding.Finding{Parameter: st.name(), Value: st.shown(), Where: s.where(st.Line), Detail: detail, Fix: fix}
}

func (s *checkState) where(line int) *finding.Where {
	return &finding.Where{File: s.in.Path, Line: line}
}

// name returns the key in a form that may be shown. If the separator was escaped
// by mistake, the value, perhaps a password, is part of the key.
func (st *setting) name() string {
	if i := strings.IndexAny(st.Key, "=:"); i >= 0 && st.param == nil && st.alien == nil {
		return st.Key[:i+1] + "..."
	}
	return st.Key
}

// shown returns the value in a form that may be shown. The value of an unknown
// name is not shown: the name may be a misspelling of one that has a password.
func (st *setting) shown() string {
	p := st.param
	if p == nil {
		p = st.alien
	}
	switch {
	case p == nil:
		return ""
	case p.Type == URL && doubtfulURL(st.Value), p.Type != URL && sensitive(st.Value):
		return maskedSecret
	}
	return p.Mask(st.Value)
}

// sensitive reports whether a value that should not contain a password may
// contain one anyway, because two settings ended up on one line.
func sensitive(value string) bool {
	return namesSecret(value) || MaskURLPassword(value) != value
}

// doubtfulURL does the same for a URL. Mask only hides a password that is in its
// proper place in the URL.
func doubtfulURL(value string) bool {
	return carriesPassword(value) || namesSecret(value) || strings.ContainsAny(value, blanks)
}

// namesSecret reports whether a text contains the name of a parameter that has a
// password as its value, or a similar name.
func namesSecret(text string) bool {
	text = strings.ToLower(text)
	if strings.Contains(text, "passw") || strings.Contains(text, "dburl") {
		return true
	}
	for _, after, found := strings.Cut(text, ".pass"); found; _, after, found = strings.Cut(after, ".pass") {
		if after == "" || !isLetter(after[0]) {
			return true
		}
	}
	return false
}

// quotedPart quotes a part of a value for a message, or masks it if the value may
// contain a password.
func quotedPart(text, value string) string {
	if sensitive(value) {
		return maskedSecret
	}
	return quoted(text)
}

func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff"))
}
