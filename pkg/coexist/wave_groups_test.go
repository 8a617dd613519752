package coexist_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// chain returns a user in the innermost of n groups, each in the one before it.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		member := fmt.Sprintf("cn=g%d,o=isp", i+1)
		if i == n-1 {
			member = "uid=deep,o=isp"
		}
		fmt.Fprintf(&b, "dn: cn=g%d,o=isp\nobjectClass: groupOfUniqueNames\nmail: g%d@example.com\ndavUniqueId: g%d\nuniqueMember: %s\n\n", i, i, i, member)
	}
	return b.String() + "dn: uid=deep,o=isp\nobjectClass: icsCalendarUser\nuid: deep\nmail: deep@example.com\ndavUniqueId: 1\n"
}

// expand plans a wave of groups, and returns who moves, the groups and who is skipped.
func expand(t *testing.T, src directory.Source, list string, edit func(*coexist.WaveOptions)) (moved, groups, skipped []string, err error) {
	t.Helper()
	o := coexist.WaveOptions{
		Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"defaultbackend"}, Tmp: t.TempDir()},
		Users:     setOf(t, "wave.txt", list), ExpandGroups: true,
		Skipped: func(s coexist.SkippedUser) { skipped = append(skipped, s.DN+": "+s.Reason.Error()) },
		Group:   func(g *coexist.WaveGroup) { groups = append(groups, g.DN) },
	}
	if edit != nil {
		edit(&o)
	}
	p, err := coexist.PlanWaves(t.Context(), src, o)
	if err != nil || p.Waves() == 0 {
		return nil, groups, skipped, err
	}
	w, err := p.Wave(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w.Addresses, groups, skipped, nil
}

// Groups are followed to a bound, and what is below it is reported.
func TestGroupDepth(t *testing.T) {
	for n, want := range map[int]string{1: "deep@example.com", 33: "deep@example.com", 34: "", 40: ""} {
		d := &deployment{people: chain(n)}
		moved, groups, skipped, err := expand(t, d.source(t), "g0@example.com\n", nil)
		if err != nil || strings.Join(moved, " ") != want {
			t.Errorf("%d groups: %v moved, %v", n, moved, err)
		}
		if deep := "cn=g33,o=isp: the group is in the group cn=g32,o=isp, more than 32 levels below a group of the list"; (want == "") != slices.Contains(skipped, deep) || len(groups) != min(n, 33) {
			t.Errorf("%d groups: %d expanded, skipped %v", n, len(groups), skipped)
		}
	}
}

// restarting is a source that starts again after its first entries, in each reading.
type restarting struct {
	directory.Source
	readings int
	fail     int // the reading that ends with an error; 0 for none
}

func (r *restarting) Entries(ctx context.Context, q directory.Query) iter.Seq2[*directory.Entry, error] {
	return func(yield func(*directory.Entry, error) bool) {
		r.readings++
		for e, err := range r.Source.Entries(ctx, q) {
			if !yield(e, err) {
				return
			}
		}
		if r.readings == r.fail {
			yield(nil, &directory.IncompleteError{What: "test", Err: errors.New("lost")})
			return
		}
		if !yield(nil, &directory.RestartError{Err: errors.New("lost")}) {
			return
		}
		for e, err := range r.Source.Entries(ctx, q) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// A reading that starts again adds nothing twice, and one that ends short makes no wave.
func TestGroupsReadAgain(t *testing.T) {
	d := &deployment{people: chain(3)}
	r := &restarting{Source: d.source(t)}
	moved, groups, skipped, err := expand(t, r, "g0@example.com\n", nil)
	if err != nil || strings.Join(moved, " ") != "deep@example.com" || len(groups) != 3 || len(skipped) != 0 || r.readings != 4 {
		t.Errorf("%v, %v, %v, %v, %d readings", moved, groups, skipped, err, r.readings)
	}
	for fail := 1; fail <= 4; fail++ {
		r := &restarting{Source: d.source(t), fail: fail}
		moved, _, _, err := expand(t, r, "g0@example.com\n", nil)
		if _, ok := errors.AsType[*directory.IncompleteError](err); !ok || moved != nil {
			t.Errorf("reading %d failed: %v, %v", fail, moved, err)
		}
	}
}

// Members are found however their DNs are written, and a group is not a member of itself.
func TestGroupMembers(t *testing.T) {
	d := &deployment{people: movers + `dn: cn=all,o=isp
objectClass: groupOfUniqueNames
objectClass: inetMailGroup
mail: all@example.com
davUniqueId: 30
uniqueMember: UID=Plain , O=ISP
uniqueMember: uid=active,o=isp#'01'B
uniqueMember: uid=a\#'01'B,o=isp
uniqueMember;x-own: cn=all,o=isp
uniqueMember: uid=left,o=isp
uniqueMember:
member: uid=plain,o=isp
mgrpRFC822MailMember: Room@Example.COM
mgrpRFC822MailMember: twin@example.com
`}
	moved, _, skipped, err := expand(t, d.source(t), "all@example.com\nother@example.com\n", nil)
	if err != nil || strings.Join(moved, " ") != "plain@example.com active@example.com room@example.com other@example.com" {
		t.Errorf("moved %v, %v", moved, err)
	}
	want := []string{
		"uid=left,o=isp: icsStatus is 'deleted', which locks the user out of both servers",
		"uid=twin,ou=a,o=isp: 2 entries match the same member of a group",
		"uid=twin,ou=b,o=isp: 2 entries match the same member of a group",
		`: no user, resource or group found for uid=a\#'01'B,o=isp, a member of the group cn=all,o=isp`,
		":  is a member of the group cn=all,o=isp, but the DN is invalid",
	}
	if !slices.Equal(skipped, want) {
		t.Errorf("skipped:\n%s", strings.Join(skipped, "\n"))
	}
}
