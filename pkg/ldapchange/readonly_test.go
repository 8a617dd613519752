package ldapchange

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/servertest"
)

// A server that accepts no changes is detected by the first one, and nothing is
// changed.
func refusesAll(t *testing.T, r real) {
	t.Helper()
	before := r.export(t)
	runs := Runs{Dir: t.TempDir()}
	a, run := begin(t, r.newIDs(t), Options{Directory: r.options, Continue: true}, runs, 1, 0)
	err := a.Apply(t.Context(), run)
	if !errors.Is(err, ErrReadOnly) || run.State != Stopped || run.Changed+run.Failed+run.Conflicts != 0 {
		t.Errorf("%v: %+v", err, run.Info)
	}
	if d := difference(before, r.export(t)); len(d) > 0 {
		t.Errorf("changed: %.3v", d)
	}
}

func TestSlapdReadOnly(t *testing.T) {
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: generatedFile(t, 100)}, Config: "readonly on"})
	refusesAll(t, real{s, connection(s)})
}

func TestSlapdReplica(t *testing.T) {
	s := servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{LDIF: generatedFile(t, 100)},
		Config:  "syncrepl rid=1 provider=ldap://127.0.0.1:1 type=refreshOnly interval=01:00:00:00 searchbase=\"o=isp\" bindmethod=simple binddn=\"cn=x\" credentials=x\nupdateref ldap://127.0.0.1:1",
	})
	refusesAll(t, real{s, connection(s)})
}

func TestDSReadOnly(t *testing.T) {
	r := ds(t, 60)
	conn := r.dial(t)
	defer func() { _ = conn.Close() }()
	backend := ""
	found, err := conn.Search(ldap.NewSearchRequest("cn=ldbm database,cn=plugins,cn=config", ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, "(nsslapd-suffix=o=isp)", []string{"cn"}, nil))
	if err == nil && len(found.Entries) == 1 {
		backend = found.Entries[0].DN
	}
	req := ldap.NewModifyRequest(backend, nil)
	req.Replace("nsslapd-readonly", []string{"on"})
	if err := conn.Modify(req); err != nil {
		t.Fatalf("%q: %v", backend, err)
	}
	if !strings.Contains(backend, "cn=") {
		t.Fatal(backend)
	}
	refusesAll(t, r)
}
