package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/finding"
)

const mapPath = "/srv/dav/config/ischeduledomainmap.properties"

func mapInput(text string) DomainMapInput {
	return DomainMapInput{Path: mapPath, Text: []byte(text), Info: modeInfo(0o640), Dir: modeInfo(fs.ModeDir | 0o750)}
}

// mapCase is a file that breaks one rule in one place. Its URLs use https, which
// causes no finding.
type mapCase struct {
	rule, file string
	severity   finding.Severity
	key        string
	line       int
	detail     string // a part of it
	fix        finding.Fix
}

const (
	tlsA = "https://a.example:443/ischedule/"
	tlsB = "https://b.example:8443/ischedule/"
)

func mapCases() []mapCase {
	err, warn := finding.Error, finding.Warning
	return []mapCase{
		{"no-domain-mapped", "# nothing\n", warn, "", 0, "maps no domain", finding.Fix{}},
		{"file-unreadable", "a.com=\\u12\n", err, "", 1, "four hexadecimal digits", finding.Fix{}},
		{"file-unreadable", "\xff\xfea\x00", err, "", 1, "UTF-16", finding.Fix{}},
		{"byte-order-mark", "\xef\xbb\xbfa.com=" + tlsA, err, utf8Mark + "a.com", 1, "byte-order mark", finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMapMark})},
		{"byte-order-mark", "\xef\xbb\xbf# x\na.com=" + tlsA, err, utf8Mark + "#", 1, "byte-order mark", finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMapMark})},
		{"key-cut-in-two", "a.com:8080=" + tlsA, err, "a.com", 1, "Java reads 'a.com' as the domain", domainFix("modify a.com " + tlsA)},
		{"key-cut-in-two", "a.com==" + tlsA, err, "a.com", 1, "", domainFix("modify a.com " + tlsA)},
		{"key-cut-in-two", "mail a.com=" + tlsA + "\nb.com=" + tlsB, err, "mail", 1, "", domainFix("delete mail")},
		{"key-cut-in-two", "http://a.com=" + tlsA + "\nb.com=" + tlsB, err, "http", 1, "", domainFix("delete http then create a.com " + tlsA)},
		{"key-cut-in-two", "http://a.com=" + tlsA + "\na.com=" + tlsB, err, "http", 1, "", domainFix("delete http")},
		{"key-cut-in-two", tlsA + "\nb.com=" + tlsB, err, "https", 1, "", domainFix("delete https")},
		{"continuation-swallows-domain", "a.com=" + tlsA + "\\\nb.com=" + tlsB, err, "b.com", 2, "b.com is not mapped by this line",
			domainFix("modify a.com " + tlsA + " then create b.com " + tlsB)},
		{"domain-wildcard", "*.a.com=" + tlsA + "\nb.com=" + tlsB, err, "*.a.com", 1, "pattern", domainFix("delete '*.a.com'")},
		{"domain-malformed", "a_b.com=" + tlsA + "\nb.com=" + tlsB, err, "a_b.com", 1, "only letters", domainFix("delete a_b.com")},
		{"domain-malformed", "joe@a.com=" + tlsA + "\nb.com=" + tlsB, err, "joe@a.com", 1, "mail address", domainFix("delete joe@a.com")},
		{"domain-malformed", "http\\://a.com=" + tlsA + "\nb.com=" + tlsB, err, "http://a.com", 1, "it is a URL",
			domainFix("delete http://a.com then create a.com " + tlsA)},
		{"domain-malformed", "=" + tlsA, err, "", 1, "empty", finding.Fix{}},
		{"domain-malformed", "a\\u001b.com=" + tlsA, err, "a\x1b.com", 1, "only letters", finding.Fix{}},
		{"domain-duplicate", "a.com=" + tlsA + "\na.com=" + tlsB, err, "a.com", 1, "again in line 2, to another URL", domainFix("modify a.com " + tlsB)},
		{"domain-duplicate", "a.com=" + tlsA + "\na.com=" + tlsA, warn, "a.com", 1, "to the same URL", domainFix("modify a.com " + tlsA)},
		{"domain-duplicate", "a.com=" + tlsA + "\nA.com.=" + tlsB, err, "A.com.", 2, "'A.com.' is the domain of line 1, 'a.com', in another spelling, with another URL", domainFix("modify a.com " + tlsA)},
		{"domain-not-ascii", "b\xc3\xbccher.example=" + tlsA, err, "b\u00c3\u00bccher.example", 1, "'bücher.example' is not in ASCII; mail addresses contain xn--bcher-kva.example",
			domainFix("modify xn--bcher-kva.example " + tlsA)},
		{"domain-not-ascii", "b\xfccher.example=" + tlsA, err, "bücher.example", 1, "", domainFix("modify xn--bcher-kva.example " + tlsA)},
		{"domain-spelling", "A.com=" + tlsA, warn, "A.com", 1, "compared as a.com", domainFix("modify a.com " + tlsA)},
		{"domain-spelling", "a.com.=" + tlsA, warn, "a.com.", 1, "compared as a.com", domainFix("modify a.com " + tlsA)},
		{"domain-single-label", "intranet=" + tlsA, warn, "intranet", 1, "a single word", domainFix("delete intranet")},
		{"url-missing", "a.com=\nb.com=" + tlsB, err, "a.com", 1, "has no URL", domainFix("delete a.com")},
		{"url-malformed", "a.com=cs6.example:8080/ischedule/", err, "a.com", 1, "no scheme", domainFix("modify a.com http://cs6.example:8080/ischedule/")},
		{"url-malformed", "a.com=" + tlsA + " ", err, "a.com", 1, "begins or ends with a blank", domainFix("modify a.com " + tlsA)},
		{"url-malformed", "a.com=https://h:port/ischedule/", err, "a.com", 1, "not a number", finding.Fix{}},
		{"url-extras", "a.com=https://joe:hunter2@h:1/ischedule/", err, "a.com", 1, "user name", domainFix("modify a.com https://h:1/ischedule/")},
		{"url-extras", "a.com=https://h:1/ischedule/?x", err, "a.com", 1, "query", domainFix("modify a.com https://h:1/ischedule/")},
		{"url-no-port", "a.com=https://h/ischedule/", warn, "a.com", 1, "no port", domainFix("modify a.com https://h:443/ischedule/")},
		{"url-unexpected-path", "a.com=https://h:1/ischedule", warn, "a.com", 1, "/ischedule/", domainFix("modify a.com https://h:1/ischedule/")},
		{"url-unexpected-path", "a.com=https://h:1/dav/", warn, "a.com", 1, "/ischedule/", domainFix("modify a.com https://h:1/ischedule/")},
		{"url-unencrypted", "a.com=http\\://h\\:1/ischedule/", finding.Info, "a.com", 1, "use http", finding.Fix{}},
	}
}

