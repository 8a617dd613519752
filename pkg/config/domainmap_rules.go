package config

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// lineRules returns the rules about the lines of a domain map: those about keys,
// then those about URLs.
func (m *mapState) lineRules() []lineRule {
	return append([]lineRule{
		{newRule("byte-order-mark", finding.Error,
			"the file does not begin with a byte-order mark",
			"the server reads the mark as the first characters of the first domain, which is then not mapped",
			"remove the first line and map its domain again; keep the file in ASCII"),
			(*mapState).checkMarked},
		{newRule("key-cut-in-two", finding.Error,
			"no domain is cut in two by a blank or a colon",
			"Java ends a key at the first blank, ':' or '=' that has no backslash before it: the line maps something else, and to no URL",
			"map the domain again: a domain has no port, no scheme and no blanks"),
			(*mapState).checkCut},
		{newRule("continuation-swallows-domain", finding.Error,
			"no line that ends in a backslash makes the next domain part of its URL",
			"a backslash at the end of a line joins the next line to it: the domain there is not mapped, and the URL before it is corrupted",
			"map both domains again"),
			(*mapState).checkSwallowed},
		{newRule("domain-wildcard", finding.Error,
			"no key is a pattern",
			"the server looks up whole domains: no domain matches a pattern, so the line has no effect",
			"map each subdomain separately, and remove the pattern"),
			(*mapState).checkWildcard},
		{newRule("domain-malformed", finding.Error,
			"every key is a domain",
			"no mail address has such a domain, so the line has no effect",
			"map the domain that was meant, and remove the line"),
			(*mapState).checkNoDomain},
		{newRule("domain-duplicate", finding.Error,
			"no domain is mapped twice",
			"of lines with the same key only the last has an effect; of lines whose keys differ in spelling, it depends on the spelling in the address",
			"map the domain again, which leaves only one line"),
			(*mapState).checkDuplicate},
		{newRule("domain-not-ascii", finding.Error,
			"internationalized domains are written as A-labels (xn--...)",
			"the server reads the file as Latin-1 and mail addresses contain A-labels: the domain is never found",
			"map the domain again; davadmin accepts it in letters of any script and writes the A-label"),
			(*mapState).checkNotASCII},
		{newRule("domain-spelling", finding.Warning,
			"domains are in lower case, without a dot at the end",
			"the server may compare letter by letter, and then never finds the domain",
			"map the domain again, which writes it in the form that is compared"),
			(*mapState).checkSpelling},
		{newRule("domain-single-label", finding.Warning,
			"every domain contains a dot",
			"no mail domain on the internet is a single word; the line only has an effect for addresses such as user@host",
			"map the full domain, and remove the line"),
			(*mapState).checkSingleLabel},
	}, urlRules()...)
}

// urlRules returns the rules about the URLs of a domain map.
func urlRules() []lineRule {
	return []lineRule{
		{newRule("url-missing", finding.Error,
			"every domain has a URL",
			"the server cannot ask anyone, so the free/busy of the domain's users is empty",
			"map the domain to http://HOST:PORT/ischedule/, or delete it"),
			(*mapState).checkURLMissing},
		{newRule("url-malformed", finding.Error,
			"every URL has the scheme http or https, and a host",
			"the server cannot use it, so the free/busy of the domain's users is empty",
			"map the domain to a URL such as http://cs6server.example.com:8080/ischedule/"),
			(*mapState).checkURLMalformed},
		{newRule("url-extras", finding.Error,
			"no URL has a user name, a query or a fragment",
			"they are not part of the address of a server; it is unknown whether they are sent, and a password would be in clear text",
			"map the domain to the URL without them, and change a password that was in it"),
			(*mapState).checkURLExtras},
		{newRule("url-no-port", finding.Warning,
			"every URL names its port",
			"the guide requires it; without a port, the server uses the default of the scheme, where Calendar Server 6 often does not listen",
			"add the port of Calendar Server 6 to the URL; it is service.http.port in its ics.conf"),
			(*mapState).checkURLPort},
		{newRule("url-unexpected-path", finding.Warning,
			"every URL has the path /ischedule/",
			"Calendar Server 6 answers only there, unless a proxy in front of it rewrites paths",
			"use the path /ischedule/ in the URL"),
			(*mapState).checkURLPath},
		{newRule("url-unencrypted", finding.Info,
			"requests to the old server use https",
			"information about who meets whom crosses the network in clear text",
			"use https if Calendar Server 6 supports it, or connect the two servers by a separate network"),
			(*mapState).checkURLPlain},
	}
}

func (m *mapState) checkMarked(l *mapLine, emit func(finding.Finding)) {
	if l.fault != lineMarked {
		return
	}
	emit(m.of(l, "the file begins with the byte-order mark of UTF-8, which becomes part of the first key",
		finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMapMark})))
}

func (m *mapState) checkCut(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineCut {
		emit(m.of(l, fmt.Sprintf("Java reads %s as the domain and what follows, up to the end of the line, as the URL", quoted(l.Key)), m.fixMove(l)))
	}
}

func (m *mapState) checkSwallowed(l *mapLine, emit func(finding.Finding)) {
	if l.fault != lineSwallows {
		return
	}
	fix := m.fixSwallowed(l)
	for i, q := range l.swallowed {
		emit(finding.Finding{
			Parameter: q.Domain, Value: MaskDomainURL(q.URL), Where: m.where(l.at[i]), Fix: fix,
			Detail: fmt.Sprintf("%s is not mapped by this line: the line before it ends in a backslash, which makes this one part of the URL of %s", q.Domain, quoted(l.Shown)),
		})
	}
}

