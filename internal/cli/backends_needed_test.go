package cli_test

import (
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
)

// twoBackends contains the people of TestWhatNeedsWhichBackend. The accounts of b and d are on
// store1, if they have any.
const twoBackends = `version: 1

dn: uid=a,o=isp
objectClass: icsCalendarUser
uid: a
mail: a@example.com
davUniqueId: ID-a

dn: uid=b,o=isp
objectClass: icsCalendarUser
uid: b
mail: b@example.com
davUniqueId: ID-b
davStore: store1

dn: uid=c,o=isp
objectClass: icsCalendarUser
uid: c
mail: c@example.com
davUniqueId: ID-c
`

// neededCase is a command, and what it does when the store of one of two back ends cannot be
// used.
type neededCase struct {
	args string
	// unreachable is the exit code if the database does not answer, and unusable the one if it
	// has no store, or one with another schema.
	unreachable, unusable int
	out                   string // part of the output, if it is the right one
	notes                 string // part of the messages, unless there is no store
	noStore               string // part of the messages if there is no store; "" is notes
	noStoreCode           int    // if it differs from unusable and noStore is set
	never                 bool   // the back end is not even asked
}

// neededCases are in an order in which each finds what it needs.
func neededCases() []neededCase {
	const lost, mayBe, skipped = "back end store1: ", "it may be on a back end that cannot be read: store1", "warning: back end store1 is skipped: "
	const leave = "to leave it out: --backend defaultbackend"
	return []neededCase{
		{args: "account list", unreachable: 5, unusable: 1, out: "a@example.com", notes: leave},
		{args: "account list -n defaultbackend", out: "a@example.com", never: true},
		{args: "account list -a a@example.com", out: "a@example.com", notes: skipped},
		{args: "account list -a b@example.com", unreachable: 5, unusable: 1, notes: mayBe},
		{args: "account list -n store1 -a b@example.com", unreachable: 5, unusable: 1, notes: mayBe},
		{args: "account list -B o=isp -R (uid=a) --ldif LDIF", out: "a@example.com", notes: leave},
		{args: "account list -B o=isp -R (uid=*) --ldif LDIF", unreachable: 5, unusable: 1, out: "a@example.com", notes: mayBe},
		{args: "account list --orphans --missing --ldif LDIF", unreachable: 5, unusable: 1, out: mayBe, notes: lost},
		{args: "account list --orphans --missing -n defaultbackend --ldif LDIF", unreachable: 5, unusable: 1, out: "c@example.com", notes: lost},
		{args: "account list --changed --ldif LDIF", unreachable: 5, unusable: 1, notes: leave},
		{args: "account list --changed -n defaultbackend --ldif LDIF", never: true},
		{args: "account list --orphans -n defaultbackend --ldif LDIF"},
		{args: "account list --delegates-of a@example.com -n defaultbackend"},
		{args: "account list --delegates-of b@example.com", unreachable: 5, unusable: 1, notes: "'b@example.com' was not found, but may be on a back end that cannot be read (a unique id needs no look-up: --delegates-of id=ID): " + lost},

		{args: "account modify -a a@example.com -y notifemail=0", out: "changed: a@example.com", notes: leave},
		{args: "account modify -a b@example.com -y notifemail=0", unreachable: 1, unusable: 1, notes: mayBe},
		{args: "account modify -f BOTH -y attendanceflag=7", unreachable: 4, unusable: 4, out: "changed: a@example.com", notes: mayBe},
		{args: "account modify -f BOTH -y attendanceflag=6 --continue", unreachable: 4, unusable: 4, out: "changed: a@example.com", notes: mayBe},
		{args: "account modify -B o=isp -R (uid=*) --ldif LDIF -y attendanceflag=5", unreachable: 4, unusable: 4, out: "changed: a@example.com", notes: "uid=b,o=isp"},
		{args: "account modify -n defaultbackend -a a@example.com -y notifemail=1", out: "changed: a@example.com", never: true},
		{args: "account modify -n defaultbackend -a a@example.com -y acl=b@example.com:m --ldif LDIF", out: "changed: a@example.com"},
		{args: "account modify -a a@example.com -y acl=x@example.com:m --ldif LDIF", unreachable: 2, unusable: 2, notes: "'x@example.com' was not found, but " + mayBe},
		{args: "account modify -a a@example.com -y addresses=n@example.com", unreachable: 1, unusable: 1, notes: "the address was not changed, because access lists and subscriptions on the back end store1 may contain it", noStore: skipped},
		{args: "account repair -m -a a@example.com --ldif LDIF", unreachable: 5, unusable: 1, notes: "nothing was changed: back end store1: ", noStore: skipped},
		{args: "account repair -m -a a@example.com --ldif LDIF --continue", notes: skipped},
		{args: "account repair -o -a a@example.com --ldif LDIF", notes: skipped},
		{args: "account move -a a@example.com --to store1 --yes", unreachable: 5, unusable: 1, notes: "nothing was changed: back end store1: "},
		{args: "account delete -a a@example.com --yes", out: "deleted: a@example.com", notes: skipped},
		{args: "account modify --undelete -a a@example.com", out: "restored: a@example.com", notes: skipped},
		{args: "account delcomponent -d 30 -a a@example.com --yes", notes: skipped},
		{args: "account upgrade -a a@example.com", notes: skipped},
		{args: "account upgrade -n defaultbackend -a a@example.com", never: true},
		{args: "account subscribe -a a@example.com -c /home/b@example.com/calendar/", unreachable: 1, unusable: 1, notes: mayBe},
		{args: "account create -a c@example.com --ldif LDIF", unreachable: 5, unusable: 1, notes: "nothing was changed: back end store1: ", noStore: skipped},
		{args: "account create -a c@example.com --ldif LDIF --continue", notes: skipped},
		{args: "account create -a b@example.com --ldif LDIF --continue", unreachable: 5, unusable: 1, notes: lost},

		{args: "calendar list", unreachable: 5, unusable: 1, out: "a@example.com", notes: leave},
		{args: "calendar list -a a@example.com", out: "a@example.com", notes: leave},
		{args: "calendar list -a b@example.com", unreachable: 5, unusable: 1, notes: mayBe},
		{args: "calendar list --backend defaultbackend", out: "a@example.com", never: true},
		{args: "calendar list --shared-with a@example.com", unreachable: 5, unusable: 1, notes: leave},
		{args: "calendar list --shared-with b@example.com --backend defaultbackend", unreachable: 5, unusable: 1, notes: "needs no look-up: --shared-with id=ID): " + lost},
		{args: "calendar create -a a@example.com -n work", out: "created: a@example.com", notes: leave},
		{args: "calendar modify -a a@example.com -n work -y displayname=Work", out: "changed: a@example.com", notes: skipped},
		{args: "calendar modify --backend defaultbackend -a a@example.com -n work -y displayname=Job", out: "changed: a@example.com", never: true},
		{args: "calendar delete -a a@example.com -n work --yes", out: "deleted: a@example.com", notes: skipped},
		{args: "calendar delete -a b@example.com -n work --yes", unreachable: 1, unusable: 1, notes: mayBe},

		{args: "backend list", unreachable: 5, unusable: 1, out: "defaultbackend\tsqlite\t1\t", notes: "store1"},
		{args: "backend list -n defaultbackend", out: "defaultbackend", never: true},
		{args: "backend purge --yes", unreachable: 5, unusable: 1, out: "defaultbackend: removed", notes: "to leave it out: --name defaultbackend"},
		{args: "backend purge -n defaultbackend --yes", out: "defaultbackend: removed", never: true},
		{args: "db schema_version", unreachable: 5, unusable: 1, out: "defaultbackend\t1\t1"},
		{args: "db schema_version -n defaultbackend", out: "defaultbackend\t1\t1", never: true},
		{args: "db schema_fullupgrade -n defaultbackend --yes", never: true},
		{args: "db schema_fullupgrade --yes", unreachable: 5, unusable: 1},
		{args: "db init -n defaultbackend --overwrite --dry-run", never: true},

		{args: "ldap audit --ldif LDIF --cs6-list BOTH --output jsonl", unreachable: 1, unusable: 1, out: `"rule":"davstore-missing","severity":"error","result":"not-run","count":0,"reason":"the users on the new server could not be read: back end store1: `, notes: "audit is incomplete"},
		{args: "ldap audit --ldif LDIF --rules mail-*"},
		{args: "coexist check --ldif LDIF --cs6-list BOTH --output jsonl", unreachable: 1, unusable: 1, out: `"rule":"davstore-missing","severity":"error","result":"not-run"`, notes: "check is incomplete"},
		{args: "coexist status --ldif LDIF", unreachable: 5, unusable: 1, notes: "--cs7-list FILE"},
		{args: "coexist plan --ldif LDIF --cs6-list BOTH --wave-size 1 -O WAVE", unreachable: 5, unusable: 1, notes: "--cs7-list FILE"},
		{args: "coexist waves", unreachable: 5, unusable: 1, notes: lost},
	}
}

