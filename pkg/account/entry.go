package account

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
)

// Attributes are the names of the directory attributes that a server uses.
type Attributes struct {
	UniqueID    string
	Mail        string
	Alternate   string // further addresses
	DisplayName string
	Notify      string // the address that notifications go to
	Owner       string // DNs of the owners of a resource or a group
	Local       string // marks local people; "" if no attribute does
	Store       string // names the back end

	UserClasses, GroupClasses, ResourceClasses []string
}

// Entry is the part of a directory entry from which an account is created.
type Entry struct {
	DN         string
	Kind       directory.Kind // Other for an entry without a known object class
	IDs        []string       // values of the unique ID
	Mails      []string
	Alternates []string
	Names      []string
	Notify     []string
	Owners     []string // DNs
	Local      []string
	Stores     []string
}

// fields returns the lists of an entry, in the order in which they are encoded.
func (e *Entry) fields() []*[]string {
	return []*[]string{&e.IDs, &e.Mails, &e.Alternates, &e.Names, &e.Notify, &e.Owners, &e.Local, &e.Stores}
}

// names returns the attributes of the fields, in the same order.
func (a *Attributes) names() []string {
	return []string{a.UniqueID, a.Mail, a.Alternate, a.DisplayName, a.Notify, a.Owner, a.Local, a.Store}
}

// addresses returns all addresses of the entry, the primary one first, each once.
func (e *Entry) addresses() []string {
	var out []string
	for _, address := range slices.Concat(e.Mails, e.Alternates) {
		if !slices.ContainsFunc(out, func(has string) bool { return strings.EqualFold(has, address) }) {
			out = append(out, address)
		}
	}
	return out
}

// Name returns the name of the entry in messages: its address, or its DN.
func (e *Entry) Name() string {
	if len(e.Mails) > 0 {
		return e.Mails[0]
	}
	return e.DN
}

// reading converts the entries of a source.
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

// also requests further attributes, and returns their positions.
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

// entry copies an entry, whose data belong to the source.
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

// query returns a query for users, resources and groups, and for all other entries if
// others is set.
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
