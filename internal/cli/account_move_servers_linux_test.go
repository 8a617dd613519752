package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// placedPeople is a directory server with the entries of a, b, c and d, who have accounts on the
// default back end of a home that has the back ends store1 and store2 as well.
type placedPeople struct {
	*servertest.Server
	t        *testing.T
	home     string
	password string
	file     string // LDIF
}

// placedEntries is the LDIF of the people. The entry of b spells the back end in another way.
func placedEntries() string {
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for _, name := range []string{"a", "b", "c", "d"} {
		store := map[string]string{"b": "DefaultBackend"}[name]
		if store == "" {
			store = "defaultbackend"
		}
		fmt.Fprintf(&b, "dn: uid=%s,o=isp\nobjectClass: inetOrgPerson\nobjectClass: icsCalendarUser\nobjectClass: davEntity\nuid: %s\ncn: %s\nsn: %s\nmail: %s@example.com\ndavUniqueId: ID-%s\ndavStore: %s\n\n",
			name, name, name, name, name, name, store)
	}
	return b.String()
}

func newPlaced(t *testing.T, start func(*testing.T, servertest.Options) *servertest.Server) *placedPeople {
	t.Helper()
	dir := t.TempDir()
	p := &placedPeople{t: t, home: newHome(t), file: filepath.Join(dir, "people.ldif"), password: filepath.Join(dir, "password")}
	write(t, p.file, []byte(placedEntries()))
	write(t, p.password, []byte(servertest.Password+"\n"))
	if err := os.Chmod(p.password, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Server = start(t, servertest.Options{LDIF: p.file, Reader: true})
	mustRun(t, "config", "modify", "-q", "-o", "davcore.scheduling.localuserattr", "-v", "davstore", "--home", p.home)
	for _, id := range []string{"store1", "store2"} {
		mustRun(t, "backend", "create", "-q", "-n", id, "--home", p.home)
	}
	mustRun(t, "account", "create", "-q", "-a", "a@example.com", "-a", "b@example.com", "-a", "c@example.com", "-a", "d@example.com", "--ldif", p.file, "--home", p.home)
	return p
}

func onSlapd(access string) func(*testing.T, servertest.Options) *servertest.Server {
	return func(t *testing.T, o servertest.Options) *servertest.Server {
		return servertest.Slapd(t, servertest.SlapdOptions{Options: o, Access: access})
	}
}

func bothServers() map[string]func(*testing.T, servertest.Options) *servertest.Server {
	return map[string]func(*testing.T, servertest.Options) *servertest.Server{
		"slapd": onSlapd(""),
		"389": func(t *testing.T, o servertest.Options) *servertest.Server {
			return servertest.DS(t, servertest.DSOptions{Options: o})
		},
	}
}

// as returns a command line with the options for the server and a bind DN.
func (p *placedPeople) as(dn string, args ...string) []string {
	return append(slices.Clone(args), "--home", p.home, "-H", p.URL, "-D", dn, "--password-file", p.password)
}

// run runs a command as the manager.
func (p *placedPeople) run(args ...string) answer {
	p.t.Helper()
	return davadminRun(p.t, nil, p.as(p.ManagerDN, args...)...)
}

// expect runs a command as the manager, and compares its exit code and parts of its output.
func (p *placedPeople) expect(code int, parts []string, args ...string) answer {
	p.t.Helper()
	a := p.run(args...)
	p.compare(a, code, parts, args...)
	return a
}

func (p *placedPeople) compare(a answer, code int, parts []string, args ...string) {
	p.t.Helper()
	if a.code != code {
		p.t.Errorf("%q: code %d, want %d: %s%s", args, a.code, code, a.out, a.notes)
	}
	for _, part := range parts {
		if !strings.Contains(a.out+a.notes, part) {
			p.t.Errorf("%q: no '%s': %s%s", args, part, a.out, a.notes)
		}
	}
}

func (p *placedPeople) changer() *directory.Changer {
	p.t.Helper()
	c, err := directory.OpenChanger(p.t.Context(), directory.Options{
		URLs: []string{p.URL}, BindDN: p.ManagerDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil },
		ConnectTimeout: 10 * time.Second, Idle: 10 * time.Second,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// set gives an entry another davStore; "" removes it.
func (p *placedPeople) set(name, value string) {
	p.t.Helper()
	c := p.changer()
	defer c.Close()
	change := directory.Modification{Op: ldif.OpReplace, Name: "davStore"}
	if value != "" {
		change.Values = [][]byte{[]byte(value)}
	}
	answers, err := c.Modify([]directory.ModifyRequest{{DN: "uid=" + name + ",o=isp", Changes: []directory.Modification{change}}})
	if err != nil || answers[0].Err != nil {
		p.t.Fatal(err, answers)
	}
}

// places returns where the accounts of a, b, c and d are, and after a colon what their entries
// name if that is another value.
func (p *placedPeople) places() string {
	p.t.Helper()
	at := map[string]string{}
	for line := range strings.Lines(mustRun(p.t, "account", "list", "--home", p.home)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		name, _, _ := strings.Cut(f[0], "@")
		if at[name] != "" {
			p.t.Errorf("%s is on two back ends", name)
		}
		at[name] = f[3]
	}
	c := p.changer()
	defer c.Close()
	var out []string
	for _, name := range []string{"a", "b", "c", "d"} {
		found, err := c.Read(p.t.Context(), "uid="+name+",o=isp", []string{"davStore"})
		if err != nil || found == nil {
			p.t.Fatal(err)
		}
		text := at[name]
		if value := strings.Join(found.Attrs["davstore"], ","); value != text {
			text += ":" + value
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func (p *placedPeople) at(what, want string) {
	p.t.Helper()
	if got := p.places(); got != want {
		p.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// undo undoes the last change that was not the undo of another one.
func (p *placedPeople) undo(code int, parts ...string) {
	p.t.Helper()
	p.expect(code, parts, "history", "undo", strconv.FormatInt(lastChange(p.t, p.home).Change, 10), "--yes")
}

const startPlaces = "defaultbackend defaultbackend:DefaultBackend defaultbackend defaultbackend"

// The entries of accounts that are moved name the new back end, and the undo takes both back,
// byte by byte.
func TestMoveWithTheDirectory(t *testing.T) {
	for name, start := range bothServers() {
		t.Run(name, func(t *testing.T) {
			p := newPlaced(t, start)
			p.at("at first", startPlaces)
			move := []string{"account", "move", "-a", "a@example.com", "-a", "b@example.com", "--to", "store1", "--directory"}
			p.expect(0, []string{"would be moved: b@example.com", "davStore: DefaultBackend -> store1 (uid=b,o=isp)", "dry run: nothing was changed"}, append(move, "--dry-run")...)
			p.at("after the dry run", startPlaces)
			p.expect(2, []string{"their directory entries are changed as well"}, move...)
			a := p.expect(0, []string{"moved: a@example.com", "davStore: defaultbackend -> store1 (uid=a,o=isp)", "to undo: davadmin account move --home " + p.home + " --directory -H " + p.URL}, append(move, "--yes")...)
			if strings.Contains(a.notes, "next:") {
				t.Errorf("there is nothing to do next: %s", a.notes)
			}
			p.at("after the move", "store1 store1 defaultbackend defaultbackend")
			p.expect(0, []string{"nothing to do: already done"}, append(move, "--yes")...)
			p.undo(0, "moved: b@example.com", "davStore: store1 -> DefaultBackend")
			p.at("after the undo", startPlaces)
			p.undo(0, "moved: b@example.com", "davStore: DefaultBackend -> store1")
			p.at("after the undo of the undo", "store1 store1 defaultbackend defaultbackend")
			if out := mustRun(t, "history", "verify", "--home", p.home); !strings.HasSuffix(out, ": intact\n") {
				t.Error(out)
			}
		})
	}
}

// A bind DN that may not change the entries is found before the first account is moved.
func TestMoveWithoutRightsInTheDirectory(t *testing.T) {
	for name, start := range bothServers() {
		t.Run(name, func(t *testing.T) {
			p := newPlaced(t, start)
			for _, how := range []string{"--yes", "--dry-run"} {
				args := p.as(p.ReaderDN, "account", "move", "-a", "a@example.com", "-a", "b@example.com", "--to", "store1", "--directory", how)
				p.compare(davadminRun(t, nil, args...), 1, []string{"nothing was changed, because of 2 entries: insufficient access: the bind DN '" + p.ReaderDN + "' may not change davStore of uid=a,o=isp", "ldap test"}, args...)
			}
			p.at("without rights", startPlaces)
		})
	}
	t.Run("only some", func(t *testing.T) {
		p := newPlaced(t, onSlapd("access to dn.exact=\"uid=a,o=isp\" by dn.exact=\"cn=reader,o=isp\" write by users read by anonymous auth"))
		args := p.as(p.ReaderDN, "account", "move", "-a", "a@example.com", "-a", "b@example.com", "--to", "store1", "--directory", "--yes")
		p.compare(davadminRun(t, nil, args...), 1, []string{"nothing was changed: insufficient access", "uid=b,o=isp"}, args...)
		p.at("without one right", startPlaces)
		args = p.as(p.ReaderDN, "account", "move", "-a", "a@example.com", "--to", "store1", "--directory", "--yes")
		p.compare(davadminRun(t, nil, args...), 0, nil, args...)
		p.at("with the right", "store1 defaultbackend:DefaultBackend defaultbackend defaultbackend")
	})
}

// Entries with another value are reported before anything is changed, and their accounts stay.
func TestMoveWithUnexpectedEntries(t *testing.T) {
	p := newPlaced(t, onSlapd(""))
	p.set("a", "store2")
	p.set("b", "")
	p.set("c", "store1") // already the new one
	batch := filepath.Join(t.TempDir(), "batch")
	write(t, batch, []byte("d@example.com:to=store2\na@example.com:to=store1\nb@example.com:to=store1\nc@example.com:to=store1\nc@example.com:to=store2\n"))
	move := []string{"account", "move", "-f", batch, "--directory"}
	refused := []string{
		batch + ":2: a@example.com: not done: davStore of its entry is 'store2', but the account is on the back end defaultbackend (uid=a,o=isp)",
		batch + ":3: b@example.com: not done: on the old server: davstore of the entry is missing (uid=b,o=isp)",
		batch + ":5: c@example.com: not done: the account is named twice",
	}
	for _, how := range []string{"--dry-run", "--yes"} {
		a := p.expect(4, refused, append(move, how)...)
		if how == "--yes" && !strings.Contains(a.notes, "not done, and listed above: 3 of 5") {
			t.Error(a.notes)
		}
	}
	p.at("after the move", "defaultbackend:store2 defaultbackend: store1 store2")
	p.undo(0)
	p.at("after the undo", "defaultbackend:store2 defaultbackend: defaultbackend defaultbackend")
	p.expect(1, []string{"davStore of its entry is 'store2'"}, "account", "move", "-a", "a@example.com", "--to", "store1", "--directory", "--yes")
	unreachable := []string{"account", "move", "-a", "d@example.com", "--to", "store1", "--directory", "--yes", "-H", "ldap://127.0.0.1:1", "--retry-for", "100ms", "--home", p.home}
	p.compare(davadminRun(t, nil, unreachable...), 5, nil, unreachable...)
	for _, wrong := range [][]string{{"--directory", "-O", "plan"}, {"--directory", "--ldif", p.file}, {"--force"}} {
		args := append([]string{"account", "move", "-a", "d@example.com", "--to", "store1", "--yes", "--home", p.home}, wrong...)
		p.compare(davadminRun(t, nil, args...), 2, nil, args...)
	}
	p.at("at last", "defaultbackend:store2 defaultbackend: defaultbackend defaultbackend")
}

// An undo that cannot restore the entry, because it was changed since, moves nothing, and fails.
func TestMoveUndoneAfterTheEntryWasChanged(t *testing.T) {
	p := newPlaced(t, onSlapd(""))
	p.expect(0, nil, "account", "move", "-a", "a@example.com", "-a", "c@example.com", "--to", "store1", "--directory", "--yes")
	p.set("a", "elsewhere")
	p.undo(4, "davStore of its entry is 'elsewhere', but the account is on the back end store1", "moved: c@example.com", "not done, and listed above: 1 of 2")
	p.at("after the undo", "store1:elsewhere defaultbackend:DefaultBackend defaultbackend defaultbackend")
	p.set("a", "store1")
	undo, err := filepath.Glob(filepath.Join(p.home, "history", "accounts", "*.undo"))
	if err != nil {
		t.Fatal(err)
	}
	p.expect(0, nil, "account", "move", "--directory", "-f", undo[len(undo)-2], "--yes")
	p.at("after the second undo", startPlaces)
	// The undo file is for both halves.
	p.expect(2, []string{"is an undo file of another kind"}, "account", "move", "-f", undo[len(undo)-2], "--yes")
}

// An undo that cannot move the account back does not change the entry either.
func TestMoveUndoneAfterTheAccountWasDeleted(t *testing.T) {
	p := newPlaced(t, onSlapd(""))
	p.expect(0, nil, "account", "move", "-a", "a@example.com", "-a", "d@example.com", "--to", "store1", "--directory", "--yes")
	change := strconv.FormatInt(lastChange(t, p.home).Change, 10)
	mustRun(t, "account", "delete", "-a", "d@example.com", "--yes", "--home", p.home)
	p.expect(4, []string{"the account was deleted on ", "moved: a@example.com"}, "history", "undo", change, "--yes")
	p.at("after the undo", "defaultbackend defaultbackend:DefaultBackend defaultbackend :store1")
	mustRun(t, "account", "modify", "-a", "d@example.com", "--undelete", "--home", p.home)
	// A bind DN without the right moves nothing back.
	args := p.as(p.ReaderDN, "history", "undo", change, "--yes")
	p.compare(davadminRun(t, nil, args...), 1, []string{"nothing was changed: insufficient access"}, args...)
	p.at("restored", "defaultbackend defaultbackend:DefaultBackend defaultbackend store1")
	p.expect(0, []string{"moved: d@example.com"}, "history", "undo", change, "--yes")
	p.at("at last", startPlaces)
}

// A run that is killed anywhere, also between the two halves, is completed by the same command,
// and undone by its undo file.
func TestMoveWithTheDirectoryKilledAtEveryStep(t *testing.T) {
	tier.All(t)
	p := newPlaced(t, onSlapd(""))
	words := []string{"account", "move", "-a", "a@example.com", "-a", "b@example.com", "--to", "store1", "--directory", "--yes"}
	move := p.as(p.ManagerDN, words...)
	between := 0
	for n := 1; ; n++ {
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, move...)
		if err != nil && !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		now := p.places()
		if strings.HasPrefix(now, "store1:") || strings.Contains(now, "store1:DefaultBackend") {
			between++
		}
		if err != nil && n%2 == 0 {
			p.undoMoves()
			p.at(fmt.Sprintf("step %d: undone after the kill", n), startPlaces)
		}
		p.expect(0, nil, words...)
		p.at(fmt.Sprintf("step %d: completed", n), "store1 store1 defaultbackend defaultbackend")
		p.undoMoves()
		p.at(fmt.Sprintf("step %d: undone", n), startPlaces)
		if err == nil {
			break
		}
	}
	t.Logf("killed %d times between the halves", between)
	if between < 2 {
		t.Errorf("killed %d times between the halves", between)
	}
}

// A run that is killed between the halves is completed by the same command, which only changes
// the entry.
func TestMoveKilledBetweenTheHalves(t *testing.T) {
	p := newPlaced(t, onSlapd(""))
	words := []string{"account", "move", "-a", "a@example.com", "--to", "store1", "--directory", "--yes"}
	const rest = " defaultbackend:DefaultBackend defaultbackend defaultbackend"
	for n := 1; p.places() != "store1:defaultbackend"+rest; n++ {
		p.undoMoves()
		if _, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, p.as(p.ManagerDN, words...)...); !killed(err) {
			t.Fatalf("step %d: never killed between the halves: %v %s", n, err, errs)
		}
	}
	p.expect(0, []string{"would be changed: a@example.com", "davStore: defaultbackend -> store1"}, append(slices.Clone(words), "--dry-run")...)
	// Another target takes the account and its entry there.
	p.expect(0, []string{"moved: a@example.com", "davStore: defaultbackend -> store2"}, "account", "move", "-a", "a@example.com", "--to", "store2", "--directory", "--yes")
	p.at("moved on", "store2"+rest)
	p.undoMoves()
	p.at("undone", startPlaces)
	p.expect(0, nil, "account", "move", "-a", "a@example.com", "--to", "store1", "--yes")
	p.at("moved without its entry", "store1:defaultbackend"+rest)
	p.expect(0, []string{"changed: a@example.com", "davStore: defaultbackend -> store1"}, words...)
	p.at("completed", "store1"+rest)
	p.expect(0, []string{"already"}, words...)
}

// undoMoves runs the undo files of moves, the latest first, and removes them.
func (p *placedPeople) undoMoves() {
	p.t.Helper()
	for change := lastChange(p.t, p.home).Change; change > 0; change-- {
		path := filepath.Join(p.home, "history", "accounts", fmt.Sprintf("%d.undo", change))
		b, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(b), "account move --directory") {
			continue
		}
		p.expect(0, nil, "account", "move", "--directory", "--yes", "-f", path)
		if err := os.Remove(path); err != nil {
			p.t.Fatal(err)
		}
	}
	latest, _ := filepath.Glob(filepath.Join(p.home, "history", "accounts", "*.undo"))
	for _, path := range latest {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), "account move --directory") {
			_ = os.Remove(path)
		}
	}
}

// The changes of the entries are written to a plan, which 'ldap apply' applies.
func TestMoveWithAPlanForTheDirectory(t *testing.T) {
	p := newPlaced(t, onSlapd(""))
	p.set("d", "store2")
	plan := filepath.Join(t.TempDir(), "plan.ldif")
	move := []string{"account", "move", "-a", "a@example.com", "-a", "b@example.com", "-a", "d@example.com", "--to", "store1", "-O", plan}
	p.expect(4, []string{"planned: davStore: DefaultBackend -> store1 (uid=b,o=isp)"}, append(move, "--dry-run")...)
	if _, err := os.Stat(plan); err == nil {
		t.Error("a dry run wrote the plan")
	}
	p.expect(4, []string{"d@example.com: not done: davStore of its entry is 'store2'", "next: davadmin ldap apply --home " + p.home + " " + plan + " -H " + p.URL}, append(move, "--yes")...)
	p.at("moved", "store1:defaultbackend store1:DefaultBackend defaultbackend defaultbackend:store2")
	p.expect(2, []string{"use --force"}, append(move, "--yes")...)
	// The same command writes the plan again, with the accounts that were moved before.
	p.expect(4, []string{"next: davadmin ldap apply"}, append(move, "--yes", "--force")...)
	p.expect(0, []string{"changed:      2 of 2"}, "ldap", "apply", plan, "--yes")
	p.at("applied", "store1 store1 defaultbackend defaultbackend:store2")
	p.expect(0, []string{"no plan was written"}, "account", "move", "-a", "a@example.com", "--to", "store1", "-O", plan+"2", "--yes")
	// The entry of an LDIF file is enough to plan.
	mustRun(t, "account", "move", "-a", "c@example.com", "--to", "store1", "-O", plan+"3", "--ldif", p.file, "--yes", "--home", p.home)
	p.expect(0, []string{"changed:      1 of 1"}, "ldap", "apply", plan+"3", "--yes")
	p.at("planned from a file", "store1 store1 store1 defaultbackend:store2")
}
