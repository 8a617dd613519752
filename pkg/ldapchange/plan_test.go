package ldapchange

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func header() Header {
	return Header{Made: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), By: "davadmin ldap populate", Source: "export.ldif", Entries: 1000}
}

// fataler is the common interface of tests and property tests.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func planText(t fataler, h Header, records ...Record) []byte {
	t.Helper()
	d, err := NewDraft("")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for i := range records {
		if err := d.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := d.Write(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func planFile(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.ldif")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openPlan(t *testing.T, text []byte) *Plan {
	t.Helper()
	p, err := OpenPlan(planFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func one(dn string) Record {
	return Record{
		DN:      dn,
		Changes: []ldif.Modification{{Op: ldif.OpAdd, Name: "objectClass", Values: [][]byte{[]byte("davEntity")}}, {Op: ldif.OpAdd, Name: "davUniqueId", Values: [][]byte{[]byte("1-2")}}},
		Expect:  []Expectation{{"objectClass", NeedLacks, [][]byte{[]byte("davEntity")}}, {"davUniqueId", NeedAbsent, nil}},
	}
}

// The text of a plan is a file format: other LDAP clients and later versions read it.
func TestPlanText(t *testing.T) {
	r := one("uid=müller,o=isp")
	r.Note = "it\nchanged"
	r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpReplace, Name: "icsStatus", Values: [][]byte{[]byte("active")}}, ldif.Modification{Op: ldif.OpDelete, Name: "davStore"})
	r.Expect = append(r.Expect, Expectation{"icsStatus", NeedAll, [][]byte{[]byte(" inactive"), {}}}, Expectation{"davStore", NeedHas, [][]byte{[]byte("x: y")}})
	want := `version: 1
# davadmin plan 1
# made: 2026-11-01T12:00:00Z
# by: davadmin ldap populate
# source: export.ldif
# entries: 1000
# changes: 1
# digest: 9b1c
# why: it changed
# expect-lacks objectClass: davEntity
# expect-absent davUniqueId
# expect-all icsStatus:: IGluYWN0aXZl
# expect-all icsStatus:
# expect-has davStore: x: y
dn:: dWlkPW3DvGxsZXIsbz1pc3A=
changetype: modify
add: objectClass
objectClass: davEntity
-
add: davUniqueId
davUniqueId: 1-2
-
replace: icsStatus
icsStatus: active
-
delete: davStore
-

`
	got := string(planText(t, header(), r))
	before, rest, _ := strings.Cut(got, "# digest: ")
	digest, rest, _ := strings.Cut(rest, "\n")
	if len(digest) != 64 {
		t.Errorf("digest %q", digest)
	}
	if diff := cmp.Diff(want, before+"# digest: 9b1c\n"+rest); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// Any number of records is read as it was written, forwards and backwards.
func TestPlanRoundTrip(t *testing.T) {
	dir := t.TempDir()
	value := rapid.SliceOfN(rapid.Byte(), 0, 20)
	values := rapid.SliceOfN(value, 1, 3)
	name := rapid.SampledFrom([]string{"davUniqueId", "objectClass", "cn;lang-de", "icsStatus"})
	record := rapid.Custom(func(t *rapid.T) Record {
		r := Record{DN: "uid=" + rapid.StringMatching(`[a-zé ]{0,8}x`).Draw(t, "rdn") + ",o=isp"}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			c := ldif.Modification{Op: rapid.SampledFrom([]ldif.Op{ldif.OpAdd, ldif.OpDelete, ldif.OpReplace}).Draw(t, "op"), Name: name.Draw(t, "name")}
			if c.Op == ldif.OpAdd || rapid.Bool().Draw(t, "valued") {
				c.Values = values.Draw(t, "values")
			}
			r.Changes = append(r.Changes, c)
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "expectations") {
			e := Expectation{Name: fmt.Sprintf("attr%d", i), Need: Need(rapid.IntRange(0, 3).Draw(t, "need"))}
			if e.Need != NeedAbsent {
				e.Values = values.Draw(t, "expected")
			}
			r.Expect = append(r.Expect, e)
		}
		return r
	})
	n := 0
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(record, 1, 4).Draw(t, "records")
		for i := range records {
			records[i].DN = fmt.Sprintf("cn=%d,%s", i, records[i].DN)
		}
		if rapid.IntRange(0, 19).Draw(t, "many") == 0 {
			for i := range 2*blockRecords + 3 {
				records = append(records, one(fmt.Sprintf("uid=%d,o=isp", i)))
			}
		}
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, planText(t, header(), records...), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenPlan(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		if p.Records != len(records) || !p.Verified || p.Header.Entries != 1000 || p.Header.By != header().By || !p.Header.Made.Equal(header().Made) {
			t.Fatalf("%+v", p)
		}
		for _, reverse := range []bool{false, true} {
			var got []Record
			for group, err := range p.All(reverse) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, group...)
			}
			if reverse {
				slices.Reverse(got)
			}
			line := 0
			for i := range got {
				if got[i].Line <= line {
					t.Fatalf("line %d after line %d", got[i].Line, line)
				}
				line = got[i].Line
			}
			if len(got) != len(records) {
				t.Fatalf("%d records instead of %d", len(got), len(records))
			}
			for i := range records {
				if want, read := content(records[i]), content(got[i]); want != read {
					t.Fatalf("record %d, reverse %v:\n%s\n%s", i, reverse, want, read)
				}
			}
		}
	})
}

