package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DomainMapFile is the domain map of a server home. It contains, for each mail
// domain with users on Calendar Server 6, the URL at which their free/busy can be
// requested. It is optional.
const DomainMapFile = "config/ischeduledomainmap.properties"

// domainMapHeader is the beginning of a new file.
const domainMapHeader = `# Mail domains with users on Calendar Server 6, each with the URL that is asked
# for their free/busy: domain=http://host:port/ischedule/
`

// DomainMap is a domain map as the server reads it, on top of the Document that
// contains every byte of it.
//
// Domains are compared in lower case, without a dot at the end, and in A-labels;
// the keys of the file may be in any spelling. A DomainMap is read-only: Edit
// returns a new Document. It must not be used by several goroutines at once.
type DomainMap struct {
	doc      *Document
	entries  []DomainEntry
	byDomain map[string][]int // indexes of entries in file order
	winners  map[string]int   // index of the effective entry, for domains that have one
}

// DomainEntry is one line of a domain map.
type DomainEntry struct {
	Domain   string // in A-labels and lower case; empty if the key is not a domain
	Shown    string // the domain with U-labels, or the key if that is not a domain
	URL      string // as the server reads it
	Key      string // as the server reads it
	Line     int    // counted from 1
	Shadowed bool   // a later line has the same key, so this one has no effect
}

// ParseDomainMap parses a domain map and returns the errors of Parse. nil stands
// for a file that does not exist yet; the new file will begin with a comment.
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

// ReadDomainMap interprets a document as a domain map.
func ReadDomainMap(d *Document) *DomainMap {
	m := &DomainMap{doc: d, byDomain: map[string][]int{}, winners: map[string]int{}}
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
			if best, found := m.winners[name.Name]; !e.Shadowed && (!found || m.entries[best].Key != name.Name) {
				m.winners[name.Name] = len(m.entries)
			}
		}
		m.entries = append(m.entries, out)
	}
	return m
}

// Entries returns every line in file order, including those without effect. The
// caller must not change them.
func (m *DomainMap) Entries() []DomainEntry { return m.entries }

// Effective returns the lines that have an effect, in file order: one for each
// domain, and those whose key is not a domain.
func (m *DomainMap) Effective() []DomainEntry {
	var out []DomainEntry
	for i, e := range m.entries {
		if !e.Shadowed && (e.Domain == "" || m.winner(e.Domain) == i) {
			out = append(out, e)
		}
	}
	return out
}

// Lookup returns the effective line for a domain in any spelling. Of several lines
// whose keys differ in spelling, it is the one in the form that is compared, or
// otherwise the last one.
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

// winner returns the index of the effective line for a domain, or -1.
func (m *DomainMap) winner(domain string) int {
	if i, ok := m.winners[domain]; ok {
		return i
	}
	return -1
}

// Nearest returns the mapped domain that was probably meant by one that is not
// mapped.
func (m *DomainMap) Nearest(domain string) (string, bool) {
	if d, bad := parseDomain(domain); bad == nil {
		domain = d.Name
	}
	return NearestWord(domain, slices.Sorted(maps.Keys(m.byDomain)))
}

// DomainAction is what to do with domains.
type DomainAction int

// Actions on a domain map.
const (
	DomainCreate DomainAction = iota // map a domain that is not mapped
	DomainModify                     // give a mapped domain another URL, in one line
	DomainDelete                     // remove a domain
)

// DomainRequest asks for a change of one domain. URL is used by DomainCreate and
// DomainModify.
type DomainRequest struct {
	Domain string
	URL    string
	Where  string // where the request was read, such as "batch.txt:3"; empty for an option
}

// domainEdit is a valid request. For DomainDelete its domain may be a key that is
// not a domain.
type domainEdit struct {
	DomainRequest
	name Domain
}

func (q DomainRequest) refuse(text, hint string) error {
	return &RefusedError{Where: q.Where, Text: text, Hint: hint}
}

// ValidateDomains checks requests as far as that is possible without the file. It
// returns warnings, and a *RefusedError for the first invalid request.
func ValidateDomains(action DomainAction, requests []DomainRequest) ([]Warning, error) {
	_, warnings, err := parseDomainRequests(action, requests)
	return warnings, err
}

