package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mawkBoth counts users who have the mark of the new server and calendars on the old
// one. This is one of the many things that the check looks for.
const mawkBoth = `FNR==NR{split($2,o,"=");on6[tolower(o[2])]=1;next}
/^$/{if(marked&&(uid"@"domain in on6||uid in on6))n++;marked=0;next}
/^uid: /{uid=tolower($2)}/^mail: /{split(tolower($2),m,"@");domain=m[2]}/^davStore: /{marked=1}END{print n+0}`

// coexistIcs is the ics.conf of the published guide, with one setting per line.
const coexistIcs = `service.http.caldavcompatible = "yes"
service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"
local.autoprovision = "no"
user.invite.autoprovision = "no"
group.invite.autoprovision = "no"
resource.invite.autoprovision = "no"
`

// coexist measures the commands about two servers on one directory.
func (b *bench) coexist() (string, error) {
	const entries = 100_000
	at := func(name string) string { return filepath.Join(b.work, name) }
	list6, list7, home, ics := at("on6.txt"), at("on7.txt"), at("coexist-home"), at("ics.conf")
	file, err := b.generate("coexist.ldif", entries, "--cs6-list", list6, "--cs7-list", list7)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(ics, []byte(coexistIcs), 0o600); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"init", "--home", home},
		{"config", "modify", "--home", home, "-o", "davcore.scheduling.localuserattr", "-v", "davstore"},
		{"domainmap", "create", "--home", home, "-d", "harbour.example", "-d", "linden.example", "-d", "meadow.example", "-L", "http://cs6.example.com:8080/ischedule/"},
	} {
		if out, err := exec.Command(b.davadmin, args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w: %s", args, err, out)
		}
	}
	ours := func(name string, args ...string) contender {
		return contender{name: name, args: append([]string{b.davadmin}, args...), codes: []int{0, 1, 3}}
	}
	lists := []string{"--ldif", file, "--cs6-list", list6, "--cs7-list", list7}
	samples, err := race(directoryRuns, []contender{
		ours("check", append([]string{"coexist", "check", "--home", home, "--ics-conf", ics, "--output", "jsonl"}, lists...)...),
		ours("status", append([]string{"coexist", "status"}, lists...)...),
		ours("list", append([]string{"coexist", "list", "--side", "both"}, lists...)...),
		{name: "mawk", args: []string{"mawk", mawkBoth, list6, file}},
	})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## Two servers on one directory: LDIF of %d entries, %.0f MB: whole process, median of %d\n\n"+
		"mawk only counts the users who have the mark and calendars on the old server.\n\n"+
		"| | time | memory | ÷ mawk |\n|---|---|---|---|\n", entries, float64(size(file))/1e6, directoryRuns)
	mawk := samples[len(samples)-1]
	for i, name := range []string{"`coexist check`, every finding", "`coexist status`", "`coexist list --side both`", "mawk"} {
		fmt.Fprintf(&out, "| %s | %.2f s | %s | %s |\n", name, samples[i].wall.Seconds(), mb(samples[i].rss), ratio(samples[i].wall, mawk.wall))
	}
	fmt.Fprintf(&out, "\nBound of the check, 3 s: %s.\n", met(samples[0].wall.Seconds() < 3))
	return out.String(), nil
}
