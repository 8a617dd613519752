package directory

import (
	"context"
	"crypto/tls"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/go-ldap/ldap/v3"
)

// TestLiveWithSlapd compares the results of Live and of go-ldap with OpenLDAP.
func TestLiveWithSlapd(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i := range 700 {
		class := map[bool]string{true: "icsCalendarUser", false: "davEntity"}[i%3 == 0]
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nobjectClass: %s\nuid: u%d\ncn: %s\nsn: x\nmail: u%d@example.org\nmail: v%d@example.org\n\n",
			i, class, i, strings.Repeat("long ", i%50+1), i, i)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: writeFile(t, "slapd.ldif", []byte(b.String())), Reader: true,
		TLS: &servertest.TLSOptions{Min: tls.VersionTLS10, Max: tls.VersionTLS11, RSAKeyExchange: true}}})
	as := func(dn string, o Options) Options {
		o.BindDN = dn
		o.Password = func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil }
		return o
	}
	conn, err := ldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Bind(s.ManagerDN, servertest.Password); err != nil {
		t.Fatal(err)
	}
	q := Query{
		Attributes: []string{"mail", "cn", "userid"},
		Selections: []Selection{
			{Kind: Resource, Classes: []string{"noSuchClass", "icsCalendarUser"}, Attributes: 1},
			{Kind: User, Classes: []string{"inetOrgPerson"}, Attributes: 7},
		},
	}
	want := []string{}
	for _, c := range []struct {
		kind   Kind
		filter string
		attrs  []string
	}{{Resource, "(objectClass=icsCalendarUser)", []string{"mail"}}, {User, "(&(objectClass=inetOrgPerson)(!(objectClass=icsCalendarUser)))", []string{"mail", "cn"}}} {
		res, err := conn.Search(ldap.NewSearchRequest("o=isp", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, c.filter, c.attrs, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range res.Entries {
			line := fmt.Sprintf("0:0 %s %q", c.kind, e.DN)
			for _, a := range e.Attributes {
				for _, v := range a.Values {
					line += fmt.Sprintf(" %s=%q", a.Name, v)
				}
			}
			want = append(want, line)
		}
	}
	if len(want) != 700 {
		t.Fatalf("%d entries", len(want))
	}
	slices.Sort(want)
	for _, o := range []Options{
		{URLs: []string{s.URL}}, {URLs: []string{s.URL}, PageSize: 100}, {URLs: []string{s.LDAPIURL}, PageSize: 233},
		{URLs: []string{s.LDAPSURL}, CAFile: s.CAFile, MinTLS: tls.VersionTLS10}, {URLs: []string{s.URL}, CAFile: s.CAFile, StartTLS: true, MinTLS: tls.VersionTLS11, PageSize: 700},
	} {
		var notes []string
		o.Note = func(n string) { notes = append(notes, n) }
		l := openLive(t, as(s.ManagerDN, o))
		got := readLive(t.Context(), l, q)
		have := texts(got.items)
		slices.Sort(have)
		if got.err != nil || len(got.restarts) > 0 || !slices.Equal(have, want) {
			t.Errorf("%v, %v, %d entries", got.err, got.restarts, len(have))
		}
		if len(notes) != 1 || !strings.Contains(notes[0], `"uid"`) {
			t.Errorf("notes %q", notes)
		}
	}
	if _, err := Open(t.Context(), as(s.ManagerDN, Options{URLs: []string{s.LDAPSURL}, CAFile: s.CAFile})); err == nil {
		t.Error("TLS 1.1 is accepted by default")
	}

	// The limit of the server applies to an ordinary user, with pages or without.
	for _, page := range []int{0, 100} {
		l := openLive(t, as(s.ReaderDN, Options{URLs: []string{s.URL}, PageSize: page}))
		users := q
		users.Selections = []Selection{{Kind: User, Classes: []string{"inetOrgPerson"}}}
		requireShort(t, readLive(t.Context(), l, users), 500, 4, "Size Limit Exceeded")
	}
	l := openLive(t, as(s.ManagerDN, Options{URLs: []string{s.LDAPIURL}}))
	if !slices.Equal(l.RootDSE().NamingContexts, []string{"o=isp"}) || !l.RootDSE().Paging {
		t.Errorf("%+v", l.RootDSE())
	}
	for dn, exists := range map[string]bool{"o=isp": true, "UID=U7 ,O=ISP": true, "uid=none,o=isp": false, "o=none": false} {
		if got, err := l.Exists(t.Context(), dn); got != exists || err != nil {
			t.Errorf("%s: %v, %v", dn, got, err)
		}
	}
	found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(mail=v9@example.org)", []string{"mail"}, 2)
	if err != nil || !reflect.DeepEqual(found, []Found{{DN: "uid=u9,o=isp", Attrs: map[string][]string{"mail": {"u9@example.org", "v9@example.org"}}}}) {
		t.Errorf("%+v, %v", found, err)
	}
	absent := liveUsers()
	absent.Bases = []string{"ou=none,o=isp"}
	requireShort(t, readLive(t.Context(), l, absent), 0, 32, "No Such Object")
}
