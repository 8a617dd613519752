package ldapcheck

import (
	"bytes"
	"fmt"
	"hash/maphash"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func referenceRules() []rule {
	return []rule{
		{
			Rule: newRule("group-member-dangling", finding.Error,
				"every member of a group has an entry",
				"an invitation of the group does not reach this member, and some servers then refuse the whole group",
				"remove the member, or correct its DN"),
			kinds: []directory.Kind{directory.Group}, needs: rolesOf(roleMember), absence: true,
			observe: func(w *worker, s *subject) { w.refer(ruleMemberDangling, s, roleMember) }, describe: describeDangling,
		},
		{
			Rule: newRule("resource-owner-dangling", finding.Error,
				"every owner of a resource has an entry",
				"nobody decides about the resource, so requests that require approval remain open",
				"remove the owner, or name an existing one"),
			kinds: []directory.Kind{directory.Resource}, needs: rolesOf(roleOwner), absence: true,
			observe: func(w *worker, s *subject) { w.refer(ruleOwnerDangling, s, roleOwner) }, describe: describeDangling,
		},
		{
			Rule: newRule("domain-unknown", finding.Error,
				"the domain of every account's mail address is in the directory",
				"the server finds no settings for the domain, and treats the person as external",
				"correct the addresses, or add the domain"),
			kinds: people(), needs: rolesOf(roleMail), absence: true,
			lacking: rolesOf(rolePreferredDomain, roleAssociatedDomain, roleDomainBase),
			observe: observeDomain, describe: describeDomainUnknown,
		},
	}
}

// refer records the DNs that an entry refers to, for the search for dangling ones.
func (w *worker) refer(r ruleNumber, s *subject, attr role) {
	e := s.entry
	for i, v := range s.values[attr] {
		if isBlank(v) {
			continue // the value of a server that requires at least one
		}
		name := w.a.o.Names.Owner
		if attr == roleMember {
			name = w.a.fields.names[s.members[i]]
		}
		f := fact{
			rule: r, code: codePlain, severity: w.a.table[r].Severity, kind: e.Kind, pos: e.Pos, file: e.File, line: e.Line,
			dns: [][]byte{e.DN}, attr: attr, value: v, other: []byte(name),
		}
		w.buf = f.append(w.buf[:0])
		at, err := w.spool.Append(w.buf)
		w.fail(err)
		if isComplete(v) {
			w.addDN(uidless(v), referenceBit|w.placeOf(at))
		} else {
			w.dn, _ = appendFoldedDN(w.dn[:0], uidless(v))
			w.fail(w.dns.Add(maphash.Bytes(w.a.seed, w.dn), referenceBit|w.placeOf(at)))
		}
	}
}

// uidless cuts the optional UID off a value of the syntax Name and Optional UID
// (RFC 4517 section 3.3.21), which uniqueMember has: DN#'0101'B.
func uidless(v []byte) []byte {
	if !bytes.HasSuffix(v, []byte("'B")) {
		return v
	}
	if at := bytes.LastIndex(v, []byte("#'")); at >= 0 && len(bytes.Trim(v[at+2:len(v)-2], "01")) == 0 {
		return v[:at]
	}
	return v
}

// mostDomains is the maximum number of different domains that a worker counts.
const mostDomains = 200_000

// domainUse describes the accounts in a mail domain.
type domainUse struct {
	count int
	last  uint64 // the position of the account counted last
	// The account with the lowest position.
	pos  uint64
	file int
	line int
	dn   []byte
}

func observeDomain(w *worker, s *subject) {
	for i, v := range s.values[roleMail] {
		if s.mailFaults[i] != "" {
			continue
		}
		w.dn = directory.AppendFold(w.dn[:0], v[bytes.LastIndexByte(v, '@')+1:])
		u := w.uses[string(w.dn)]
		if u == nil {
			if len(w.uses) == mostDomains {
				w.tooManyDomains = true
				continue
			}
			// The positions of a worker increase, so this entry is its first one.
			e := s.entry
			const most = 1 << 10
			u = &domainUse{pos: e.Pos, file: e.File, line: e.Line, dn: bytes.Clone(clip(e.DN, most))}
			w.uses[string(w.dn)] = u
		}
		if u.count == 0 || u.last != s.entry.Pos {
			u.count, u.last = u.count+1, s.entry.Pos
		}
	}
}

// observeDomainEntry records the mail domains that an entry represents.
func observeDomainEntry(w *worker, s *subject) {
	note := func(v []byte) {
		const longest = 253 // RFC 1035 section 3.1
		if !isBlank(v) && len(v) <= longest {
			w.domains[string(directory.AppendFold(nil, v))] = struct{}{}
		}
	}
	for _, v := range s.values[rolePreferredDomain] {
		note(v)
	}
	for _, v := range s.values[roleAssociatedDomain] {
		note(v)
	}
	if len(s.values[roleDomainBase]) > 0 {
		note(domainOfDN(s.entry.DN))
	}
}

// domainOfDN returns the domain that a DN of dc components spells (RFC 2247).
func domainOfDN(dn []byte) []byte {
	var out []byte
	for rdn := range bytes.SplitSeq(dn, []byte{','}) {
		name, value, found := bytes.Cut(rdn, []byte{'='})
		if !found || !isWord(name, "dc") {
			break
		}
		if len(out) > 0 {
			out = append(out, '.')
		}
		out = append(out, bytes.Trim(value, " ")...)
	}
	return out
}

// checkDomains compares the domains in use with those that exist.
func (a *Audit) checkDomains(w *worker) error {
	known, uses := map[string]struct{}{}, map[string]*domainUse{}
	for _, o := range a.workers {
		if o.tooManyDomains {
			return fmt.Errorf("the addresses are in more than %d different domains", mostDomains)
		}
		for d := range o.domains {
			known[d] = struct{}{}
		}
		for d, u := range o.uses {
			all := uses[d]
			switch {
			case all == nil:
				uses[d] = u
			case all.pos < u.pos:
				all.count += u.count
			default:
				u.count += all.count
				uses[d] = u
			}
		}
	}
	if len(uses) > mostDomains {
		return fmt.Errorf("the addresses are in more than %d different domains", mostDomains)
	}
	if len(known) == 0 {
		return finding.NotApplicable("no entry that was read represents a mail domain")
	}
	for _, d := range a.o.Domains {
		known[string(directory.AppendFold(nil, []byte(d)))] = struct{}{}
	}
	for d, u := range uses {
		if _, ok := known[d]; ok {
			continue
		}
		w.add(&fact{
			rule: ruleDomainUnknown, pos: u.pos, file: u.file, line: u.line, dns: [][]byte{u.dn}, count: u.count, attr: roleMail, value: []byte(d),
		})
	}
	return w.err
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func describeDangling(a *Audit, f *fact) (string, finding.Fix) {
	name, fix := string(f.other), a.modifyFix(f.dns[0], ldif.OpDelete, string(f.other), f.value)
	switch f.code {
	case codeOutside:
		return fmt.Sprintf("%s is %s, which was not among the entries read, so it may or may not exist", name, quote(f.value)), finding.Fix{}
	case codeNoDN:
		return fmt.Sprintf("%s is %s, which is not a valid DN", name, quote(f.value)), fix
	}
	return fmt.Sprintf("%s is %s, but no such entry exists", name, quote(f.value)), fix
}

func describeDomainUnknown(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("no entry represents the mail domain %s, which %d accounts use; the first of them: %s",
		quote(f.value), f.count, quote(f.dns[0])), finding.Fix{}
}
