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
	ErrSecret = errors.New("the plan touches a secret attribute, which is never done here")
	// ErrDigest is returned for a plan that was changed since it was made.
	ErrDigest = errors.New("the plan is not what was written: its digest differs")
	// ErrPlan is returned for what is no plan.
	ErrPlan = errors.New("not a plan of changes")
)

// Record is the change of one entry. Its changes are made together, or none.
type Record struct {
	DN      string
	Changes []ldif.Modification
	Expect  []Expectation // of the attributes that Changes touch
	Note    string        // why it was rejected, "" otherwise
	Line    int           // of the dn: line in the plan, 0 for one that was not read
}

// Need is what an Expectation says.
type Need int

// The needs. Values are compared by their bytes, but for NeedLacks, which holds
// only when nothing is there that a directory would take for the value.
const (
	NeedAbsent Need = iota // the attribute has no value
	NeedAll                // the values are these and no others, in any order
	NeedHas                // the values are there, among others or not
	NeedLacks              // none of the values is there
)

// word is how a need is written in a plan.
func (n Need) word() string {
	return [...]string{NeedAbsent: "expect-absent", NeedAll: "expect-all", NeedHas: "expect-has", NeedLacks: "expect-lacks"}[n]
}

// Expectation is what must be there before an entry is changed.
type Expectation struct {
	Name   string // of the attribute, with its options
	Need   Need
	Values [][]byte
}

// Header is what a plan says about itself.
type Header struct {
	Made    time.Time // in seconds
	By      string    // the command that made it, secrets taken out
	Source  string    // what was read to make it
	Entries int       // how many entries were looked at; 0 when that is not known
	Changes int       // how many records it has
	Digest  string    // SHA-256 of all that follows the header, in hexadecimal
}

// secretAttributes are what nobody should write into a file.
func secretAttributes() []string {
	return []string{
		"userpassword", "authpassword", "unicodepwd", "dbcspwd", "lmpwdhistory", "ntpwdhistory", "sambalmpassword", "sambantpassword",
		"sambapasswordhistory", "krbprincipalkey", "krbmkey", "krb5key", "userpkcs12", "nsds5replicacredentials", "nsmultiplexorcredentials",
		"nssymmetrickey", "olcrootpw", "pwdhistory", "passwordhistory", "orclpassword", "orclpasswordattribute", "nsslapd-rootpw",
	}
}

// IsSecret tells whether an attribute, with options or without, holds a
// password or a key.
func IsSecret(name string) bool {
	name, _, _ = strings.Cut(strings.ToLower(name), ";")
	for _, secret := range secretAttributes() {
		if name == secret {
			return true
		}
	}
	return strings.Contains(name, "password") || strings.HasSuffix(name, "passwd") || strings.HasSuffix(name, "pwd")
}

// check says what is wrong with a record; nil for nothing.
func (r *Record) check() error {
	if r.DN == "" {
		return fmt.Errorf("%w: a record is about the root of the directory", ErrPlan)
	}
	if len(r.Changes) == 0 {
		return fmt.Errorf("%w: the record of %q changes nothing", ErrPlan, r.DN)
	}
	for _, c := range r.Changes {
		if IsSecret(c.Name) {
			return fmt.Errorf("%w: %s of %q", ErrSecret, c.Name, r.DN)
		}
		if c.Op == ldif.OpIncrement {
			return fmt.Errorf("%w: the record of %q increments %s, which cannot be guarded", ErrPlan, r.DN, c.Name)
		}
	}
	return nil
}

// attributes are those that a record touches, each once.
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
