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
		{"none", "dn: o=a\n\n", Search{}},
		{"truncated", searchOutput[:strings.Index(searchOutput, "# search result")], Search{ResultExpected: true, References: 2}},
		{"complete", searchOutput, Search{ResultExpected: true, HasEnd: true, HasResult: true, Code: 4, Text: "Size limit exceeded", Line: 24, References: 2, PageLine: 20}},
		{"success", "dn: o=a\n\nresult: 0 Success\n\nresult: 0 fine\n", Search{HasResult: true, Text: "fine", Line: 5}},
		{"the first failure is kept", "result: 3 a\n\nresult: 4 b\n\nresult: 0 c\n", Search{HasResult: true, Code: 3, Text: "a", Line: 1}},
		{"the last page cookie is not empty", "dn: o=a\n\n# pagedresults: cookie=\nsearch: 2\nresult: 0 Success\npagedresults: cookie=AAE=\n",
			Search{HasResult: true, Text: "Success", Line: 5, MorePages: true, PageLine: 6}},
		{"the last of several page cookies is empty", "dn: o=a\no: a\n\n# pagedresults: cookie=AAE=\ndn: o=b\no: b\n\n# pagedresults: estimate=2 cookie=\n", Search{PageLine: 8}},
		{"a page cookie in a comment", "dn: o=a\no: a\n\n# pagedresults: cookie=AAE=\n", Search{MorePages: true, PageLine: 4}},
		{"stopped at the question for the next page", "dn: o=a\no: a\n\nresult: 0 Success\npagedresults: cookie=AAE=\nPress [size] Enter for the next {2|size} entries.\n",
			Search{HasResult: true, Text: "Success", Line: 4, MorePages: true, PageLine: 5}},
		{"a page cookie alone", "pagedresults: estimate=9 cookie=AAE=\n", Search{MorePages: true, PageLine: 1}},
		{"a result in a comment", "dn: o=a\no: a\n\n# result: 4 Size limit exceeded\n", Search{HasResult: true, Code: 4, Text: "Size limit exceeded", Line: 4}},
		{"a result code in a comment", "dn: o=a\no: a\n\n# Result Code:  4 (size limit exceeded)\n# Number of Entries Returned:  1\n",
			Search{HasResult: true, Code: 4, Text: "(size limit exceeded)", Line: 4}},
		{"comments that are not results", "# result: good\n# results: 4\n# result 4\ndn: o=a\no: a\n", Search{}},
		{"ldapsearch -L", "version: 1\n\n#\n# LDAPv3\n#\n\ndn: o=a\no: a\n\n# search result\n\n# numResponses: 2\n", Search{EndExpected: true, HasEnd: true}},
		{"ldapsearch -L, cut off", "version: 1\n\n#\n# LDAPv3\n#\n\ndn: o=a\no: a\n\n", Search{EndExpected: true}},
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
