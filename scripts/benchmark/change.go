package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/servertest"
)

// changeEntries is the number of entries that get a unique id.
const changeEntries = 100_000

// change measures applying and undoing a plan on OpenLDAP. In each round, every entry
// gets its unique id and loses it again: with davadmin on one connection and on
// four, and with ldapmodify and the same LDIF.
func (b *bench) change() (text string, err error) {
	file, err := b.generate("change.ldif", b.some(changeEntries), "--day-one", "--for-server", "--faults", "none")
	if err != nil {
		return "", err
	}
	s, err := servertest.StartSlapd(context.Background(), b.work, servertest.SlapdOptions{Options: servertest.Options{LDIF: file, Indexes: []string{"objectClass eq", "davUniqueId eq,pres"}}})
	if err != nil {
		return "", err
	}
	defer func() { _ = s.Stop() }()
	at := func(name string) string { return filepath.Join(b.work, name) }
	plan, home, password := at("change-plan.ldif"), at("change-home"), at("change-password")
	if err := os.WriteFile(password, []byte(servertest.Password), 0o600); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"init", "--home", home}, {"ldap", "populate", "--ldif", file, "-O", plan, "--force"}} {
		c := contender{args: append([]string{b.davadmin}, args...)}
		if _, err := c.run(); err != nil {
			return "", err
		}
	}
	login := []string{"-H", s.URL, "-D", s.ManagerDN, "--home", home, "--password-file", password, "--yes"}
	ours := func(words ...string) contender {
		return contender{args: append(append([]string{b.davadmin}, words...), login...)}
	}
	theirs := func(path string) contender {
		return contender{args: []string{"ldapmodify", "-c", "-x", "-H", s.URL, "-D", s.ManagerDN, "-y", password, "-f", path}}
	}
	samples := map[string][]sample{}
	run := 0
	for range 3 {
		for _, parallel := range []string{"1", "4"} {
			run += 2
			if err := measure(samples, "apply"+parallel, ours("ldap", "apply", plan, "--parallel", parallel)); err != nil {
				return "", err
			}
			if err := measure(samples, "undo"+parallel, ours("ldap", "undo", fmt.Sprint(run), "--parallel", parallel)); err != nil {
				return "", err
			}
		}
		if err := measure(samples, "modify", theirs(plan)); err != nil {
			return "", err
		}
		if err := measure(samples, "back", theirs(filepath.Join(home, "history", "ldap", fmt.Sprint(run), "undo.ldif"))); err != nil {
			return "", err
		}
	}
	return changeTable(samples, b.some(changeEntries)), nil
}

func measure(samples map[string][]sample, name string, c contender) error {
	s, err := c.run()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	samples[name] = append(samples[name], s)
	return nil
}

func medianOf(list []sample) sample {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b sample) int { return int(a.wall - b.wall) })
	return list[len(list)/2]
}

// changeTable returns the comparison of davadmin with ldapmodify.
func changeTable(samples map[string][]sample, entries int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "## Changing OpenLDAP: adding a unique id and a class to each of %d entries, and undoing it: whole process, median of 3\n\n"+
		"davadmin reads and compares every entry, writes the undo to disk, and guards each change; `ldapmodify -c` sends the same LDIF.\n\n"+
		"| task | davadmin | entries per second | memory | ldapmodify -c | ldapmodify ÷ davadmin | bound |\n|---|---|---|---|---|---|---|\n", entries)
	row := func(name, ours, theirs string, bound float64) {
		a, b := medianOf(samples[ours]), medianOf(samples[theirs])
		times := float64(b.wall) / float64(a.wall)
		fmt.Fprintf(&out, "| %s | %.1f s | %.0f | %s | %.1f s | %.2f | at least %.1f: %s |\n", name, a.wall.Seconds(), float64(entries)/a.wall.Seconds(), mb(a.rss),
			b.wall.Seconds(), times, bound, met(times >= bound))
	}
	row("apply, one connection", "apply1", "modify", 1)
	row("apply, four connections", "apply4", "modify", 1.5)
	row("undo, one connection", "undo1", "back", 1)
	row("undo, four connections", "undo4", "back", 1.5)
	return out.String()
}
