package config

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// lineRules are about the lines of a domain map: their keys, then their URLs.
func (m *mapState) lineRules() []lineRule {
	return append([]lineRule{
		{newRule("byte-order-mark", finding.Error,
			"the file does not begin with a byte-order mark",
			"the server reads the mark as the first characters of the first domain, which is then not mapped",
			"take the first line out and map its domain again; keep the file in ASCII"),
			(*mapState).checkMarked},
		{newRule("key-cut-in-two", finding.Error,
			"no domain is cut in two by a blank or a colon",
			"Java ends a key at the first blank, ':' or '=' that has no backslash before it: the line maps something else, and to no URL",
			"map the domain again: a domain has no port, no scheme and no blanks"),
			(*mapState).checkCut},
		{newRule("continuation-swallows-domain", finding.Error,
			"no line that ends in a backslash makes the next domain part of its URL",
			"a backslash at the end of a line joins the next line to it: the domain there is not mapped, and the URL before it is spoilt",
			"map both domains again"),
			(*mapState).checkSwallowed},
		{newRule("domain-wildcard", finding.Error,
			"no key is a pattern",
			"the server looks for whole domains: no domain matches a pattern, so that the line has no effect",
			"map each sub-domain by itself, and take the pattern out"),
			(*mapState).checkWildcard},
		{newRule("domain-malformed", finding.Error,
			"every key is a domain",
			"no mail address has such a domain, so that the line has no effect",
			"map the domain that was meant, and take the line out"),
			(*mapState).checkNoDomain},
		{newRule("domain-duplicate", finding.Error,
			"no domain is mapped twice",
			"of equal keys only the last line counts; of keys that differ in spelling it depends on the spelling which one does",
			"map the domain again with 'domainmap modify', which leaves one line"),
			(*mapState).checkDuplicate},
		{newRule("domain-not-ascii", finding.Error,
			"internationalised domains stand in the file as A-labels (xn--...)",
			"the server reads the file as Latin-1 and mail addresses carry A-labels: the domain is never found",
			"map the domain again; davadmin takes it in letters of any script and writes the A-label"),
			(*mapState).checkNotASCII},
		{newRule("domain-spelling", finding.Warning,
			"domains are in lower case, without a dot at the end",
			"the server may compare letter for letter, and then never finds the domain",
			"map the domain again with 'domainmap modify', which writes it as it is compared"),
			(*mapState).checkSpelling},
		{newRule("domain-single-label", finding.Warning,
			"every domain has a dot in it",
			"no mail domain of the internet is one word; the line has an effect only for addresses such as user@host",
			"map the whole domain, and take the line out"),
			(*mapState).checkSingleLabel},
	}, urlRules()...)
}

func urlRules() []lineRule {
	return []lineRule{
		{newRule("url-missing", finding.Error,
			"every domain has a URL",
			"the server has nothing to ask, so that the free/busy of the domain's users is empty",
			"map the domain to http://HOST:PORT/ischedule/, or take it out"),
			(*mapState).checkURLMissing},
		{newRule("url-malformed", finding.Error,
			"every URL is one with the scheme http or https and a host",
			"the server cannot use it, so that the free/busy of the domain's users is empty",
			"give the domain a URL such as http://cs6server.example.com:8080/ischedule/"),
			(*mapState).checkURLMalformed},
		{newRule("url-extras", finding.Error,
			"no URL has a user name, a query or a fragment",
			"they are no part of the address of a server; whether they are sent is not known, and a password would be in clear text",
			"give the URL without them, and change a password that stood there"),
			(*mapState).checkURLExtras},
		{newRule("url-no-port", finding.Warning,
			"every URL names its port",
			"the guide asks for it; without one the default of the scheme is asked, where Calendar Server 6 often does not listen",
			"give the URL with the port of Calendar Server 6, which is service.http.port in its ics.conf"),
			(*mapState).checkURLPort},
		{newRule("url-unexpected-path", finding.Warning,
			"every URL has the path /ischedule/",
			"Calendar Server 6 answers there and nowhere else, unless something in front of it rewrites paths",
			"give the URL with the path /ischedule/"),
			(*mapState).checkURLPath},
		{newRule("url-unencrypted", finding.Info,
			"the old server is asked over https",
			"who meets whom crosses the network in clear text",
			"use https where Calendar Server 6 offers it, or keep the two servers on a network of their own"),
			(*mapState).checkURLPlain},
	}
}

func (m *mapState) checkMarked(l *mapLine, emit func(finding.Finding)) {
	if l.fault != lineMarked {
		return
	}
	fix := deleteCommand(l.Key)
	if l.Domain != "" {
		fix = m.mapCommand(l.Domain, l.URL)
	}
	emit(m.of(l, "the file begins with the byte-order mark of UTF-8, which becomes part of the first key", fix))
}