func content(r Record) string { return fmt.Sprintf("%q %v %v", r.DN, r.Changes, r.Expect) }

// A plan that was edited or truncated, or contains something else, is refused before
// any change.
func TestBadPlans(t *testing.T) {
	good := string(planText(t, header(), one("uid=a,o=isp"), one("uid=b,o=isp")))
	swap := func(old, now string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(good, old, now, 1)
	}
	for name, c := range map[string]struct {
		text string
		err  error
		says string
	}{
		"a value was changed":       {swap("davUniqueId: 1-2", "davUniqueId: 1-3"), ErrDigest, "create the plan again"},
		"a record is missing":       {good[:strings.LastIndex(good, "# expect-lacks")], ErrDigest, ""},
		"cut in the middle":         {good[:len(good)-30], nil, ""},
		"another count":             {swap("# changes: 2", "# changes: 3"), ErrDigest, "contains 2 changes"},
		"a password":                {"dn: uid=a,o=isp\nchangetype: modify\nreplace: userPassword\nuserPassword: x\n-\n\n", ErrSecret, "userPassword"},
		"a password by its OID":     {"dn: uid=a,o=isp\nchangetype: modify\nreplace: 2.5.4.35;x-1\n2.5.4.35;x-1: x\n-\n\n", ErrSecret, "2.5.4.35"},
		"an OID":                    {"dn: uid=a,o=isp\nchangetype: modify\nreplace: 2.16.840.1.113730.3.1.55\n2.16.840.1.113730.3.1.55: x\n-\n\n", ErrPlan, "its name is required"},
		"a password with an option": {"dn: uid=a,o=isp\nchangetype: modify\nreplace: UserPassword;x-1\nUserPassword;x-1: x\n-\n\n", ErrSecret, "line 1"},
		"an entry":                  {"dn: uid=a,o=isp\nuid: a\n\n", ErrPlan, "not a modification"},
		"a new entry":               {"dn: uid=a,o=isp\nchangetype: add\nuid: a\n\n", ErrPlan, "not a modification"},
		"a deletion":                {"dn: uid=a,o=isp\nchangetype: delete\n\n", ErrPlan, "not a modification"},
		"an increment":              {"dn: uid=a,o=isp\nchangetype: modify\nincrement: x\nx: 1\n-\n\n", ErrPlan, "increments"},
		"a control":                 {"dn: uid=a,o=isp\ncontrol: 1.2.3\nchangetype: modify\nadd: x\nx: 1\n-\n\n", ErrPlan, "controls"},
		"broken LDIF":               {"dn: uid=a,o=isp\nchangetype: modify\nnonsense\n\n", ErrPlan, ""},
		"nothing":                   {"", ErrPlan, "no changes"},
		"comments":                  {"# nothing\n", ErrPlan, "no changes"},
		"an unknown expectation":    {"# expect-more x: y\ndn: uid=a,o=isp\nchangetype: modify\nadd: x\nx: 1\n-\n\n", ErrPlan, "not a valid expectation"},
		"a name that is a filter":   {"# expect-has x)(uid=*: y\ndn: uid=a,o=isp\nchangetype: modify\nadd: x\nx: 1\n-\n\n", ErrPlan, "not a valid expectation"},
		"one entry twice":           {"dn: uid=a,o=isp\nchangetype: modify\nadd: x\nx: 1\n-\n\ndn: UID=A, o=isp\nchangetype: modify\nadd: x\nx: 2\n-\n\n", ErrPlan, "same entry"},
		"no name":                   {"dn:: ICA=\nchangetype: modify\nadd: x\nx: 1\n-\n\n", ErrPlan, "the root of the directory"},
		"no changetype":             {"dn: uid=a,o=isp\nreplace: x\nx: 1\n-\n\n", ErrPlan, `line 4: the line "changetype: modify" is missing`},
		"no changetype, no dash":    {"dn: uid=a,o=isp\nreplace: x\nx: 1\n\n", ErrPlan, `has no line "changetype: modify"`},
		"no value to add":           {"dn: uid=a,o=isp\nchangetype: modify\nadd: x\n-\n\n", ErrPlan, "adds x without a value"},
		"no digest":                 {swap("# digest: ", "# was: "), ErrDigest, "'# digest:' is missing"},
		"a later format":            {swap("# davadmin plan 1", "# davadmin plan 2"), ErrPlan, "this version of davadmin can read"},
		"cut off in a deletion":     {"dn: uid=b,o=isp\nchangetype: modify\ndelete: x\n", ErrPlan, "ends the last change"},
		"cut off in a list":         {"dn: uid=b,o=isp\nchangetype: modify\nreplace: x\nx: 1\n", ErrPlan, "ends the last change"},
		"cut off":                   {"dn: uid=a,o=isp\nchangetype: modify\nadd: x\nx: 12\n-\n\ndn: uid=b,o=isp\nchangetype: modify\nadd: x\nx: 1", ErrPlan, "the last line has no line ending"},
	} {
		p, err := OpenPlan(planFile(t, []byte(c.text)))
		if err == nil {
			_ = p.Close()
			t.Errorf("%s: it was accepted", name)
			continue
		}
		if c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenPlan(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// LDIF from elsewhere is accepted; it has no header.
func TestForeignLDIF(t *testing.T) {
	p := openPlan(t, []byte("dn: uid=a,o=isp\r\nchangetype: modify\r\nadd: x\r\nx: 1\r\n-\r\n\r\ndn: uid=b,o=isp\r\nchangetype: modify\r\ndelete: x\r\n\r\n"))
	if p.Verified || p.Records != 2 || p.Implicit != 2 || p.Removes != 1 || p.Sum == "" {
		t.Errorf("%+v", p)
	}
}

// A plan whose changes do not end with "-", as ldapmodify allows, is read to its end, also
// if it has more records than are in memory at once.
func TestForeignLDIFWithoutDashes(t *testing.T) {
	var b strings.Builder
	const n = 2*blockRecords + 1
	for i := range n {
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nchangetype: modify\ndelete: x\n\n", i)
	}
	p := openPlan(t, []byte(b.String()))
	read := 0
	for records, err := range p.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		read += len(records)
	}
	if p.Records != n || read != n {
		t.Errorf("%d records, and %d were read again", p.Records, read)
	}
}

func TestIsSecret(t *testing.T) {
	for name, secret := range map[string]bool{
		"userPassword": true, "USERPASSWORD;x-y": true, "sambaNTPassword": true, "unicodePwd": true, "krbPrincipalKey": true, "nsDS5ReplicaCredentials": true, "oathSecret": true,
		"davUniqueId": false, "icsStatus": false, "mail": false, "objectClass": false, "passwordless": true,
		"2.5.4.35": true, "OID.2.5.4.35;lang-en": true, "1.3.6.1.4.1.4203.1.3.4": true, "2.5.4.3": false,
	} {
		if IsSecret(name) != secret {
			t.Errorf("%s: %v", name, !secret)
		}
	}
}

func TestAccessControl(t *testing.T) {
	for name, want := range map[string]bool{"aci": true, "ACI;x-1": true, "olcAccess": true, "OpenLDAPaci": true, "ds-cfg-global-aci": true, "mail": false, "aclass": false} {
		if IsAccessControl(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	p := openPlan(t, []byte("dn: o=isp\nchangetype: modify\nadd: aci\naci: x\n-\n\ndn: o=b\nchangetype: modify\nadd: mail\nmail: x\n-\n\n"))
	if p.AccessControl != 1 {
		t.Errorf("%+v", p)
	}
}

// A plan that is truncated between two records while it is applied is not mistaken
// for a shorter one.
func TestPlanTruncatedDuringRun(t *testing.T) {
	var records []Record
	for i := range 2*blockRecords + 3 {
		records = append(records, changeOf(i))
	}
	p := openPlan(t, planText(t, header(), records...))
	groups := 0
	for _, err := range p.All(false) {
		if groups++; groups == 1 {
			if err := os.Truncate(p.Path(), p.blocks[1].from+1); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "changed while it was being read") {
			t.Errorf("group %d: %v", groups, err)
		}
	}
	if groups != 2 {
		t.Errorf("%d groups", groups)
	}
}
