package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
)

// movedAddresses is how many people have another address than their account.
const movedAddresses = 1000

// repair measures 'account repair -m' and 'account list --changed' with a directory server.
func (b *bench) repair() (text string, err error) {
	pg, err := servertest.StartPostgres(context.Background(), "", servertest.PostgresOptions{Fsync: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pg.Close()) }()
	a := &accountBench{bench: b, pg: pg, psql: psqlProgram()}
	p, err := a.people(b.accountCount)
	if err != nil {
		return "", err
	}
	moved := filepath.Join(b.work, "moved.ldif")
	if err := exchangeAddresses(p, moved); err != nil {
		return "", err
	}
	s, err := servertest.StartSlapd(context.Background(), b.work, servertest.SlapdOptions{Options: servertest.Options{LDIF: moved}})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	l, err := b.openLive(s)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## Repair of addresses, %d accounts, of which %d exchanged addresses\n\n", b.accountCount, movedAddresses)
	out.WriteString("The directory is OpenLDAP on the same host. The list is that of `account list --changed`.\n\n")
	out.WriteString("| store | selected by | list --changed | repair -m | repair -m again, nothing to do | undo | memory of the repair |\n|---|---|---|---|---|---|---|\n")
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		url := ""
		if engine == "PostgreSQL" {
			if err := a.database("repair"); err != nil {
				return "", err
			}
			url = pg.URL("repair")
		}
		if err := a.repairRows(&out, engine, url, p, l); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// repairRows measures the repair of one store: selected by a filter, and by the list.
func (a *accountBench) repairRows(out *strings.Builder, engine, url string, p *people, l live) error {
	home, err := a.ours(map[string][]sample{}, "repair-"+engine, url, p)
	if err != nil {
		return err
	}
	list := filepath.Join(a.work, "changed.csv")
	command := func(words ...string) contender {
		args := append([]string{a.davadmin}, words...)
		args = append(args, "--home", home, "-H", l.url, "-D", l.s.ManagerDN, "--password-file", l.password, "--quiet")
		return contender{args: args, prepare: a.settle, codes: []int{0, 3}}
	}
	ways := []struct {
		title string
		words []string
	}{{"-B -R", []string{"-B", l.s.Suffix, "-R", "(objectClass=icsCalendarUser)"}}, {"the list", []string{"-f", list}}, {"-f, all addresses", []string{"-f", p.batch}}}
	for _, way := range ways {
		_ = os.Remove(list)
		listing := command("account", "list", "--changed", "--output", "csv", "-B", l.s.Suffix)
		listing.args = append([]string{"/bin/sh", "-c", `out=$1; shift; exec "$@" >"$out"`, "sh", list}, listing.args...)
		repairing := command(append([]string{"account", "repair", "-m"}, way.words...)...)
		var samples []sample
		for _, c := range []contender{listing, repairing, repairing} {
			s, err := c.run()
			if err != nil {
				return err
			}
			samples = append(samples, s)
		}
		undo, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
		if err != nil || len(undo) == 0 {
			return fmt.Errorf("%s: no undo file (%w)", engine, err)
		}
		back := contender{args: []string{a.davadmin, "account", "modify", "-f", undo[len(undo)-1], "--home", home, "--quiet"}, prepare: a.settle}
		undone, err := back.run()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", engine, way.title, seconds(samples[0].wall), seconds(samples[1].wall), seconds(samples[2].wall), seconds(undone.wall), mb(samples[1].rss))
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// exchangeAddresses writes a directory in which pairs of people with an account exchanged their
// primary addresses.
func exchangeAddresses(p *people, path string) error {
	batch, err := os.ReadFile(p.batch)
	if err != nil {
		return err
	}
	all := strings.Fields(string(batch))
	moved := map[string]string{}
	for i := 0; i < movedAddresses; i += 2 {
		a, b := all[i*len(all)/movedAddresses], all[(i+1)*len(all)/movedAddresses]
		moved["mail: "+a], moved["mail: "+b] = "mail: "+b, "mail: "+a
	}
	from, err := os.Open(p.ldif)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	w := bufio.NewWriter(to)
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "version:") {
			continue // slapadd does not know it
		}
		if other := moved[line]; other != "" {
			line = other
		}
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}
