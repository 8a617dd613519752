package ldapsite

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Result codes of RFC 4511 that answer a change.
const (
	codeStrongerAuth    = 8
	codeReferral        = 10
	codeConfidentiality = 13
	codeNoSuchAttribute = 16
	codeUndefinedType   = 17
	codeInvalidSyntax   = 21
	codeNoSuchObject    = 32
	codeInsufficient    = 50
	codeUnwilling       = 53
)

// OIDs of controls that protect changes.
const (
	oidAssertion = "1.3.6.1.1.12"   // RFC 4528
	oidPreRead   = "1.3.6.1.1.13.1" // RFC 4527
)

// attempt is the answer to a change that changes nothing.
type attempt struct {
	dn, attribute string
	err           *directory.ResultError // nil if the server reports success
}

// changed returns the attributes of an entry of a kind that plans change.
func (t *Test) changed(k directory.Kind) []string {
	n := &t.o.Names
	list := []string{n.UniqueID, "objectClass"}
	if k != directory.Group {
		list = append(list, n.LocalUserAttr(), n.Store)
	}
	if k == directory.User {
		list = append(list, n.Status, n.ServiceAccess)
	}
	return unique(list)
}

// attempts tries the changes, once.
func (t *Test) attempts(ctx context.Context) ([]attempt, error) {
	switch {
	case !t.reading.done:
		return nil, finding.NotApplicable("nothing could be read")
	case len(t.reading.samples) == 0:
		return nil, finding.NotApplicable("there is no entry of a user, group or resource to try it on")
	case t.tries != nil:
		return t.tries, nil
	}
	if t.o.Changer == nil {
		return nil, finding.NotApplicable("changes are not tried in a dry run")
	}
	c, err := t.o.Changer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	var list []attempt
	for _, k := range accounts() {
		for _, dn := range t.reading.samples[k] {
			for _, name := range t.changed(k) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				a, err := try(c, dn, name)
				if err != nil {
					return nil, err
				}
				list = append(list, a)
			}
		}
	}
	t.tries = list
	return list, nil
}

// try asks for the deletion of a random value. OpenLDAP checks first that a value of
// objectClass names a class that it knows, so there it is one that no entry of a person
// can have: subschema (RFC 4512 section 4.2).
func try(c *directory.Changer, dn, name string) (attempt, error) {
	values := []string{strings.ToLower(rand.Text())}
	if name == "objectClass" {
		values = append(values, "subschema")
	}
	a := attempt{dn: dn, attribute: name}
	for _, v := range values {
		results, err := c.Modify([]directory.ModifyRequest{{DN: dn, Changes: []directory.Modification{{Op: ldif.OpDelete, Name: name, Values: [][]byte{[]byte(v)}}}}})
		if err != nil {
			return a, err
		}
		if a.err = results[0].Err; a.err == nil || a.err.Code != codeInvalidSyntax {
			break
		}
	}
	return a, nil
}

// isRejection reports whether the server accepts no change at all, whatever the rights.
func isRejection(code int) bool {
	return slices.Contains([]int{codeStrongerAuth, codeReferral, codeConfidentiality, codeUnwilling}, code)
}

func (t *Test) accepted(ctx context.Context, emit func(finding.Finding)) error {
	list, err := t.attempts(ctx)
	if err != nil {
		return err
	}
	seen := map[int]bool{}
	for _, a := range list {
		if a.err == nil || !isRejection(a.err.Code) || seen[a.err.Code] {
			continue
		}
		seen[a.err.Code] = true
		why := map[int]string{
			codeReferral:        "changes belong on another server",
			codeUnwilling:       "the database is read-only, or the server restricts changes",
			codeStrongerAuth:    "changes require a stronger authentication",
			codeConfidentiality: "changes require an encrypted connection",
		}[a.err.Code]
		emit(finding.Finding{DN: []string{a.dn}, Detail: fmt.Sprintf("%s: %v", why, a.err)})
	}
	return nil
}

// writable reports, in one finding for each kind of answer, what the bind DN may not change.
func (t *Test) writable(ctx context.Context, emit func(finding.Finding)) error {
	list, err := t.attempts(ctx)
	if err != nil {
		return err
	}
	var denied, unclear []string
	var first, odd *attempt
	known := 0
	for i := range list {
		a := &list[i]
		switch {
		case a.err == nil || a.err.Code == codeNoSuchAttribute:
			known++ // the right is there, only the value is not
		case a.err.Code == codeInsufficient:
			if known++; first == nil {
				first = a
			}
			denied = append(denied, a.attribute)
		case isRejection(a.err.Code), a.err.Code == codeUndefinedType, a.err.Code == codeNoSuchObject:
		default:
			if odd == nil {
				odd = a
			}
			unclear = append(unclear, a.attribute)
		}
	}
	if first != nil {
		denied = unique(denied)
		emit(finding.Finding{
			DN: []string{first.dn}, Detail: fmt.Sprintf("%s may not change %s: %v%s", t.who(), strings.Join(denied, ", "), first.err, inPart(list)),
			Fix: t.accessFix(denied, "write", "write"),
		})
	}
	switch {
	case odd != nil:
		return fmt.Errorf("whether %s of '%s' can be changed is unknown: %w", strings.Join(unique(unclear), ", "), odd.dn, odd.err)
	case known == 0:
		return finding.NotApplicable("the server does not accept changes, or its schema lacks the attributes")
	}
	return nil
}

// inPart says on how many of the entries a change was denied, unless it was on all of them.
func inPart(list []attempt) string {
	all, denied := map[string]bool{}, map[string]bool{}
	for i := range list {
		all[list[i].dn] = true
		if err := list[i].err; err != nil && err.Code == codeInsufficient {
			denied[list[i].dn] = true
		}
	}
	if len(denied) == len(all) {
		return ""
	}
	return fmt.Sprintf(" (on %d of the %d entries that were tried)", len(denied), len(all))
}

// who returns how a message names the bind DN.
func (t *Test) who() string {
	switch {
	case t.o.External:
		return "the identity of EXTERNAL"
	case t.o.BindDN == "":
		return "an anonymous client"
	}
	return "the bind DN '" + t.o.BindDN + "'"
}

func (t *Test) guarded(_ context.Context, emit func(finding.Finding)) error {
	controls := t.o.Directory.RootDSE().Controls
	if len(controls) == 0 {
		return finding.NotApplicable("the server does not show which controls it supports")
	}
	if !slices.Contains(controls, oidAssertion) && !slices.Contains(controls, oidPreRead) {
		emit(finding.Finding{Detail: "the server supports neither the assertion nor the pre-read control"})
	}
	return nil
}
