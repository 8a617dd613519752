package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// ErrAddress is returned for a text that is not a mail address.
var ErrAddress = errors.New("not a mail address")

// Side is where a person's calendars are, from the point of view of the new server.
type Side string

// The sides.
const (
	Local     Side = "local"      // on the new server
	OldServer Side = "old-server" // in the directory, but not on the new server
	External  Side = "external"   // not in the directory
	Ambiguous Side = "ambiguous"  // several entries have the address
)

// Peer is an old server named by the domain map.
type Peer struct {
	URL  string // with any password masked; empty if the line has none
	File string // the domain map
	Line int
}

// Config contains the settings of the new server that a decision depends on. The
// parameters are those of davserver.properties.
type Config struct {
	// MailFilter is davcore.uriinfo.emailsearchfiltertemplate: %s is replaced by the
	// address.
	MailFilter string
	// LocalAttr is davcore.scheduling.localuserattr; "" if it is not set.
	LocalAttr string
	// Fetched is davcore.uriinfo.subjectattributes: the attributes of an entry that
	// the server fetches.
	Fetched []string
	// Store is the attribute that names the back end, and Backend is the back end of
	// entries without this attribute.
	Store, Backend string
	// Backends are the names of the back ends; nil if they are unknown. An entry may
	// name one in any letter case and with blanks around it, as to a directory that is
	// the same value.
	Backends []string
	// Bases are the DNs under which the server searches; empty means everywhere.
	Bases []string
	// Extra are attributes to read for Decision.Values. They do not affect a decision.
	Extra []string
	// Peer returns the old server for a mail domain.
	Peer func(domain string) (Peer, bool)
}

// Step is one step of a decision.
type Step struct {
	What   string `json:"what"`             // the thing examined
	Value  string `json:"value"`            // the value found
	Means  string `json:"means"`            // what it means for the decision
	Source string `json:"source,omitempty"` // the parameter, DN, or file and line, that the value comes from
}

// Decision says on which side a person is, and why.
type Decision struct {
	Address string `json:"address"`
	Side    Side   `json:"side"`
	Steps   []Step `json:"steps"`
	DN      string `json:"dn,omitempty"`
	DNBytes string `json:"dn_base64,omitempty"` // DN in base64 if it is not valid UTF-8
	Backend string `json:"backend,omitempty"`   // if Side is Local
	URL     string `json:"url,omitempty"`       // the URL that is queried for free/busy
	NoURL   string `json:"no_url,omitempty"`    // why no URL is queried
	Invite  string `json:"invitation"`          // how an invitation is delivered
	Marked  bool   `json:"marked"`              // the entry has LocalAttr
	Unread  int    `json:"unread,omitempty"`    // records and parts of the tree that could not be read: the person may be among them

	entry *directory.Found // nil if there is not exactly one entry
	side  int              // the number of the step that decided Side, from 1; 0 if the entry was not examined
}

// SideStep returns the step that decided the side of an entry; ok is false if the
// side was decided without examining one entry.
func (d *Decision) SideStep() (s Step, ok bool) {
	if d.side == 0 {
		return Step{}, false
	}
	return d.Steps[d.side-1], true
}

// Values returns the values of an attribute of the entry that Config.Extra names. There are
// none unless exactly one entry has the address.
func (d *Decision) Values(name string) []string {
	if d.entry == nil {
		return nil
	}
	return d.entry.Attrs[strings.ToLower(name)]
}

// Decide returns the decision about the person with an address. It searches the
// directory as the new server does; an error means that it could not.
func Decide(ctx context.Context, c Config, src directory.Source, address string) (*Decision, error) {
	address = directory.CutMailto(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 || strings.ContainsAny(address, " \t\r\n") {
		return nil, fmt.Errorf("%w: '%s'", ErrAddress, address)
	}
	d := &Decision{Address: address}
	found, err := c.search(ctx, d, src)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		d.Side = External
		d.step("entries with the address", "none", "no such person in this directory: external", "")
	case 1:
		d.entry, d.DN, d.DNBytes = &found[0], found[0].DN, directory.DNBase64(found[0].DN)
		d.step("entries with the address", found[0].DN, "a person in this directory", "")
		c.decideEntry(d)
	default:
		d.Side = Ambiguous
		names := make([]string, len(found))
		for i, f := range found {
			names[i] = f.DN
		}
		d.step("entries with the address", strings.Join(names, "; "), "several entries have this address: the server uses none of them, or the wrong one", "")
	}
	c.addDelivery(d)
	return d, nil
}

// DecideEntry returns the decision about an entry that was already found. Its
// attributes must be the result of a lookup of at least LocalAttr and Store.
func (c *Config) DecideEntry(address string, entry directory.Found) *Decision {
	d := &Decision{Address: address, DN: entry.DN, DNBytes: directory.DNBase64(entry.DN), entry: &entry}
	c.decideEntry(d)
	c.addDelivery(d)
	return d
}

// mostFound is the maximum number of entries with one address that are examined.
const mostFound = 10

