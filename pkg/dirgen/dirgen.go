// Package dirgen makes directories that never were: the LDIF of a deployment
// with two calendar servers, with faults planted in it and counted. Audits are
// rehearsed and measured on it.
//
// It promises that the same options give the same bytes, that each planted entry
// breaks the rule that it was planted for and no other, that no other entry
// breaks any, and that the manifest counts what is in the text. Memory grows with
// the number of planted entries, by 24 bytes each, and not with the directory: each
// entry is worked out from the seed and its number alone.
//
// Names, addresses and ids are made up, domains end in .example (RFC 2606), and
// there are no passwords. It is not for judging a directory: the names of the
// faults are the ids of the audit's rules, and what the rules are is decided
// there.
package dirgen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrUnknownFault is returned for a fault that Faults does not list.
	ErrUnknownFault = errors.New("no such fault")
	// ErrTooSmall is returned when a directory has no room for the faults.
	ErrTooSmall = errors.New("too few entries for the faults")
)

const (
	// MaxEntries is the largest directory, and MaxDomains the most domains of one.
	MaxEntries = 1_000_000_000
	MaxDomains = 1 << 20

	entriesADomain = 20000 // where the number of domains is not given
	leastDomains   = 3

	suffix    = "o=isp"
	dcSuffix  = "o=internet"
	noBackend = "nosuchstore"
)

// Options say which directory to make.
type Options struct {
	// Entries is the number of users, groups and resources together, 1 to
	// MaxEntries. The entries of domains and containers come on top.
	Entries int
	// Seed tells apart directories that are alike otherwise.
	Seed uint64
	// Domains is the number of mail domains, at most MaxDomains; 0 means one for
	// 20,000 entries and at least 3.
	Domains int
	// Schema is 2, which 0 stands for as well, or 1: then the domains are entries
	// of their own below o=internet, which point to the organisations.
	Schema int
	// DayOne makes a directory before anything was done: nobody has a unique id,
	// a back end or a lock, and everybody is on Calendar Server 6. Each entry
	// breaks uniqueid-missing, besides the rule it may have been planted for.
	DayOne bool
	// Backends are the values of davStore; the first is the most used. None means
	// defaultbackend, store1 and store2. They are letters, digits, '.', '-', '_'.
	Backends []string
	// Faults are the numbers of findings by fault; nil means a mix of all that
	// are possible, about one entry in a thousand and up to three findings of
	// each at least; an empty map means none.
	Faults map[string]int
	// NoFileOnly makes a text that a directory server can load: what it refuses is
	// left out of the mix, and asking for it is an error.
	NoFileOnly bool
	// Unchecked goes with NoFileOnly: the server that loads the text does not
	// check it against the schema, so what has Fault.Unchecked is in the mix.
	Unchecked bool
}

// Directory is a directory that can be written. It does not change, so several
// goroutines may use it at once.
type Directory struct {
	o       Options // with the defaults filled in
	faults  []fault
	asked   []int // findings, by place in faults
	layout  layout
	base    [streams]uint64
	domains []domain
	given   []name
	family  []name
	labels  [2][]name // of groups and of resources
	notes   [][]byte  // lines of descriptions
	plants  []plant   // in the order of the entries
}

// New works out where the faults go. Each error is about the options:
// ErrUnknownFault, ErrTooSmall, or a value that is out of range or does not go
// with another one.
func New(o Options) (*Directory, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Directory{o: o, faults: catalogue(), layout: newLayout(int64(o.Entries)), base: newBases(o.Seed)}
	d.domains = newDomains(o.Domains)
	d.given, d.family, d.notes = newNames(givenNames[:]), newNames(familyNames[:]), newNotes()
	d.labels = [2][]name{newNames(groupNames[:]), newNames(resourceNames[:])}
	if d.asked, err = d.numbers(); err != nil {
		return nil, err
	}
	if d.plants, err = d.plan(); err != nil {
		return nil, err
	}
	return d, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Entries < 1 || o.Entries > MaxEntries {
		return o, fmt.Errorf("entries: %d is not within 1 and %d", o.Entries, MaxEntries)
	}
	if o.Domains < 0 || o.Domains > MaxDomains {
		return o, fmt.Errorf("domains: %d is not within 1 and %d", o.Domains, MaxDomains)
	}
	if o.Domains == 0 {
		o.Domains = max(leastDomains, o.Entries/entriesADomain)
	}
	if o.Schema == 0 {
		o.Schema = 2
	}
	if o.Schema != 1 && o.Schema != 2 {
		return o, fmt.Errorf("schema: %d is neither 1 nor 2", o.Schema)
	}
	if len(o.Backends) == 0 {
		o.Backends = []string{"defaultbackend", "store1", "store2"}
	}
	o.Backends = slices.Clone(o.Backends)
	return o, checkBackends(o.Backends)
}

// checkBackends makes sure that a value can stand in a line as it is, and that
// no two are the same to a directory.
func checkBackends(names []string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	seen := map[string]bool{noBackend: true}
	for _, name := range names {
		folded := strings.ToLower(name)
		switch {
		case name == "" || len(name) > 60 || strings.Trim(name, allowed) != "":
			return fmt.Errorf("back ends: %q is no name of up to 60 letters, digits, '.', '-' and '_'", name)
		case folded == noBackend:
			return fmt.Errorf("back ends: %q is the one that does not exist", name)
		case seen[folded]:
			return fmt.Errorf("back ends: %q is named twice", name)
		}
		seen[folded] = true
	}
	return nil
}

// numbers returns how many findings of each fault are to be planted.
func (d *Directory) numbers() ([]int, error) {
	n := make([]int, len(d.faults))
	if d.o.Faults == nil {
		for i, f := range d.faults {
			if d.impossible(f) == "" {
				n[i] = f.usual(d.o.Entries)
			}
		}
		return n, nil
	}
	for name, want := range d.o.Faults {
		i := slices.IndexFunc(d.faults, func(f fault) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: %q; there are %s", ErrUnknownFault, name, d.names())
		}
		if want < 0 || want > MaxEntries {
			return nil, fmt.Errorf("faults: %d is no number of findings of %s", want, name)
		}
		if why := d.impossible(d.faults[i]); want > 0 && why != "" {
			return nil, fmt.Errorf("faults: %s cannot be planted: %s", name, why)
		}
		n[i] = want
	}
	return n, nil
}

// impossible says why the options leave no room for a fault, "" when they do.
func (d *Directory) impossible(f fault) string {
	switch {
	case f.FileOnly && d.o.NoFileOnly && !(f.Unchecked && d.o.Unchecked):
		return "a directory server refuses it: " + f.FileOnlyWhy
	case d.o.DayOne && !f.dayOne:
		return "nobody has a unique id, a back end or a lock on day one"
	case f.backends > len(d.o.Backends):
		return fmt.Sprintf("it takes %d back ends", f.backends)
	}
	return ""
}

func (d *Directory) names() string {
	names := make([]string, len(d.faults))
	for i, f := range d.faults {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
