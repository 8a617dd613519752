package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// ErrAddress is returned for what is no mail address.
var ErrAddress = errors.New("no mail address")

// Side is where a person's calendars are, as the new server sees it.
type Side string

// The sides.
const (
	Local     Side = "local"      // on the new server
	OldServer Side = "old-server" // in the directory, and not on the new server
	External  Side = "external"   // not in the directory
	Ambiguous Side = "ambiguous"  // several entries have the address
)

// Peer is an old server that the domain map names.
type Peer struct {
	URL  string // as it may be shown; empty where the line has none
	File string // the domain map
	Line int
}

// Config is what the new server goes by. Names of parameters are those of
// davserver.properties.
type Config struct {
	// MailFilter is davcore.uriinfo.emailsearchfiltertemplate: %s stands for the
	// address.
	MailFilter string
	// LocalAttr is davcore.scheduling.localuserattr; "" where it is not set.
	LocalAttr string
	// Fetched is davcore.uriinfo.subjectattributes: what the server sees of an
	// entry.
	Fetched []string
	// Store is the attribute that names the back end, and Backend the one of those without.
	Store, Backend string
	// Bases are where the server looks; none is everywhere.
	Bases []string
	// Peer finds the old server for a mail domain.
	Peer func(domain string) (Peer, bool)
}

// Step is one step of a decision.
type Step struct {
	What   string `json:"what"`             // was looked at
	Value  string `json:"value"`            // was found
	Means  string `json:"means"`            // for the decision
	Source string `json:"source,omitempty"` // the parameter, or file and line, that it goes by
}

// Decision says on which side a person is, and why.
type Decision struct {
	Address string           `json:"address"`
	Side    Side             `json:"side"`
	Steps   []Step           `json:"steps"`
	DN      string           `json:"dn,omitempty"`
	Backend string           `json:"backend,omitempty"` // of one who is local
	URL     string           `json:"url,omitempty"`     // that is asked for free/busy
	NoURL   string           `json:"no_url,omitempty"`  // why none is asked
	Invite  string           `json:"invitation"`        // how one travels
	Marked  bool             `json:"marked"`            // the entry has LocalAttr
	Unread  int              `json:"unread,omitempty"`  // records and parts of the tree that could not be read: the person may be there
	entry   *directory.Found // nil without
}

// Decide says on which side the person with an address is. It looks into the
// directory as the new server does; an error means that it could not.
func Decide(ctx context.Context, c Config, src directory.Source, address string) (*Decision, error) {
	address = strings.TrimPrefix(strings.TrimSpace(address), "mailto:")
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 || strings.ContainsAny(address, " \t\r\n") {
		return nil, fmt.Errorf("%w: '%s'", ErrAddress, address)
	}
	d := &Decision{Address: address}
	found, err := c.look(ctx, d, src)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		d.Side = External
		d.step("entries with the address", "none", "nobody of this directory: an outsider", "")
	case 1:
		d.entry, d.DN = &found[0], found[0].DN
		d.step("entries with the address", found[0].DN, "a person of this directory", "")
		c.judge(d)
	default:
		d.Side = Ambiguous
		names := make([]string, len(found))
		for i, f := range found {
			names[i] = f.DN
		}
		d.step("entries with the address", strings.Join(names, "; "), "several entries have it: the server takes none of them, or the wrong one", "")
	}
	c.travel(d)
	return d, nil
}

// Judge decides about an entry that was found already: its attributes are those of
// a lookup, with at least LocalAttr and Store among what was asked for.
func (c *Config) Judge(address string, entry directory.Found) *Decision {
	d := &Decision{Address: address, DN: entry.DN, entry: &entry}
	c.judge(d)
	c.travel(d)
	return d
}

// mostFound is how many entries with one address are looked at.
const mostFound = 10

