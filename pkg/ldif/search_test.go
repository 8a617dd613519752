package ldif

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const searchOutput = `# extended LDIF
#
# LDAPv3
# base <o=isp> with scope subtree
# filter: (objectclass=*)
#

# isp
dn: o=isp
o: isp

# search reference
ref: ldap://other/o=isp??sub
ref: ldap://third/o=isp??sub

# search result
search: 2
result: 0 Success
control: 1.2.840.113556.1.4.319 false MAUCAQAEAA==
pagedresults: cookie=

# search result
search: 3
result: 4 Size limit exceeded
matchedDN: o=isp
text: some text

numResponses: 3
numEntries: 1

# numReferences: 1
`

func TestSearchResult(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       Search
	}{
		{"none", "dn: o=a\n", Search{}},
		{"truncated", searchOutput[:120], Search{ResultExpected: true}},
		{"complete", searchOutput, Search{ResultExpected: true, HasResult: true, Code: 4, Text: "Size limit exceeded", Line: 24, References: 2}},
		{"success", "dn: o=a\n\nresult: 0 Success\n\nresult: 0 fine\n", Search{HasResult: true, Text: "fine", Line: 5}},
		{"the first failure is kept", "result: 3 a\n\nresult: 4 b\n\nresult: 0 c\n", Search{HasResult: true, Code: 3, Text: "a", Line: 1}},
		{"attributes of an entry", "dn: o=a\nsearch: 2\nresult: 4 x\n", Search{}},
	} {
		r := NewReader(strings.NewReader(c.file), Options{})
		for {
			_, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		code, text, ok := r.SearchResult()
		if r.Search() != c.want || code != c.want.Code || text != c.want.Text || ok != c.want.HasResult {
			t.Errorf("%s: got %+v, want %+v", c.name, r.Search(), c.want)
		}
	}
}

func TestValuesFromURLs(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a b")
	if err := os.WriteFile(name, []byte("\x00value\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	escaped := "file://" + strings.ReplaceAll(name, " ", "%20")
	broken := errors.New("broken")
	opened := func(url string) ([]byte, error) {
		if url != "http://h/" {
			return nil, broken
		}
		return nil, nil
	}
	for _, c := range []struct {
		url  string
		o    Options
		want string // of the value, or a part of the error
	}{
		{escaped, Options{FileURLs: true}, "\x00value\n"},
		{strings.Replace(escaped, "file://", "file://localhost", 1), Options{FileURLs: true}, "\x00value\n"},
		{escaped, Options{}, "URLs are not followed"},
		{escaped, Options{OpenURL: opened}, "URLs are not followed"},
		{escaped, Options{FileURLs: true, MaxLine: 6 + len(escaped)}, "\x00value\n"},
		{"file://h" + name, Options{FileURLs: true}, "not a file: URL of this host"},
		{"http://h/", Options{FileURLs: true}, "not a file: URL of this host"},
		{"http://h/", Options{FileURLs: true, OpenURL: opened}, ""},
		{"http://i/", Options{FileURLs: true, OpenURL: opened}, ": broken"},
		{"file://" + dir, Options{FileURLs: true}, "is not a regular file"},
		{"file:///dev/zero", Options{FileURLs: true}, "is not a regular file"},
		{escaped + "x", Options{FileURLs: true}, "no such file"},
	} {
		rec, err := NewReader(strings.NewReader("dn: o=a\ncn:< "+c.url+"\n"), c.o).Next()
		if err != nil {
			if c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.url, err, c.want)
			}
			continue
		}
		if v := rec.Attributes[0].Value; v == nil || string(v) != c.want {
			t.Errorf("%s: %q, want %q", c.url, v, c.want)
		}
	}
}
