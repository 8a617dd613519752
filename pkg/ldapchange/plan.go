package ldapchange

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// Errors of plans.
var (
	// ErrSecret is returned for a plan that touches a password.
	ErrSecret = errors.New("the plan changes a secret attribute, which is never allowed")
	// ErrDigest is returned for a plan that was changed since it was made.
	ErrDigest = errors.New("the plan was edited: its digest does not match")
	// ErrPlan is returned for a file that is not a valid plan.
	ErrPlan = errors.New("not a plan of changes")
)

// Record is the change of one entry. Its changes are made together or not at all.
type Record struct {
	DN      string
	Changes []ldif.Modification
	Expect  []Expectation // about the attributes in Changes
	Note    string        // why it was rejected, "" otherwise
	Line    int           // the number of its dn: line in the plan, 0 if it was not read from one
}

// Need is the kind of an Expectation.
type Need int

// The kinds of expectations. Values are compared byte by byte, except for NeedLacks,
// which also fails for a value that a directory would take for the same.
const (
	NeedAbsent Need = iota // the attribute has no value
	NeedAll                // the values are these and no others, in any order
	NeedHas                // the values are present, possibly among others
	NeedLacks              // none of the values is present
)

// keyword returns how a need is written in a plan.
func (n Need) keyword() string {
	return [...]string{NeedAbsent: "expect-absent", NeedAll: "expect-all", NeedHas: "expect-has", NeedLacks: "expect-lacks"}[n]
}

// Expectation is what an attribute must contain before its entry is changed.
type Expectation struct {
	Name   string // the attribute, with its options
	Need   Need
	Values [][]byte
}

// Header describes a plan.
type Header struct {
	Made    time.Time // with a precision of one second
	By      string    // the command that made it, without secrets
	Source  string    // what was read to make it
	Entries int       // the number of entries that were read; 0 if unknown
	Changes int       // the number of records
	Digest  string    // the SHA-256 of everything after the header, in hexadecimal
}

// check returns an error if the record is not allowed in a plan.
func (r *Record) check() error {
	if r.DN == "" {
		return fmt.Errorf("%w: a record changes the root of the directory", ErrPlan)
	}
	if len(r.Changes) == 0 {
		return fmt.Errorf("%w: the record of %q changes nothing", ErrPlan, r.DN)
	}
	for _, c := range r.Changes {
		if IsSecret(c.Name) {
			return fmt.Errorf("%w: %s of %q", ErrSecret, c.Name, r.DN)
		}
		if isOID(c.Name) {
			// A secret or access control could hide behind it.
			return fmt.Errorf("%w: the record of %q names an attribute by its OID, %s: its name is required", ErrPlan, r.DN, c.Name)
		}
		if c.Op == ldif.OpAdd && len(c.Values) == 0 {
			return fmt.Errorf("%w: the record of %q adds %s without a value", ErrPlan, r.DN, c.Name)
		}
		if c.Op == ldif.OpIncrement {
			return fmt.Errorf("%w: the record of %q increments %s, which cannot be guarded", ErrPlan, r.DN, c.Name)
		}
	}
	return nil
}

// attributes returns the attributes that a record changes, each once.
func (r *Record) attributes() []string {
	var out []string
	for _, c := range r.Changes {
		if !hasFold(out, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

func hasFold(list []string, name string) bool {
	for _, have := range list {
		if strings.EqualFold(have, name) {
			return true
		}
	}
	return false
}