// A back end whose store cannot be used hinders no command that does not need it, is waited
// for once, and is never taken for one without accounts.
func TestWhatNeedsWhichBackend(t *testing.T) {
	tier.All(t)
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	for _, query := range []string{"CREATE DATABASE newer", "CREATE DATABASE empty"} {
		if _, err := s.Psql(t.Context(), "postgres", query); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "backend", "create", "-n", "store1", "--dburl", s.URL("newer"), "--home", newHome(t))
	if _, err := s.Psql(t.Context(), "newer", "UPDATE davadmin.meta SET value = '99' WHERE name = 'schema'"); err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{"silent", "refused", "no store", "another schema"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			needed(t, s, fault)
		})
	}
}

// needed runs all commands with one kind of fault.
func needed(t *testing.T, s *servertest.PostgresServer, fault string) {
	home, dir := newHome(t), t.TempDir()
	url, asked := silentServer(t)
	switch fault {
	case "refused":
		url = "postgres://user@127.0.0.1:1/x?sslmode=disable"
	case "no store":
		url = s.URL("empty")
	case "another schema":
		url = s.URL("newer")
	}
	ldif, both := filepath.Join(dir, "people.ldif"), filepath.Join(dir, "both.txt")
	write(t, ldif, []byte(twoBackends))
	write(t, both, []byte("a@example.com\nb@example.com\n"))
	mustRun(t, "account", "create", "-a", "a@example.com", "--ldif", ldif, "--home", home)
	for _, p := range [][2]string{{"store.dav.store1.backendid", "store1"}, {"store.dav.store1.dburl", url}} {
		mustRun(t, "config", "modify", "-q", "-o", p[0], "-v", p[1], "--home", home)
	}
	for _, c := range neededCases() {
		args := strings.Fields(strings.NewReplacer("LDIF", ldif, "BOTH", both, "WAVE", filepath.Join(dir, "wave")).Replace(c.args))
		operation := args[0]
		if operation == "ldap" { // from here on, there is another server
			mustRun(t, "config", "modify", "-q", "-o", "davcore.scheduling.localuserattr", "-v", "davstore", "--home", home)
		}
		if (operation == "account" || operation == "calendar") && args[1] != "list" {
			args = append(args, "--retry-for", "0s")
		}
		before := asked.Load()
		a := davadminRun(t, nil, append(args, "--home", home)...)
		code, notes := c.unusable, c.notes
		switch {
		case fault == "silent" || fault == "refused":
			code = c.unreachable
		case fault == "no store" && c.noStore != "":
			code, notes = c.noStoreCode, c.noStore
		}
		if a.code != code || !strings.Contains(a.out, c.out) || !strings.Contains(a.notes, notes) {
			t.Errorf("%s: code %d, want %d with '%s' and '%s':\n%s%s", c.args, a.code, code, c.out, notes, a.out, a.notes)
		}
		if strings.Contains(a.notes, "no such account") || strings.Contains(a.notes, "is not the address of") {
			t.Errorf("%s: says more than was seen: %s", c.args, a.notes)
		}
		dials := asked.Load() - before
		if most := int64(map[bool]int{true: 0, false: 1}[c.never]); dials > most {
			t.Errorf("%s: the server was asked %d times", c.args, dials)
		}
	}
}

