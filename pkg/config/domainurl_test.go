package config

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/finding"
)

func TestPeerURL(t *testing.T) {
	for _, c := range []struct{ value, text, hint string }{
		{"http://cs6server.example.com:8080/ischedule/", "", ""},
		{"HTTPS://CS6:8443/ischedule/", "", ""},
		{"http://192.0.2.7:80/ischedule/", "", ""},
		{"http://[2001:db8::7]:80/ischedule/", "", ""},
		{"http://cs6.example.com.:80/ischedule/", "", ""},
		{"http://h:80/proxy/ischedule/", "the path", ""},
		{"http://h:80/ischedule", "the path", ""},
		{"http://h:80", "the path", ""},
		{"http://h/ischedule/", "no port", "use http://h:80/ischedule/"},
		{"https://h", "no port", "use https://h:443/ischedule/"},
		{"https://h/x/", "no port", "use https://h:443/x/"},
		{"http://[2001:db8::7]/ischedule/", "no port", "use http://[2001:db8::7]:80/ischedule/"},
		{"http://joe@h:80/ischedule/", "user name", "use http://h:80/ischedule/"},
		{"http://joe:pw@h/ischedule/?a#b", "user name", "use http://h:80/ischedule/"},
		{"http://joe:p/w@h:80/ischedule/", "contains a password", ""},
		{"http://h:80/ischedule/?x=1", "query", "use http://h:80/ischedule/"},
		{"http://h:80/ischedule/#x", "fragment", "use http://h:80/ischedule/"},
		{"", "empty", ""},
		{"  ", "empty", ""},
		{" http://h:80/ischedule/", "begins or ends with a blank", "use http://h:80/ischedule/"},
		{"http://h:80/ischedule/ ", "begins or ends with a blank", "use http://h:80/ischedule/"},
		{`http\://h\:80/ischedule/`, "backslashes", "use http://h:80/ischedule/"},
		{"h.example:80/ischedule/", "no scheme", "use http://h.example:80/ischedule/"},
		{"h.example", "no scheme", "use http://h.example:80/ischedule/"},
		{"joe:pw@h.example", "no scheme", "begin with http://"},
		{"ftp://h:21/ischedule/", "'ftp' is not", ""},
		{"http://:80/ischedule/", "no host", ""},
		{"http:///ischedule/", "no host", ""},
		{"http://h:0/ischedule/", "port", ""},
		{"http://h:65536/ischedule/", "port", ""},
		{"http://h:/ischedule/", "port", ""},
		{"http://a:80,b:80/ischedule/", "more than one host", ""},
		{"http://h_x:80/ischedule/", "host name", ""},
		{"http://[::g]:80/ischedule/", "not an IPv6 address", ""},
		{"http://h:80/isch edule/", "contains a blank", "%20"},
		{"http://h:80/isch%2/", "'%'", ""},
		{"http://h:80/ischedul\u00e9/", "character", ""},
		{"http://h:80/i\nschedule/", "character", ""},
		{"http://h:80/{x}/", "character", ""},
	} {
		problems := checkPeerURL(c.value)
		if c.text == "" {
			if len(problems) > 0 {
				t.Errorf("%q: %+v", c.value, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Text, c.text) || !strings.Contains(problems[0].Hint, c.hint) || (c.hint == "" && problems[0].Suggestion != "") {
			t.Errorf("%q: %+v, want %q, %q", c.value, problems, c.text, c.hint)
			continue
		}
		if warn := c.text == "the path"; warn != (problems[0].Severity == finding.Warning) {
			t.Errorf("%q: %s", c.value, problems[0].Severity)
		}
	}
}

func oddURL() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.SampledFrom([]string{"http://", "https://", "HTTP://", "", "ftp://", `http\://`}).Draw(t, "scheme")
		for range rapid.IntRange(0, 7).Draw(t, "parts") {
			s += rapid.SampledFrom([]string{
				"h", "cs6.example.com", ":", "80", ":8080", "/ischedule/", "/", "?", "#", "@", "secret", "joe:secret@", "[::1]", "%20", "%", " ", "\\", "=", ",", "é", "\x00", "//",
			}).Draw(t, "part")
		}
		return s
	})
}

// A URL that passes is also valid for Go's parser, every suggestion passes, and no
// message shows a password.
func TestPeerURLHints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := oddURL().Draw(t, "value")
		problems := checkPeerURL(value)
		if firstError(problems) == nil {
			u, err := url.Parse(value)
			if err != nil || u.Host == "" || u.Port() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%q passes, but Go parses it as %+v, %v", value, u, err)
			}
			return
		}
		bad := firstError(problems)
		if n := strings.Count(value, "secret"); n > 0 && n == strings.Count(value, "joe:secret@") && strings.Contains(bad.Text+bad.Hint, "secret") {
			t.Fatalf("%q: %+v shows the password", value, bad)
		}
		if bad.Suggestion != "" && firstError(checkPeerURL(bad.Suggestion)) != nil {
			t.Fatalf("%q: the suggestion %s is refused: %+v", value, bad.Suggestion, checkPeerURL(bad.Suggestion))
		}
		if shown := MaskDomainURL(value); strings.Contains(value, "joe:secret@") && strings.Contains(shown, "joe:secret@") {
			t.Fatalf("%q is shown as %q", value, shown)
		}
	})
}