// fixSwallowed returns the fix that maps the domain of a line and the domains that
// it swallowed. It returns the zero Fix if one of them cannot be mapped.
func (m *mapState) fixSwallowed(l *mapLine) finding.Fix {
	// Every finding contains the whole fix, so that a maliciously damaged file must
	// not make it long.
	const mostFixed = 20
	if len(l.swallowed) > mostFixed {
		return finding.Fix{}
	}
	fixes := []finding.Fix{m.fixMap(l.Domain, l.meantURL)}
	seen := map[string]bool{}
	for _, q := range l.swallowed {
		if m.domains.winner(q.Domain) >= 0 || seen[q.Domain] {
			return finding.Fix{}
		}
		seen[q.Domain] = true
		fixes = append(fixes, m.fixMap(q.Domain, q.URL))
	}
	return inOrder(fixes...)
}

func (m *mapState) checkWildcard(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineWildcard {
		emit(m.of(l, quoted(l.Key)+" is a pattern, which this file does not support", fixDelete(l.Key)))
	}
}

func (m *mapState) checkNoDomain(l *mapLine, emit func(finding.Finding)) {
	if l.fault != lineNoDomain {
		return
	}
	text := "is not a domain"
	if _, bad := parseDomain(l.Key); bad != nil {
		text += ": " + bad.Text
	}
	emit(m.of(l, quoted(l.Key)+" "+text, m.fixMove(l)))
}

// several reports whether a domain has other lines besides l.
func (m *mapState) several(l *mapLine) bool { return len(m.domains.byDomain[l.Domain]) > 1 }

func (m *mapState) checkDuplicate(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || !m.several(l) {
		return
	}
	i := m.domains.winner(l.Domain)
	if i < 0 || l.effective {
		return
	}
	last := &m.domains.entries[i]
	f := m.of(l, fmt.Sprintf("%s is mapped again in line %d", l.Shown, last.Line), m.fixMap(l.Domain, last.URL))
	if last.Key != l.Key {
		f.Detail = fmt.Sprintf("%s is the domain of line %d, %s, in another spelling", quoted(l.Key), last.Line, quoted(last.Key))
	}
	switch {
	case last.URL == l.URL:
		f.Severity = finding.Warning
		f.Detail += ", to the same URL"
	case last.Key == l.Key:
		f.Detail += ", to another URL: this line has no effect"
	default:
		f.Detail += ", with another URL: the spelling of the address determines which one is used"
	}
	emit(f)
}

func (m *mapState) checkNotASCII(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || m.several(l) || isASCII([]byte(l.Key)) {
		return
	}
	emit(m.of(l, fmt.Sprintf("%s is not in ASCII; mail addresses contain %s", quoted(l.Shown), l.Domain), m.fixMap(l.Domain, l.URL)))
}

func (m *mapState) checkSpelling(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || m.several(l) || l.Key == l.Domain || !isASCII([]byte(l.Key)) {
		return
	}
	emit(m.of(l, fmt.Sprintf("%s is compared as %s", quoted(l.Key), l.Domain), m.fixMap(l.Domain, l.URL)))
}

func (m *mapState) checkSingleLabel(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineSound && l.effective && !strings.Contains(l.Domain, ".") {
		emit(m.of(l, quoted(l.Key)+" is a single word, not an internet domain", fixDelete(l.Key)))
	}
}

// hasURL reports whether the URL of a line has an effect and can be checked.
func (l *mapLine) hasURL() bool {
	return l.effective && (l.fault == lineSound || l.fault == lineMarked)
}

func (m *mapState) checkURLMissing(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && strings.Trim(l.URL, blanks) == "" {
		emit(m.of(l, l.Shown+" has no URL", fixDelete(l.Key)))
	}
}

func (m *mapState) checkURLMalformed(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault != nil && strings.Trim(l.URL, blanks) != "" {
		emit(m.of(l, l.Shown+": "+l.urlFault.Text, m.fixMap(l.Domain, l.URL)))
	}
}

func (m *mapState) checkURLExtras(l *mapLine, emit func(finding.Finding)) {
	if !l.hasURL() || l.urlFault != nil || l.url.user+l.url.extra == "" {
		return
	}
	what := "a user name"
	if l.url.user == "" {
		what = "a query or a fragment"
	}
	emit(m.of(l, fmt.Sprintf("%s: the URL has %s", l.Shown, what), m.fixURL(l.Domain, l.url, l.url.complete())))
}

func (m *mapState) checkURLPort(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.port == "" {
		emit(m.of(l, l.Shown+": the URL has no port", m.fixURL(l.Domain, l.url, l.url.complete())))
	}
}

func (m *mapState) checkURLPath(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.path != peerPath {
		emit(m.of(l, fmt.Sprintf("%s: the path of the URL is not %s", l.Shown, peerPath), m.fixURL(l.Domain, l.url, l.url.usual())))
	}
}

func (m *mapState) checkURLPlain(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.scheme == "http" {
		emit(m.of(l, "requests for "+l.Shown+" use http", finding.Fix{}))
	}
}
