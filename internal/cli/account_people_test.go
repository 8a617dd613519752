package cli_test

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// TestPeopleOfHomeDirectory checks that people without an account, and groups, are looked up
// in the directory of the home for access lists and delegates, and only if it is needed.
func TestPeopleOfHomeDirectory(t *testing.T) {
	const id = "11111111-22222222-33333333-00000001"
	entry := func(dn, class, mail, id string) ldaptest.Entry {
		return ldaptest.NewEntry(dn, "objectClass", class, "objectClass", "davEntity", "mail", mail, "davUniqueId", id)
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("uid=owner,o=isp", "objectClass", "icsCalendarUser", "objectClass", "davEntity", "uid", "owner", "mail", "owner@example.com", "davUniqueId", id),
		entry("cn=staff,o=isp", "groupOfUniqueNames", "staff@example.com", "11111111-22222222-33333333-00000002"),
		ldaptest.NewEntry("cn=crew,o=isp", "objectClass", "groupOfUniqueNames", "mail", "crew@example.com"),
		entry("uid=guest,o=isp", "icsCalendarUser", "guest@example.com", "11111111-22222222-33333333-00000003"),
	}})
	home := newHome(t)
	mustRun(t, "config", "modify", "-q", "-o", "base.ldapinfo.ugldap.ldaphost", "-v", strings.TrimPrefix(s.URL(), "ldap://"), "--home", home)
	mustRun(t, "account", "create", "-q", "-a", "owner@example.com", "--home", home)
	before := s.Connections()
	mustRun(t, "account", "modify", "-q", "-a", "owner@example.com", "-y", "set-ace=owner@example.com:m", "--home", home)
	if s.Connections() != before {
		t.Error("the directory was asked although everybody has an account")
	}
	for _, change := range [][]string{
		{"account", "modify", "-y", "set-ace=staff@example.com:m"},
		{"account", "modify", "-y", "acl=@:s;guest@example.com:m"},
		{"account", "modify", "-y", "delegates=guest@example.com staff@example.com"},
		{"calendar", "modify", "-y", "set-ace=staff@example.com:w;guest@example.com:r"},
	} {
		mustRun(t, append(change, "-q", "-a", "owner@example.com", "--home", home)...)
	}
	a := davadminRun(t, nil, "account", "modify", "-a", "owner@example.com", "-y", "set-ace=crew@example.com:m", "--home", home)
	if a.code == 0 || !strings.Contains(a.notes, "'crew@example.com' is the address of a directory entry that has no unique id, or several") {
		t.Errorf("a group without an id: code %d, %s", a.code, a.notes)
	}
	a = davadminRun(t, nil, "account", "modify", "-a", "owner@example.com", "-y", "set-ace=nobody@example.com:m", "--home", home)
	if a.code == 0 || !strings.Contains(a.notes, "'nobody@example.com' is not the address of an account or a directory entry") {
		t.Errorf("%d: %s", a.code, a.notes)
	}
	s.Stop()
	a = davadminRun(t, nil, "account", "modify", "-a", "owner@example.com", "-y", "set-ace=guest@example.com:m", "--home", home)
	if a.code != 5 || !strings.Contains(a.notes, "connection refused") {
		t.Errorf("%d: %s", a.code, a.notes)
	}
}
