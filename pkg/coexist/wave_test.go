package coexist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

const movers = `dn: uid=plain,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: plain
mail: plain@example.com
davUniqueId: 1

dn: uid=active,o=isp
objectClass: icsCalendarUser
uid: active
mail: active@example.com
davUniqueId: 2
icsStatus: Active
icsAllowedServiceAccess: +imap:all

dn: uid=moved,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: moved
mail: moved@example.com
davUniqueId: 3
davStore: defaultbackend
icsAllowedServiceAccess: -http:all

dn: uid=room,o=isp
objectClass: icsCalendarResource
objectClass: davEntity
uid: room
mail: room@example.com
icsStatus: active
davUniqueId: 4

dn: uid=noid,o=isp
objectClass: icsCalendarUser
uid: noid
mail: noid@example.com

dn: uid=left,o=isp
objectClass: icsCalendarUser
uid: left
mail: left@example.com
davUniqueId: 5
icsStatus: deleted

dn: uid=gone,o=isp
objectClass: icsCalendarUser
uid: gone
mail: gone@example.com
davUniqueId: 6
inetUserStatus: inactive

dn: uid=many,o=isp
objectClass: icsCalendarUser
uid: many
mail: many@example.com
davUniqueId: 7
icsAllowedServiceAccess: +imap:all
icsAllowedServiceAccess: +pop:all

dn: uid=dash,o=isp
objectClass: icsCalendarUser
uid: -rf
mail: dash@example.com
davUniqueId: 8

dn: uid=mute,o=isp
objectClass: icsCalendarUser
uid: mute
davUniqueId: 9

dn: uid=two,o=isp
objectClass: icsCalendarUser
uid: two
mail: two@home@example.com
davUniqueId: 14

dn: uid=twin,ou=a,o=isp
objectClass: icsCalendarUser
uid: twin
mail: twin@example.com
davUniqueId: 10

dn: uid=twin,ou=b,o=isp
objectClass: icsCalendarUser
uid: twin
mail: twin@example.com
davUniqueId: 11

dn: uid=quote,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: o'neil
mail: quote@example.com
davUniqueId: 12

dn: uid=other,o=isp
objectClass: icsCalendarUser
uid: other
mail: other@example.com
davUniqueId: 13

`