// look searches for the address.
func (c *Config) look(ctx context.Context, d *Decision, src directory.Source) ([]directory.Found, error) {
	filter := strings.ReplaceAll(c.MailFilter, "%s", directory.EscapeFilter(d.Address))
	d.step("search filter", filter, "this is what the server asks the directory", "davcore.uriinfo.emailsearchfiltertemplate")
	q := directory.Query{
		Bases: c.Bases, Filter: filter,
		Selections: []directory.Selection{{Kind: directory.User, Any: true}}, // the server asks for no class
	}
	for _, name := range []string{c.LocalAttr, c.Store} {
		if name != "" && !slices.ContainsFunc(q.Attributes, func(have string) bool { return strings.EqualFold(have, name) }) {
			q.Attributes = append(q.Attributes, name)
		}
	}
	q.Selections[0].Attributes = 1<<len(q.Attributes) - 1
	found, problems, err := directory.Find(ctx, src, q, mostFound)
	if err == nil && problems > 0 {
		d.Unread = problems
		d.step("what could not be read", fmt.Sprintf("%d records or parts of the tree", problems), "the person may be among them", src.Name())
	}
	return found, err
}

func (d *Decision) step(what, value, means, source string) {
	d.Steps = append(d.Steps, Step{What: what, Value: value, Means: means, Source: source})
}

// judge decides about an entry.
func (c *Config) judge(d *Decision) {
	const parameter = "davcore.scheduling.localuserattr"
	if c.LocalAttr == "" {
		d.Side = Local
		d.step("mark of people hosted here", "(not set)", "everybody in the directory is hosted here", parameter)
		c.chooseBackend(d)
		return
	}
	d.step("mark of people hosted here", c.LocalAttr, "who has this attribute is hosted here", parameter)
	values := d.entry.Attrs[strings.ToLower(c.LocalAttr)]
	d.Marked = len(values) > 0
	if !slices.ContainsFunc(c.Fetched, func(name string) bool { return strings.EqualFold(name, c.LocalAttr) }) {
		d.Side = OldServer
		d.step("attributes that the server sees", strings.Join(c.Fetched, " "),
			c.LocalAttr+" is not among them: the server sees it on nobody, and takes everybody for a person of the old server", "davcore.uriinfo.subjectattributes")
		return
	}
	if !d.Marked {
		d.Side = OldServer
		d.step(c.LocalAttr+" of the entry", "(absent)", "on the old server", d.DN)
		return
	}
	d.Side = Local
	d.step(c.LocalAttr+" of the entry", strings.Join(values, ", "), "hosted here", d.DN)
	c.chooseBackend(d)
}

// chooseBackend names the back end of one who is local.
func (c *Config) chooseBackend(d *Decision) {
	values := d.entry.Attrs[strings.ToLower(c.Store)]
	if len(values) == 0 {
		d.Backend = c.Backend
		d.step(c.Store+" of the entry", "(absent)", "the account is on the back end "+c.Backend, d.DN)
		return
	}
	d.Backend = values[0]
	d.step(c.Store+" of the entry", strings.Join(values, ", "), "the account is on the back end "+values[0], d.DN)
}

// travel says how free/busy is asked for, and how an invitation goes.
func (c *Config) travel(d *Decision) {
	switch d.Side {
	case Local:
		d.NoURL, d.Invite = "it is answered here", "it is put into the inbox here"
		return
	case Ambiguous:
		d.NoURL, d.Invite = "it is not known whom to ask for", "not known, as long as several entries have the address"
		return
	case External:
		d.NoURL, d.Invite = "the server asks nobody for outsiders", "as a mail (iMIP)"
		return
	}
	d.Invite = "as a mail (iMIP)"
	domain := d.Address[strings.LastIndexByte(d.Address, '@')+1:]
	peer, ok := c.Peer(domain)
	if !ok {
		d.NoURL = "the domain map has no line for " + domain + ": free/busy of the person is unknown to everybody on the new server"
		d.step("domain map line of "+domain, "(none)", "no server to ask", "ischeduledomainmap.properties")
		return
	}
	if peer.URL == "" {
		d.NoURL = "the line of " + domain + " in the domain map has no URL: free/busy of the person is unknown to everybody on the new server"
		d.step("domain map line of "+domain, "(empty)", "no server to ask", fmt.Sprintf("%s:%d", peer.File, peer.Line))
		return
	}
	d.URL = peer.URL
	d.step("domain map line of "+domain, peer.URL, "this server is asked", fmt.Sprintf("%s:%d", peer.File, peer.Line))
}

// Otherwise says what the decision would be if the entry's mark were the other
// way: there if it is absent, absent if it is there. ok is false where that would change
// nothing, or there is no one entry.
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
	other = &Decision{Address: d.Address, DN: d.DN, entry: &changed}
	c.judge(other)
	c.travel(other)
	return other, other.Side != d.Side
}
