package directory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// liveTree returns o=isp with ou=people, n persons below it, and a group.
func liveTree(n int) []ldaptest.Entry {
	out := []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("ou=people,o=isp", "objectClass", "organizationalUnit", "ou", "people"),
	}
	for i := range n {
		out = append(out, livePerson(i))
	}
	return append(out, ldaptest.NewEntry("cn=all,ou=people,o=isp", "objectClass", "groupOfNames", "cn", "all", "member", "uid=u0000,ou=people,o=isp"))
}

func livePerson(i int) ldaptest.Entry {
	uid := fmt.Sprintf("u%04d", i)
	return ldaptest.NewEntry("uid="+uid+",ou=people,o=isp", "objectClass", "inetOrgPerson", "objectClass", "icsCalendarUser",
		"uid", uid, "cn", "Person "+uid, "sn", uid, "mail", uid+"@example.org")
}

// liveUsers returns a query for the uids of all persons.
func liveUsers() Query {
	return Query{Attributes: []string{"uid"}, Selections: []Selection{{Kind: User, Classes: []string{"icsCalendarUser"}, Attributes: 1}}}
}

// userTexts returns the result of liveUsers.
func userTexts(n int) []string {
	out := []string{}
	for i := range n {
		out = append(out, fmt.Sprintf(`0:0 user "uid=u%04d,ou=people,o=isp" uid="u%04d"`, i, i))
	}
	return out
}

const managerDN = "cn=Manager,o=isp"

// asManager returns the options to bind as the manager of a test server.
func asManager(o Options) Options {
	o.BindDN = managerDN
	o.Password = func(context.Context) ([]byte, error) { return []byte("secret"), nil }
	return o
}

func managerOnly() []ldaptest.Identity {
	return []ldaptest.Identity{{DN: managerDN, Password: "secret"}}
}

// openLive opens a directory that is closed at the end of the test. It sets ByClass, so
// that there are no searches except those under test.
func openLive(t *testing.T, o Options) *Live {
	t.Helper()
	o.ByClass = true
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// liveOutcome is the result of a sequence of a Live.
type liveOutcome struct {
	items    []item // since the last restart
	restarts []*RestartError
	err      error
}

// readLive reads a sequence to its end.
func readLive(ctx context.Context, l *Live, q Query) liveOutcome {
	var out liveOutcome
	for e, err := range l.Entries(ctx, q) {
		if again, ok := errors.AsType[*RestartError](err); ok && !asIncomplete(err) {
			out.items, out.restarts = nil, append(out.restarts, again)
			continue
		}
		if _, ok := errors.AsType[*Problem](err); err != nil && !ok {
			out.err = err
			break
		}
		out.items = append(out.items, itemOf(q, e, err))
	}
	return out
}

func asIncomplete(err error) bool {
	_, ok := errors.AsType[*IncompleteError](err)
	return ok
}

// requireComplete checks a sequence that must be complete.
func requireComplete(t *testing.T, got liveOutcome, want ...string) {
	t.Helper()
	if got.err != nil || len(got.restarts) > 0 {
		t.Errorf("the sequence ended with %v, restarts %v", got.err, got.restarts)
	}
	requireTexts(t, got, want...)
}

func requireTexts(t *testing.T, got liveOutcome, want ...string) {
	t.Helper()
	if have := texts(got.items); !slices.Equal(have, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	for i, it := range got.items {
		if it.pos != uint64(i) {
			t.Errorf("Pos of item %d is %d", i, it.pos)
		}
	}
}

// requireShort checks a sequence that must be incomplete.
func requireShort(t *testing.T, got liveOutcome, entries, code int, text string) {
	t.Helper()
	e, ok := got.err.(*IncompleteError) //nolint:errorlint // it must not be wrapped
	if !ok {
		t.Errorf("the sequence of %d ended with %v", len(got.items), got.err)
		return
	}
	if e.Entries != entries || len(got.items) != entries || e.Code != code || ResultCode(e) != code {
		t.Errorf("%d items, and the error has %d entries and code %d, want %d and %d", len(got.items), e.Entries, e.Code, entries, code)
	}
	if !strings.Contains(e.Err.Error(), text) {
		t.Errorf("the error is %v, want one that contains %q", e, text)
	}
}

// eventually waits for a condition that another goroutine establishes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%s did not happen", what)
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