// planText returns a plan without its header.
func planText(t *testing.T, d *ldapchange.Draft) string {
	t.Helper()
	if d.Changes() == 0 {
		return ""
	}
	var b bytes.Buffer
	if err := d.Write(&b, ldapchange.Header{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.ldif")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := ldapchange.OpenPlan(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	_, text, _ := strings.Cut(b.String(), "# digest: ")
	_, text, _ = strings.Cut(text, "\n")
	return text
}

// planned is a plan with a single wave.
type planned struct {
	*coexist.WavePlan
	*coexist.Wave
}

// planWave plans waves and returns the first one.
func planWave(t *testing.T, d *deployment, o coexist.WaveOptions) (planned, error) {
	t.Helper()
	p, err := coexist.PlanWaves(t.Context(), d.source(t), o)
	if err != nil {
		return planned{}, err
	}
	w := &coexist.Wave{}
	if p.Waves() > 0 {
		if w, err = p.Wave(0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
	}
	return planned{p, w}, nil
}

func TestPlanWave(t *testing.T) {
	d := &deployment{people: movers}
	var skipped []string
	o := coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"defaultbackend"}, Tmp: t.TempDir()},
		Users: setOf(t, "wave.txt", "plain@example.com\nactive@example.com\nmoved@example.com\nroom@example.com\nnoid@example.com\nleft@example.com\ngone@example.com\n"+
			"many@example.com\ndash@example.com\nmute\ntwo\ntwin@example.com\nquote@example.com\nnobody@example.com\n"),
		Skipped: func(s coexist.SkippedUser) { skipped = append(skipped, s.DN+": "+s.Reason.Error()) },
	}
	w, err := planWave(t, d, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`# expect-absent davStore
# expect-absent icsAllowedServiceAccess
dn: uid=plain,o=isp
changetype: modify
add: davStore
davStore: defaultbackend
-
add: icsAllowedServiceAccess
icsAllowedServiceAccess: -http:all
-

# expect-lacks objectClass: davEntity
# expect-absent davStore
# expect-all icsAllowedServiceAccess: +imap:all
# expect-all icsStatus: Active
dn: uid=active,o=isp
changetype: modify
add: objectClass
objectClass: davEntity
-
add: davStore
davStore: defaultbackend
-
replace: icsAllowedServiceAccess
icsAllowedServiceAccess: -http:all$+imap:all
-
delete: icsStatus
-

# expect-absent davStore
dn: uid=room,o=isp
changetype: modify
add: davStore
davStore: defaultbackend
-

# expect-absent davStore
# expect-absent icsAllowedServiceAccess
dn: uid=quote,o=isp
changetype: modify
add: davStore
davStore: defaultbackend
-
add: icsAllowedServiceAccess
icsAllowedServiceAccess: -http:all
-

`, planText(t, w.Forward)); diff != "" {
		t.Errorf("forward (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(`# expect-has objectClass: davEntity
# expect-all davStore: defaultbackend
# expect-all icsAllowedServiceAccess: -http:all$+imap:all
# expect-absent icsStatus
dn: uid=active,o=isp
changetype: modify
delete: objectClass
objectClass: davEntity
-
delete: davStore
-
replace: icsAllowedServiceAccess
icsAllowedServiceAccess: +imap:all
-
replace: icsStatus
icsStatus: Active
-
`, strings.Split(planText(t, w.Rollback), "\n\n")[1]+"\n"); diff != "" {
		t.Errorf("rollback (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"plain", "active", "moved", "room", `'o'\''neil'`}, w.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"uid=noid,o=isp: it has no davUniqueId",
		"uid=left,o=isp: icsStatus is 'deleted', which locks the user out of both servers",
		"uid=gone,o=isp: inetUserStatus is 'inactive', which locks the user out of both servers",
		"uid=many,o=isp: icsAllowedServiceAccess has several values, and how the old server evaluates them is unknown",
		"uid=dash,o=isp: its user id cannot be used in a command",
		"uid=mute,o=isp: it has no mail address",
		"uid=two,o=isp: its mail address 'two@home@example.com' is not valid: more than one @",
		"uid=twin,ou=a,o=isp: 2 entries match the same user of the list",
		"uid=twin,ou=b,o=isp: 2 entries match the same user of the list",
		": wave.txt:14: no entry found for nobody@example.com",
	}, skipped); diff != "" || w.Skipped != len(skipped) {
		t.Errorf("skipped %d (-want +got):\n%s", w.Skipped, diff)
	}
}

// A user without a unique id is skipped with an error that names the attribute.
func TestPlanWaveNoUniqueID(t *testing.T) {
	d := &deployment{people: movers}
	var noID *coexist.NoUniqueIDError
	_, err := planWave(t, d, coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"defaultbackend"}, Tmp: t.TempDir()},
		Users:     setOf(t, "wave.txt", "noid@example.com\n"),
		Skipped: func(s coexist.SkippedUser) {
			if !errors.As(s.Reason, &noID) {
				t.Errorf("%v", s.Reason)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if noID == nil || noID.Attribute != "davUniqueId" {
		t.Errorf("%+v", noID)
	}
}

// The owners of calendars have the names of the old server, and users without
// calendars there are moved, too.
func TestPlanWaveWithTheListOfTheOldServer(t *testing.T) {
	d := &deployment{people: movers}
	w, err := planWave(t, d, coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Tmp: t.TempDir(), CS6: setOf(t, "on6.txt", "PLAIN@Example.com: owner=PLAIN@Example.com status=enabled\n")},
		Users:     setOf(t, "wave.txt", "plain@example.com\nroom@example.com\n"), Backend: "store1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"plain@example.com"}, w.Owners); diff != "" || len(w.Addresses) != 2 || !strings.Contains(planText(t, w.Forward), "davStore: store1\n") {
		t.Errorf("%v (-want +got):\n%s", w.Addresses, diff)
	}
}

