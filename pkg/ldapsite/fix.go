package ldapsite

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// databaseRemark precedes changes of OpenLDAP's configuration, whose DN is not known.
const databaseRemark = `on OpenLDAP, as an administrator of its configuration; DATABASE is the DN of the database,
such as olcDatabase={1}mdb,cn=config; in slapd.conf, the line without "olc" and the colon`

// isPlain reports whether a DN can be written between quotes in slapd.conf, and in an LDAP
// URL of an aci, as it is.
func isPlain(dn string) bool {
	return dn != "" && ldif.IsSafe([]byte(dn)) && !strings.ContainsAny(dn, "\"\\%?#<>|&()$\t")
}

// limitFix returns how to remove the limits of a bind DN.
func limitFix(e *directory.LimitError) finding.Fix {
	if e.External || !isPlain(e.BindDN) {
		return adviceFix("remove the limits of searches for the identity of this connection")
	}
	switch e.Product {
	case directory.OpenLDAP:
		return templateFix(fmt.Sprintf("olcLimits: dn.exact=%q size=unlimited size.prtotal=unlimited size.unchecked=unlimited time=unlimited", e.BindDN))
	case directory.DS389:
		return entryFix(e.BindDN, "nsSizeLimit", "nsLookThroughLimit", "nsTimeLimit", "nsPagedSizeLimit", "nsPagedLookThroughLimit")
	case directory.SunDS:
		return entryFix(e.BindDN, "nsSizeLimit", "nsLookThroughLimit", "nsTimeLimit")
	}
	return adviceFix("remove the limits of searches for '" + e.BindDN + "'")
}

// adviceFix returns what to do on a server whose configuration is not known.
func adviceFix(text string) finding.Fix {
	return finding.Fix{Type: finding.FixNone, Steps: []finding.Step{{Remark: "as an administrator of the directory: " + text}}}
}

// entryFix returns a change that removes limits which are attributes of the entry of the
// bind DN: -1 is no limit.
func entryFix(dn string, limits ...string) finding.Fix {
	var changes []ldif.Modification
	for _, name := range limits {
		changes = append(changes, ldif.Modification{Op: ldif.OpReplace, Name: name, Values: [][]byte{[]byte("-1")}})
	}
	return withRemark("as an administrator of the directory", finding.Text(finding.FixLDIF, ldapcheck.ModifyRecord(dn, changes)))
}

// templateFix returns a change of OpenLDAP's configuration.
func templateFix(line string) finding.Fix {
	name, _, _ := strings.Cut(line, ":")
	text := "dn: DATABASE\nchangetype: modify\nadd: " + name + "\n" + line
	return finding.Fix{Type: finding.FixLDIF, Steps: []finding.Step{{Remark: databaseRemark, Text: text, Template: true}}}
}

// accessFix returns how to give the bind DN a right to attributes: level is OpenLDAP's word
// for it, and rights are those of an aci.
func (t *Test) accessFix(attributes []string, level, rights string) finding.Fix {
	if t.o.External || !isPlain(t.o.BindDN) || len(t.bases) == 0 {
		return adviceFix(fmt.Sprintf("give this identity the right to %s %s", level, strings.Join(attributes, ", ")))
	}
	switch t.o.Directory.RootDSE().Product {
	case directory.OpenLDAP:
		return templateFix(fmt.Sprintf("olcAccess: {0}to attrs=%s by dn.exact=%q %s by * break", strings.Join(attributes, ","), t.o.BindDN, level))
	case directory.DS389, directory.SunDS:
		aci := fmt.Sprintf(`(targetattr = "%s")(version 3.0; acl "davadmin %s"; allow (%s) userdn = "ldap:///%s";)`, strings.Join(attributes, " || "), level, rights, t.o.BindDN)
		remark := "as an administrator of the directory; the value in base64 is\n" + aci +
			"\nit has no effect where another aci denies the right: change that one instead"
		return withRemark(remark, finding.Text(finding.FixLDIF,
			ldapcheck.ModifyRecord(t.bases[0], []ldif.Modification{{Op: ldif.OpAdd, Name: "aci", Values: [][]byte{[]byte(aci)}}})))
	}
	return adviceFix(fmt.Sprintf("give '%s' the right to %s %s", t.o.BindDN, level, strings.Join(attributes, ", ")))
}

// withRemark puts a remark above the first step of a fix, unless the fix is empty.
func withRemark(remark string, fix finding.Fix) finding.Fix {
	if !fix.IsZero() {
		fix.Steps[0].Remark = remark
	}
	return fix
}