// search finds the entries with the address.
func (c *Config) search(ctx context.Context, d *Decision, src directory.Source) ([]directory.Found, error) {
	filter := strings.ReplaceAll(c.MailFilter, "%s", directory.EscapeFilter(d.Address))
	d.step("search filter", filter, "the search that the server sends to the directory", "davcore.uriinfo.emailsearchfiltertemplate")
	q := directory.Query{
		Bases: c.Bases, Filter: filter,
		Selections: []directory.Selection{{Kind: directory.User, Any: true}}, // the server does not restrict the object class
	}
	for _, name := range append([]string{c.LocalAttr, c.Store}, c.Extra...) {
		if name != "" && !slices.ContainsFunc(q.Attributes, func(have string) bool { return strings.EqualFold(have, name) }) {
			q.Attributes = append(q.Attributes, name)
		}
	}
	q.Selections[0].Attributes = 1<<len(q.Attributes) - 1
	found, problems, err := directory.Find(ctx, src, q, mostFound)
	if err == nil && problems > 0 {
		d.Unread = problems
		d.step("unreadable entries", fmt.Sprintf("%d records or parts of the tree", problems), "the person may be among them", src.Name())
	}
	return found, err
}

func (d *Decision) step(what, value, means, source string) {
	d.Steps = append(d.Steps, Step{What: what, Value: value, Means: means, Source: source})
}

// setSide sets the side, which the last step decided.
func (d *Decision) setSide(side Side) { d.Side, d.side = side, len(d.Steps) }

// decideEntry decides about the entry of d.
func (c *Config) decideEntry(d *Decision) {
	const parameter = "davcore.scheduling.localuserattr"
	if c.LocalAttr == "" {
		d.step("attribute that marks local users", "(not set)", "everyone in the directory is local", parameter)
		d.setSide(Local)
		c.chooseBackend(d)
		return
	}
	d.step("attribute that marks local users", c.LocalAttr, "an entry with this attribute is local", parameter)
	values := d.entry.Attrs[strings.ToLower(c.LocalAttr)]
	d.Marked = len(values) > 0
	if !slices.ContainsFunc(c.Fetched, func(name string) bool { return strings.EqualFold(name, c.LocalAttr) }) {
		d.step("attributes that the server fetches", strings.Join(c.Fetched, " "),
			c.LocalAttr+" is not among them: the server sees it on no entry and treats everyone as a user of the old server", "davcore.uriinfo.subjectattributes")
		d.setSide(OldServer)
		return
	}
	if !d.Marked {
		d.step(c.LocalAttr+" of the entry", Absent, "on the old server", d.DN)
		d.setSide(OldServer)
		return
	}
	d.step(c.LocalAttr+" of the entry", strings.Join(values, ", "), "local", d.DN)
	d.setSide(Local)
	c.chooseBackend(d)
}

// Absent is the value of a step about an attribute that the entry does not have.
const Absent = "(absent)"

// chooseBackend sets the back end of a local person.
func (c *Config) chooseBackend(d *Decision) {
	values := d.entry.Attrs[strings.ToLower(c.Store)]
	if len(values) == 0 {
		d.Backend = c.Backend
		d.step(c.Store+" of the entry", Absent, "the account is on the back end "+c.Backend, d.DN)
		return
	}
	d.Backend = c.backend(values[0])
	d.step(c.Store+" of the entry", strings.Join(values, ", "), "the account is on the back end "+d.Backend, d.DN)
}

// backend returns the name of the back end that a value of Store means, or the value if
// there is no such back end.
func (c *Config) backend(value string) string {
	if i := slices.IndexFunc(c.Backends, func(name string) bool { return directory.EqualFold(name, value) }); i >= 0 {
		return c.Backends[i]
	}
	return value
}

// addDelivery sets how free/busy is queried and how an invitation is delivered.
func (c *Config) addDelivery(d *Decision) {
	const byMail = "sent by mail (iMIP)"
	switch d.Side {
	case Local:
		d.NoURL, d.Invite = "answered locally", "delivered to the local inbox"
		return
	case Ambiguous:
		d.NoURL, d.Invite = "not known while several entries have this address", "not known while several entries have this address"
		return
	case External:
		d.NoURL, d.Invite = "the server does not query free/busy of external people", byMail
		return
	}
	d.Invite = byMail
	domain := d.Address[strings.LastIndexByte(d.Address, '@')+1:]
	peer, ok := c.Peer(domain)
	if !ok {
		d.NoURL = "the domain map has no line for " + domain + ", so nobody on the new server sees free/busy for this person"
		d.step("domain map line of "+domain, "(none)", "no server to query", "ischeduledomainmap.properties")
		return
	}
	if peer.URL == "" {
		d.NoURL = "the line of " + domain + " in the domain map has no URL, so nobody on the new server sees free/busy for this person"
		d.step("domain map line of "+domain, "(empty)", "no server to query", fmt.Sprintf("%s:%d", peer.File, peer.Line))
		return
	}
	d.URL = peer.URL
	d.step("domain map line of "+domain, peer.URL, "this server is queried", fmt.Sprintf("%s:%d", peer.File, peer.Line))
}

// Otherwise returns what the decision would be with the entry's mark inverted: with
// the mark if the entry has none, and without it if the entry has one. ok is false if
// the side would be the same, or if there is not exactly one entry.
func (c Config) Otherwise(d *Decision) (other *Decision, ok bool) {
	if d.entry == nil || c.LocalAttr == "" {
		return nil, false
	}
	changed := directory.Found{DN: d.entry.DN, Attrs: map[string][]string{}}
	for name, values := range d.entry.Attrs {
		changed.Attrs[name] = values
	}
	key := strings.ToLower(c.LocalAttr)
	if d.Marked {
		delete(changed.Attrs, key)
	} else {
		changed.Attrs[key] = []string{c.Backend}
	}
	other = &Decision{Address: d.Address, DN: d.DN, DNBytes: d.DNBytes, entry: &changed}
	c.decideEntry(other)
	c.addDelivery(other)
	return other, other.Side != d.Side
}
