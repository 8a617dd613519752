package cli_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/internal/ui"
)

// listedPerson is an invented person, and where the person is.
type listedPerson struct {
	uid, mail, name, id string
	on6, account        bool
}

// inventPeople returns people whose names and addresses are awkward to print in columns, after
// some with short ones. A table settles its layout by its first 200 rows.
func inventPeople(r *rand.Rand, short int) []listedPerson {
	domains := []string{"example.com", "bücher.example", "例え.example", "a-rather-long-department-name.students.university.example"}
	names := []string{"Ann", "Böhm, Jörg", "say \"hi\"", "two\nlines", "tab\there", "id: 5", "x; y", "例え 太郎", "=1+1", "side  mail   uid", "…", "all rows: kind user"}
	people := make([]listedPerson, short+1+r.IntN(12))
	for i := range people {
		uid := fmt.Sprintf("u%03d%s", i, strings.Repeat("-long", r.IntN(2)*r.IntN(9)))
		domain := domains[r.IntN(len(domains))]
		if i < short {
			uid, domain = fmt.Sprintf("u%03d", i), "ex.org"
		}
		people[i] = listedPerson{
			uid: uid, mail: uid + "@" + domain, name: names[r.IntN(len(names))],
			id: fmt.Sprintf("%08d-11111111-22222222-33333333", i), on6: r.IntN(2) == 0, account: r.IntN(3) > 0,
		}
	}
	people[0].account, people[0].on6 = true, true
	return people
}

// ldifOf returns the directory of the people. Nobody is marked as being on a server.
func ldifOf(people []listedPerson) string {
	var b strings.Builder
	for _, p := range people {
		fmt.Fprintf(&b, "dn: uid=%s,ou=people,o=isp\nobjectClass: icsCalendarUser\nobjectClass: davEntity\nuid: %[1]s\ncn:: %s\nmail:: %s\ndavUniqueId: %s\n\n",
			p.uid, base64.StdEncoding.EncodeToString([]byte(p.name)), base64.StdEncoding.EncodeToString([]byte(p.mail)), p.id)
	}
	return b.String()
}

// mailsOf returns the sorted addresses of the people of whom which is true.
func mailsOf(people []listedPerson, which func(listedPerson) bool) []string {
	var out []string
	for _, p := range people {
		if which(p) {
			out = append(out, p.mail)
		}
	}
	slices.Sort(out)
	return out
}

// runWide runs davadmin on a terminal of some columns, and returns what it printed.
func runWide(width int, args ...string) (code int, out, notes string) {
	var stdout, stderr bytes.Buffer
	code = cli.Main(context.Background(), &cli.Environment{
		Streams: &ui.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Width: width}, Args: args, Getenv: func(string) string { return "" }, VaultWork: vaultWork,
	})
	return code, stdout.String(), stderr.String()
}

