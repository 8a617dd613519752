package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/finding"
)

func mailRules() []rule {
	mail := rolesOf(roleMail)
	both := rolesOf(roleMail, roleAlternate)
	return []rule{
		{
			Rule: newRule("mail-missing", finding.Error,
				"every user, group and resource has a mail address",
				"invitations, look-ups and the addresses of calendars require it: the server creates no account without it",
				"add the address to the entry"),
			kinds: people(), needs: mail, lacking: mail, missing: roleMail, observe: observeMailMissing, describe: describeMailMissing,
		},
		{
			Rule: newRule("mail-malformed", finding.Error,
				"every mail address is valid",
				"nobody can invite the person by this address, and mail to it bounces",
				"correct the address"),
			kinds: people(), needs: both, observe: observeMailMalformed, describe: describeMailMalformed,
		},
		{
			Rule: newRule("mail-duplicate", finding.Error,
				"no mail address belongs to two entries",
				"a look-up by address finds two entries, and the server uses neither, or the wrong one",
				"remove the address from all entries but one"),
			kinds: people(), needs: both, describe: describeMailDuplicate,
		},
	}
}

func observeMailMissing(w *worker, s *subject) {
	if !s.filled(roleMail) {
		w.found(ruleMailMissing, codePlain, roleMail, nil, nil)
	}
}

func observeMailMalformed(w *worker, s *subject) {
	for i, v := range s.values[roleMail] {
		if bad := s.mailFaults[i]; bad != "" && !isBlank(v) {
			w.found(ruleMailMalformed, codePlain, roleMail, v, []byte(bad))
		}
	}
	for _, v := range s.values[roleAlternate] {
		if bad := alternateFault(v); bad != "" {
			w.found(ruleMailMalformed, codePlain, roleAlternate, v, []byte(bad))
		}
	}
}

func describeMailMissing(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s has no %s", f.kind, a.o.Names.Mail), finding.Fix{}
}

func describeMailMalformed(a *Audit, f *fact) (string, finding.Fix) {
	name := a.o.Names.Mail
	if f.attr == roleAlternate {
		name = a.o.Names.AlternateMail
	}
	return fmt.Sprintf("%s is not a valid mail address: %s: %s", name, quote(f.value), f.other), finding.Fix{}
}

func describeMailDuplicate(_ *Audit, f *fact) (string, finding.Fix) {
	if f.code == codeApart {
		return fmt.Sprintf("%d entries have the mail address %s by RFC 4518, although this directory treats their spellings as different", f.count, quote(f.value)), finding.Fix{}
	}
	return fmt.Sprintf("%d entries have the mail address %s", f.count, quote(f.value)), finding.Fix{}
}