// A replication conflict entry does not make its user ambiguous, and a user whose entry
// has an invalid DN is skipped with the reason.
func TestPlanWaveConflictsAndInvalidDNs(t *testing.T) {
	const person = "objectClass: icsCalendarUser\nuid: %[1]s\nmail: %[1]s@example.com\ndavUniqueId: %[1]s\n\n"
	d := &deployment{people: "dn: uid=a,o=isp\n" + fmt.Sprintf(person, "a") + "dn: nsuniqueid=1+uid=a,o=isp\n" + fmt.Sprintf(person, "a") + "dn: uid=J\xfcrg,o=isp\n" + fmt.Sprintf(person, "b")}
	var skipped []string
	w, err := planWave(t, d, coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Tmp: t.TempDir()}, Backend: "x", Users: setOf(t, "wave.txt", "a@example.com\nb@example.com\n"),
		Skipped: func(s coexist.SkippedUser) { skipped = append(skipped, s.DN+": "+s.Reason.Error()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"uid=J\xfcrg,o=isp: the DN is not valid UTF-8, so no server accepts it"}; !slices.Equal(skipped, want) || w.Forward.Changes() != 1 {
		t.Errorf("%d changes, skipped %q", w.Forward.Changes(), skipped)
	}
}

func TestPlanWaveErrors(t *testing.T) {
	d := &deployment{people: movers}
	o := coexist.WaveOptions{Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"a", "b"}}, Users: setOf(t, "wave.txt", "plain@example.com\n")}
	if _, err := planWave(t, d, o); !errors.Is(err, coexist.ErrBackend) {
		t.Errorf("two back ends: %v", err)
	}
	o.Backend = "a"
	if _, err := coexist.PlanWaves(context.Background(), truncated{d.source(t)}, o); err == nil || !strings.Contains(err.Error(), "connection lost") {
		t.Errorf("a truncated directory: %v", err)
	}
}

// Without a list, the users who are only on the old server are planned, in waves of a
// limited size. A group of a list is skipped as a group.
func TestPlanWavesWithoutAList(t *testing.T) {
	d := &deployment{people: movers + "dn: cn=staff,o=isp\nobjectClass: groupOfUniqueNames\ncn: staff\nmail: staff@example.com\n\n"}
	var skipped []string
	o := coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"defaultbackend"}, Tmp: t.TempDir(), CS7: setOf(t, "on7.txt", "quote@example.com\n")},
		Domain:    "example.com", Size: 2, Skipped: func(s coexist.SkippedUser) { skipped = append(skipped, s.Name+": "+s.Reason.Error()) },
	}
	p, err := coexist.PlanWaves(t.Context(), d.source(t), o)
	if err != nil {
		t.Fatal(err)
	}
	var waves [][]string
	for i := range p.Waves() {
		w, err := p.Wave(i)
		if err != nil {
			t.Fatal(err)
		}
		waves = append(waves, w.Addresses)
		if planText(t, w.Rollback) == "" || w.Forward.Changes() != len(w.Addresses) {
			t.Errorf("wave %d: %d changes", i, w.Forward.Changes())
		}
		_ = w.Close()
	}
	if diff := cmp.Diff([][]string{{"plain@example.com", "active@example.com"}, {"room@example.com", "other@example.com"}}, waves); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
	want := []string{
		"noid@example.com: it has no davUniqueId",
		"many@example.com: icsAllowedServiceAccess has several values, and how the old server evaluates them is unknown",
		"dash@example.com: its user id cannot be used in a command",
		"two: its mail address 'two@home@example.com' is not valid: more than one @",
		"twin@example.com: 2 entries have the same mail address", "twin@example.com: 2 entries have the same mail address",
	}
	if diff := cmp.Diff(want, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	o.Directory.CS6, o.Size, skipped = setOf(t, "on6.txt", "room: owner=room status=enabled\n"), 0, nil
	w, err := planWave(t, d, o)
	if err != nil || !slices.Equal(w.Addresses, []string{"room@example.com"}) || w.Resources != 1 || skipped != nil {
		t.Errorf("with the list of the old server: %v, %v, %v", w.Addresses, skipped, err)
	}
	o.Users = setOf(t, "wave.txt", "staff@example.com\n")
	w, err = planWave(t, d, o)
	if err != nil || w.Waves() != 0 || !slices.Equal(skipped, []string{"staff@example.com: it is a group without davUniqueId"}) {
		t.Errorf("a group: %v, %v", skipped, err)
	}
}
