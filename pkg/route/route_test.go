package route_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
)

func config(localAttr string) route.Config {
	return route.Config{
		MailFilter: "(|(mail=%s)(mailAlternateAddress=%s))", LocalAttr: localAttr, Fetched: []string{"cn", "DAVSTORE", "mail"},
		Store: "davStore", Backend: "defaultbackend",
		Peer: func(domain string) (route.Peer, bool) {
			return route.Peer{URL: "http://cs6:8080/ischedule/", File: "map", Line: 3}, domain == "example.com"
		},
	}
}

func people() []ldaptest.Entry {
	return []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("uid=new,o=isp", "objectClass", "inetOrgPerson", "objectClass", "davEntity", "uid", "new", "cn", "n", "sn", "n", "mail", "new@example.com", "davStore", "store1"),
		ldaptest.NewEntry("uid=old,o=isp", "objectClass", "inetOrgPerson", "uid", "old", "cn", "o", "sn", "o", "mail", "old@example.com"),
		ldaptest.NewEntry("uid=far,o=isp", "objectClass", "inetOrgPerson", "uid", "far", "cn", "f", "sn", "f", "mail", "far@example.org"),
	}
}

// A server and its export give the same answer.
func TestDecide(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: people()})
	live, err := directory.Open(t.Context(), directory.Options{URLs: []string{s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	var ldif strings.Builder
	for _, e := range people() {
		ldif.WriteString("dn: " + e.DN + "\n")
		for _, a := range e.Attrs {
			for _, v := range a.Values {
				ldif.WriteString(a.Name + ": " + v + "\n")
			}
		}
		ldif.WriteString("\n")
	}
	for _, c := range []struct {
		attr, address string
		side          route.Side
		backend, url  string
		other         route.Side // with the mark inverted; "" for no difference
	}{
		{"davStore", "New@Example.com", route.Local, "store1", "", route.OldServer},
		{"davStore", "mailto:old@example.com", route.OldServer, "", "http://cs6:8080/ischedule/", route.Local},
		{"davStore", "MAILTO:old@example.com", route.OldServer, "", "http://cs6:8080/ischedule/", route.Local},
		{"davStore", "far@example.org", route.OldServer, "", "", route.Local},
		{"davStore", "nobody@example.com", route.External, "", "", ""},
		{"", "old@example.com", route.Local, "defaultbackend", "", ""},
		{"xcs7user", "new@example.com", route.OldServer, "", "http://cs6:8080/ischedule/", ""}, // the server does not fetch it
	} {
		for name, src := range map[string]directory.Source{
			"live": live, "file": directory.NewFiles(directory.FilesOptions{Paths: []string{"-"}, Stdin: strings.NewReader(ldif.String())}),
		} {
			d, err := route.Decide(t.Context(), config(c.attr), src, c.address)
			if err != nil {
				t.Fatal(err)
			}
			if d.Side != c.side || d.Backend != c.backend || d.URL != c.url || len(d.Steps) < 2 || (d.URL == "") == (d.NoURL == "") || d.Invite == "" {
				t.Errorf("%s, %s, %s: %+v", name, c.attr, c.address, d)
			}
			other, changes := config(c.attr).Otherwise(d)
			if changes != (c.other != "") || changes && other.Side != c.other {
				t.Errorf("%s, %s, %s: otherwise %v, %+v", name, c.attr, c.address, changes, other)
			}
		}
	}
}

// An address that cannot be looked up is an error, not a side.
func TestNoDecision(t *testing.T) {
	for _, address := range []string{"", "x", "@", "a@", "@b", "a b@c"} {
		if d, err := route.Decide(t.Context(), config("davStore"), nil, address); !errors.Is(err, route.ErrAddress) {
			t.Errorf("%q: %+v, %v", address, d, err)
		}
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: people()})
	live, err := directory.Open(t.Context(), directory.Options{URLs: []string{s.URL()}, NoRestart: true})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	s.SetFaults(ldaptest.Faults{ResultAfter: new(0), Result: ldaptest.Result{Code: 51}})
	var short *directory.IncompleteError
	if d, err := route.Decide(context.Background(), config("davStore"), live, "old@example.com"); !errors.As(err, &short) {
		t.Errorf("%+v, %v", d, err)
	}
}

// An entry may name a back end in any form that a directory takes for the same value.
func TestBackendNames(t *testing.T) {
	c := config("davStore")
	c.Backends = []string{"defaultbackend", "store1"}
	for value, want := range map[string]string{"STORE1": "store1", " store1  ": "store1", "Store1": "store1", "store2": "store2", "\uff33tore1": "store1"} {
		d := c.DecideEntry("a@example.com", directory.Found{DN: "uid=a,o=isp", Attrs: map[string][]string{"davstore": {value}}})
		if d.Backend != want {
			t.Errorf("%q: back end %q, want %q", value, d.Backend, want)
		}
	}
}

// A DN that JSON cannot express is in the decision in base64 as well.
func TestDecisionOfADNThatIsNotUTF8(t *testing.T) {
	for dn, want := range map[string]string{"uid=J\xfcrg,o=isp": "dWlkPUr8cmcsbz1pc3A=", "uid=Jürg,o=isp": ""} {
		c := config("davStore")
		d := c.DecideEntry("a@example.com", directory.Found{DN: dn})
		if d.DN != dn || d.DNBytes != want {
			t.Errorf("%q: %q, want %q", dn, d.DNBytes, want)
		}
	}
}
