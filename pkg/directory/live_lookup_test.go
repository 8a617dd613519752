package directory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

func TestRoot(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(0), Suffixes: []string{"o=isp", ""}})
	root := openLive(t, Options{URLs: []string{s.URL()}}).RootDSE()
	if !slices.Equal(root.NamingContexts, []string{"o=isp"}) || root.SubschemaDN != "cn=Subschema" || root.Vendor != "ldaptest" || root.Version != "1" ||
		!root.Paging || !slices.Contains(root.Controls, oidPaging) || len(root.Extensions) != 1 {
		t.Errorf("%+v", root)
	}
	s = ldaptest.Start(t, ldaptest.Options{NoPaging: true, Suffixes: []string{"o=a", "o=b"}, RootDSE: []ldaptest.Attr{
		{Name: "vendorName"}, {Name: "vendorVersion"}, {Name: "supportedExtension"}, {Name: "subschemaSubentry"}, {Name: "supportedControl"}}})
	root = openLive(t, Options{URLs: []string{s.URL()}}).RootDSE()
	if !reflect.DeepEqual(root, RootDSE{NamingContexts: []string{"o=a", "o=b"}}) {
		t.Errorf("%+v", root)
	}
	// A server that hides its root DSE can still be read.
	rootOnly := func(r ldaptest.Request) bool { return r.Op == "search" && r.DN == "" }
	s = ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), Faults: ldaptest.Faults{Match: rootOnly, ResultAfter: new(0), Result: ldaptest.Result{Code: 50}}})
	var notes []string
	l := openLive(t, Options{URLs: []string{s.URL()}, Note: func(n string) { notes = append(notes, n) }})
	q := liveUsers()
	q.Bases = []string{"o=isp"}
	requireComplete(t, readLive(t.Context(), l, q), userTexts(3)...)
	if len(notes) != 1 || !reflect.DeepEqual(l.RootDSE(), RootDSE{}) {
		t.Errorf("notes %q, %+v", notes, l.RootDSE())
	}
	s.SetFaults(ldaptest.Faults{Match: rootOnly, DropAfter: new(0)})
	if _, err := Open(t.Context(), Options{URLs: []string{s.URL()}}); err == nil {
		t.Error("Open succeeded with a lost connection")
	}
}

func TestExistsAndLookup(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(30), Identities: managerOnly()})
	l := openLive(t, asManager(Options{URLs: []string{s.URL()}}))
	for dn, want := range map[string]bool{"o=isp": true, "UID=U0003, ou=people, o=isp": true, "uid=x,ou=people,o=isp": false, "o=other": false} {
		if got, err := l.Exists(t.Context(), dn); got != want || err != nil {
			t.Errorf("%s: %v, %v", dn, got, err)
		}
	}
	if _, err := l.Exists(t.Context(), "no DN"); ResultCode(err) != 34 {
		t.Errorf("an invalid DN: %v", err)
	}
	hide := ldaptest.Faults{ResultAfter: new(0)}
	s.SetFaults(hide)
	if _, err := l.Exists(t.Context(), "o=isp"); !errors.Is(err, ErrHidden) {
		t.Errorf("an undecided answer: %v", err)
	}
	s.SetFaults(ldaptest.Faults{})

	found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid=u0003)", []string{"CN", "mail"}, 0)
	want := []Found{{DN: "uid=u0003,ou=people,o=isp", Attrs: map[string][]string{"cn": {"Person u0003"}, "mail": {"u0003@example.org"}}}}
	if err != nil || !reflect.DeepEqual(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
	found, err = l.Lookup(t.Context(), "uid=u0003,ou=people,o=isp", BaseOnly, "(objectClass=*)", nil, 0)
	if err != nil || len(found) != 1 || len(found[0].Attrs) != 5 || len(found[0].Attrs["objectclass"]) != 2 {
		t.Errorf("all attributes: %+v, %v", found, err)
	}
	found, err = l.Lookup(t.Context(), "o=isp", Subtree, "(uid=u0003)", []string{}, 0)
	if err != nil || len(found) != 1 || len(found[0].Attrs) != 0 {
		t.Errorf("no attributes: %+v, %v", found, err)
	}
	for limit, n := range map[int]int{0: 30, 1: 1, 29: 29, 30: 30, 31: 30} {
		if found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid=*)", []string{"1.1"}, limit); len(found) != n || err != nil {
			t.Errorf("limit %d: %d entries, %v", limit, len(found), err)
		}
	}
	if found, err := l.Lookup(t.Context(), "o=none", Subtree, "(uid=*)", nil, 0); ResultCode(err) != 32 || found != nil {
		t.Errorf("a missing base: %v, %v", found, err)
	}
	if _, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid=*", nil, 0); err == nil {
		t.Error("an incomplete filter is accepted")
	}
	s.SetFaults(ldaptest.Faults{ResultAfter: new(5), Result: ldaptest.Result{Code: 4}})
	if found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid=*)", nil, 6); ResultCode(err) != 4 || found != nil {
		t.Errorf("the limit of the server: %d entries, %v", len(found), err)
	}
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
}