func (m *mapState) checkCut(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineCut {
		emit(m.of(l, fmt.Sprintf("Java reads %s as the domain and what follows, up to the end of the line, as the URL", quoted(l.Key)), m.moveCommand(l)))
	}
}

func (m *mapState) checkSwallowed(l *mapLine, emit func(finding.Finding)) {
	if l.fault != lineSwallows {
		return
	}
	// Every finding holds the whole command: a file that was damaged on purpose
	// must not make it long.
	const mostMended = 20
	fix := ""
	if len(l.swallowed) <= mostMended {
		fix = m.mapCommand(l.Domain, l.meantURL)
	}
	seen := map[string]bool{}
	for _, q := range l.swallowed {
		if fix == "" {
			break
		}
		more := ""
		if m.domains.winner(q.Domain) < 0 && !seen[q.Domain] {
			seen[q.Domain] = true
			more = m.mapCommand(q.Domain, q.URL)
		}
		if fix += " && " + more; more == "" {
			fix = ""
		}
	}
	for i, q := range l.swallowed {
		emit(finding.Finding{
			Parameter: q.Domain, Value: MaskDomainURL(q.URL), Where: m.where(l.at[i]), Fix: finding.Text(finding.FixCommand, fix),
			Detail: fmt.Sprintf("%s is not mapped by this line: the line before it ends in a backslash, which makes this one part of the URL of %s", q.Domain, quoted(l.Shown)),
		})
	}
}

func (m *mapState) checkWildcard(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineWildcard {
		emit(m.of(l, quoted(l.Key)+" is a pattern, and there are none in this file", deleteCommand(l.Key)))
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
	emit(m.of(l, quoted(l.Key)+" "+text, m.moveCommand(l)))
}

// several reports whether a line is not the only one of its domain.
func (m *mapState) several(l *mapLine) bool { return len(m.domains.byDomain[l.Domain]) > 1 }

func (m *mapState) checkDuplicate(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || !m.several(l) {
		return
	}
	i := m.domains.winner(l.Domain)
	if i < 0 || l.counts {
		return
	}
	last := &m.domains.entries[i]
	f := m.of(l, fmt.Sprintf("%s is mapped again in line %d", l.Shown, last.Line), m.mapCommand(l.Domain, last.URL))
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
		f.Detail += ", with another URL: which of them is asked depends on the spelling of an address"
	}
	emit(f)
}

func (m *mapState) checkNotASCII(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || m.several(l) || isASCII([]byte(l.Key)) {
		return
	}
	emit(m.of(l, fmt.Sprintf("%s is not in ASCII; mail addresses carry %s", quoted(l.Shown), l.Domain), m.mapCommand(l.Domain, l.URL)))
}

func (m *mapState) checkSpelling(l *mapLine, emit func(finding.Finding)) {
	if l.Domain == "" || l.fault != lineSound || m.several(l) || l.Key == l.Domain || !isASCII([]byte(l.Key)) {
		return
	}
	emit(m.of(l, fmt.Sprintf("%s is compared as %s", quoted(l.Key), l.Domain), m.mapCommand(l.Domain, l.URL)))
}

func (m *mapState) checkSingleLabel(l *mapLine, emit func(finding.Finding)) {
	if l.fault == lineSound && l.counts && !strings.Contains(l.Domain, ".") {
		emit(m.of(l, quoted(l.Key)+" is one word, and no domain of the internet", deleteCommand(l.Key)))
	}
}

// hasURL reports whether the URL of a line counts and can be looked at.
func (l *mapLine) hasURL() bool {
	return l.counts && (l.fault == lineSound || l.fault == lineMarked)
}

func (m *mapState) checkURLMissing(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && strings.Trim(l.URL, blanks) == "" {
		emit(m.of(l, l.Shown+" has no URL", deleteCommand(l.Key)))
	}
}

func (m *mapState) checkURLMalformed(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault != nil && strings.Trim(l.URL, blanks) != "" {
		emit(m.of(l, l.Shown+": "+l.urlFault.Text, m.mapCommand(l.Domain, l.URL)))
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
	emit(m.of(l, fmt.Sprintf("%s: the URL has %s", l.Shown, what), m.urlCommand(l.Domain, l.url, l.url.complete())))
}

func (m *mapState) checkURLPort(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.port == "" {
		emit(m.of(l, l.Shown+": the URL has no port", m.urlCommand(l.Domain, l.url, l.url.complete())))
	}
}

func (m *mapState) checkURLPath(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.path != peerPath {
		emit(m.of(l, fmt.Sprintf("%s: the path of the URL is not %s", l.Shown, peerPath), m.urlCommand(l.Domain, l.url, l.url.usual())))
	}
}

func (m *mapState) checkURLPlain(l *mapLine, emit func(finding.Finding)) {
	if l.hasURL() && l.urlFault == nil && l.url.scheme == "http" {
		emit(m.of(l, l.Shown+" is asked over http", ""))
	}
}
