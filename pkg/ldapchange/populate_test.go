package ldapchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
)

func files(t *testing.T, text string) *directory.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.ldif")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return directory.NewFiles(directory.FilesOptions{Paths: []string{path}})
}

func ids(t *testing.T) Population {
	return Population{
		Attribute: "davUniqueId", Class: "davEntity", Format: FormatNSUniqueID, UID: "uid", Mail: "mail", Alternate: "mailAlternateAddress", Tmp: t.TempDir(),
		Selections: []directory.Selection{{Kind: directory.Group, Classes: []string{"groupOfUniqueNames"}}, {Kind: directory.User, Classes: []string{"icsCalendarUser"}}},
	}
}

// populate returns the records of the plan, and the entries that were skipped.
func populate(t *testing.T, text string, p Population) (records []Record, left []string, found Populated) {
	t.Helper()
	p.Skipped = func(dn, why string) { left = append(left, dn+": "+why) }
	d, found, err := Populate(t.Context(), files(t, text), p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if found.Planned == 0 {
		return nil, left, found
	}
	var b bytes.Buffer
	if err := d.Write(&b, Header{Entries: found.Entries}); err != nil {
		t.Fatal(err)
	}
	for group, err := range openPlan(t, b.Bytes()).All(false) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, group...)
	}
	return records, left, found
}

// brief formats a record, with NEW in place of a generated id.
func brief(r Record) string {
	id := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{8}){3}`)
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", r.DN)
	for _, e := range r.Expect {
		fmt.Fprintf(&b, " %s %s %q;", e.Need.keyword(), e.Name, e.Values)
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, " %s %s %q", c.Op, c.Name, c.Values)
	}
	return id.ReplaceAllString(b.String(), "NEW")
}

const somePeople = `dn: uid=none,o=isp
objectClass: icsCalendarUser
uid: none
mail: none@example.com

dn: uid=blank,o=isp
objectClass: icsCalendarUser
objectClass: DAVENTITY
uid: blank
davUniqueId:
davUniqueId:: ICA=

dn: uid=has,o=isp
objectClass: icsCalendarUser
uid: has
davUniqueId: ABC

dn: cn=group,o=isp
objectClass: groupOfUniqueNames
cn: group

dn: cn=printer,o=isp
objectClass: device
davUniqueId: Printer

`

func TestPopulateGivesNewIDs(t *testing.T) {
	records, left, found := populate(t, somePeople, ids(t))
	var got []string
	seen := map[string]bool{}
	for _, r := range records {
		got = append(got, brief(r))
		seen[string(r.Changes[len(r.Changes)-1].Values[0])] = true
	}
	if diff := cmp.Diff([]string{
		`uid=none,o=isp: expect-lacks objectClass ["davEntity"]; expect-absent davUniqueId []; add objectClass ["davEntity"] add davUniqueId ["NEW"]`,
		`uid=blank,o=isp: expect-all davUniqueId ["" "  "]; replace davUniqueId ["NEW"]`,
		`cn=group,o=isp: expect-lacks objectClass ["davEntity"]; expect-absent davUniqueId []; add objectClass ["davEntity"] add davUniqueId ["NEW"]`,
	}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if len(seen) != 3 || len(left) != 0 || !reflect.DeepEqual(found, Populated{Entries: 4, Have: 1, Planned: 3}) {
		t.Errorf("%v, %v, %+v", seen, left, found)
	}
	p := ids(t)
	p.Format = FormatUUID
	records, _, _ = populate(t, somePeople, p)
	if id := string(records[0].Changes[1].Values[0]); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("%s is not a UUID of version 4", id)
	}
}

// A value that any entry has, in any letter case, is not generated again.
func TestPopulateNeverRepeatsValues(t *testing.T) {
	zero := "00000000-00000000-00000000-00000000"
	for _, there := range []string{zero, strings.ToUpper("aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa")} {
		random := bytes.Repeat([]byte{0}, 16)
		if there != zero {
			random = bytes.Repeat([]byte{0xaa}, 16)
		}
		p := ids(t)
		p.Rand = bytes.NewReader(append(random, bytes.Repeat([]byte{1}, 16)...))
		records, _, _ := populate(t, "dn: uid=a,o=isp\nobjectClass: icsCalendarUser\n\ndn: cn=late,o=isp\nobjectClass: device\ndavUniqueId: "+there+"\n\n", p)
		if got := string(records[0].Changes[1].Values[0]); got != "01010101-01010101-01010101-01010101" {
			t.Errorf("%s was generated although %s exists", got, there)
		}
	}
	p := ids(t)
	p.Rand = bytes.NewReader(nil)
	if _, _, err := Populate(t.Context(), files(t, somePeople), p); err == nil || !strings.Contains(err.Error(), "unique id") {
		t.Errorf("without random numbers: %v", err)
	}
}

func TestPopulateCopiesValues(t *testing.T) {
	p := ids(t)
	p.From = "nsUniqueId"
	records, left, found := populate(t, `dn: uid=a,o=isp
