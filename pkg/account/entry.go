package account

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
)

// Attributes are the names by which a server knows its directory.
type Attributes struct {
	UniqueID    string
	Mail        string
	Alternate   string // further addresses
	DisplayName string
	Notify      string // the address that notifications go to
	Owner       string // DNs of who owns a resource or a group
	Local       string // marks who is hosted here; "" where nothing does
	Store       string // names the back end

	UserClasses, GroupClasses, ResourceClasses []string
}

// Entry is what of a directory entry an account is made from.
type Entry struct {
	DN         string
	Kind       directory.Kind // Other for an entry of no class that is known
	IDs        []string       // values of the unique id
	Mails      []string
	Alternates []string
	Names      []string
	Notify     []string
	Owners     []string // DNs
	Local      []string
	Stores     []string
}

// fields are the lists of an entry, in the order in which they are kept.
func (e *Entry) fields() []*[]string {
	return []*[]string{&e.IDs, &e.Mails, &e.Alternates, &e.Names, &e.Notify, &e.Owners, &e.Local, &e.Stores}
}

// names are the attributes of the fields, in the same order.
func (a *Attributes) names() []string {
	return []string{a.UniqueID, a.Mail, a.Alternate, a.DisplayName, a.Notify, a.Owner, a.Local, a.Store}
}

// addresses are all that the entry has, the primary one first, each once.
func (e *Entry) addresses() []string {
	var out []string
	for _, address := range slices.Concat(e.Mails, e.Alternates) {
		if !slices.ContainsFunc(out, func(has string) bool { return strings.EqualFold(has, address) }) {
			out = append(out, address)
		}
	}
	return out
}

// Name is how the entry is called in a message.
func (e *Entry) Name() string {
	if len(e.Mails) > 0 {
		return e.Mails[0]
	}
	return e.DN
}

// reading turns entries of a source into entries of ours.
type reading struct {
	attributes []string // of the query, each once
	places     []int    // of each field in attributes; -1 for none
}

func newReading(a *Attributes) *reading {
	r := &reading{}
	for _, name := range a.names() {
		place := -1
		if name != "" {
			place = slices.IndexFunc(r.attributes, func(have string) bool { return strings.EqualFold(have, name) })
			if place < 0 {
				place = len(r.attributes)
				r.attributes = append(r.attributes, name)
			}
		}
		r.places = append(r.places, place)
	}
	return r
}

// also asks for further attributes, and says at which places their values come.
func (r *reading) also(names []string) (places []int) {
	for _, name := range names {
		place := slices.IndexFunc(r.attributes, func(have string) bool { return strings.EqualFold(have, name) })
		if place < 0 {
			place = len(r.attributes)
			r.attributes = append(r.attributes, name)
		}
		places = append(places, place)
	}
	return places
}

// entry copies what the source lends.
func (r *reading) entry(src *directory.Entry) *Entry {
	e := &Entry{DN: string(src.DN), Kind: src.Kind}
	fields := e.fields()
	for _, v := range src.Values {
		for i, place := range r.places {
			if place == v.Attr {
				*fields[i] = append(*fields[i], string(v.Data))
			}
		}
	}
	return e
}

// query asks for users, resources and groups, and for all others where others is set.
func (r *reading) query(a *Attributes, others bool) directory.Query {
	all := uint64(1)<<len(r.attributes) - 1
	q := directory.Query{Attributes: r.attributes}
	for _, s := range []directory.Selection{
		{Kind: directory.Resource, Classes: a.ResourceClasses}, {Kind: directory.Group, Classes: a.GroupClasses}, {Kind: directory.User, Classes: a.UserClasses},
	} {
		if len(s.Classes) > 0 {
			s.Attributes = all
			q.Selections = append(q.Selections, s)
		}
	}
	if others {
		q.Selections = append(q.Selections, directory.Selection{Kind: directory.Other, Any: true, Attributes: all})
	}
	return q
}

// encode returns the record of the entry in a spill file.
func (e *Entry) encode() []byte {
	b := spill.AppendText([]byte{byte(e.Kind)}, e.DN)
	for _, f := range e.fields() {
		b = spill.AppendList(b, *f)
	}
	return b
}

// decodeEntry reads what encode wrote.
func decodeEntry(b []byte) (*Entry, error) {
	d := spill.NewDecoder(b)
	e := &Entry{Kind: directory.Kind(d.Byte()), DN: string(d.Bytes())}
	for _, f := range e.fields() {
		*f = d.Strings()
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return e, nil
}
