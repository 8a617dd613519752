package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DomainMapFile is the domain map of a server home: for each mail domain with
// users on Calendar Server 6 the URL that answers for their free/busy. A home
// need not have one.
const DomainMapFile = "config/ischeduledomainmap.properties"

// domainMapHeader begins a file that we make.
const domainMapHeader = `# Mail domains with users on Calendar Server 6, each with the URL that is asked
# for their free/busy: domain=http://host:port/ischedule/
`

// DomainMap is a domain map as the server reads it, over the Document that holds
// every byte of it.
//
// Domains are compared in lower case, without a dot at the end, and in A-labels;
// the keys of the file may be in any spelling. A DomainMap is only read: Edit
// returns a new Document. It must not be used by several goroutines at once.
type DomainMap struct {
	doc      *Document
	entries  []DomainEntry
	byDomain map[string][]int // numbers of entries in file order
	counting map[string]int   // the entry that counts, of domains that have one
}

// DomainEntry is one line of a domain map.
type DomainEntry struct {
	Domain   string // in A-labels and lower case; empty when the key is no domain
	Shown    string // the domain with U-labels, or the key where that is no domain
	URL      string // as the server reads it
	Key      string // as the server reads it
	Line     int    // counted from 1
	Shadowed bool   // a later line has the same key, so this one has no effect
}

// ParseDomainMap reads a domain map with the errors of Parse; nil stands for a
// file that does not exist yet, which begins with a comment.
func ParseDomainMap(b []byte) (*DomainMap, error) {
	if b == nil {
		b = []byte(domainMapHeader)
	}
	d, err := Parse(b)
	if err != nil {
		return nil, err
	}
	return ReadDomainMap(d), nil
}

// ReadDomainMap looks at a document as a domain map.
func ReadDomainMap(d *Document) *DomainMap {
	m := &DomainMap{doc: d, byDomain: map[string][]int{}, counting: map[string]int{}}
	for e := range d.Entries() {
		raw := &d.entries[len(m.entries)]
		key, _ := asMeant(d.src[raw.keyStart:raw.valEnd], e.Key, e.Value)
		if len(m.entries) == 0 {
			key = strings.TrimPrefix(key, utf8Mark)
		}
		out := DomainEntry{Shown: e.Key, URL: e.Value, Key: e.Key, Line: e.Line, Shadowed: e.Shadowed}
		if name, bad := parseDomain(key); bad == nil {
			out.Domain, out.Shown = name.Name, name.Shown
			m.byDomain[name.Name] = append(m.byDomain[name.Name], len(m.entries))
			if best, found := m.counting[name.Name]; !e.Shadowed && (!found || m.entries[best].Key != name.Name) {
				m.counting[name.Name] = len(m.entries)
			}
		}
		m.entries = append(m.entries, out)
	}
	return m
}

// Entries returns every line in file order, those without effect too. They must
// not be changed.
func (m *DomainMap) Entries() []DomainEntry { return m.entries }

// Effective returns the lines that have an effect, in file order: one for each
// domain, and those whose key is no domain.
func (m *DomainMap) Effective() []DomainEntry {
	var out []DomainEntry
	for i, e := range m.entries {
		if !e.Shadowed && (e.Domain == "" || m.winner(e.Domain) == i) {
			out = append(out, e)
		}
	}
	return out
}

// Lookup returns the line that counts for a domain in any spelling. Of several
// that differ in spelling it is the one in the form that is compared, else the
// last.
func (m *DomainMap) Lookup(domain string) (DomainEntry, bool) {
	d, bad := parseDomain(domain)
	if bad != nil {
		return DomainEntry{}, false
	}
	if i := m.winner(d.Name); i >= 0 {
		return m.entries[i], true
	}
	return DomainEntry{}, false
}

// winner returns the number of the line that counts for a domain, -1 for none.
func (m *DomainMap) winner(domain string) int {
	if i, ok := m.counting[domain]; ok {
		return i
	}
	return -1
}

// Nearest returns the mapped domain that was probably meant by one that is not.
func (m *DomainMap) Nearest(domain string) (string, bool) {
	if d, bad := parseDomain(domain); bad == nil {
		domain = d.Name
	}
	return NearestWord(domain, slices.Sorted(maps.Keys(m.byDomain)))
}

// DomainAction is what is to be done to domains.
type DomainAction int

// Actions on a domain map.
const (
	DomainCreate DomainAction = iota // map a domain that is not mapped
	DomainModify                     // give a mapped domain another URL, in one line
	DomainDelete                     // take a domain out
)

// DomainRequest is one wish for one domain. URL is for DomainCreate and
// DomainModify.
type DomainRequest struct {
	Domain string
	URL    string
	Where  string // where the request was read, such as "batch.txt:3"; empty for an option
}

// domainWish is a request that was understood. For DomainDelete its domain may
// be a key that is no domain.
type domainWish struct {
	DomainRequest
	name Domain
}

func (q DomainRequest) refuse(text, hint string) error {
	return &RefusedError{Where: q.Where, Text: text, Hint: hint}
}

// ValidateDomains looks at requests as far as that is possible without the file.
// It returns warnings, and a *RefusedError for the first that is wrong.
func ValidateDomains(action DomainAction, requests []DomainRequest) ([]Warning, error) {
	_, warnings, err := understand(action, requests)
	return warnings, err
}

