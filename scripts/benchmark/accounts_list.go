package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// list measures listing all accounts.
func (a *accountBench) list() (string, error) {
	// The statistics for the planner, which the server would collect by itself sooner or
	// later.
	if _, err := a.pg.Psql(context.Background(), "ours", "VACUUM ANALYZE"); err != nil {
		return "", err
	}
	if err := a.settle(); err != nil {
		return "", err
	}
	const columns, rest = "SELECT mail, id, kind, 'x', 'active' FROM ", "account WHERE deleted = 0 ORDER BY mail, id"
	ours := func(home string) contender {
		return contender{name: "davadmin", args: []string{a.davadmin, "account", "list", "--output", "plain", "--home", home}}
	}
	contenders := []contender{
		ours(a.postgresHome),
		{name: "psql", args: []string{a.psql, "-X", "-q", "-A", "-t", "-d", a.pg.URL("ours"), "-c", columns + "davadmin." + rest}},
		ours(a.sqliteHome),
		{name: "sqlite3", args: []string{"sqlite3", "-readonly", filepath.Join(a.sqliteHome, accountStore), columns + rest}},
	}
	samples, err := race(listRuns, contenders)
	if err != nil {
		return "", err
	}
	all := make([][]time.Duration, len(contenders))
	for range listRuns {
		for i := range contenders {
			first, lines, err := contenders[i].firstLine()
			if err != nil {
				return "", err
			}
			if lines != a.accountCount {
				return "", fmt.Errorf("%s lists %d accounts, expected %d", contenders[i].name, lines, a.accountCount)
			}
			all[i] = append(all[i], first)
		}
	}
	firsts := make([]time.Duration, len(contenders))
	for i := range all {
		slices.Sort(all[i])
		firsts[i] = all[i][listRuns/2]
	}
	return a.listTable(samples, firsts), nil
}

// firstLine runs the command with a pipe as its output. It returns the time from the
// start to the end of the first line, and the number of lines.
func (c *contender) firstLine() (first time.Duration, lines int, err error) {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	buffer := make([]byte, 1<<16)
	for {
		n, err := out.Read(buffer)
		if lines += bytes.Count(buffer[:n], []byte("\n")); lines > 0 && first == 0 {
			first = time.Since(start)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, errors.Join(err, cmd.Wait())
		}
	}
	if err := cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("%v: %w: %s", c.args, err, complaint.String())
	}
	return first, lines, nil
}

func (a *accountBench) listTable(samples []sample, firsts []time.Duration) string {
	const firstBound = 50 * time.Millisecond
	var out strings.Builder
	fmt.Fprintf(&out, "## Listing %d accounts: whole process to /dev/null, median of %d\n\n"+
		"The rivals select the same columns in the same order. The time of the first line is measured in a separate run, to a pipe.\n\n"+
		"| store | davadmin | first line | memory | rival | its first line | davadmin ÷ rival | bounds |\n|---|---|---|---|---|---|---|---|\n", a.accountCount, listRuns)
	row := func(store string, at int, rival, more string) {
		us, they := samples[at], samples[at+1]
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s %s | %s | %s | %sfirst line %s: %s |\n", store, ms(us.wall), ms(firsts[at]), mb(us.rss), rival, ms(they.wall),
			ms(firsts[at+1]), ratio(us.wall, they.wall), more, ms(firstBound), met(firsts[at] <= firstBound))
	}
	row("PostgreSQL", 0, "`psql -c`", fmt.Sprintf("at most 1.5 × psql: %s; ", met(samples[0].wall.Seconds() <= 1.5*samples[1].wall.Seconds())))
	row("SQLite", 2, "`sqlite3`", fmt.Sprintf("at most 1.3 × sqlite3: %s; ", met(samples[2].wall.Seconds() <= 1.3*samples[3].wall.Seconds())))
	return out.String()
}

// single measures creating one account in a store with many.
func (a *accountBench) single(all *people) (string, error) {
	file, err := a.excerpt(all)
	if err != nil {
		return "", err
	}
	c := contender{name: "davadmin", args: []string{a.davadmin, "account", "create", "--ldif", file, "--home", a.sqliteHome, "-a", ""}}
	next := 0
	c.prepare = func() error {
		c.args[len(c.args)-1] = all.rest[next] // race copies c, but the copy shares the arguments
		next++
		return nil
	}
	if err := a.settle(); err != nil {
		return "", err
	}
	samples, err := race(singleRuns, []contender{c})
	if err != nil {
		return "", err
	}
	const bound = 30 * time.Millisecond
	return fmt.Sprintf("## One more account in a store of %d: whole process, median of %d\n\n"+
		"`account create -a` on SQLite, with LDIF of %d entries; journal, undo and account are on disk when it ends.\n\n"+
		"| task | davadmin | memory | bound |\n|---|---|---|---|\n| create one account | %s | %s | %s: %s |\n",
		a.accountCount, singleRuns, len(all.rest), ms(samples[0].wall), mb(samples[0].rss), ms(bound), met(samples[0].wall <= bound)), nil
}

// excerpt writes the entries of the people who are not in the batch to a file, and
// returns its path.
func (a *accountBench) excerpt(all *people) (string, error) {
	wanted := map[string]bool{}
	for _, address := range all.rest {
		wanted["mail: "+address] = true
	}
	from, err := os.Open(all.ldif)
	if err != nil {
		return "", err
	}
	defer from.Close()
	text := bytes.NewBufferString("version: 1\n")
	found := 0
	var entry []string
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := lines.Text()
		if line != "" {
			entry = append(entry, line)
			continue
		}
		if slices.ContainsFunc(entry, func(l string) bool { return wanted[l] }) {
			found++
			fmt.Fprintf(text, "%s\n\n", strings.Join(entry, "\n"))
		}
		entry = entry[:0]
	}
	if found != len(all.rest) {
		return "", fmt.Errorf("%s contains %d of %d people", all.ldif, found, len(all.rest))
	}
	path := filepath.Join(a.work, "accounts-few.ldif")
	return path, os.WriteFile(path, text.Bytes(), 0o600)
}
