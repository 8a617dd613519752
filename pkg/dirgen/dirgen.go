// Package dirgen generates invented directories: the LDIF of a deployment with two
// calendar servers, with planted faults that are counted. It is used to rehearse and
// to measure audits.
//
// It promises that the same options generate the same bytes, that each entry with a
// planted fault violates the rule of that fault and no other, that no other entry
// violates any rule, and that the manifest counts what is in the text. Memory grows
// with the number of planted entries, by 24 bytes each, and not with the directory:
// each entry is computed from the seed and its number alone.
//
// Names, addresses and ids are invented, domains end in .example (RFC 2606), and
// there are no passwords. The package does not check directories: the names of the
// faults are the ids of the audit's rules, which are defined there.
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
	// ErrTooSmall is returned when a directory has too few entries for the faults.
	ErrTooSmall = errors.New("too few entries for the faults")
)

// UnknownFaultError names a fault that does not exist, and those that do. It wraps
// ErrUnknownFault.
type UnknownFaultError struct {
	Name  string
	Known []string
}

// Error names the fault.
func (e *UnknownFaultError) Error() string { return fmt.Sprintf("%v: %q", ErrUnknownFault, e.Name) }

// Unwrap returns ErrUnknownFault.
func (e *UnknownFaultError) Unwrap() error { return ErrUnknownFault }

const (
	// MaxEntries is the maximum number of entries, and MaxDomains that of domains.
	MaxEntries = 1_000_000_000
	MaxDomains = 1 << 20

	entriesPerDomain = 20000 // if the number of domains is not given
	leastDomains     = 3

	suffix    = "o=isp"
	dcSuffix  = "o=internet"
	noBackend = "nosuchstore"
)

// Options describe the directory to generate.
type Options struct {
	// Entries is the number of users, groups and resources together, 1 to
	// MaxEntries. Entries for domains and containers are added to these.
	Entries int
	// Seed distinguishes directories with otherwise equal options.
	Seed uint64
	// Domains is the number of mail domains, at most MaxDomains; 0 means one per
	// 20,000 entries, but at least 3.
	Domains int
	// Schema is 1 or 2; 0 means 2. With 1, the domains have entries of their own below
	// o=internet, which refer to the organisations.
	Schema int
	// DayOne generates a directory before the migration: nobody has a unique id, a back
	// end or a lock-out, and everybody is on Calendar Server 6. Each entry violates
	// uniqueid-missing, in addition to the rule it may have been planted for.
	DayOne bool
	// Backends are the values of davStore; the first is the most common. None means
	// defaultbackend, store1 and store2. They consist of letters, digits, '.', '-', '_'.
	Backends []string
	// Faults are the numbers of findings by fault; an empty map means none. Nil means a
	// mix of all possible faults: about one entry in a thousand, but at least one to
	// three findings of each, depending on Entries.
	Faults map[string]int
	// ForServer generates a text that a directory server can load: the mix does not
	// contain faults that a server refuses, and requesting one is an error.
	ForServer bool
	// Unchecked, with ForServer, means that the server that loads the text does not
	// check it against the schema, so that the mix contains faults with
	// Fault.Unchecked.
	Unchecked bool
}

// Directory is a directory that can be written. It is immutable and may be used by
// several goroutines at once.
type Directory struct {
	o       Options // with defaults
	faults  []fault
	wanted  []int // the number of findings of each of the faults
	layout  layout
	base    [streams]uint64
	domains []domain
	given   []name
	family  []name
	labels  [2][]name // for groups and for resources
	notes   [][]byte  // description lines
	plants  []plant   // in the order of the entries
}

// New returns a directory, and decides where the faults are planted. The error is
// ErrUnknownFault, ErrTooSmall, or about an option that is out of range or conflicts
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
	if d.wanted, err = d.numbers(); err != nil {
		return nil, err
	}
	if d.plants, err = d.plan(); err != nil {
		return nil, err
	}
	return d, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Entries < 1 || o.Entries > MaxEntries {
		return o, fmt.Errorf("entries: %d is not between 1 and %d", o.Entries, MaxEntries)
	}
	if o.Domains < 0 || o.Domains > MaxDomains {
		return o, fmt.Errorf("domains: %d is not between 1 and %d", o.Domains, MaxDomains)
	}
	if o.Domains == 0 {
		o.Domains = max(leastDomains, o.Entries/entriesPerDomain)
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

// checkBackends returns an error if a name cannot be written without encoding, or if
// two names are the same to a directory.
func checkBackends(names []string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	seen := map[string]bool{noBackend: true}
	for _, name := range names {
		folded := strings.ToLower(name)
		switch {
		case name == "" || len(name) > 60 || strings.Trim(name, allowed) != "":
			return fmt.Errorf("back ends: %q is not a valid name (1 to 60 letters, digits, '.', '-', '_')", name)
		case folded == noBackend:
			return fmt.Errorf("back ends: %q is reserved for the back end that does not exist", name)
		case seen[folded]:
			return fmt.Errorf("back ends: %q is listed twice", name)
		}
		seen[folded] = true
	}
	return nil
}

// numbers returns how many findings of each fault to plant.
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
			return nil, &UnknownFaultError{Name: name, Known: d.names()}
		}
		if want < 0 || want > MaxEntries {
			return nil, fmt.Errorf("faults: %d is not a valid number of findings for %s", want, name)
		}
		if why := d.impossible(d.faults[i]); want > 0 && why != "" {
			return nil, fmt.Errorf("faults: %s cannot be planted: %s", name, why)
		}
		n[i] = want
	}
	return n, nil
}

// impossible returns why the options rule a fault out, "" if they do not.
func (d *Directory) impossible(f fault) string {
	switch {
	case f.FileOnly && d.o.ForServer && !(f.Unchecked && d.o.Unchecked):
		return "a directory server refuses it: " + f.FileOnlyWhy
	case d.o.DayOne && !f.dayOne:
		return "nobody has a unique id, a back end or a lock-out on day one"
	case f.backends > len(d.o.Backends):
		return fmt.Sprintf("it requires %d back ends", f.backends)
	}
	return ""
}

func (d *Directory) names() []string {
	names := make([]string, len(d.faults))
	for i, f := range d.faults {
		names[i] = f.Name
	}
	return names
}
