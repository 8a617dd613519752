package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/servertest"
)

// slapd measures the audit of OpenLDAP, with ids and without, from the same host and from
// another one.
func (b *bench) slapd() (string, error) {
	net, missing := newNetwork()
	if net != nil {
		defer net.remove()
	}
	var out strings.Builder
	for _, part := range []struct {
		title, file string
		more        []string
	}{
		{fmt.Sprintf("OpenLDAP slapd, %d entries", b.entries), "server.ldif", []string{"--for-server"}},
		{"The same before any preparation: no entry has an id", "server-dayone.ldif", []string{"--for-server", "--day-one"}},
	} {
		text, err := b.slapdTable(part.title, part.file, part.more, net)
		if err != nil {
			return "", err
		}
		out.WriteString(text + "\n")
	}
	if net == nil {
		fmt.Fprintf(&out, "Between two hosts: not measured, because %s.\n", missing)
	} else if !net.delay {
		out.WriteString("Between two hosts there is no delay: this kernel has no netem.\n")
	}
	return strings.TrimSpace(out.String()) + "\n", nil
}

func (b *bench) slapdTable(title, file string, more []string, net *network) (text string, err error) {
	path, err := b.generate(file, b.entries, more...)
	if err != nil {
		return "", err
	}
	o := servertest.SlapdOptions{Options: servertest.Options{LDIF: path}}
	if net != nil {
		o.Hosts = []string{net.server}
	}
	s, err := servertest.StartSlapd(context.Background(), b.work, o)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	l, err := b.openLive(s)
	if err != nil {
		return "", err
	}
	contenders := append(b.audits(l), l.ours(b, "missing ids alone", "--rules", "uniqueid-missing"),
		l.shell("ldapsearch, missing", l.search("(!(davUniqueId=*))", "1.1")+" | grep -c ^dn:"))
	if net != nil {
		far := l
		far.url, far.from = s.MoreURLs[0], net.from
		contenders = append(contenders, b.audits(far)...)
		if net.delay {
			slow := b.audits(far)
			for i := range slow {
				slow[i].prepare, slow[i].finish = net.addDelay, net.removeDelay
			}
			contenders = append(contenders, slow...)
		}
	}
	samples, err := race(b.directoryRuns, contenders)
	if err != nil {
		return "", err
	}
	return b.slapdRows(title, samples), nil
}

// audits returns the two audits of a server, each followed by its rival.
func (b *bench) audits(l live) []contender {
	return []contender{
		l.ours(b, "unique-id rules", "--rules", idRules),
		l.shell("ldapsearch | mawk", l.search("(objectClass=*)", "davUniqueId")+" | mawk '"+mawkLDIF+"'"),
		l.ours(b, "all rules"),
		l.shell("ldapsearch", l.search("(objectClass=*)", auditAttributes...)+" >/dev/null"),
	}
}

// slapdRows returns the table.
func (b *bench) slapdRows(title string, samples []sample) string {
	var out strings.Builder
	fmt.Fprintf(&out, "## %s: whole process, median of %d\n\nmawk counts missing and repeated ids; its memory is not included. `ldapsearch` requests the attributes that all rules need and discards them.\n", title, b.directoryRuns)
	out.WriteString("Two hosts are network namespaces joined by veth, with an MTU of 1500.\n\n")
	out.WriteString("| task | davadmin | memory | rival | davadmin ÷ rival | bounds |\n|---|---|---|---|---|---|\n")
	row := func(task string, at int, rival string, factor float64, most int64) {
		us, they := samples[at], samples[at+1]
		fmt.Fprintf(&out, "| %s | %.2f s | %s | %s %.2f s | %s | at most %.1f × the rival: %s; at most %d MiB: %s |\n", task, us.wall.Seconds(), mb(us.rss), rival,
			they.wall.Seconds(), ratio(us.wall, they.wall), factor, met(us.wall.Seconds() <= factor*they.wall.Seconds()), most, met(us.rss <= most*mib))
	}
	rows := func(where string, at int, factor float64) {
		row("unique-id rules"+where, at, "ldapsearch \\| mawk", factor, 80)
		row("all rules"+where, at+2, "ldapsearch", 1, 120)
	}
	rows("", 0, 0.9)
	missing := samples[4]
	fmt.Fprintf(&out, "| missing ids alone | %.2f s | %s | ldapsearch by filter %.2f s | %s | about a second |\n", missing.wall.Seconds(), mb(missing.rss), samples[5].wall.Seconds(), ratio(missing.wall, samples[5].wall))
	if len(samples) > 6 {
		rows(", between two hosts", 6, 1)
	}
	if len(samples) > 10 {
		rows(", between two hosts, 1 ms delay", 10, 1)
	}
	return out.String()
}
