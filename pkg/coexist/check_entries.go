package coexist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// needList6 returns why a rule that needs the list of the users on the old server
// does not run.
func (c *Check) needList6() error {
	return ldapcheck.ListMissing(c.o.Directory.EmptyCS6, finding.NotApplicableNeeds([]finding.Need{finding.NeedOldServerList}, "needs a list of the users on the old server"))
}

// withoutMark precedes the place in what oldCalendarsLeft found about somebody without the mark.
const withoutMark = "\x00"

// oldCalendarsLeft is about users who have been moved but whose calendars on the old
// server have not been deleted. Without the list of the new server, it could not
// distinguish them from users of the old server who are marked by mistake, which is
// the rule davstore-present. Somebody on both lists without the mark, such as a user of a wave
// that was rolled back, is a user of the old server to both servers: the calendars there are
// the ones in use, and no command to delete them is offered.
func oldCalendarsLeft(c *Check) ldapcheck.Extra {
	d := &c.o.Directory
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if a.On6 == nil || a.On7 == nil {
				return ldapcheck.Hit{}, false
			}
			u := d.CS6.User(a.On6.Number)
			owner := u.UID
			if owner == "" {
				owner = string(a.UID)
			} else if u.Domain != "" {
				owner += "@" + u.Domain
			}
			place := fmt.Appendf(nil, "%s:%d", u.File, u.Line)
			if !a.Marked && (c.o.Server == nil || c.marksUsers()) {
				place = append([]byte(withoutMark), place...)
			}
			return ldapcheck.Hit{Value: []byte(owner), Other: place}, true
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			if place, unmarked := bytes.CutPrefix(f.Other, []byte(withoutMark)); unmarked {
				return fmt.Sprintf("the %s is on the lists of both servers but has no %s, so the calendars on the old server (%s) are in use: do not delete them",
					f.Kind, d.Names.LocalUserAttr(), place), c.markFix(f.DN)
			}
			detail := fmt.Sprintf("the %s is on the new server but still has calendars on the old server (%s)", f.Kind, f.Other)
			owner := config.ShellWord(string(f.Value))
			if owner == "" || strings.HasPrefix(owner, "-") {
				return detail + "; the name of the owner cannot be used in a command", finding.Fix{}
			}
			return detail, finding.Text(finding.FixOldServerCommand, "cscal delete -o "+owner)
		},
	}
	var needs []finding.Need
	if d.CS6 == nil {
		needs = append(needs, finding.NeedOldServerList)
	}
	if d.CS7 == nil {
		needs = append(needs, finding.NeedNewServerList)
	}
	if len(needs) > 0 {
		x.Skip = d.NewListMissing(d.EmptyCS6 || d.EmptyCS7, finding.NotApplicableNeeds(needs, "needs lists of the users on both servers"))
	}
	return x
}

// onNoServer reports whether neither server knows a user: the entry has no mark, is
// on neither list, and has no status that locks the user out.
func onNoServer(a *ldapcheck.Account) bool {
	return !a.Marked && a.On6 == nil && a.On7 == nil && !a.LockedOut
}

// mapLineOf returns the line of the domain map by which the new server queries the
// old one about a user.
func (c *Check) mapLineOf(a *ldapcheck.Account) (line mapLine, ok bool) {
	var buf [256]byte
	line, ok = c.lines[string(appendDomain(buf[:0], a.Mail))]
	return line, ok
}

// noLoop returns why queries cannot loop between the servers, or why that cannot be
// determined; nil if they can.
func (c *Check) noLoop() error {
	var na *finding.NotApplicableError
	switch {
	case c.o.Old == nil:
		return needIcsConf()
	case errors.As(c.noMap, &na):
		return na
	case c.noMap != nil:
		return finding.NotApplicable("%v", c.noMap)
	case len(c.lines) == 0:
		return finding.NotApplicable("no domain is mapped, so the new server does not query the old one")
	case !c.marksUsers():
		return finding.NotApplicable("%s is not set, so the new server does not query the old one", paramLocalUser)
	}
	if _, u, _ := c.o.Old.redirect(); u == nil {
		return finding.NotApplicable("%s is not a URL to redirect to", icsRedirect)
	}
	return nil
}

func redirectLoop(c *Check) ldapcheck.Extra {
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if !onNoServer(a) {
				return ldapcheck.Hit{}, false
			}
			line, ok := c.mapLineOf(a)
			return ldapcheck.Hit{Value: a.Mail, Other: fmt.Appendf(nil, "%s:%d", c.mapPath(), line.line)}, ok
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			s, _, _ := c.o.Old.redirect()
			return fmt.Sprintf("the %s has neither %s nor a calendar on the old server: the old server redirects to the new server (%s:%d), which queries the old server again (%s)",
				f.Kind, c.o.Directory.Names.LocalUserAttr(), c.o.Old.Path, s.Line, f.Other), c.markFix(f.DN)
		},
	}
	if c.o.Directory.CS6 == nil {
		x.Skip = c.needList6()
	} else {
		x.Skip = c.noLoop()
	}
	return x
}

func (c *Check) mapPath() string {
	if c.o.Map == nil {
		return ""
	}
	return c.o.Map.Path
}

// onNeither is about the users of redirectLoop for whom no loop is known.
func onNeither(c *Check) ldapcheck.Extra {
	canLoop := c.noLoop() == nil
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if !onNoServer(a) {
				return ldapcheck.Hit{}, false
			}
			if _, mapped := c.mapLineOf(a); canLoop && mapped {
				return ldapcheck.Hit{}, false
			}
			return ldapcheck.Hit{Value: a.Mail}, true
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			return fmt.Sprintf("the %s has neither %s nor a calendar on the old server", f.Kind, c.o.Directory.Names.LocalUserAttr()), c.markFix(f.DN)
		},
	}
	if c.o.Directory.CS6 == nil {
		x.Skip = c.needList6()
	}
	return x
}

// markFix returns the LDIF that marks an entry as a user of the new server.
func (c *Check) markFix(dn []byte) finding.Fix {
	value, ok := c.o.Directory.LocalUserValue()
	if !ok {
		return finding.Fix{}
	}
	record := ldapcheck.ModifyRecord(string(dn), []ldif.Modification{{Op: ldif.OpAdd, Name: c.o.Directory.Names.LocalUserAttr(), Values: [][]byte{[]byte(value)}}})
	if record == "" {
		return finding.Fix{}
	}
	return finding.Fix{Type: finding.FixLDIF, Steps: []finding.Step{{Remark: "if the user is to be on the new server", Text: record}}}
}
