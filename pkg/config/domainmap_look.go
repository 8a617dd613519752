package config

import (
	"bytes"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// look prepares the lines of the document for the checks.
func (m *mapState) look() {
	m.domains = ReadDomainMap(m.doc)
	m.lines = make([]mapLine, len(m.domains.entries))
	for i := range m.domains.entries {
		e := &m.domains.entries[i]
		l := mapLine{DomainEntry: e, effective: e.Domain != "" && m.domains.winner(e.Domain) == i}
		l.url, l.urlFault = readPeerURL(e.URL)
		raw := &m.doc.entries[i]
		switch {
		case i == 0 && bytes.HasPrefix(m.doc.src, []byte("\xef\xbb\xbf")):
			l.fault = lineMarked
		case l.findCut(m.doc.src[raw.keyEnd:raw.valStart]):
			l.fault = lineCut
		case l.findSwallowed(m.doc.src[raw.keyStart:raw.valEnd]):
			l.fault = lineSwallows
		case strings.Contains(e.Key, "*"):
			l.fault = lineWildcard
		case e.Domain == "":
			l.fault = lineNoDomain
			l.meant, _ = guessDomain(e.Key)
			l.meantURL = e.URL
		}
		m.lines[i] = l
	}
}

// findCut recognises a key that Java ends before the intended separator: at a blank
// or a colon inside the key, or at the first of two separators. The intended
// separator is then part of the value.
func (l *mapLine) findCut(separator []byte) bool {
	if scheme := l.Key + "://"; (l.Key == "http" || l.Key == "https") && strings.HasPrefix(l.URL, "//") {
		rest := l.URL[len("//"):]
		if i := schemeAt(rest); i > 0 {
			l.meant, _ = guessDomain(scheme + strings.TrimRight(rest[:i], "=:"+blanks))
			l.meantURL = rest[i:]
		}
		return true
	}
	i := schemeAt(l.URL)
	if i <= 0 {
		return false
	}
	between := strings.TrimRight(l.URL[:i], blanks)
	if !strings.HasSuffix(between, "=") && !strings.HasSuffix(between, ":") {
		return false
	}
	l.meantURL = l.URL[i:]
	if strings.Trim(between, "=:"+blanks) == "" || bytes.IndexByte(separator, ':') >= 0 {
		l.meant, _ = guessDomain(l.Key) // a separator too many, or a port
	}
	return true
}

// schemeAt returns the offset at which a URL begins in s, or -1 if absent.
func schemeAt(s string) int {
	i := strings.Index(s, "://")
	if i < 0 {
		return -1
	}
	before := asciiLower(s[:i])
	for _, scheme := range []string{"https", "http"} {
		if strings.HasSuffix(before, scheme) {
			return i - len(scheme)
		}
	}
	return -1
}

// findSwallowed looks for other entries of the map on all lines of an entry but the
// first.
func (l *mapLine) findSwallowed(body []byte) bool {
	end := len(body)
	for p := range physicalLines(body, l.Line) {
		if p.number == l.Line {
			continue
		}
		d, err := Parse(bytes.TrimSuffix(p.text, []byte(`\`)))
		if err != nil || d.Len() != 1 {
			continue
		}
		for e := range d.Entries() {
			key, _ := asMeant(p.text, e.Key, e.Value)
			if name, bad := parseDomain(key); bad == nil && schemeAt(e.Value) == 0 {
				l.swallowed = append(l.swallowed, DomainRequest{Domain: name.Name, URL: e.Value})
				l.at = append(l.at, p.number)
				end = min(end, p.offset)
			}
		}
	}
	if len(l.swallowed) == 0 {
		return false
	}
	if d, err := Parse(bytes.TrimSuffix(bytes.TrimRight(body[:end], "\r\n"), []byte(`\`))); err == nil {
		for e := range d.Entries() {
			l.meantURL = e.Value
		}
	}
	return true
}

// fixMap returns the fix that maps a domain to a URL, in its complete form. It
// returns the zero Fix if the domain map would refuse the URL.
func (m *mapState) fixMap(domain, url string) finding.Fix {
	u, bad := readPeerURL(url)
	if bad != nil {
		u, bad = readPeerURL(bad.Suggestion)
	}
	if bad != nil {
		return finding.Fix{}
	}
	return m.fixURL(domain, u, u.complete())
}

// fixURL returns the fix that maps a domain to a URL that was made from another
// one.
func (m *mapState) fixURL(domain string, from peerURL, url string) finding.Fix {
	if domain == "" || !pasteable(url) || from.doubtful() {
		return finding.Fix{}
	}
	action := finding.CreateDomain
	if m.domains.winner(domain) >= 0 {
		action = finding.ModifyDomain
	}
	return finding.Do(finding.FixCommand, finding.Task{Do: action, Domain: domain, URL: url})
}

// fixDelete returns the fix that deletes the lines of a key, or the zero Fix if no
// command can name the key.
func fixDelete(key string) finding.Fix {
	if key == "" || !pasteable(key) {
		return finding.Fix{}
	}
	return finding.Do(finding.FixCommand, finding.Task{Do: finding.DeleteDomain, Domain: key})
}

// fixMove returns the fix that deletes a line that maps no domain and, if it is
// clear what was meant, maps that.
func (m *mapState) fixMove(l *mapLine) finding.Fix {
	if l.Domain != "" && l.Domain == l.meant.Name {
		return m.fixMap(l.Domain, l.meantURL)
	}
	remove := fixDelete(l.Key)
	if m.domains.winner(l.meant.Name) < 0 {
		if both := inOrder(remove, m.fixMap(l.meant.Name, l.meantURL)); !both.IsZero() {
			return both
		}
	}
	return remove
}
