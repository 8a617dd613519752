package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/account"
)

const (
	accountRounds = 3
	accountStore  = "data/db/defaultbackend.sqlite" // path in a home
	listRuns      = 5
	singleRuns    = 20
)

// accountBench holds what the measurements of accounts share.
type accountBench struct {
	*bench
	pg   *servertest.PostgresServer
	psql string // path of the program
	// The homes filled by the last round, and the number of rows in each store: accounts,
	// their addresses and their collections.
	sqliteHome, postgresHome string
	rows                     int64
}

// people is a directory with more people than get an account.
type people struct {
	ldif, batch string
	rest        []string // addresses of people who are not in the batch
}

// accounts measures the account commands on both kinds of store.
func (b *bench) accounts() (text string, err error) {
	// PostgreSQL runs as a different user, which cannot read b.work, so it gets a
	// directory in the usual place for temporary files.
	pg, err := servertest.StartPostgres(context.Background(), "", servertest.PostgresOptions{Fsync: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pg.Close()) }()
	a := &accountBench{bench: b, pg: pg, psql: psqlProgram()}
	all, err := a.people(b.accountCount)
	if err != nil {
		return "", err
	}
	made, err := a.create(all)
	if err != nil {
		return "", err
	}
	listed, err := a.list()
	if err != nil {
		return "", err
	}
	one, err := a.single(all)
	if err != nil {
		return "", err
	}
	return made + "\n" + listed + "\n" + one, nil
}

// psqlProgram returns the path of psql itself. On Debian, the psql in PATH is a Perl
// script that looks for the program first, and that time must not count against psql.
func psqlProgram() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql") // the pattern is valid
	if len(found) > 0 {
		return found[len(found)-1]
	}
	return "psql"
}

// accountEntries returns how many entries to generate to get more than n people of
// the new server: about two thirds of the generated people are on it.
func accountEntries(n int) int { return n*8/5 + 100 }

// people generates a directory, and a batch with the first n people of the new server
// in it.
func (a *accountBench) people(n int) (*people, error) {
	name := func(what string) string { return filepath.Join(a.work, fmt.Sprintf("accounts-%d.%s", n, what)) }
	p := &people{batch: name("batch")}
	list := name("cs7")
	var err error
	p.ldif, err = a.generate(filepath.Base(name("ldif")), accountEntries(n), "--faults", "none", "--backend", "defaultbackend", "--cs6-list", name("cs6"), "--cs7-list", list)
	if err != nil {
		return nil, err
	}
	from, err := os.Open(list)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := os.Create(p.batch)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	w := bufio.NewWriter(to)
	taken := 0
	for lines := bufio.NewScanner(from); lines.Scan(); taken++ {
		if taken < n {
			fmt.Fprintln(w, lines.Text())
		} else if len(p.rest) < singleRuns+2 {
			p.rest = append(p.rest, lines.Text())
		}
	}
	if taken < n+singleRuns+2 {
		return nil, fmt.Errorf("%s lists %d people, too few for %d accounts", list, taken, n)
	}
	return p, w.Flush()
}

// home creates a server home with an empty store: on SQLite if url is empty, else in
// that database. An existing home of the same name is removed.
func (a *accountBench) home(name, url string) (string, error) {
	dir := filepath.Join(a.work, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	steps := [][]string{{"init"}, {"config", "modify", "-o", "davcore.scheduling.localuserattr", "-v", "davstore"}}
	if url != "" {
		steps = append(steps, []string{"config", "modify", "-o", "store.dav.defaultbackend.dburl", "-v", url}, []string{"db", "init"})
	}
	for _, step := range steps {
		args := append(step, "--quiet", "--home", dir)
		if out, err := exec.Command(a.davadmin, args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w: %s", args, err, out)
		}
	}
	return dir, nil
}

// database creates an empty database, replacing an existing one.
func (a *accountBench) database(name string) error {
	ctx := context.Background()
	if _, err := a.pg.Psql(ctx, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return err
	}
	return a.pg.CreateDatabase(ctx, name)
}

// settle flushes pending writes to disk, so that no contender pays for the one before.
func (a *accountBench) settle() error {
	_, err := a.pg.Psql(context.Background(), "postgres", "CHECKPOINT")
	syscall.Sync()
	return err
}

// ours creates the accounts in a new home with davadmin, and returns the home.
func (a *accountBench) ours(samples map[string][]sample, name, url string, p *people) (string, error) {
	home, err := a.home(name, url)
	if err != nil {
		return "", err
	}
	c := contender{
		args:    []string{a.davadmin, "account", "create", "-f", p.batch, "--ldif", p.ldif, "--home", home},
		prepare: a.settle,
	}
	return home, measure(samples, name, c)
}

// load copies the rows of the last SQLite store into an empty store, in a separate
// process: the rows would make this process large, and its children inherit its size.
// The target is a file or the URL of a database.
func (a *accountBench) load(samples map[string][]sample, name, way string, p *people, target string) error {
	if err := a.settle(); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], "-load", way, filepath.Join(a.sqliteHome, accountStore), p.batch, target)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("load %s: %w", way, err)
	}
	var wall, rows int64
	if _, err := fmt.Sscan(string(out), &wall, &rows); err != nil {
		return fmt.Errorf("load %s: %w", way, err)
	}
	a.rows = rows
	samples[name] = append(samples[name], sample{wall: time.Duration(wall)})
	return nil
}

