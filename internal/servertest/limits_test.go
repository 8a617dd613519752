package servertest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The limits apply to an ordinary user, not to the manager.
func TestLimits(t *testing.T) {
	t.Parallel()
	small, large := writeLDIF(t, manyPeople(600)), writeLDIF(t, manyPeople(5100))
	const all, none = "(uid=*)", "(description=none)" // the latter has no index
	slapd := func(size int, config string) func(*testing.T) *Server {
		return func(t *testing.T) *Server {
			return Slapd(t, SlapdOptions{Options: Options{LDIF: small, Reader: true, SizeLimit: size}, Config: config})
		}
	}
	ds := func(file string, size, look int) func(*testing.T) *Server {
		return func(t *testing.T) *Server {
			return DS(t, DSOptions{Options: Options{LDIF: file, Reader: true, SizeLimit: size}, LookThroughLimit: look})
		}
	}
	type answer struct{ found, code int }
	for name, c := range map[string]struct {
		begin            func(*testing.T) *Server
		all, paged, none answer
	}{
		"slapd, default":              {slapd(0, ""), answer{500, 4}, answer{500, 4}, answer{0, 0}},
		"slapd, given":                {slapd(7, ""), answer{7, 4}, answer{7, 4}, answer{0, 0}},
		"slapd, without":              {slapd(-1, ""), answer{600, 0}, answer{600, 0}, answer{0, 0}},
		"slapd, of what is looked at": {slapd(-1, "limits users size.unchecked=100"), answer{0, 11}, answer{0, 11}, answer{0, 11}},
		"389, default":                {ds(large, 0, 0), answer{2000, 4}, answer{4999, 11}, answer{0, 11}},
		"389, given":                  {ds(small, 7, 100), answer{7, 4}, answer{7, 4}, answer{0, 11}},
		"389, without":                {ds(large, -1, -1), answer{5100, 0}, answer{5100, 0}, answer{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.begin(t)
			for _, q := range []struct {
				args []string
				want answer
			}{{[]string{all}, c.all}, {[]string{"-E", "pr=250/noprompt", all}, c.paged}, {[]string{none}, c.none}} {
				found, code := search(t, s, nil, with(asReader(s), with(q.args, "1.1")...)...)
				if got := (answer{len(found), code}); got != q.want {
					t.Errorf("%q: the reader gets %+v, want %+v", q.args, got, q.want)
				}
				if _, code := search(t, s, nil, with(asManager(s), with(q.args, "1.1")...)...); code != 0 {
					t.Errorf("%q: the manager gets code %d", q.args, code)
				}
			}
		})
	}
}

// faulty are entries that a server rejects unless its checks are off.
const faulty = `dn: o=isp
objectClass: organization
o: isp

dn: uid=two,o=isp
objectClass: inetOrgPerson
objectClass: davEntity
uid: two
cn: two
sn: two
davUniqueId: first
davUniqueId: second
davStore: a
davStore: b

dn: uid=classless,o=isp
objectClass: inetOrgPerson
uid: classless
cn: classless
sn: classless
davUniqueId: third

dn: uid=empty,o=isp
objectClass: inetOrgPerson
objectClass: davEntity
uid: empty
cn: empty
davUniqueId:
`

func TestLax(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string, begin func(*testing.T, Options) *Server) {
		skipped, text := 0, faulty
		if kind == "389" {
			skipped = 2
			text += "\ndn: uid=a,ou=none,o=isp\nobjectClass: inetOrgPerson\nuid: a\ncn: a\nsn: a\n" +
				"\ndn: uid=b,ou=none,o=isp\nobjectClass: inetOrgPerson\nuid: b\ncn: b\nsn: b\n"
		}
		s := begin(t, Options{LDIF: writeLDIF(t, text), Lax: true})
		got, code := search(t, s, nil, with(asManager(s), "(uid=*)", "davUniqueId", "davStore")...)
		for _, lines := range got {
			for i := range lines {
				lines[i] = strings.TrimSpace(lines[i])
			}
		}
		want := map[string][]string{
			"uid=two,o=isp":       {"davstore: a", "davstore: b", "davuniqueid: first", "davuniqueid: second"},
			"uid=classless,o=isp": {"davuniqueid: third"},
			"uid=empty,o=isp":     {"davuniqueid:"},
		}
		if diff := cmp.Diff(want, sorted(got)); diff != "" || code != 0 || s.Skipped != skipped {
			t.Errorf("code %d, skipped %d, want %d (-want +got):\n%s", code, s.Skipped, skipped, diff)
		}
	})
}

// With its checks on, a server accepts several values if configured to, but never
// faulty entries.
func TestStrict(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string, begin func(*testing.T, Options) *Server) {
		several, _, _ := strings.Cut(faulty, "dn: uid=classless")
		s := begin(t, Options{LDIF: writeLDIF(t, several), MultiValued: true})
		if got, code := search(t, s, nil, with(asManager(s), "(&(davUniqueId=second)(davStore=b))", "1.1")...); len(got) != 1 || code != 0 {
			t.Errorf("found %v, code %d", got, code)
		}
		_, err := kinds()[kind](t.Context(), t.TempDir(), Options{LDIF: writeLDIF(t, faulty)})
		if err == nil || !strings.Contains(err.Error(), "uid=two,o=isp") {
			t.Errorf("faulty entries: %v", err)
		}
	})
}