// members returns the sorted values of a member in JSON lines.
func members(t *testing.T, text, member string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if value, ok := v[member].(string); ok && value != "" {
			out = append(out, value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestListsTravel writes each listing in each format and at several widths, and reads it with
// each option that takes a list: the people are the same, or the list is refused and the
// column that is not whole is named.
func TestListsTravel(t *testing.T) {
	r := seed.New(t)
	refused, read := 0, 0
	for round := range tier.Rounds(t, 2, 12) {
		people := inventPeople(r, round%2*210)
		w := newListWorld(t, people)
		for _, l := range w.listings(people) {
			for _, format := range []string{"table", "plain", "csv", "json", "jsonl"} {
				width := []int{20, 37, 60, 80, 100, 200}[r.IntN(6)]
				code, text, notes := runWide(width, append(l.command, "--output", format)...)
				if code != 0 {
					t.Fatalf("%v: %d: %s", l.command, code, notes)
				}
				file := filepath.Join(w.dir, "list")
				write(t, file, []byte(text))
				for _, use := range w.uses(file) {
					got, notes := use.run(t)
					if want := l.want[use.option]; got == nil && format == "table" && strings.Contains(notes, "'") && strings.Contains(notes, "--output csv") {
						refused++
					} else if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("%v --output %s (%d columns) into %s: %s\n%s\n%s", l.command, format, width, use.option, diff, notes, text)
					} else {
						read++
					}
				}
			}
		}
	}
	t.Logf("lists that were read: %d; refused: %d", read, refused)
	if refused > read/4 {
		t.Errorf("%d of %d lists were refused", refused, read+refused)
	}
}

// listWorld is a home with accounts, a directory and a list of the old server.
type listWorld struct{ dir, home, ldif, list6 string }

func newListWorld(t *testing.T, people []listedPerson) *listWorld {
	t.Helper()
	w := &listWorld{dir: t.TempDir(), home: newHome(t)}
	w.ldif, w.list6 = filepath.Join(w.dir, "people.ldif"), filepath.Join(w.dir, "list6")
	write(t, w.ldif, []byte(ldifOf(people)))
	write(t, w.list6, []byte(strings.Join(mailsOf(people, func(p listedPerson) bool { return p.on6 }), "\n")+"\n"))
	batch := filepath.Join(w.dir, "accounts")
	write(t, batch, []byte(strings.Join(mailsOf(people, func(p listedPerson) bool { return p.account }), "\n")+"\n"))
	mustRun(t, "account", "create", "-q", "-f", batch, "--ldif", w.ldif, "--home", w.home)
	return w
}

// listing is a command that lists people, and whom each option gets from the list; nil if the
// list is empty for it.
type listing struct {
	command []string
	want    map[string][]string
}

func (w *listWorld) listings(people []listedPerson) []listing {
	accounts := mailsOf(people, func(p listedPerson) bool { return p.account })
	all := mailsOf(people, func(listedPerson) bool { return true })
	old := mailsOf(people, func(p listedPerson) bool { return p.on6 })
	same := map[string][]string{"--cs6-list": accounts, "--cs7-list": accounts, "--users": accounts, "-f": accounts}
	return []listing{
		{[]string{"account", "list", "--home", w.home}, same},
		{[]string{"account", "list", "-v", "--home", w.home}, same},
		{[]string{"calendar", "list", "--home", w.home}, same},
		// Without a mark, everybody is on the old server or on neither.
		{
			[]string{"coexist", "list", "--ldif", w.ldif, "--cs6-list", w.list6, "--home", w.home},
			map[string][]string{"--cs6-list": old, "--cs7-list": nil, "--users": all, "-f": accounts},
		},
	}
}

// listUse is an option that takes a list. It returns the sorted addresses that the command
// got, nil if it refused the list.
type listUse struct {
	option string
	run    func(t *testing.T) (got []string, notes string)
}

func (w *listWorld) uses(file string) []listUse {
	jsonl := func(member string, args ...string) func(t *testing.T) ([]string, string) {
		return func(t *testing.T) ([]string, string) {
			code, out, notes := runWide(80, append(args, "--home", w.home, "--output", "jsonl")...)
			if code != 0 && code != 4 {
				return nil, notes
			}
			return members(t, out, member), notes
		}
	}
	empty := filepath.Join(w.dir, "nobody")
	_ = os.WriteFile(empty, []byte("nobody@nowhere.example\n"), 0o600)
	return []listUse{
		{"--cs6-list", jsonl("mail", "coexist", "list", "--ldif", w.ldif, "--side", "cs6", "--cs6-list", file)},
		{"--cs7-list", jsonl("mail", "coexist", "list", "--ldif", w.ldif, "--side", "cs7", "--cs6-list", empty, "--cs7-list", file)},
		{"-f", jsonl("account", "account", "list", "-f", file)},
		{"--users", func(t *testing.T) ([]string, string) {
			dir := filepath.Join(t.TempDir(), "wave")
			code, _, notes := runWide(80, "coexist", "plan", "--ldif", w.ldif, "--users", file, "--backend", "defaultbackend", "-O", dir, "--home", w.home)
			if code != 0 {
				return nil, notes
			}
			got := strings.Fields(string(readFile(t, filepath.Join(dir, "people.txt"))))
			slices.Sort(got)
			return got, notes
		}},
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
