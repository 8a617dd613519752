package coexist_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// clock returns the time of every check in these tests.
func clock() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

// deployment contains the files of two servers. An empty text means that the file is
// not given.
type deployment struct {
	properties string
	domainMap  string
	icsConf    string
	people     string // LDIF
	on6, on7   string
	edit       func(*coexist.Options)
}

const (
	goodProperties = `davcore.scheduling.localuserattr=davstore
davcore.uriinfo.fulluriprefix=http://cs7.example.com:8080
service.dav.ischedulewhitelist=192.0.2.6
`
	goodMap = `example.com=http://cs6.example.com:8080/ischedule/
example.org=http://cs6.example.com:8080/ischedule/
`
	goodIcsConf = `! the old server
local.hostname = "cs6.example.com"
service.http.port = "8080"
service.http.caldavcompatible = "yes"
service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"
local.autoprovision ="no"
user.invite.autoprovision = "no"
group.invite.autoprovision = "no"
resource.invite.autoprovision = "no"
`
	// adam and olga are on the old server; nina, noel and the room are on the new one.
	// gone has left.
	goodPeople = `dn: uid=adam,ou=People,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: adam
mail: adam@example.com
icsStatus: active
davUniqueId: 00000001-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: uid=olga,ou=People,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: olga
mail: olga@EXAMPLE.org
davUniqueId: 00000002-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: uid=nina,ou=People,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: nina
mail: nina@example.com
davStore: defaultbackend
icsAllowedServiceAccess: -http:all
davUniqueId: 00000003-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: uid=noel,ou=People,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: noel
mail: noel@example.com
davStore: defaultbackend
icsAllowedServiceAccess: -http:ALL
davUniqueId: 00000004-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: uid=gone,ou=People,o=isp
objectClass: icsCalendarUser
objectClass: davEntity
uid: gone
mail: gone@example.com
icsStatus: deleted
davUniqueId: 00000005-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: cn=staff,ou=Groups,o=isp
objectClass: groupOfUniqueNames
objectClass: davEntity
mail: staff@example.com
davUniqueId: 00000006-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

dn: uid=room,ou=Resources,o=isp
objectClass: icsCalendarResource
objectClass: davEntity
uid: room
mail: room@example.com
davStore: defaultbackend
davUniqueId: 00000007-00000000-00000000-000000aa
modifyTimestamp: 20261001120000Z

`
	goodOn6 = `adam: owner=adam status=enabled
adam:work: owner=adam status=enabled
olga: owner=olga status=enabled
`
	goodOn7 = "nina@example.com\nnoel@example.com\nroom@example.com\n"
)

func good() *deployment {
	return &deployment{properties: goodProperties, domainMap: goodMap, icsConf: goodIcsConf, people: goodPeople, on6: goodOn6, on7: goodOn7}
}

// swap replaces old, which must occur exactly once in a text.
func swap(t *testing.T, text *string, old, now string) {
	t.Helper()
	if strings.Count(*text, old) != 1 {
		t.Fatalf("%q occurs %d times", old, strings.Count(*text, old))
	}
	*text = strings.Replace(*text, old, now, 1)
}

func setOf(t *testing.T, name, text string) *cs6.UserSet {
	t.Helper()
	if text == "" {
		return nil
	}
	set := cs6.NewUserSet(cs6.SetOptions{})
	for p, err := range cs6.ReadUsers(strings.NewReader(text), cs6.ListOptions{Name: name}) {
		if err == nil {
			err = set.Add(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// source returns the directory of a deployment.
func (d *deployment) source(t *testing.T) *directory.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.ldif")
	if err := os.WriteFile(path, []byte(d.people), 0o600); err != nil {
		t.Fatal(err)
	}
	return directory.NewFiles(directory.FilesOptions{Paths: []string{path}})
}

func (d *deployment) options(t *testing.T) coexist.Options {
	t.Helper()
	o := coexist.Options{Now: clock, NoDirectory: "none was given"}
	o.Directory = ldapcheck.Options{Names: ldapcheck.DefaultNames(), Workers: 1, Tmp: t.TempDir(), FileName: func(int) string { return "people.ldif" }}
	if d.properties != "" {
		registry, err := config.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := config.Parse([]byte(d.properties))
		if err != nil {
			t.Fatal(err)
		}
		o.Server = &coexist.NewServer{Path: "davserver.properties", Doc: doc, Registry: registry}
		o.Directory.Backends = config.BackendIDs(registry, doc)
		o.Map = &config.DomainMapInput{Path: "map.properties", Text: []byte(d.domainMap)}
		if d.domainMap == "" {
			o.Map.Text, o.Map.Err = nil, fmt.Errorf("open: %w", fs.ErrNotExist)
		}
	}
	if d.icsConf != "" {
		o.Old = &coexist.OldServer{Path: "ics.conf", Conf: cs6.ParseIcsConf([]byte(d.icsConf))}
	}
	if d.people != "" {
		o.NoDirectory = ""
	}
	o.Directory.CS6, o.Directory.CS7 = setOf(t, "on6.txt", d.on6), setOf(t, "on7.txt", d.on7)
	if d.edit != nil {
		d.edit(&o)
	}
	return o
}

// check runs all rules over a deployment.
func (d *deployment) check(t *testing.T) *coexist.Report {
	t.Helper()
	c, err := coexist.New(d.options(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Run(context.Background(), d.source(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func findings(t *testing.T, r *coexist.Report) []finding.Finding {
	t.Helper()
	var out []finding.Finding
	for f, err := range r.Findings(0) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// place returns the location in a finding.
func place(f finding.Finding) string {
	var at []string
	if f.Where != nil {
		at = append(at, fmt.Sprintf("%s:%d", f.Where.File, f.Where.Line))
	}
	return strings.Join(append(at, f.DN...), " ")
}
