package dirgen

import (
	"iter"
	"slices"
)

// ManifestSchema names the form of a Manifest in JSON. Within one number it only
// grows.
const ManifestSchema = "davadmin.ldap.generate.1"

// Manifest says what is in a directory, and what a complete audit of it finds.
type Manifest struct {
	Schema  string          `json:"schema"`
	Seed    uint64          `json:"seed"`
	Options ManifestOptions `json:"options"`
	Entries Counts          `json:"entries"`
	People  People          `json:"people"`
	Faults  []Planted       `json:"faults"`
}

// ManifestOptions are the options with what they stand for filled in. Together
// with the seed and the faults they make the same directory again.
type ManifestOptions struct {
	Entries    int      `json:"entries"`
	Domains    int      `json:"domains"`
	Schema     int      `json:"directory_schema"`
	DayOne     bool     `json:"day_one"`
	NoFileOnly bool     `json:"no_file_only"`
	Unchecked  bool     `json:"unchecked"`
	Backends   []string `json:"backends"`
}

// Counts are the entries of the text by kind. Records that are broken or change
// something are no entries.
type Counts struct {
	Users     int `json:"users"`
	Groups    int `json:"groups"`
	Resources int `json:"resources"`
	// Domains are the entries that name mail domains: the organisations with
	// Schema 2, those below o=internet with Schema 1.
	Domains    int `json:"domains"`
	Containers int `json:"containers"` // all others
	Total      int `json:"total"`
}

// People counts the users of each list.
type People struct {
	CS6 int `json:"cs6"`
	CS7 int `json:"cs7"`
}

// Planted says how often a fault is in a directory.
type Planted struct {
	Rule     string `json:"rule"`
	Findings int    `json:"findings"`
	// Entries take part in them; for a fault of the text these are records.
	Entries   int    `json:"entries"`
	FileOnly  bool   `json:"file_only"` // see Fault, as for the next
	Unchecked bool   `json:"unchecked,omitempty"`
	What      string `json:"what"`
	Why       string `json:"why,omitempty"` // a server refuses it
}

// Manifest returns what is in the directory. It lists the faults that are there.
func (d *Directory) Manifest() Manifest {
	o, l := d.o, d.layout
	cs6, cs7 := d.sides()
	m := Manifest{
		Schema: ManifestSchema,
		Seed:   o.Seed,
		Options: ManifestOptions{
			Entries: o.Entries, Domains: o.Domains, Schema: o.Schema,
			DayOne: o.DayOne, NoFileOnly: o.NoFileOnly, Unchecked: o.Unchecked, Backends: slices.Clone(o.Backends),
		},
		Entries: Counts{Users: int(l.users), Groups: int(l.groups), Resources: int(l.resources)},
		People:  People{CS6: int(cs6), CS7: int(cs7)},
		Faults:  []Planted{},
	}
	c := &m.Entries
	c.Domains, c.Containers = len(d.domains), 1+len(units)*len(d.domains)
	if o.Schema == 1 {
		c.Containers += 2 + len(d.domains)
		for _, dom := range d.domains {
			if dom.alias != "" {
				c.Domains++
			}
		}
	}
	c.Total = o.Entries + c.Domains + c.Containers

	entries := make([]int, len(d.faults))
	for _, p := range d.plants {
		entries[p.fault]++
	}
	for i, f := range d.faults {
		findings, entries := d.asked[i], entries[i]
		if o.DayOne && f.Name == "uniqueid-missing" {
			findings, entries = o.Entries, o.Entries
		}
		if findings > 0 {
			m.Faults = append(m.Faults, Planted{
				Rule: f.Name, Findings: findings, Entries: entries,
				FileOnly: f.FileOnly, Unchecked: f.Unchecked, What: f.What, Why: f.FileOnlyWhy,
			})
		}
	}
	return m
}

// Place is where a fault was planted.
type Place struct {
	Rule string
	// Finding counts from 0 within the rule; the places of one finding share it.
	Finding int
	DN      string // of the entry, or of the record
}

// Places yields where each fault is, in the order of the text; a group with
// several dangling members once for each. What all entries of a directory of day
// one have in common is left out.
func (d *Directory) Places() iter.Seq[Place] {
	return func(yield func(Place) bool) {
		var e entry
		for i := range d.plants {
			p := &d.plants[i]
			c := cursor{d: d, next: i}
			c.read(&e, p.entry)
			dn := string(e.dn)
			if e.then == brokenRecord {
				dn = string(d.appendBrokenDN(nil, &e))
			}
			for more := range int(p.count) {
				if !yield(Place{Rule: d.faults[p.fault].Name, Finding: int(p.finding) + more, DN: dn}) {
					return
				}
			}
		}
	}
}