objectClass: icsCalendarUser
nsUniqueId: One

dn: uid=b,o=isp
objectClass: icsCalendarUser
nsUniqueId: oNE

dn: uid=c,o=isp
objectClass: icsCalendarUser
nsUniqueId: TWO

dn: uid=d,o=isp
objectClass: icsCalendarUser

dn: uid=e,o=isp
objectClass: icsCalendarUser
davUniqueId: two
nsUniqueId: three

`, p)
	if len(records) != 1 || !strings.Contains(brief(records[0]), `uid=a,o=isp:`) || !strings.Contains(brief(records[0]), `davUniqueId ["One"]`) {
		t.Errorf("%v", records)
	}
	if diff := cmp.Diff([]string{
		"uid=b,o=isp: its nsUniqueId is already the davUniqueId of another entry (letter case is ignored)",
		"uid=c,o=isp: its nsUniqueId is already the davUniqueId of another entry (letter case is ignored)",
		"uid=d,o=isp: the entry has no nsUniqueId to copy",
	}, left); diff != "" || !reflect.DeepEqual(found, Populated{Entries: 5, Have: 1, Planned: 1, Skipped: 3}) {
		t.Errorf("%+v, skipped (-want +got):\n%s", found, diff)
	}
}

// With a list, only its people are given a value, and none if several entries match
// the same person.
func TestPopulatePeopleOfAList(t *testing.T) {
	set := cs6.NewUserSet(cs6.SetOptions{})
	for i, person := range []cs6.ListedUser{{Address: "none@example.com"}, {UID: "has"}, {UID: "twin"}, {UID: "gone"}} {
		person.File, person.Line = "wave.txt", i+1
		if err := set.Add(person); err != nil {
			t.Fatal(err)
		}
	}
	p := ids(t)
	p.Attribute, p.Value, p.People = "davStore", "defaultbackend", set
	records, left, found := populate(t, somePeople+"dn: uid=twin,ou=a,o=isp\nobjectClass: icsCalendarUser\nuid: twin\n\ndn: uid=twin,ou=b,o=isp\nobjectClass: icsCalendarUser\nuid: twin\n\n", p)
	var got []string
	for _, r := range records {
		got = append(got, brief(r))
	}
	if diff := cmp.Diff([]string{
		`uid=none,o=isp: expect-lacks objectClass ["davEntity"]; expect-absent davStore []; add objectClass ["davEntity"] add davStore ["defaultbackend"]`,
		`uid=has,o=isp: expect-lacks objectClass ["davEntity"]; expect-absent davStore []; add objectClass ["davEntity"] add davStore ["defaultbackend"]`,
	}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"uid=twin,ou=a,o=isp: 2 entries match the same person of the list",
		"uid=twin,ou=b,o=isp: 2 entries match the same person of the list",
		": wave.txt:4: no entry found for gone",
	}, left); diff != "" || found.Planned != 2 || found.Skipped != 3 {
		t.Errorf("%+v, skipped (-want +got):\n%s", found, diff)
	}
}

// A replication conflict entry and an entry with an invalid DN get no value; they are
// named, and what they have is not given to others.
func TestPopulateSkipsConflictsAndInvalidDNs(t *testing.T) {
	const text = "dn: uid=a,o=isp\nobjectClass: icsCalendarUser\nuid: a\nmail: id-1\n\n" +
		"dn: nsuniqueid=1+uid=a,o=isp\nobjectClass: icsCalendarUser\nuid: a\nmail: id-2\n\n" +
		"dn: uid=b,o=isp\nobjectClass: icsCalendarUser\nuid: b\nnsds5ReplConflict: namingConflict uid=b,o=isp\n\n" +
		"dn: nsuniqueid=2+uid=c,o=isp\nobjectClass: icsCalendarUser\nuid: c\ndavUniqueId: 7\n\n" +
		"dn: uid=J\xfcrg,o=isp\nobjectClass: icsCalendarUser\nuid: d\n\n" +
		"dn: uid=J\xfcrgen,o=isp\nobjectClass: icsCalendarUser\nuid: e\ndavUniqueId: ID-1\n\n"
	p := ids(t)
	want := []string{
		"nsuniqueid=1+uid=a,o=isp: it is a replication conflict entry", "uid=b,o=isp: it is a replication conflict entry",
		"uid=J\xfcrg,o=isp: the DN is not valid UTF-8, so no server accepts it",
	}
	records, left, found := populate(t, text, p)
	if diff := cmp.Diff(want, left); diff != "" || len(records) != 1 || records[0].DN != "uid=a,o=isp" || found.Skipped != 3 {
		t.Errorf("%+v, %+v, skipped (-want +got):\n%s", records, found, diff)
	}
	p.From = "mail"
	_, left, _ = populate(t, text, p)
	if diff := cmp.Diff(append([]string{"uid=a,o=isp: its mail is already the davUniqueId of another entry (letter case is ignored)"}, want...), left); diff != "" {
		t.Errorf("copied values: skipped (-want +got):\n%s", diff)
	}

	// The conflict entry of a listed person does not make the person ambiguous.
	set := cs6.NewUserSet(cs6.SetOptions{})
	if err := set.Add(cs6.ListedUser{UID: "a", File: "wave.txt", Line: 1}); err != nil {
		t.Fatal(err)
	}
	p = ids(t)
	p.Attribute, p.Value, p.People = "davStore", "defaultbackend", set
	records, left, _ = populate(t, text, p)
	if len(records) != 1 || records[0].DN != "uid=a,o=isp" || len(left) != 1 {
		t.Errorf("%+v, skipped %q", records, left)
	}
}

// again is a source that restarts once and then ends with a given error.
type again struct {
	directory.Source
	end error
}

func (a again) Entries(ctx context.Context, q directory.Query) iter.Seq2[*directory.Entry, error] {
	return func(yield func(*directory.Entry, error) bool) {
		for range 2 {
			n := 0
			for e, err := range a.Source.Entries(ctx, q) {
				if n++; n > 2 && a.end != nil {
					yield(nil, a.end)
					return
				}
				if !yield(e, err) {
					return
				}
			}
			if a.end == nil && !yield(nil, &directory.RestartError{}) {
				return
			}
		}
	}
}

// There is no plan for a directory that was not read to its end. A source that
// restarts is read once.
func TestPopulateNeedsCompleteDirectory(t *testing.T) {
	p := ids(t)
	short := &directory.IncompleteError{What: "x", Err: errors.New("gone")}
	if d, _, err := Populate(t.Context(), again{files(t, somePeople), short}, p); !errors.Is(err, short) || d != nil {
		t.Errorf("an incomplete source: %v", err)
	}
	if _, found, err := Populate(t.Context(), again{files(t, somePeople), nil}, p); !errors.Is(err, ErrEmpty) {
		t.Errorf("only what follows the last restart counts: %+v, %v", found, err)
	}
	if _, _, err := Populate(t.Context(), files(t, somePeople+"dn: uid=x,o=isp\nnonsense\n\n"), p); err == nil || !strings.Contains(err.Error(), "no plan was made") {
		t.Errorf("a broken record: %v", err)
	}
	if _, _, err := Populate(t.Context(), files(t, somePeople+"dn: uid=x,o=isp\nchangetype: add\nuid: x\n\n"), p); err == nil || !strings.Contains(err.Error(), "adds an entry") {
		t.Errorf("an addition: %v", err)
	}
	cut := strings.TrimRight(somePeople, "\n")
	if _, _, err := Populate(t.Context(), files(t, cut), p); err == nil || !strings.Contains(err.Error(), "the file was cut off") {
		t.Errorf("a file that was cut off: %v", err)
	}
	if _, _, err := Populate(t.Context(), files(t, "dn: o=isp\nobjectClass: organization\n\n"), p); !errors.Is(err, ErrEmpty) {
		t.Errorf("no entry: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Populate(ctx, files(t, somePeople), p); err == nil {
		t.Error("a plan was made although the run was stopped")
	}
}
