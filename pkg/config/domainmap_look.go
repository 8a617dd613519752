package config

import (
	"bytes"
	"strings"
)

// look reads the lines of the document for the checks.
func (m *mapState) look() {
	m.domains = ReadDomainMap(m.doc)
	m.lines = make([]mapLine, len(m.domains.entries))
	for i := range m.domains.entries {
		e := &m.domains.entries[i]
		l := mapLine{DomainEntry: e, counts: e.Domain != "" && m.domains.winner(e.Domain) == i}
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

// findCut recognises a key that Java ends before the separator that was meant: at
// a blank or a colon inside, or at the first of two separators. Then the
// separator that was meant stands in the value.
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

// schemeAt finds where a URL begins in a text, -1 where none does.
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

// findSwallowed looks at all lines of an entry but the first for the beginning of
// another entry of the map.
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

// mapCommand is a 'davadmin domainmap' that maps a domain; empty where it would
// be refused.
func (m *mapState) mapCommand(domain, url string) string {
	u, bad := readPeerURL(url)
	if bad != nil {
		u, bad = readPeerURL(strings.TrimPrefix(bad.Hint, "type "))
	}
	if bad != nil {
		return ""
	}
	return m.urlCommand(domain, u, u.complete())
}

// urlCommand maps a domain to a URL that was made from another one.
func (m *mapState) urlCommand(domain string, from peerURL, url string) string {
	word := ShellWord(url)
	if domain == "" || word == "" || from.doubtful() {
		return ""
	}
	action := "create"
	if m.domains.winner(domain) >= 0 {
		action = "modify"
	}
	return "davadmin domainmap " + action + " -d " + domain + " -L " + word
}

// deleteCommand takes the lines of a key out; empty where no command can name it.
func deleteCommand(key string) string {
	word := ShellWord(key)
	if key == "" || word == "" {
		return ""
	}
	return "davadmin domainmap delete --yes -d " + word
}

// moveCommand takes a line out that maps no domain, and maps what was meant
// where that can be told.
func (m *mapState) moveCommand(l *mapLine) string {
	out := deleteCommand(l.Key)
	if l.Domain != "" && l.Domain == l.meant.Name {
		return m.mapCommand(l.Domain, l.meantURL)
	}
	if in := m.mapCommand(l.meant.Name, l.meantURL); in != "" && out != "" && m.domains.winner(l.meant.Name) < 0 {
		return out + " && " + in
	}
	return out
}
