package dirgen

import (
	"iter"
	"slices"
)

// ManifestSchema is the name of the JSON format of a Manifest. As long as the number
// at its end stays the same, members are only added.
const ManifestSchema = "davadmin.ldap.generate.1"

// Manifest describes the content of a directory, and what a complete audit finds.
type Manifest struct {
	Schema  string          `json:"schema"`
	Seed    uint64          `json:"seed"`
	Options ManifestOptions `json:"options"`
	Entries Counts          `json:"entries"`
	People  People          `json:"people"`
	Faults  []Planted       `json:"faults"`
}

// ManifestOptions are the options with their defaults. Together with the seed and the
// faults, they generate the same directory again.
type ManifestOptions struct {
	Entries   int      `json:"entries"`
	Domains   int      `json:"domains"`
	Schema    int      `json:"directory_schema"`
	DayOne    bool     `json:"day_one"`
	ForServer bool     `json:"no_file_only"`
	Unchecked bool     `json:"unchecked"`
	Backends  []string `json:"backends"`
}

// Counts are the numbers of entries in the text by kind. Broken records and change
// records are not entries.
type Counts struct {
	Users     int `json:"users"`
	Groups    int `json:"groups"`
	Resources int `json:"resources"`
	// Domains are the entries of mail domains: the organisations with Schema 2, those
	// below o=internet with Schema 1.
	Domains    int `json:"domains"`
	Containers int `json:"containers"` // all others
	Total      int `json:"total"`
}

// People counts the users of each list.
type People struct {
	CS6 int `json:"cs6"`
	CS7 int `json:"cs7"`
}

// Planted describes a fault in a directory.
type Planted struct {
	Rule     string `json:"rule"`
	Findings int    `json:"findings"`
	// Entries is the number of entries concerned; for faults of the text, of records.
	Entries   int    `json:"entries"`
	FileOnly  bool   `json:"file_only"`           // see Fault
	Unchecked bool   `json:"unchecked,omitempty"` // see Fault
	What      string `json:"what"`
	Why       string `json:"why,omitempty"` // why a server refuses it
}

// Manifest returns the description of the directory. It lists only faults that occur.
func (d *Directory) Manifest() Manifest {
	o, l := d.o, d.layout
	cs6, cs7 := d.sides()
	m := Manifest{
		Schema: ManifestSchema,
		Seed:   o.Seed,
		Options: ManifestOptions{
			Entries: o.Entries, Domains: o.Domains, Schema: o.Schema,
			DayOne: o.DayOne, ForServer: o.ForServer, Unchecked: o.Unchecked, Backends: slices.Clone(o.Backends),
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
		findings, entries := d.wanted[i], entries[i]
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
	// Finding is the number of the finding, counted from 0 within the rule. The places
	// of one finding have the same number.
	Finding int
	DN      string // the DN of the entry or of the record
}

// Places yields the place of each fault, in the order of the text. A group with several
// dangling members is yielded once for each. With Options.DayOne, the missing unique
// ids, which all entries have in common, are not yielded.
func (d *Directory) Places() iter.Seq[Place] {
	return func(yield func(Place) bool) {
		var e entry
		for i := range d.plants {
			p := &d.plants[i]
			c := cursor{d: d, next: i}
			c.read(&e, p.entry)
			dn := string(e.dn)
			switch e.then {
			case brokenRecord:
				dn = string(d.appendBrokenDN(nil, &e))
			case conflictRecord:
				dn = string(d.appendConflictDN(nil, &e))
			}
			for more := range int(p.count) {
				if !yield(Place{Rule: d.faults[p.fault].Name, Finding: int(p.finding) + more, DN: dn}) {
					return
				}
			}
		}
	}
}