func parseDomainRequests(action DomainAction, requests []DomainRequest) ([]domainEdit, []Warning, error) {
	var warnings []Warning
	edits := make([]domainEdit, 0, len(requests))
	seen := map[string]string{}
	for _, q := range requests {
		w := domainEdit{DomainRequest: q}
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
			return nil, nil, q.refuse(id+" is listed twice"+first, "give each domain only once")
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
				warnings = append(warnings, Warning{Name: id, Text: "the domain contains no dot, so it is not an internet domain"})
			}
		}
		edits = append(edits, w)
	}
	return edits, warnings, nil
}

// key returns the domain or, for DomainDelete, the key by which the line is found.
func (w *domainEdit) key() string {
	if w.name.Name != "" {
		return w.name.Name
	}
	return w.Domain
}

// Edit carries out all of the requests or none, and returns the resulting document
// with the changes. A domain that is changed has one line afterwards, with the key
// in the form that is compared; if it had more lines, a warning lists them. No
// other byte changes. The error is a *RefusedError or ErrUnsafeEdit.
func (m *DomainMap) Edit(action DomainAction, requests []DomainRequest) (*Document, []Change, []Warning, error) {
	edits, warnings, err := parseDomainRequests(action, requests)
	if err != nil {
		return nil, nil, nil, err
	}
	// Lines are removed before new ones are added: a key may be in both.
	cleared, err := Parse(m.doc.src)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, w := range edits {
		keys, err := m.keysToClear(action, w)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, key := range keys {
			cleared.Unset(key)
		}
		if lines := m.byDomain[w.name.Name]; action == DomainModify && len(keys) > 0 && len(lines) > 1 {
			warnings = append(warnings, Warning{Name: w.name.Name, Text: m.listLines(lines) + " mapped it; only one line remains"})
		}
	}
	after, err := cleared.Render()
	if err != nil {
		return nil, nil, nil, err
	}
	if action != DomainDelete {
		for _, w := range edits {
			after.Set(w.name.Name, w.URL)
		}
		if after, err = after.Render(); err != nil {
			return nil, nil, nil, err
		}
	}
	return after, Compare(m.doc, after), warnings, nil
}

// keysToClear checks that an edit fits the file, and returns the keys whose lines
// must all be removed.
func (m *DomainMap) keysToClear(action DomainAction, w domainEdit) ([]string, error) {
	var lines []int
	effective := m.winner(w.name.Name)
	switch {
	case effective >= 0:
		lines = m.byDomain[w.name.Name]
	case action == DomainDelete:
		lines = m.linesOfKey(w.Domain)
	}
	switch {
	case action == DomainCreate && effective >= 0:
		text := fmt.Sprintf("%s is already mapped (line %d)", w.name.Name, m.entries[effective].Line)
		return nil, &RefusedError{Where: w.Where, Text: text, Reason: ErrDomainMapped}
	case action == DomainCreate:
		return nil, nil
	case len(lines) == 0:
		return nil, m.refuseMissing(action, w)
	}
	var out []string
	for _, i := range lines {
		e := &m.entries[i]
		// A line in the compared form keeps its position, unless there are more
		// lines with the same key.
		if action == DomainDelete || e.Key != e.Domain || e.Shadowed {
			out = append(out, e.Key)
		}
	}
	return out, nil
}

// linesOfKey returns the indexes of the lines with exactly this key, which need not
// be a domain.
func (m *DomainMap) linesOfKey(key string) []int {
	var out []int
	for i := range m.entries {
		if m.entries[i].Key == key {
			out = append(out, i)
		}
	}
	return out
}

func (m *DomainMap) refuseMissing(action DomainAction, w domainEdit) error {
	e := &RefusedError{Where: w.Where, Text: w.key() + " is not mapped", Reason: ErrDomainNotMapped}
	if w.name.Name == "" {
		e.Text = quoted(w.Domain) + " is not mapped"
	}
	if near, ok := m.Nearest(w.key()); ok {
		e.Hint = "did you mean " + near + "?"
	} else if action == DomainModify {
		e.Reason = ErrDomainToCreate
	}
	return e
}

// listLines lists the numbers of at least two lines, and of many only the first
// few.
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