func TestDomainMapRules(t *testing.T) {
	for _, c := range mapCases() {
		t.Run(c.rule, func(t *testing.T) {
			r := CheckDomainMap(t.Context(), mapInput(c.file))
			own := slices.DeleteFunc(slices.Clone(r.Findings), func(f finding.Finding) bool { return f.Rule == "check-not-run" })
			if o := outcomeOf(t, r, c.rule); o.Result != finding.Failed || len(own) != 1 {
				t.Fatalf("%q: %+v\n%s", c.file, o, describeAll(r.Findings))
			}
			f := own[0]
			if f.Rule != c.rule || f.Severity != c.severity || f.Parameter != c.key || f.Where == nil || f.Where.Line != c.line || f.Where.File != mapPath || !strings.Contains(f.Detail, c.detail) {
				t.Errorf("%q: %s", c.file, describe(f))
			}
			if diff := cmp.Diff(c.fix, f.Fix); diff != "" {
				t.Errorf("%q: fix (-want +got):\n%s", c.file, diff)
			}
			if strings.Contains(fmt.Sprint(f), "hunter2") {
				t.Errorf("%q: the finding shows the password: %s", c.file, describe(f))
			}
			if !f.Fix.IsZero() {
				after := applyDomainFix(t, c.file, f.Fix)
				if o := outcomeOf(t, CheckDomainMap(t.Context(), mapInput(after)), c.rule); o.Result != finding.Passed {
					t.Errorf("after the fix %s, the rule still fails for\n%s", f.Fix, after)
				}
			}
		})
	}
}