// A change of addresses waits for the back ends that it needs, and no option that cannot help
// is suggested.
func TestAddressesNeedAllBackends(t *testing.T) {
	home, ldif := newHome(t), filepath.Join(t.TempDir(), "people.ldif")
	write(t, ldif, []byte(twoBackends))
	mustRun(t, "account", "create", "-a", "a@example.com", "--ldif", ldif, "--home", home)
	for _, p := range [][2]string{{"store.dav.store1.backendid", "store1"}, {"store.dav.store1.dburl", "postgres://user@127.0.0.1:1/x?sslmode=disable"}} {
		mustRun(t, "config", "modify", "-q", "-o", p[0], "-v", p[1], "--home", home)
	}
	mustRun(t, "account", "modify", "-a", "a@example.com", "-n", "defaultbackend", "-y", "displayname=A", "--retry-for", "0s", "--home", home)
	write(t, ldif, []byte(strings.ReplaceAll(twoBackends, "mail: a@", "mail: new@")))
	for _, c := range []struct {
		args, notes string
		code        int
	}{
		{"account repair -m -a new@example.com --ldif " + ldif, "nothing was changed: back end store1: ", 5},
		{"account modify -a a@example.com -y addresses=new@example.com", "the address was not changed", 1},
	} {
		args := c.args
		a := davadminRun(t, nil, append(strings.Fields(args), "--retry-for", "1s", "--home", home)...)
		if a.code != c.code || !strings.Contains(a.notes, "trying again for 1s") || !strings.Contains(a.notes, c.notes) || strings.Contains(a.notes, "leave it out") || strings.Contains(a.notes, "--continue") {
			t.Errorf("%s: code %d: %s%s", args, a.code, a.out, a.notes)
		}
	}
	a := davadminRun(t, nil, "account", "list", "-a", "b@example.com", "-n", "defaultbackend", "--home", home)
	if a.code == 0 || !strings.Contains(a.notes, "no such account on the back end defaultbackend") {
		t.Errorf("code %d: %s%s", a.code, a.out, a.notes)
	}
}

// silentServer returns the URL of a server that accepts connections and never answers, and the
// number of connections.
func silentServer(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			asked.Add(1)
			open = append(open, c)
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "postgres://user@" + l.Addr().String() + "/x?sslmode=disable&connect_timeout=1", asked
}
