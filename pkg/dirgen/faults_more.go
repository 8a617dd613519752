package dirgen

import (
	"bytes"
	"strconv"
)

func mailFaults() []fault {
	return []fault{{
		Fault:  Fault{Name: "mail-missing", What: "an entry without mail and without an alternate address"},
		weight: 40, dayOne: true, where: anywhere, also: anyPlace(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.mails.n, e.alternates.n = 0, 0
			e.unlisted = true
		},
	}, {
		Fault:  Fault{Name: "mail-malformed", What: "an entry whose mail is not a valid address"},
		weight: 40, dayOne: true, where: anywhere, also: anyPlace(), alter: func(_ *Directory, e *entry, p *plant) {
			e.mails.v[0] = malformMail(e.mails.v[0], p.finding)
			e.unlisted = true
		},
	}, {
		Fault:  Fault{Name: "mail-duplicate", What: "two entries with the same mail or mailAlternateAddress, in any letter case, which are one finding"},
		weight: 40, dayOne: true, where: mailPairs, also: anyUser(), alter: func(d *Directory, e *entry, p *plant) {
			e.unlisted = true
			if p.member > 0 {
				d.shareMail(e, p)
			}
		},
	}}
}

// malformMail changes an address to one of five invalid forms.
func malformMail(mail []byte, finding int32) []byte {
	at := bytes.IndexByte(mail, '@')
	switch finding % 5 {
	case 0:
		return mail[:at]
	case 1:
		return insert(mail, at, "@home")
	case 2:
		return insert(mail, at, " ")
	case 3:
		return mail[:at+1]
	}
	return append(mail, '.')
}

func insert(b []byte, at int, text string) []byte {
	n := len(b)
	b = append(b, text...)
	copy(b[at+len(text):], b[at:n])
	copy(b[at:], text)
	return b
}

// mailPairs is for findings of two entries that share an address: one pair in four is
// with a resource, and one with a group.
func mailPairs(finding int) []place {
	switch finding % 4 {
	case 2:
		return []place{onCS7, inResource}
	case 3:
		return []place{onCS6, inGroup}
	}
	return []place{onCS7, onCS6}
}

// shareMail gives an entry the address of its partner: as mail in another spelling or,
// every second time, as alternate address.
func (d *Directory) shareMail(e *entry, p *plant) {
	kind, _ := d.layout.locate(p.partner)
	if p.finding%2 == 0 {
		e.mails.v[0] = bytes.ToUpper(d.appendMail(nil, kind, p.partner))
		return
	}
	e.alternates.n = 0
	other := e.alternates.next()
	*other = d.appendMail(*other, kind, p.partner)
}

func statusFaults() []fault {
	return []fault{{
		Fault:  Fault{Name: "lockout-ineffective", What: "a user of Calendar Server 7 whose lock-out (icsAllowedServiceAccess) is ineffective because icsStatus is set"},
		weight: 60, where: always(onCS7), alter: func(_ *Directory, e *entry, _ *plant) {
			e.icsStatus = "active"
		},
	}, {
		Fault:  Fault{Name: "lockout-missing", What: "a user of Calendar Server 7 without a lock-out"},
		weight: 60, where: always(onCS7), alter: func(_ *Directory, e *entry, _ *plant) {
			e.access = ""
		},
	}, {
		Fault:  Fault{Name: "status-unknown", What: "a user whose icsStatus is 'enabled'"},
		weight: 20, dayOne: true, where: always(onCS6), alter: func(_ *Directory, e *entry, _ *plant) {
			e.icsStatus = "enabled"
		},
	}, {
		Fault:  Fault{Name: "status-inactive-with-davstore", What: "a user of Calendar Server 7 whose inetUserStatus is 'inactive'"},
		weight: 20, where: always(onCS7), alter: func(_ *Directory, e *entry, _ *plant) {
			e.userStatus = "inactive"
		},
	}}
}

func referenceFaults() []fault {
	return []fault{{
		Fault:  Fault{Name: "group-member-dangling", What: "a uniqueMember that does not exist; a group may have up to three"},
		weight: 40, dayOne: true, most: 3, where: always(inGroup), alter: func(_ *Directory, e *entry, p *plant) {
			e.dangling = int(p.count)
		},
	}, {
		Fault:  Fault{Name: "resource-owner-dangling", What: "a resource whose owner does not exist"},
		weight: 20, dayOne: true, where: always(inResource), alter: func(_ *Directory, e *entry, _ *plant) {
			e.ownerGone = true
		},
	}, {
		Fault:  Fault{Name: "domain-unknown", What: "a mail domain of one to three users without a domain entry; each domain is one finding"},
		weight: 20, dayOne: true, where: inUnknownDomain, also: anyUser(), alter: func(_ *Directory, e *entry, p *plant) {
			mail := e.mails.v[0]
			mail = append(mail[:bytes.IndexByte(mail, '@')+1], "former"...)
			mail = strconv.AppendInt(mail, int64(p.finding)+1, 10)
			e.mails.v[0] = append(mail, ".example"...)
			e.alternates.n = 0
			e.unlisted = !e.cs7
		},
	}}
}

func inUnknownDomain(finding int) []place {
	return []place{onCS7, onCS6, onCS7}[:1+finding%3]
}

func textFaults() []fault {
	return []fault{{
		Fault: Fault{
			Name: "record-broken", What: "a record with a line that cannot be read",
			FileOnly: true, FileOnlyWhy: notAnEntry,
		},
		weight: 5, dayOne: true, where: always(onCS7), also: anyUser(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.then = brokenRecord
		},
	}, {
		Fault: Fault{
			Name: "change-record", What: "a record that changes a user and is not an entry",
			FileOnly: true, FileOnlyWhy: notAnEntry,
		},
		weight: 5, dayOne: true, where: always(onCS7), also: anyUser(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.then = changeRecord
		},
	}, {
		Fault: Fault{
			Name: "replication-conflict", What: "a replication conflict entry of a user, which is not counted as a user",
			FileOnly: true, FileOnlyWhy: "a server makes such entries itself",
		},
		weight: 5, dayOne: true, where: always(onCS7), also: anyUser(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.then = conflictRecord
		},
	}}
}
