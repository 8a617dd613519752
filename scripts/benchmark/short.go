package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// shortEntries is the number of entries of the short section.
const shortEntries = 400_000

// some returns the part of n entries that a run takes.
func (b *bench) some(n int) int { return n / 100 * b.percent }

// short measures the audit of many short entries, where the cost of each entry dominates.
func (b *bench) short() (string, error) {
	entries := b.some(shortEntries)
	path, err := b.shortFile(entries)
	if err != nil {
		return "", err
	}
	const runs = 9
	samples, err := race(runs, []contender{
		b.audit("all rules", "--ldif", path),
		b.audit("unique-id rules", "--ldif", path, "--rules", "uniqueid-*"),
		{name: "mawk", args: []string{"mawk", mawkLDIF, path}},
		{name: "perl", args: []string{"perl", "-00", "-ne", perlLDIF, path}, env: []string{"LC_ALL=C"}},
	})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## LDIF of %d short entries, %d bytes each on average: whole process, median of %d\n\n"+
		"One entry in 40 has no unique id, and one in 400 has that of another entry. mawk and perl run one-line programs that only count these.\n\n"+
		"| | time | entries per second | memory | perl ÷ davadmin |\n|---|---|---|---|---|\n", entries, size(path)/int64(entries), runs)
	perl := samples[3].wall.Seconds()
	rate := func(s sample) float64 { return float64(entries) / s.wall.Seconds() }
	for i, name := range []string{"davadmin, all rules that apply to a file", "davadmin, unique-id rules", "mawk", "perl -00"} {
		s := samples[i]
		fmt.Fprintf(&out, "| %s | %.2f s | %.0f | %s | %.2f |\n", name, s.wall.Seconds(), rate(s), mb(s.rss), perl/s.wall.Seconds())
	}
	all := samples[0]
	fmt.Fprintf(&out, "\nBounds, all rules: at least 1.5 × perl: %s. At least 1,000,000 entries per second: %s. At most 150 MiB: %s.\n",
		met(perl >= 1.5*all.wall.Seconds()), met(rate(all) >= million), met(all.rss <= 150*mib))
	return out.String(), nil
}

// shortFile writes LDIF of entries of about 390 bytes, as directories contain them whose
// people have few attributes: the cost of each entry counts more than that of its bytes.
// One entry in 40 lacks a unique id, and one in 400 has that of another entry.
func (b *bench) shortFile(entries int) (path string, err error) {
	path = filepath.Join(b.work, "short.ldif")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, mib)
	_, _ = fmt.Fprint(w, "version: 1\ndn: o=isp\nobjectClass: organization\no: isp\n\n"+
		"dn: o=mail.example,o=isp\nobjectClass: organization\nobjectClass: sunManagedOrganization\no: mail.example\nsunPreferredDomain: mail.example\n\n")
	for i := range entries {
		_, _ = fmt.Fprintf(w, "dn: uid=person%07d,ou=People,o=mail.example,o=isp\n"+
			"objectClass: top\nobjectClass: person\nobjectClass: inetOrgPerson\nobjectClass: icsCalendarUser\nobjectClass: davEntity\n"+
			"uid: person%07d\ncn: Pat Person %d\nsn: Person\nmail: pat.person%07d@mail.example\nmailHost: store1.mail.example\nemployeeNumber: %07d\nl: Here\ninetUserStatus: active\n", i, i, i, i, i)
		id := i
		if i%400 == 1 {
			id-- // the id of the entry before
		}
		if i%40 != 2 {
			_, _ = fmt.Fprintf(w, "davUniqueId: %08x-3ec811e0-808bb160-e71a5247\n", id)
		}
		_, _ = fmt.Fprint(w, "\n")
	}
	return path, w.Flush()
}
