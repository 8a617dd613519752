package coexist

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

const noList6 = "it is not known who has calendars on the old server; --cs6-list FILE tells"

// oldCalendarsLeft is about people who were moved and whose calendars were not
// deleted. Without the list of the new server it cannot tell them from people of
// the old server who were marked by mistake, which is davstore-present.
func oldCalendarsLeft(c *Check) ldapcheck.Extra {
	d := &c.o.Directory
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if a.On6 == nil || a.On7 == nil {
				return ldapcheck.Hit{}, false
			}
			p := d.CS6.User(a.On6.Number)
			owner := p.UID
			if owner == "" {
				owner = string(a.UID)
			} else if p.Domain != "" {
				owner += "@" + p.Domain
			}
			return ldapcheck.Hit{Value: []byte(owner), Other: fmt.Appendf(nil, "%s:%d", p.File, p.Line)}, true
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			detail := fmt.Sprintf("the %s is on the new server, and still has calendars on the old one (%s)", f.Kind, f.Other)
			owner := config.ShellWord(string(f.Value))
			if owner == "" || strings.HasPrefix(owner, "-") {
				return detail + "; the name of the owner cannot stand in a command", finding.Fix{}
			}
			return detail, finding.Text(finding.FixOldServerCommand, "cscal delete -o "+owner)
		},
	}
	switch {
	case d.CS6 == nil:
		x.Skip = finding.NotApplicable(noList6)
	case d.CS7 == nil:
		x.Skip = finding.NotApplicable("it is not known who is on the new server; --cs7-list FILE tells")
	}
	return x
}

// stranded tells whether nobody has the person: no mark, not on any list, and no
// status that shuts out.
func stranded(a *ldapcheck.Account) bool {
	return !a.Marked && a.On6 == nil && a.On7 == nil && !a.LockedOut
}

// loop returns where the new server asks about a person, when that closes the
// circle.
func (c *Check) loop(a *ldapcheck.Account) (line mapLine, ok bool) {
	var buf [256]byte
	line, ok = c.lines[string(appendDomain(buf[:0], a.Mail))]
	return line, ok
}

// redirects tells whether the old server sends questions on to anybody.
func (c *Check) redirects() (ok bool, why string) {
	switch {
	case c.o.Old == nil:
		return false, noIcsConf
	case c.noMap != nil:
		return false, c.noMap.Error()
	case len(c.lines) == 0:
		return false, "no domain is mapped: the new server asks nobody"
	case !c.marks():
		return false, paramLocalUser + " is not set: the new server asks nobody"
	}
	if _, u, _ := c.o.Old.redirect(); u == nil {
		return false, icsRedirect + " redirects nowhere"
	}
	return true, ""
}

func redirectLoop(c *Check) ldapcheck.Extra {
	closed, why := c.redirects()
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if !stranded(a) {
				return ldapcheck.Hit{}, false
			}
			line, ok := c.loop(a)
			return ldapcheck.Hit{Value: a.Mail, Other: fmt.Appendf(nil, "%s:%d", c.mapPath(), line.line)}, ok
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			s, _, _ := c.o.Old.redirect()
			return fmt.Sprintf("the %s has neither %s nor a calendar on the old server: that one redirects to the new server (%s:%d), and the new one asks back (%s)",
				f.Kind, c.o.Directory.Names.LocalUserAttr(), c.o.Old.Path, s.Line, f.Other), finding.Text(finding.FixLDIF, c.markFix(f.DN))
		},
	}
	switch {
	case c.o.Directory.CS6 == nil:
		x.Skip = finding.NotApplicable(noList6)
	case !closed:
		x.Skip = finding.NotApplicable("%s", why)
	}
	return x
}

func (c *Check) mapPath() string {
	if c.o.Map == nil {
		return ""
	}
	return c.o.Map.Path
}

// onNeither is about the same people where no circle is known.
func onNeither(c *Check) ldapcheck.Extra {
	closed, _ := c.redirects()
	x := ldapcheck.Extra{
		Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
			if !stranded(a) {
				return ldapcheck.Hit{}, false
			}
			if _, mapped := c.loop(a); closed && mapped {
				return ldapcheck.Hit{}, false
			}
			return ldapcheck.Hit{Value: a.Mail}, true
		},
		Describe: func(f ldapcheck.Fact) (string, finding.Fix) {
			return fmt.Sprintf("the %s has neither %s nor a calendar on the old server", f.Kind, c.o.Directory.Names.LocalUserAttr()), finding.Text(finding.FixLDIF, c.markFix(f.DN))
		},
	}
	if c.o.Directory.CS6 == nil {
		x.Skip = finding.NotApplicable(noList6)
	}
	return x
}

// markFix is the LDIF that makes somebody a person of the new server.
func (c *Check) markFix(dn []byte) string {
	value, ok := c.o.Directory.LocalUserValue()
	if !ok {
		return ""
	}
	record := ldapcheck.ModifyRecord(string(dn), []ldif.Change{{Op: ldif.OpAdd, Name: c.o.Directory.Names.LocalUserAttr(), Values: [][]byte{[]byte(value)}}})
	if record == "" {
		return ""
	}
	return "# if the person shall be on the new server\n" + record
}