// create measures the creation of accounts.
func (a *accountBench) create(all *people) (string, error) {
	samples := map[string][]sample{}
	few, err := a.people(a.accountCount / 5)
	if err != nil {
		return "", err
	}
	if err := a.database("small"); err != nil {
		return "", err
	}
	if _, err := a.ours(samples, "small-sqlite", "", few); err != nil {
		return "", err
	}
	if _, err := a.ours(samples, "small-postgres", a.pg.URL("small"), few); err != nil {
		return "", err
	}
	for range accountRounds {
		if err := a.createRound(samples, all); err != nil {
			return "", err
		}
	}
	if err := a.sameRows(); err != nil {
		return "", err
	}
	return a.createTable(samples), nil
}

// createRound lets each contender fill a new store.
func (a *accountBench) createRound(samples map[string][]sample, all *people) (err error) {
	if err := errors.Join(a.database("ours"), a.database("theirs")); err != nil {
		return err
	}
	if a.sqliteHome, err = a.ours(samples, "sqlite", "", all); err != nil {
		return err
	}
	for _, way := range []string{"insert", "insert-sorted"} {
		file := filepath.Join(a.work, "accounts-rival.sqlite")
		err := a.load(samples, way, way, all, file)
		for _, ending := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(file + ending)
		}
		if err != nil {
			return err
		}
	}
	if a.postgresHome, err = a.ours(samples, "postgres", a.pg.URL("ours"), all); err != nil {
		return err
	}
	return a.load(samples, "copy", "copy", all, a.pg.URL("theirs"))
}

// sameRows checks that the contenders did the same work.
func (a *accountBench) sameRows() error {
	const count = "SELECT (SELECT count(*) FROM davadmin.account) + (SELECT count(*) FROM davadmin.address) + (SELECT count(*) FROM davadmin.collection)"
	for _, database := range []string{"ours", "theirs"} {
		out, err := a.pg.Psql(context.Background(), database, count)
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(out, 10, 64); err != nil || n != a.rows {
			return fmt.Errorf("the database '%s' has %s rows, expected %d", database, out, a.rows)
		}
	}
	return nil
}

func (a *accountBench) createTable(samples map[string][]sample) string {
	var out strings.Builder
	n, few := a.accountCount, a.accountCount/5
	fmt.Fprintf(&out, "## Creating %d accounts with their default collections: whole process, median of %d\n\n"+
		"`account create -f` reads the batch and LDIF of %d entries, decides about each person, looks for existing accounts, syncs the undo and the journal to disk, and commits every %d accounts.\n"+
		"The rivals insert the same %d rows (accounts, addresses, collections) into an empty store with the same schema, in the order of the batch and in one transaction; reading the rows and connecting are not included in their time. PostgreSQL runs with fsync on.\n\n"+
		"| store | davadmin | rows per second | rival | rows per second | davadmin's rate ÷ rival's | bound |\n|---|---|---|---|---|---|---|\n", n, accountRounds, accountEntries(n), account.CreateGroupSize, a.rows)
	rate := func(name string) float64 { return float64(a.rows) / medianOf(samples[name]).wall.Seconds() }
	row := func(store, ours, rival, theirs string) {
		fmt.Fprintf(&out, "| %s | %.2f s | %.0f | %s %.2f s | %.0f | %.2f | at least 0.5: %s |\n", store, medianOf(samples[ours]).wall.Seconds(), rate(ours),
			rival, medianOf(samples[theirs]).wall.Seconds(), rate(theirs), rate(ours)/rate(theirs), met(rate(ours) >= rate(theirs)/2))
	}
	row("PostgreSQL", "postgres", "pgx CopyFrom", "copy")
	row("SQLite", "sqlite", "prepared inserts", "insert")
	fmt.Fprintf(&out, "\nWith the rows of each table sorted by key, prepared inserts reach %.0f rows per second (%.2f).\n\n"+
		"| memory | %d accounts | %d accounts | ratio | flat (at most 1.25) |\n|---|---|---|---|---|\n",
		rate("insert-sorted"), rate("sqlite")/rate("insert-sorted"), few, n)
	for _, store := range []struct{ title, name string }{{"PostgreSQL", "postgres"}, {"SQLite", "sqlite"}} {
		small, large := medianOf(samples["small-"+store.name]).rss, medianOf(samples[store.name]).rss
		times := float64(large) / float64(small)
		fmt.Fprintf(&out, "| %s | %s | %s | %.2f | %s |\n", store.title, mb(small), mb(large), times, met(times <= 1.25))
	}
	return out.String()
}