func TestEveryDomainMapRuleHasACase(t *testing.T) {
	covered := map[string]bool{"file-writable": true} // TestDomainMapModes
	for _, c := range mapCases() {
		covered[c.rule] = true
	}
	ids := map[string]bool{}
	for _, r := range DomainMapRules() {
		if !covered[r.ID] {
			t.Errorf("no case triggers %s", r.ID)
		}
		if ids[r.ID] {
			t.Errorf("%s is listed twice", r.ID)
		}
		ids[r.ID] = true
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`).MatchString(r.ID) {
			t.Errorf("%q is not a valid id", r.ID)
		}
		for _, text := range []string{r.Title, r.Why, r.Remedy} {
			if text == "" || strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\t") || text != strings.TrimSpace(text) {
				t.Errorf("%s: text %q", r.ID, text)
			}
		}
	}
}

func TestGoodDomainMapPasses(t *testing.T) {
	r := CheckDomainMap(t.Context(), mapInput("# the guide's own line, over TLS\nexample.com="+tlsA+"\nxn--bcher-kva.example : https\\://b.example\\:8443/ischedule/\n"))
	for _, o := range r.Outcomes {
		if o.Result != finding.Passed {
			t.Errorf("%+v", o)
		}
	}
}

func TestDomainMapModes(t *testing.T) {
	in := mapInput("a.com=" + tlsA)
	in.Info = modeInfo(0o666)
	r := CheckDomainMap(t.Context(), in)
	if len(r.Findings) != 1 || r.Findings[0].Rule != "file-writable" || r.Findings[0].Fix.String() != "chmod 640 "+mapPath {
		t.Error(describeAll(r.Findings))
	}
}

// Without a file there is only one finding. If the file cannot be read, no other
// rule is checked.
func TestDomainMapWithoutAFile(t *testing.T) {
	r := CheckDomainMap(t.Context(), DomainMapInput{Path: mapPath, Err: fmt.Errorf("cannot read x: %w", fs.ErrNotExist)})
	if len(r.Findings) != 1 || r.Findings[0].Rule != "no-domain-mapped" || r.Findings[0].Severity != finding.Warning {
		t.Error(describeAll(r.Findings))
	}
	if o := outcomeOf(t, r, "url-no-port"); o.Result != finding.NotRun || o.Reason != "there is no file" {
		t.Errorf("%+v", o)
	}
	r = CheckDomainMap(t.Context(), DomainMapInput{Path: mapPath, Err: errors.New("cannot read x: permission denied")})
	if o := outcomeOf(t, r, "file-unreadable"); o.Result != finding.Failed || !strings.Contains(r.Findings[0].Detail, "permission denied") {
		t.Errorf("%+v\n%s", o, describeAll(r.Findings))
	}
	if o := outcomeOf(t, r, "check-not-run"); o.Count < 10 {
		t.Errorf("%+v", o)
	}
}

func TestDomainMapCheckStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := outcomeOf(t, CheckDomainMap(ctx, mapInput("a.com="+tlsA)), "domain-duplicate"); o.Result != finding.NotRun {
		t.Errorf("%+v", o)
	}
}

// Whatever the file contains: no check breaks, every fix works, and carrying out the
// first fix again and again ends with no finding left that has a fix.
func TestDomainMapFixesWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := string(oddMap().Draw(t, "file"))
		for round := range 30 {
			r := CheckDomainMap(context.Background(), mapInput(file))
			fix := finding.Fix{}
			for _, f := range r.Findings {
				if f.Rule == "check-not-run" {
					t.Fatalf("%q: %s", file, describe(f))
				}
				if fix.IsZero() && !f.Fix.IsZero() && f.Fix.Steps[0].Text == "" {
					fix = f.Fix
				}
			}
			if fix.IsZero() {
				return
			}
			if round == 29 {
				t.Fatalf("%q: fixes remain: %s", file, describeAll(r.Findings))
			}
			file = applyDomainFix(t, file, fix)
		}
	})
}

// A damaged file must not cause a report that is many times its size.
func TestDomainMapReportIsBounded(t *testing.T) {
	for _, line := range []string{"d%d.com=" + tlsA + "\\\n", "A.com=" + tlsA + "\nb%d.com:1=" + tlsA + "\n", "\xfc%d.com=" + tlsA + "\n"} {
		var file strings.Builder
		for i := range 3000 {
			file.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(i)))
		}
		size := 0
		for _, f := range CheckDomainMap(t.Context(), mapInput(file.String())).Findings {
			size += len(describe(f))
		}
		if size > 30*file.Len() {
			t.Errorf("%q: a report of %d bytes about %d", line, size, file.Len())
		}
	}
}