// TestLookupReconnects checks that a lookup uses a new connection when the old one was
// lost in the meantime, and that it does not retry forever.
func TestLookupReconnects(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), Faults: ldaptest.Faults{FirstConnections: 1, DropAfter: new(0)}})
	l := openLive(t, Options{URLs: []string{s.URL()}})
	for range 3 {
		if found, err := l.Exists(t.Context(), "o=isp"); !found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
	}
	if s.Connections() != 2 || s.Fired("DropAfter") != 1 {
		t.Errorf("%d connections, lost %d", s.Connections(), s.Fired("DropAfter"))
	}
	s.SetFaults(ldaptest.Faults{DropAfter: new(0)})
	if _, err := l.Exists(t.Context(), "o=isp"); err == nil || s.Fired("DropAfter") != 3 {
		t.Errorf("%v; lost %d", err, s.Fired("DropAfter"))
	}
	s.SetFaults(ldaptest.Faults{StallAfter: new(0)})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for s.Fired("StallAfter") == 0 {
		}
		cancel()
	}()
	if _, err := l.Exists(ctx, "o=isp"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.Stop()
	if _, err := l.Exists(t.Context(), "o=isp"); err == nil {
		t.Error("the lookup succeeded without a server")
	}
}

// TestStaleConnection checks that a connection that the server closed while it was not
// in use is replaced.
func TestStaleConnection(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), TLS: true})
	for _, url := range []string{s.URL(), s.LDAPSURL()} {
		l := openLive(t, Options{URLs: []string{url}, Insecure: true})
		l.free[0].used = time.Time{}
		requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(3)...)
		if len(l.free) != 1 || l.free[0].used.IsZero() {
			t.Error("a working connection was closed")
		}
		l.free[0].close()
		l.free[0].used = time.Time{}
		requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(3)...)
	}
}

// TestLiveConcurrency checks concurrent lookups while entries are read.
func TestLiveConcurrency(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(300)})
	l := openLive(t, Options{URLs: []string{s.URL()}, PageSize: 50})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				uid := fmt.Sprintf("u%04d", i)
				found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid="+uid+")", []string{"uid"}, 0)
				if err != nil || len(found) != 1 || found[0].Attrs["uid"][0] != uid {
					t.Errorf("%v, %v", found, err)
				}
			}
		})
	}
	requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(300)...)
	wg.Wait()
	if n := s.Connections(); n > 3 {
		t.Errorf("%d connections", n)
	}
}

func TestLookupIsLimited(t *testing.T) {
	value := strings.Repeat("x", 1<<20)
	s := ldaptest.Start(t, ldaptest.Options{Generate: func(yield func(ldaptest.Entry) bool) {
		for i := 0; yield(ldaptest.NewEntry(fmt.Sprintf("cn=%d,o=isp", i), "objectClass", "person", "description", value)); i++ {
		}
	}, Suffixes: []string{"o=isp"}})
	l := openLive(t, Options{URLs: []string{s.URL()}})
	if _, err := l.Lookup(t.Context(), "o=isp", Subtree, "(objectClass=person)", []string{"description"}, 0); !errors.Is(err, errTooMuch) {
		t.Errorf("%v", err)
	}
}
