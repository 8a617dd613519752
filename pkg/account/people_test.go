package account

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"os"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// both returns one directory, as a file and as a server.
func both(t *testing.T, filter string, entries ...[]string) (file, live *Directory, server *ldaptest.Server) {
	t.Helper()
	all := []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	var text strings.Builder
	text.WriteString("version: 1\n\ndn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i, e := range entries {
		dn := fmt.Sprintf("uid=%d,o=isp", i)
		words := append([]string{"objectClass", "icsCalendarUser", "uid", fmt.Sprint(i)}, e...)
		all = append(all, ldaptest.NewEntry(dn, words...))
		fmt.Fprintf(&text, "dn: %s\n", dn)
		for n := 0; n < len(words); n += 2 {
			fmt.Fprintf(&text, "%s: %s\n", words[n], words[n+1])
		}
		text.WriteString("\n")
	}
	path := filepath.Join(t.TempDir(), "people.ldif")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	server = ldaptest.Start(t, ldaptest.Options{Entries: all, EvaluateUnknown: true})
	opened, err := directory.Open(t.Context(), directory.Options{URLs: []string{server.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	d := Directory{
		MailFilter: filter, Bases: []string{"o=isp"}, Tmp: t.TempDir(),
		Attributes: Attributes{UniqueID: "davUniqueId", Mail: "mail", Alternate: "mailAlternateAddress", DisplayName: "cn", Owner: "owner", Store: "davStore",
			UserClasses: []string{"icsCalendarUser"}, ResourceClasses: []string{"icsCalendarResource"}},
	}
	file, live = new(Directory), new(Directory)
	*file, *live = d, d
	file.Source, live.Source, live.Live = directory.NewFiles(directory.FilesOptions{Paths: []string{path}}), opened, true
	return file, live, server
}

// answer describes the entries found for each request.
func answer(t *testing.T, d *Directory, addresses []string) []string {
	t.Helper()
	found, err := d.ByAddress(t.Context(), addresses)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	out := []string{}
	for n, err := range found.All() {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s %q", n.Request, n.Entry.DN, n.Entry.Mails))
	}
	slices.Sort(out)
	return out
}

// A file and a server give the same entries for addresses: in any letter case, by any
// attribute of the filter, twice in the list, of several entries, of none.
func TestByAddressOfFileAndServer(t *testing.T) {
	var entries [][]string
	var addresses []string
	for i := range 250 {
		entries = append(entries, []string{
			"mail", fmt.Sprintf("P%d@example.com", i), "mailAlternateAddress", fmt.Sprintf("a%d@example.com", i),
			"mailEquivalentAddress", fmt.Sprintf("e%d@example.com", i), "davUniqueId", fmt.Sprintf("ID-%d", i),
		})
		addresses = append(addresses, fmt.Sprintf("p%d@Example.com", i))
	}
	entries = append(entries, []string{"mail", "twin@example.com", "mailAlternateAddress", "p3@example.com"}, []string{"mail", "twin@example.com"})
	addresses = append(addresses, "twin@example.com", "nobody@example.com", "a7@example.com", "p7@example.com", "e7@example.com", "E8@example.com", "*@example.com", "x)(mail=*")
	for _, filter := range []string{"(|(mail=%s)(mailAlternateAddress=%s))", "(|(mail=%s)(mailEquivalentAddress=%s))", "(mail=%s)"} {
		file, live, _ := both(t, filter, entries...)
		one, two := answer(t, file, addresses), answer(t, live, addresses)
		if !slices.Equal(one, two) {
			t.Errorf("%s: the file has %d, the server has %d", filter, len(one), len(two))
			for _, x := range one {
				if !slices.Contains(two, x) {
					t.Errorf("only in the file: %s", x)
				}
			}
		}
		if len(one) < 253 {
			t.Errorf("%s: %d", filter, len(one))
		}
	}
}

// Requests by address and by unique ID can be mixed, and a file and a server give the same
// entries for them.
func TestByRequestOfFileAndServer(t *testing.T) {
	var entries [][]string
	var mixed, ids []Request
	var want []string
	for i := range 150 {
		entries = append(entries, []string{"mail", fmt.Sprintf("p%d@example.com", i), "davUniqueId", fmt.Sprintf("Id-%d", i)})
		ids = append(ids, Request{ID: fmt.Sprintf("iD-%d", i)})
		if i%2 == 0 {
			mixed = append(mixed, Request{Address: fmt.Sprintf("p%d@example.com", i)})
		} else {
			mixed = append(mixed, Request{ID: fmt.Sprintf("Id-%d", i)})
		}
		want = append(want, fmt.Sprintf("%d [p%d@example.com]", i, i))
	}
	nobody := []Request{{ID: "*"}, {ID: "x)(davUniqueId=*"}, {Address: "nobody@example.com"}}
	file, live, _ := both(t, "(mail=%s)", entries...)
	for name, requests := range map[string][]Request{"mixed": append(mixed, nobody...), "ids": append(ids, nobody[:2]...)} {
		for _, d := range []*Directory{file, live} {
			found, err := d.ByRequest(t.Context(), requests)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for n, err := range found.All() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d %s", n.Request, n.Entry.Mails))
			}
			if err := found.Close(); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, live %v: %v, %q", name, d.Live, err, got)
			}
		}
	}
}

// A replication conflict entry belongs to no person, and an invalid DN matters only to the one
// whose entry it is.
func TestConflictsAndInvalidDNs(t *testing.T) {
	file, _, _ := both(t, "(mail=%s)")
	path := filepath.Join(t.TempDir(), "people.ldif")
	text := "dn: uid=a,o=isp\nobjectClass: icsCalendarUser\nmail: a@example.com\n\ndn: nsuniqueid=1+uid=a,o=isp\nobjectClass: icsCalendarUser\nmail: a@example.com\n\n" +
		"dn: uid=J\xfcrg,o=isp\nobjectClass: icsCalendarUser\nmail: b@example.com\n\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file.Source = directory.NewFiles(directory.FilesOptions{Paths: []string{path}})
	if got := answer(t, file, []string{"a@example.com"}); !slices.Equal(got, []string{`0 uid=a,o=isp ["a@example.com"]`}) {
		t.Errorf("%q", got)
	}
	var unreadable *UnreadableError
	if _, err := file.ByAddress(t.Context(), []string{"b@example.com"}); !errors.As(err, &unreadable) || unreadable.Count != 1 {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(strings.TrimRight(text, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := file.ByAddress(t.Context(), []string{"a@example.com"}); err == nil || !strings.Contains(err.Error(), "the file was cut off") {
		t.Errorf("a file that was cut off: %v", err)
	}
}

// A directory that is lost while it is read gives an error, never a part of the entries.
func TestLostDirectoryIsAnError(t *testing.T) {
	_, live, server := both(t, "(mail=%s)", []string{"mail", "a@example.com"}, []string{"mail", "b@example.com"})
	server.SetFaults(ldaptest.Faults{DropAfter: new(1)})
	if found, err := live.ByAddress(t.Context(), []string{"a@example.com", "b@example.com"}); err == nil {
		t.Errorf("%d were found", found.Len())
	}
	if found, err := live.Select(t.Context(), "(uid=*)"); err == nil {
		t.Errorf("%d were found", found.Len())
	}
}

func TestOwnersOfFileAndServer(t *testing.T) {
	file, live, _ := both(t, "(mail=%s)",
		[]string{"mail", "a@example.com", "davUniqueId", "ID-a"},
		[]string{"mail", "noid@example.com"},
		[]string{"mail", "room@example.com", "davUniqueId", "ID-room", "owner", "UID=0, o=ISP", "owner", "uid=1,o=isp", "owner", "uid=99,o=isp"},
	)
	for _, d := range []*Directory{file, live} {
		found, err := d.Select(t.Context(), "(uid=2)")
		if err != nil || found.Len() != 1 {
			t.Fatal(found, err)
		}
		owner, err := d.OwnerLookup(t.Context(), found)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := owner("uid=0,o=isp"); err != nil || p != (store.Person{ID: "ID-a", Address: "a@example.com"}) {
			t.Errorf("%s: %+v, %v", d.Source.Name(), p, err)
		}
		for _, dn := range []string{"uid=1,o=isp", "uid=99,o=isp", "no dn"} {
			if p, err := owner(dn); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%s: %s: %+v, %v", d.Source.Name(), dn, p, err)
			}
		}
		if err := found.Close(); err != nil {
			t.Error(err)
		}
	}
}