func understand(action DomainAction, requests []DomainRequest) ([]domainWish, []Warning, error) {
	var warnings []Warning
	wishes := make([]domainWish, 0, len(requests))
	seen := map[string]string{}
	for _, q := range requests {
		w := domainWish{DomainRequest: q}
		name, bad := parseDomain(q.Domain)
		switch {
		case bad == nil:
			w.name = name
		case action != DomainDelete || q.Domain == "":
			return nil, nil, q.refuse(quoted(q.Domain)+" is not a domain: "+bad.Text, bad.Hint)
		}
		id := w.key()
		if first, twice := seen[id]; twice {
			if first != "" {
				first = " (first at " + first + ")"
			}
			return nil, nil, q.refuse(id+" is named twice"+first, "give each domain once")
		}
		seen[id] = q.Where
		if action != DomainDelete {
			problems := checkPeerURL(q.URL)
			if bad := firstError(problems); bad != nil {
				return nil, nil, q.refuse(id+": "+bad.Text, bad.Hint)
			}
			for _, p := range problems {
				warnings = append(warnings, Warning{Name: id, Text: p.Text, Hint: p.Hint})
			}
			if !strings.Contains(id, ".") {
				warnings = append(warnings, Warning{Name: id, Text: "the domain has no dot in it, so that it is none of the internet"})
			}
		}
		wishes = append(wishes, w)
	}
	return wishes, warnings, nil
}

// key is what the line of the wish is found by.
func (w *domainWish) key() string {
	if w.name.Name != "" {
		return w.name.Name
	}
	return w.Domain
}

// Edit carries requests out, all or none, and returns the document that has
// them, with what differs. A domain that is changed has one line afterwards, with
// the key in the form that is compared; where it had others, a warning names
// them. No other byte changes. The error is a *RefusedError or ErrUnsafeEdit.
func (m *DomainMap) Edit(action DomainAction, requests []DomainRequest) (*Document, []Change, []Warning, error) {
	wishes, warnings, err := understand(action, requests)
	if err != nil {
		return nil, nil, nil, err
	}
	// What goes is gone before what comes is put in: a key may be in both.
	cleared, err := Parse(m.doc.src)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, w := range wishes {
		keys, err := m.keysToClear(action, w)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, key := range keys {
			cleared.Unset(key)
		}
		if lines := m.byDomain[w.name.Name]; action == DomainModify && len(keys) > 0 && len(lines) > 1 {
			warnings = append(warnings, Warning{Name: w.name.Name, Text: m.listLines(lines) + " mapped it; one line is left"})
		}
	}
	after, err := cleared.Render()
	if err != nil {
		return nil, nil, nil, err
	}
	if action != DomainDelete {
		for _, w := range wishes {
			after.Set(w.name.Name, w.URL)
		}
		if after, err = after.Render(); err != nil {
			return nil, nil, nil, err
		}
	}
	return after, Compare(m.doc, after), warnings, nil
}

// keysToClear checks that a wish fits the file and returns the keys of which no
// line may stay as it is.
func (m *DomainMap) keysToClear(action DomainAction, w domainWish) ([]string, error) {
	var lines []int
	counts := m.winner(w.name.Name)
	switch {
	case counts >= 0:
		lines = m.byDomain[w.name.Name]
	case action == DomainDelete:
		lines = m.linesOfKey(w.Domain)
	}
	switch {
	case action == DomainCreate && counts >= 0:
		return nil, w.refuse(fmt.Sprintf("%s is mapped already (line %d)", w.name.Name, m.entries[counts].Line), "use 'domainmap modify'")
	case action == DomainCreate:
		return nil, nil
	case len(lines) == 0:
		return nil, m.refuseMissing(action, w)
	}
	var out []string
	for _, i := range lines {
		e := &m.entries[i]
		// A line in the right form stays in its place, unless there are more of
		// the same key.
		if action == DomainDelete || e.Key != e.Domain || e.Shadowed {
			out = append(out, e.Key)
		}
	}
	return out, nil
}

// linesOfKey finds the lines of a key letter for letter: it need be no domain.
func (m *DomainMap) linesOfKey(key string) []int {
	var out []int
	for i := range m.entries {
		if m.entries[i].Key == key {
			out = append(out, i)
		}
	}
	return out
}

func (m *DomainMap) refuseMissing(action DomainAction, w domainWish) error {
	text := w.key() + " is not mapped"
	if w.name.Name == "" {
		text = quoted(w.Domain) + " is not mapped"
	}
	if near, ok := m.Nearest(w.key()); ok {
		return w.refuse(text, "did you mean "+near+"?")
	}
	if action == DomainModify {
		return w.refuse(text, "use 'domainmap create'")
	}
	return w.refuse(text, "'davadmin domainmap list' lists what is")
}

// listLines names at least two lines, and of many the first few.
func (m *DomainMap) listLines(lines []int) string {
	const most = 5
	words := make([]string, min(len(lines), most))
	for i := range words {
		words[i] = fmt.Sprint(m.entries[lines[i]].Line)
	}
	last := len(words) - 1
	if more := len(lines) - len(words); more > 0 {
		return fmt.Sprintf("lines %s and %d more", strings.Join(words, ", "), more)
	}
	return "lines " + strings.Join(words[:last], ", ") + " and " + words[last]
}
