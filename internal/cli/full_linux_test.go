package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// Listings need no space: on a full disk they show what they show otherwise.
func TestListingsOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	home, people := filepath.Join(disk, "home"), filepath.Join(t.TempDir(), "people.ldif")
	write(t, people, []byte("dn: uid=anna,o=isp\nobjectClass: inetOrgPerson\nobjectClass: inetMailUser\nobjectClass: icsCalendarUser\n"+
		"objectClass: davEntity\nuid: anna\ncn: Anna\nsn: A\nmail: anna@example.com\ndavUniqueId: 11111111-11111111-11111111-11111111\n\n"))
	mustRun(t, "init", "-q", "--home", home)
	mustRun(t, "account", "create", "-q", "--home", home, "-a", "anna@example.com", "--ldif", people)
	listings := []string{
		"account list", "account list -v -a anna@example.com", "account list --missing --ldif " + people, "account list --orphans --ldif " + people,
		"calendar list -a anna@example.com", "backend list", "db schema_version", "config list -A", "config check --fail-on error", "config history",
		"domainmap list", "ldappool list", "passfile list", "history", "history verify", "ldap runs", "ldap audit --ldif " + people,
	}
	show := func(listing string) string {
		return mustRun(t, append(strings.Fields(listing), "--home", home)...)
	}
	before := map[string]string{}
	for _, l := range listings {
		before[l] = show(l)
	}
	fill(t, filepath.Join(disk, "filler"), 0)
	for _, l := range listings {
		if got := show(l); got != before[l] {
			t.Errorf("%s: got %q, want %q", l, got, before[l])
		}
	}
	mustFail(t, 1, []string{"no space left on device"}, "account", "modify", "-a", "anna@example.com", "-y", "displayname=A", "--home", home)
}
