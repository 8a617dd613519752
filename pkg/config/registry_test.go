package config

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

func mustRegistry(t testing.TB) *Registry {
	t.Helper()
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustLookup(t testing.TB, name string) *Parameter {
	t.Helper()
	p, ok := mustRegistry(t).Lookup(name)
	if !ok {
		t.Fatalf("Lookup(%q) found nothing", name)
	}
	return p
}

func TestRegistryRows(t *testing.T) {
	all := mustRegistry(t).All()
	if len(all) != 228 {
		t.Errorf("%d rows, want 228", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b *Parameter) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not in the order of the names")
	}
	for _, p := range all {
		if problems := p.Check(p.Default); p.Default != "" && problems != nil {
			t.Errorf("%s: the default %q is refused: %v", p.Name, p.Default, problems)
		}
		if strings.Count(p.Meaning, ". ") > 0 || !strings.HasSuffix(p.Meaning, ".") || !unicode.IsUpper(rune(p.Meaning[0])) {
			t.Errorf("%s: the meaning is not one sentence: %s", p.Name, p.Meaning)
		}
		if p.Meaning != strings.Join(strings.Fields(p.Meaning), " ") {
			t.Errorf("%s: stray blanks in %q", p.Name, p.Meaning)
		}
		if p.Secret() && p.Default != "" {
			t.Errorf("%s: a secret has a default", p.Name)
		}
		if p.Type == ACL && p.Unit != "calendar" && p.Unit != "scheduling" {
			t.Errorf("%s: the kind of ACL is %q", p.Name, p.Unit)
		}
		if p.FoldCase() && !p.List {
			t.Errorf("%s: an attribute list that is not a list", p.Name)
		}
		if len(p.Choices) == 1 {
			t.Errorf("%s: there is only one choice", p.Name)
		}
	}
}

func TestRegistryFacts(t *testing.T) {
	noRestart := []string{}
	for _, p := range mustRegistry(t).All() {
		if p.Restart == RestartNo {
			noRestart = append(noRestart, p.Name)
		}
		if p.Restart == RestartYes {
			t.Errorf("%s: no source requires a restart", p.Name)
		}
	}
	want := []string{
		"davcore.scheduling.localuserattr", "davcore.uriinfo.subjectattributes",
		"log.dav.commands.loglevel", "log.dav.errors.loglevel", "log.dav.scan.loglevel",
		"log.dav.scheduling.loglevel", "log.dav.telemetry.loglevel",
	}
	if !slices.Equal(noRestart, want) {
		t.Errorf("without a restart: %v, want %v", noRestart, want)
	}
	for name, want := range map[string]string{
		"base.ldapinfo.cachesize":                        "1 to 1000000",
		"base.ldapinfo.cachettl":                         "1 to 2147483647",
		"davcore.acl.aclcachesize":                       "0 to 2147483647",
		"davcore.serverlimits.maxcontentlength":          "",
		"davcore.autocreate.calattendantresourceflags":   "0 to 7",
		"davcore.uriinfo.subjectattributes":              "",
		"base.ldappool.other.ldappoolrefreshinterval":    "1 to 60",
		"store.dav.defaultbackend.attachstoreport":       "0 to 65535",
		"davcore.serverlimits.maxresults":                "1 to 2147483647",
		"davcore.scheduling.calendarinboxexpirytime":     "",
		"ashttpd:service.port":                           "",
		"davcore.serverlimits.maxattendeesininstance":    "",
		"log.dav.scheduling.maxlogfiles":                 "1 to 100",
		"davcore.homeuri.0.rank":                         "0 to 2147483647",
		"base.ldapinfo.schemalevel":                      "1 to 2",
		"base.ldapinfo.authldap.ldappoolrefreshinterval": "1 to 60",
	} {
		if got := mustLookup(t, name).Range(); got != want {
			t.Errorf("%s: Range() = %q, want %q", name, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	r := mustRegistry(t)
	for name, want := range map[string]string{
		"store.dav.defaultbackend.dbdir":    "store.dav.defaultbackend.dbdir", // not the family
		"store.dav.store1.dbdir":            "store.dav.*.dbdir",
		"store.dav.defaultbackend.dburl":    "store.dav.*.dburl",
		"store.dav.*.dburl":                 "store.dav.*.dburl",
		"base.ldappool.other.binddn":        "base.ldappool.*.binddn",
		"davcore.homeuri.12.uripattern":     "davcore.homeuri.*.uripattern",
		"davcore.uriinfo.subjectattributes": "davcore.uriinfo.subjectattributes",
		"ashttpd:service.port":              "ashttpd:service.port",
	} {
		if p, ok := r.Lookup(name); !ok || p.Name != want {
			t.Errorf("Lookup(%q) = %v, %v, want %s", name, p, ok, want)
		}
	}
	for _, name := range []string{
		"", ".", "store.dav..dbdir", "store.dav.a.b.dbdir", "store.dav.dbdir", "store.dav.store1.DBDIR", "Store.dav.store1.dbdir",
		"davcore.uriinfo.SubjectAttributes", "service.port", "store.dav.store1.dbdir.", ".store.dav.store1.dbdir", "davcore.homeuri..rank",
	} {
		if p, ok := r.Lookup(name); ok {
			t.Errorf("Lookup(%q) = %s", name, p.Name)
		}
	}
	if p := mustLookup(t, "ashttpd:service.port"); p.File != "ashttpd.properties" {
		t.Errorf("File = %q", p.File)
	}
	if p := mustLookup(t, "store.dav.x.dburl"); p.NameCertainty != CertaintyOurs || p.Type != URL || p.File != "" || !p.Family() {
		t.Errorf("dburl is %+v", *p)
	}
}

func TestParseRegistryErrors(t *testing.T) {
	row := func(change func(f []string)) string {
		f := strings.Split("a.b\tinteger\tseconds\t1\t5\t2\t\t\tno\tS/M\t\tMeans something.", "\t")
		change(f)
		return strings.Join(f, "\t")
	}
	set := func(column int, value string) string { return row(func(f []string) { f[column] = value }) }
	good := set(0, "a.b")
	for _, c := range []struct{ rows, want string }{
		{good + "\n" + good, "line 3: 'a.b' does not come after 'a.b'"},
		{good + "\n" + set(0, "a.a"), "line 3: 'a.a' does not come after 'a.b'"},
		{good + "\n\n", "line 3: 1 columns instead of 12"},
		{good + "\tmore", "line 2: 13 columns instead of 12"},
		{set(0, ""), "line 2: '' is not a parameter name"},
		{set(0, "a..b"), "line 2: 'a..b' is not a parameter name"},
		{set(0, "a b"), "line 2: 'a b' is not a parameter name"},
		{set(0, "a.b*"), "line 2: 'a.b*': '*' must stand for one whole component"},
		{set(1, "int"), "line 2: unknown type 'int'"},
		{set(1, "string"), "line 2: only an integer or a long has limits"},
		{row(func(f []string) { f[1], f[2], f[3], f[4] = "url", "", "", "" }), "line 2: a url needs its schemes in the unit column"},
		{set(3, "one"), "line 2: the limit 'one' is not an integer"},
		{set(4, "0"), "line 2: the limits 1 to 0 are reversed"},
		{set(6, "comma"), "line 2: the list separator 'comma' is not 'space' or empty"},
		{set(8, ""), "line 2: the restart value '' is not no, yes or assumed"},
		{set(9, "S"), "line 2: the confidence 'S' is not two of S, M, G, O with a slash between"},
		{set(9, "S/X"), "line 2: the confidence 'S/X' is not two of S, M, G, O with a slash between"},
		{set(11, ""), "line 2: the meaning is missing"},
	} {
		_, err := ParseRegistry([]byte(registryColumns + "\n" + c.rows))
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %s", c.rows, err, c.want)
		}
	}
	if _, err := ParseRegistry([]byte("name\n")); err == nil {
		t.Error("a wrong heading is accepted")
	}
	r, err := ParseRegistry([]byte(registryColumns + "\n" + set(7, "x|") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := r.All()[0]; !slices.Equal(p.Choices, []string{"x", ""}) || *p.Min != 1 || *p.Max != 5 ||
		p.NameCertainty != CertaintySeen || p.ValueCertainty != CertaintyRemembered {
		t.Errorf("row read as %+v", *p)
	}
	if r, err = ParseRegistry([]byte(registryColumns + "\n")); err != nil || len(r.All()) != 0 {
		t.Errorf("an empty table: %v, %v", r, err)
	}
}

func TestNearest(t *testing.T) {
	r := mustRegistry(t)
	for name, want := range map[string]string{
		"davcore.uriinfo.subjectAttributes":        "davcore.uriinfo.subjectattributes",
		"DAVCORE.SCHEDULING.LOCALUSERATTR":         "davcore.scheduling.localuserattr",
		"Store.Dav.Store1.DbDir":                   "store.dav.Store1.dbdir",
		"subjectattributes":                        "davcore.uriinfo.subjectattributes",
		"SubjectAttributes":                        "davcore.uriinfo.subjectattributes",
		"localuserattr":                            "davcore.scheduling.localuserattr",
		"uriinfo.subjectattr":                      "davcore.uriinfo.subjectattributes",
		"davcore.uriinfo.subjecta":                 "davcore.uriinfo.subjectattributes",
		"davcore.uriinfo.subjetcattributes":        "davcore.uriinfo.subjectattributes",
		"davcore.urinfo.subjectatributes":          "davcore.uriinfo.subjectattributes",
		"davcore.serverlimit.maxresult":            "davcore.serverlimits.maxresults",
		"davcore.schedulling.localuserattr":        "davcore.scheduling.localuserattr",
		"store.dav.store1.dbd":                     "store.dav.store1.dbdir",
		"store.dav.store1.jndname":                 "store.dav.store1.jndiname",
		"store.dav.defaultbackend.bdurl":           "store.dav.defaultbackend.dburl",
		"base.ldappool.other.bindnd":               "base.ldappool.other.binddn",
		"davcore.homeuri.7.uripatern":              "davcore.homeuri.7.uripattern",
		"dburl":                                    "store.dav.*.dburl",
		"log.dav.error.loglevel":                   "log.dav.errors.loglevel",
		"permanentuniqueid":                        "davcore.uriinfo.permanentuniqueid",
		"davcore.uriinfo.subjectattributes.":       "davcore.uriinfo.subjectattributes",
		"davcore.scheduling.localuser attr":        "davcore.scheduling.localuserattr",
		"base.ldapinfo.serviceadminsgroupdns":      "base.ldapinfo.serviceadminsgroupdn",
		"notification.dav.smtpsuer":                "notification.dav.smtpuser",
		"davcore.virusscan.emailadress":            "davcore.virusscan.emailaddress",
		"service.dav.ischedulewhitelist0":          "service.dav.ischedulewhitelist",
		"davcore.serverdefaults.exportconfigdirs ": "davcore.serverdefaults.exportconfigdir",
	} {
		if got, ok := r.Nearest(name); !ok || got != want {
			t.Errorf("Nearest(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", ".", "ab", "loglevel", "com.example.other", "service.port", "rank", "store.dav.defaultbackend", strings.Repeat("x", 10000), "dbdir", "*",
	} {
		if got, ok := r.Nearest(name); ok {
			t.Errorf("Nearest(%q) = %q", name, got)
		}
	}
}

// Lookup finds whatever Nearest returns for a damaged name.
func TestNearestOfEveryName(t *testing.T) {
	r := mustRegistry(t)
	for _, p := range r.All() {
		if p.File != "" {
			continue
		}
		name := strings.ReplaceAll(p.Name, "*", "some")
		damaged := name[:len(name)-3] + string(name[len(name)-2]) + string(name[len(name)-3]) + name[len(name)-1:]
		got, ok := r.Nearest(damaged)
		if _, known := r.Lookup(got); !ok || !known {
			t.Errorf("Nearest(%q) = %q, %v", damaged, got, ok)
		}
		if got, ok = r.Nearest(strings.ToUpper(name)); !ok || !strings.EqualFold(got, name) {
			t.Errorf("Nearest(%q) = %q, %v", strings.ToUpper(name), got, ok)
		}
	}
}

func BenchmarkNewRegistry(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewRegistry(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	r := mustRegistry(b)
	for b.Loop() {
		r.Nearest("davcore.urinfo.subjectatributes")
	}
}
