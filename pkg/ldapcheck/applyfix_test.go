package ldapcheck_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Only what requires no decision is repaired, entry by entry. People who may have
// been moved are left alone.
func TestRepairs(t *testing.T) {
	src := &script{steps: []step{
		{dn: "uid=a,o=isp", kind: directory.User, values: []string{
			"uid", "a", "mail", "a@example.com", "davUniqueId", "1", "davStore", "x", "icsStatus", "active", "icsAllowedServiceAccess", "-http:all"}},
		person("b", "2"),
		{dn: "uid=c,o=isp", kind: directory.User, values: []string{"uid", "c", "mail", "c@example.com"}},
		{dn: "uid=d,o=isp", kind: directory.User, values: []string{"uid", "d", "mail", "d@example.com", "davUniqueId", "2"}},
	}}
	for _, both := range []bool{true, false} {
		o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), CS6: peopleSet(t, cs6.ListedUser{UID: "a"})}
		want := []string{
			"uid=a,o=isp uniqueid-class-missing: add objectClass [davEntity] []",
			"uid=a,o=isp davstore-present: delete davStore [] [x]",
			"uid=a,o=isp lockout-ineffective: delete icsStatus [] [active]",
			"uid=d,o=isp uniqueid-class-missing: add objectClass [davEntity] []",
		}
		if both {
			o.CS7 = peopleSet(t, cs6.ListedUser{UID: "nobody"})
		} else {
			want = append(want[:1], want[2:]...)
		}
		audit, err := ldapcheck.New(o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.Run(context.Background(), src)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for m, err := range r.Repairs() {
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range m.Parts {
				got = append(got, fmt.Sprintf("%s %s: %s %s %s %s", m.DN, p.Rule, p.Change.Op, p.Change.Name, p.Change.Values, p.Present))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("both lists %v (-want +got):\n%s", both, diff)
		}
		if repairable := len(r.Repairable()); repairable != map[bool]int{true: 3, false: 2}[both] {
			t.Errorf("%d rules are repairable", repairable)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The fix for entries that share an id contains what is known of each one, to help to
// decide which one keeps it.
func TestFixDescribesEntriesThatShareAnID(t *testing.T) {
	src := &script{steps: []step{
		{dn: "uid=a,o=isp", kind: directory.User, values: []string{"uid", "a", "mail", "a@example.com", "davUniqueId", "ID", "davStore", "x", "objectClass", "davEntity"}},
		{dn: "uid=b\x1b,o=isp", kind: directory.User, values: []string{"uid", "b", "mail", "b@example.com", "davUniqueId", "id", "icsStatus", "deleted", "objectClass", "davEntity"}},
		{dn: "uid=c,o=isp", kind: directory.User, values: []string{"uid", "c", "davUniqueId", "iD", "objectClass", "davEntity"}},
	}}
	audit, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), CS6: peopleSet(t, cs6.ListedUser{UID: "b"}), CS7: peopleSet(t, cs6.ListedUser{UID: "a"})})
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Run(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	fix := ""
	for f, err := range r.Findings(0) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Rule == "uniqueid-case-collision" {
			fix = f.Fix.String()
		}
	}
	for _, line := range []string{
		"# uid=a,o=isp: 'a@example.com', has davStore, is on the list of the new server\n# new-id ",
		"# uid=b?,o=isp: 'b@example.com', is locked out by its status, is on the list of the old server\nnew-id ",
	} {
		if !strings.Contains(fix, line) {
			t.Errorf("no %q in\n%s", line, fix)
		}
	}
	if strings.Contains(fix, "# uid=c") || strings.Contains(fix, "\x1b") {
		t.Error(fix)
	}
}
