package config

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckURL(t *testing.T) {
	const web, db = "davcore.uriinfo.fulluriprefix", "store.dav.x.dburl"
	const password = "the URL contains a password | remove the password; it is kept outside the configuration"
	runChecks(t, slices.Concat(
		good(web, "", "http://localhost", "HTTPS://h:8443/x?y#z", "http://[::1]:80/", "http://müller.example", "http://h:8080/u@x", "http://u@h"),
		good(db, "", "postgres://h1:5432,h2:5432/db?target_session_attrs=read-write", "postgresql://u@h/db", "postgres://u@h1,[::1]:5433,h3", "postgres:///db?host=/run/postgresql",
			"postgres://%2Frun%2Fpg/db", "postgres://h:5432/db?options=a@b"),
		[]checkCase{
			bad(web, "ftp://h", "the scheme 'ftp' is not http or https"),
			bad(web, "localhost", "the URL has no scheme (http or https) | begin with http://"),
			bad(web, "1http://h", "the URL has no scheme (http or https) | begin with http://"),
			bad(web, "://h", "the URL has no scheme (http or https) | begin with http://"),
			bad(web, "http://", "the URL has no host"),
			bad(web, "http://:80", "the URL has no host"),
			bad(web, "http:///x", "the URL has no host"),
			bad(web, "http://h:0", "the URL has a port that is not a number (1 to 65535)"),
			bad(web, "http://h:", "the URL has a port that is not a number (1 to 65535)"),
			bad(web, "http://h:65536/", "the URL has a port that is not a number (1 to 65535)"),
			bad(web, "http://::1/", "the URL has no host"),
			bad(web, "http://[::1/", "the URL has an IPv6 address without its ']'"),
			bad(web, "http://[::1]x", "the URL has text between the ']' of an address and the port"),
			bad(web, "http://h^x", "the URL has a host with an invalid character"),
			bad(web, "http://h/a b", "the URL contains a blank | write a blank as %20"),
			bad(web, " http://h", "the value begins or ends with a blank | remove the blanks"),
			bad(web, "http://h/%zz", "the URL contains a '%' that is not followed by two hexadecimal digits | write a percent sign as %25"),
			bad(web, "http://u:secret@h", password),
			bad(db, "http://h", "the scheme 'http' is not postgres or postgresql"),
			bad(db, "host=h", "the URL has no scheme (postgres or postgresql) | begin with postgres://"),
			bad(db, "postgres://u:secret@h/db", password),
			bad(db, "postgres://u:secret@h1:5432,h2:5432/db", password),
			bad(db, "postgres://u:@h/db", password),
			bad(db, "postgres://u:sec@ret@h/db", password),
			bad(db, "postgres://u:sec/ret@h/db", password),
			bad(db, "postgres://u@h/db?Password=secret", password),
			bad(db, "postgres://u@h/db?a=b&sslpassword=secret", password),
			bad(db, "postgres://h1,,h2/db", "the URL has no host"),
			bad(db, "postgres:///db", "the URL has no host"),
			bad(db, "postgres:///db?host=", "the URL has no host"),
			bad(web, "http:///x?host=/tmp", "the URL has no host"),
		}))
}

func TestMaskURLPassword(t *testing.T) {
	for s, want := range map[string]string{
		"":                                       "",
		"no URL: a:b@c":                          "no URL: a:b@c",
		"postgres://u:secret@h/db":               "postgres://u:****@h/db",
		"postgres://:secret@h/db":                "postgres://:****@h/db",
		"postgres://u:@h/db":                     "postgres://u:@h/db",
		"postgres://u:s@e:c/r?e#t@h/db":          "postgres://u:****@h/db",
		"postgres://u:secret@h1:1,h2:2/db":       "postgres://u:****@h1:1,h2:2/db",
		"postgres://h1:5432,h2:5432/db?x=y":      "postgres://h1:5432,h2:5432/db?x=y",
		"postgres://u@h:5432/db":                 "postgres://u@h:5432/db",
		"postgres://u@h/db?sslpassword=a&b=c":    "postgres://u@h/db?sslpassword=****&b=c",
		"postgres://u@h/db?b=c&PASSWORD=a":       "postgres://u@h/db?b=c&PASSWORD=****",
		"postgres://u@h/db?password=":            "postgres://u@h/db?password=",
		"http://u:secret@h/home/a@b/":            "http://u:****@h/home/a@b/",
		"http://h:8080/home/a@b/":                "http://h:8080/home/a@b/",
		"http://u:sec/ret@h/":                    "http://u:****@h/",
		"http://h/":                              "http://h/",
		"dial ldap://u:x@h failed, http://b:y@i": "dial ldap://u:****@h failed, http://b:****@i",
		"postgres://u:sec ret@h/db":              "postgres://u:****@h/db",
		"a\npostgres://u:x@h\nb@c":               "a\npostgres://u:****@h\nb@c",
		"x://y://u:p@h":                          "x://y:****@h",
		"://":                                    "://",
	} {
		if got := MaskURLPassword(s); got != want {
			t.Errorf("MaskURLPassword(%q) = %q, want %q", s, got, want)
		}
	}
}

// However a URL is mangled, neither a message nor the masked value contains its
// password, and a password in its proper place is always an error.
func TestURLPasswordStaysHidden(t *testing.T) {
	p := mustLookup(t, "store.dav.x.dburl")
	junk := rapid.StringMatching(`[a-z0-9:/?#@%&=,. \[\]]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		secret := junk.Draw(t, "before") + "geheim" + junk.Draw(t, "after")
		scheme := rapid.SampledFrom([]string{"postgres://", "postgresql://", "POSTGRES://", "mysql://"}).Draw(t, "scheme")
		url := scheme + rapid.SampledFrom([]string{"u:", ":"}).Draw(t, "user") + secret + "@h1:5432" +
			rapid.SampledFrom([]string{"", ",h2:5432", "/db", "/db?x=y@z", "?a=b"}).Draw(t, "rest")
		problems := p.Check(url)
		for _, problem := range problems {
			if strings.Contains(problem.Text+problem.Hint, "geheim") {
				t.Fatalf("%q: %+v", url, problem)
			}
		}
		if shown := p.Mask(url); strings.Contains(shown, "geheim") {
			t.Fatalf("Mask(%q) = %q", url, shown)
		}
		// In running text, a blank may end the URL.
		if shown := MaskURLPassword(url); strings.Contains(shown, "geheim") && !strings.Contains(secret, " ") {
			t.Fatalf("MaskURLPassword(%q) = %q", url, shown)
		}
		if !strings.ContainsAny(secret, "/?#") && problems == nil {
			t.Fatalf("%q is accepted", url)
		}
	})
}

func FuzzMaskURLPassword(f *testing.F) {
	f.Add("postgres://u:p@h/db?password=x")
	f.Add("://@:@://")
	f.Fuzz(func(t *testing.T, s string) {
		masked := MaskURLPassword(s)
		if len(masked) > 5*len(s)+4 {
			t.Errorf("%q grew to %q", s, masked)
		}
		if !strings.Contains(s, "://") && !strings.Contains(strings.ToLower(s), "password") && masked != s {
			t.Errorf("%q became %q", s, masked)
		}
	})
}
