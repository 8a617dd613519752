package directory

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// peopleQuery returns the query of most tests.
func peopleQuery() Query {
	return Query{
		Attributes: []string{"cn", "mail", "davUniqueId", "objectClass"},
		Selections: []Selection{
			{Kind: Group, Classes: []string{"groupOfNames"}, Attributes: 1<<0 | 1<<1},
			{Kind: User, Classes: []string{"person", "inetOrgPerson"}, Attributes: 1<<0 | 1<<1 | 1<<2},
		},
		Others: true,
	}
}

// rfc consists of the examples of RFC 2849.
const rfc = `version: 1
dn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com
objectclass: top
objectclass: person
objectclass: organizationalPerson
cn: Barbara Jensen
cn: Barbara J Jensen
cn: Babs Jensen
sn: Jensen
uid: bjensen
telephonenumber: +1 408 555 1212
description: Babs is a big sailing fan, and travels extensively in sea
 rch of perfect sailing conditions.
title:Product Manager, Rod and Reel Division

dn:: b3U95Za25qWt6YOoLG89QWlyaXVz
# dn:: ou=<JapaneseOU>,o=Airius
objectclass: top
objectclass: organizationalUnit
ou:: 5Za25qWt6YOo
ou;lang-ja:: 5Za25qWt6YOo
description: Japanese office

dn: uid=rogasawara,o=Airius
cn;lang-ja:: 5bCP56yg5Y6fIOODreODieODi+ODvA==
mail: rogasawara@airius.co.jp
cn;lang-en: Rodney Ogasawara
objectclass: inetOrgPerson
davuniqueid;x-old:

dn: cn=Horatio Jensen, ou=Product Testing, dc=airius, dc=com
objectclass: person
cn: Horatio Jensen
jpegphoto:< file:///usr/local/directory/photos/hjensen.jpg

# Add a new entry
dn: cn=Fiona Jensen, ou=Marketing, dc=airius, dc=com
changetype: add
objectclass: person
cn: Fiona Jensen

# Delete an existing entry
dn: cn=Robert Jensen, ou=Marketing, dc=airius, dc=com
changetype: delete

dn: cn=Paula Jensen, ou=Product Development, dc=airius, dc=com
changetype: modify
add: postaladdress
postaladdress: 123 Anystreet $ Sunnyvale, CA $ 94086
-

dn: cn=Paul Jensen, ou=Product Development, dc=airius, dc=com
changetype: modrdn
newrdn: cn=Paula Jensen
deleteoldrdn: 1
`

func TestExamplesOfTheRFC(t *testing.T) {
	want := []string{
		`0:2 user "cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com" cn="Barbara Jensen" cn="Barbara J Jensen" cn="Babs Jensen"`,
		`0:16 other "ou=営業部,o=Airius"`,
		`0:24 user "uid=rogasawara,o=Airius" cn="小笠原 ロドニー" mail="rogasawara@airius.co.jp" cn="Rodney Ogasawara" davUniqueId=""`,
		`0:34 broken "cn=Horatio Jensen, ou=Product Testing, dc=airius, dc=com": the value of "jpegphoto" is at the URL "file:///usr/local/directory/photos/hjens"…, and URLs are not followed`,
		`0:37 change "cn=Fiona Jensen, ou=Marketing, dc=airius, dc=com": a change record that adds an entry (changetype: add), not an existing entry`,
		`0:43 change "cn=Robert Jensen, ou=Marketing, dc=airius, dc=com": a change record (changetype: delete), not an entry`,
		`0:46 change "cn=Paula Jensen, ou=Product Development, dc=airius, dc=com": a change record (changetype: modify), not an entry`,
		`0:52 change "cn=Paul Jensen, ou=Product Development, dc=airius, dc=com": a change record (changetype: moddn), not an entry`,
	}
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		text := strings.ReplaceAll(rfc, "\n", eol)
		if err := requireFiles(t, FilesOptions{Paths: writeFiles(t, text)}, peopleQuery(), want...); err != nil {
			t.Error(err)
		}
	}
}

func TestPosIsFileAndOffset(t *testing.T) {
	paths := writeFiles(t, "", "# c\n\ndn: o=a\n\ndn: o=b\n\n")
	var got []uint64
	for e, err := range NewFiles(FilesOptions{Paths: paths}).Entries(t.Context(), peopleQuery()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Pos)
	}
	if want := []uint64{1<<44 + 5, 1<<44 + 14}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%x", got)
	}
}

func TestIncompleteSearchOutput(t *testing.T) {
	const limit = "dn: uid=a,o=isp\nobjectClass: person\n\nsearch: 2\nresult: 11 Administrative limit\n"
	const good = "dn: uid=b,o=isp\nobjectClass: person\n"
	paths := writeFiles(t, limit, good, "# extended LDIF\n\n"+good)
	want := []string{`0:1 user "uid=a,o=isp"`, `1:1 user "uid=b,o=isp"`, `2:3 user "uid=b,o=isp"`}
	err := requireFiles(t, FilesOptions{Paths: paths}, peopleQuery(), want...)
	requireIncomplete(t, err, "f0.ldif", 3, 11, "is missing")
	requireIncomplete(t, err, "f0.ldif", 3, 11, paths[2])

	lost := errors.New("disk lost")
	f := func() *Files {
		return NewFiles(FilesOptions{Paths: []string{paths[0], "-"}, Stdin: io.MultiReader(strings.NewReader(good+"\ndn: o=c"), iotest.ErrReader(lost))})
	}
	got, err := entriesOf(t, f(), peopleQuery())
	requireIncomplete(t, err, "standard input", 2, 11, paths[0])
	if !errors.Is(err, lost) || len(got) != 2 {
		t.Errorf("%q, %v", texts(got), err)
	}
}

func TestSeveralFilesAndStandardInput(t *testing.T) {
	paths := writeFiles(t, "dn: uid=a,o=isp\nobjectClass: person\n", string(packGzip([]byte("\ndn: uid=c,o=isp\nobjectClass: person\n\nbroken\n"))))
	text := "dn: uid=b,o=isp\nobjectClass: person\n"
	q := peopleQuery()
	for _, workers := range []int{0, 1, 3} {
		s := NewFiles(FilesOptions{Paths: []string{paths[0], "-", paths[1]}, Stdin: strings.NewReader(text)})
		if want := paths[0] + ", standard input, " + paths[1]; s.Name() != want || s.FileName(1) != "standard input" {
			t.Errorf("the name is %q", s.Name())
		}
		var got []item
		var err error
		if workers == 0 {
			got, err = entriesOf(t, s, q)
		} else {
			got, err = scanOf(t, t.Context(), s, q, workers)
		}
		want := `[0:1 user "uid=a,o=isp" 1:1 user "uid=b,o=isp" 2:2 user "uid=c,o=isp" 2:5 broken "": a record must begin with dn:, not with "broken"]`
		if fmt.Sprint(texts(got)) != want || err != nil {
			t.Errorf("%d workers: %s, %v", workers, texts(got), err)
		}
		if _, err := entriesOf(t, s, q); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("reading a pipe again: %v", err)
		}
	}
	s := NewFiles(FilesOptions{Paths: paths[:1]})
	for range 2 {
		if got, err := entriesOf(t, s, q); len(got) != 1 || err != nil {
			t.Errorf("a file read again: %q, %v", texts(got), err)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	good := writeFiles(t, "dn: uid=a,o=isp\nobjectClass: person\n")[0]
	missing := filepath.Join(t.TempDir(), "missing.ldif")
	stdin := func() io.Reader { return strings.NewReader("dn: o=a\n") }
	q := peopleQuery()
	with := func(change func(*Query)) Query { q := peopleQuery(); change(&q); return q }
	for _, c := range []struct {
		name string
		o    FilesOptions
		q    Query
		want string
	}{
		{"a missing file", FilesOptions{Paths: []string{good, missing}}, q, missing},
		{"a directory", FilesOptions{Paths: []string{good, t.TempDir()}}, q, "is a directory"},
		{"no file", FilesOptions{}, q, "no files"},
		{"standard input twice", FilesOptions{Paths: []string{"-", good, "-"}, Stdin: stdin()}, q, "twice"},
		{"no standard input", FilesOptions{Paths: []string{good, "-"}}, q, "no standard input"},
		{"unsupported compression", FilesOptions{Paths: append([]string{good}, writeFiles(t, "\xfd7zXZ\x00\x00")...)}, q, "compressed with xz"},
		{"UTF-16", FilesOptions{Paths: writeFiles(t, "\xff\xfed\x00n\x00")}, q, "UTF-16"},
		{"an invalid filter", FilesOptions{Paths: []string{good}}, with(func(q *Query) { q.Filter = "(cn" }), "unexpected end"},
		{"an invalid base", FilesOptions{Paths: []string{good}}, with(func(q *Query) { q.Bases = []string{"isp"} }), `base "isp"`},
		{"too many attributes", FilesOptions{Paths: []string{good}}, with(func(q *Query) { q.Attributes = make([]string, 65) }), "65"},
		{"an invalid scope", FilesOptions{Paths: []string{good}}, with(func(q *Query) { q.Scope = 7 }), "7 is not a valid scope"},
	} {
		got, err := entriesOf(t, NewFiles(c.o), c.q)
		again, scanErr := scanOf(t, t.Context(), NewFiles(c.o), c.q, 2)
		var i *IncompleteError
		if len(got)+len(again) > 0 || err == nil || errors.As(err, &i) || !strings.Contains(err.Error(), c.want) || fmt.Sprint(scanErr) != err.Error() {
			t.Errorf("%s: %q, %q, %v, %v", c.name, texts(got), texts(again), err, scanErr)
		}
	}
}

func TestBasesAndFilters(t *testing.T) {
	paths := writeFiles(t, `dn: o=isp
objectClass: organization

dn: ou=Sales,o=isp
objectClass: organizationalUnit

dn: uid=a,ou=Sales,o=isp
objectClass: person
cn: Anna
uid: a

dn: UID=b, OU=sales, O=ISP
cn;lang-de: Berta
objectClass: person

dn: uid=c\,ou\=Sales\,o\=isp
objectClass: person

dn: just a name
objectClass: person

dn: cn=a group,ou=Sales,o=isp
objectClass: groupOfNames
cn: a
mail: g@x
davUniqueId: 7

dn: uid=d,ou=Sales,o=isp
changetype: delete
`)
	a, b, c := `0:7 user "uid=a,ou=Sales,o=isp" cn="Anna"`, `0:12 user "UID=b, OU=sales, O=ISP" cn="Berta"`, `0:16 user "uid=c\\,ou\\=Sales\\,o\\=isp"`
	isp, sales, none := `0:1 other "o=isp"`, `0:4 other "ou=Sales,o=isp"`, `0:19 invalid "just a name": the DN is invalid: "name=value" expected at byte 1 of the DN`
	group, change := `0:22 group "cn=a group,ou=Sales,o=isp" cn="a" mail="g@x"`, `0:28 change "uid=d,ou=Sales,o=isp": a change record (changetype: delete), not an entry`
	other := func(line string) string { // the same entry when it is not selected
		place, rest, _ := strings.Cut(line, " ")
		_, rest, _ = strings.Cut(rest, " ")
		dn, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatal(err)
		}
		return place + " other " + dn
	}
	for _, x := range []struct {
		bases  []string
		scope  Scope
		filter string
		others bool
		want   []string
	}{
		{nil, BaseOnly, "", true, []string{isp, sales, a, b, c, none, group, change}},
		{nil, Subtree, "", false, []string{a, b, c, none, group, change}},
		{[]string{"o=isp"}, Subtree, "", true, []string{isp, sales, a, b, other(c), none, group, change}},
		{[]string{"OU = sales , O = isp"}, Subtree, "", true, []string{isp, sales, a, b, other(c), none, group, change}},
		{[]string{"ou=Sales,o=isp"}, OneLevel, "", true, []string{isp, sales, a, b, other(c), none, group, change}},
		{[]string{"o=isp"}, OneLevel, "", true, []string{isp, sales, other(a), other(b), other(c), none, other(group), change}},
		{[]string{"o=isp", "uid=B,ou=Sales,o=isp"}, BaseOnly, "", true, []string{isp, sales, other(a), b, other(c), none, other(group), change}},
		{[]string{"o=isp", "ou=Sales,o=isp"}, Subtree, "", false, []string{a, b, none, group, change}},
		{nil, Subtree, "(cn=ANNA)", false, []string{a, none, change}},
		{nil, Subtree, "(cn=ANNA)", true, []string{isp, sales, a, other(b), other(c), none, other(group), change}},
		{nil, Subtree, "(|(uid=a)(cn;lang-de=b*))", false, []string{a, b, none, change}},
		{[]string{"ou=sales,o=isp"}, Subtree, "(!(uid=a))", false, []string{b, none, group, change}},
	} {
		q := peopleQuery()
		q.Bases, q.Scope, q.Filter, q.Others = x.bases, x.scope, x.filter, x.others
		q.Selections[1].Filter = "(this is ignored"
		if err := requireFiles(t, FilesOptions{Paths: paths}, q, x.want...); err != nil {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

func TestFirstSelectionAndItsAttributes(t *testing.T) {
	paths := writeFiles(t, "dn: o=a\nmail: m\nobjectClass: person\ndavUniqueId: 1\nCN;x: c\nMail;y: n\nobjectClass: groupOfNames\nobjectClass: other\n")
	q := Query{
		Attributes: []string{"cn", "mail", "objectClass", "MAIL", "davUniqueId"},
		Selections: []Selection{
			{Kind: Domain},
			{Kind: Group, Classes: []string{"x", "GROUPOFNAMES"}, Attributes: 1<<0 | 1<<3},
			{Kind: User, Classes: []string{"person"}, Attributes: 1<<4 | 1<<2},
		},
	}
	if err := requireFiles(t, FilesOptions{Paths: paths}, q, `0:1 group "o=a" mail="m" cn="c" mail="n"`); err != nil {
		t.Error(err)
	}
	q.Selections[1].Classes = nil
	if err := requireFiles(t, FilesOptions{Paths: paths}, q, `0:1 user "o=a" objectClass="person" davUniqueId="1" objectClass="groupOfNames" objectClass="other"`); err != nil {
		t.Error(err)
	}
	q.Selections = nil
	if err := requireFiles(t, FilesOptions{Paths: paths}, q); err != nil {
		t.Error(err)
	}
}

// An entry whose DN no server accepts is not delivered, but its values are known.
func TestInvalidDNs(t *testing.T) {
	paths := writeFiles(t, "dn: uid=J\xfcrg,o=isp\nobjectClass: person\ncn: a\n\ndn: uid=b,o=isp\nobjectClass: person\n\ndn: uid=\xff\n\ndn: nothing\ncn: c\n\ndn:\ncn: root\n")
	err := requireFiles(t, FilesOptions{Paths: paths}, peopleQuery(),
		`0:1 invalid "uid=J\xfcrg,o=isp": the DN is not valid UTF-8, so no server accepts it`, `0:5 user "uid=b,o=isp"`,
		`0:8 invalid "uid=\xff": the DN is not valid UTF-8, so no server accepts it`,
		`0:10 invalid "nothing": the DN is invalid: "name=value" expected at byte 1 of the DN`, `0:13 other ""`)
	if err != nil {
		t.Error(err)
	}
	for _, err := range NewFiles(FilesOptions{Paths: paths}).Entries(t.Context(), peopleQuery()) {
		var p *Problem
		if !errors.As(err, &p) || p.Entry == nil || p.Entry.Kind != User || len(p.Entry.Values) != 1 || string(p.Entry.Values[0].Data) != "a" {
			t.Errorf("%v, %+v", err, p)
		}
		break
	}
}

// Change records that add an entry are entries where that is allowed.
func TestAdditions(t *testing.T) {
	paths := writeFiles(t, "dn: uid=a,o=isp\nchangetype: add\nobjectClass: person\ncn: a\n\ndn: uid=b,o=isp\nchangetype: delete\n")
	deletion := `0:6 change "uid=b,o=isp": a change record (changetype: delete), not an entry`
	if err := requireFiles(t, FilesOptions{Paths: paths, Additions: true}, peopleQuery(), `0:1 user "uid=a,o=isp" cn="a"`, deletion); err != nil {
		t.Error(err)
	}
	if err := requireFiles(t, FilesOptions{Paths: paths}, peopleQuery(),
		`0:1 change "uid=a,o=isp": a change record that adds an entry (changetype: add), not an existing entry`, deletion); err != nil {
		t.Error(err)
	}
	for _, err := range NewFiles(FilesOptions{Paths: paths}).Entries(t.Context(), peopleQuery()) {
		var p *Problem
		if !errors.As(err, &p) || p.Addition != (p.Line == 1) {
			t.Errorf("%+v", p)
		}
	}
}

// A range that does not reach the last value means that there are more.
func TestRangedValues(t *testing.T) {
	const head = "dn: cn=g,o=isp\nobjectClass: groupOfNames\n"
	more := `0:1 more "cn=g,o=isp": %s: the server returned only a part of the values of cn; the entry has more`
	for _, c := range []struct {
		lines string
		want  []string
	}{
		{"cn;range=0-1: a\ncn;range=0-1: b\n", []string{fmt.Sprintf(more, "cn;range=0-1"), `0:1 group "cn=g,o=isp" cn="a" cn="b"`}},
		{"cn;lang-de;Range=0-0: a\ncn;range=1-2: b\n", []string{fmt.Sprintf(more, "cn;lang-de;Range=0-0"), fmt.Sprintf(more, "cn;range=1-2"), `0:1 group "cn=g,o=isp" cn="a" cn="b"`}},
		{"cn;range=0-*: a\nsn;range=0-1: b\n", []string{`0:1 group "cn=g,o=isp" cn="a"`}},
	} {
		if err := requireFiles(t, FilesOptions{Paths: writeFiles(t, head+c.lines)}, peopleQuery(), c.want...); err != nil {
			t.Errorf("%q: %v", c.lines, err)
		}
	}
}

// A file that was cut off is incomplete, and the record in which it ends is not
// delivered.
func TestCutOff(t *testing.T) {
	const a, b = "dn: uid=a,o=isp\nobjectClass: person\n\n", "dn: uid=b,o=isp\nobjectClass: person\n"
	for _, c := range []struct{ end, why string }{
		{"dn: uid=b,o=isp\nobjectClass: person\ncn: Ann", "line 6: the last line has no line ending"},
		{"dn: uid", "line 4: the last line has no line ending"},
		{"dn: uid=b,o=isp\n", "line 4: the last record has a DN but no attributes, and no blank line ends it"},
		{"# entry-id: 2", "line 4: the last line has no line ending"},
		{"# result: 4 Size limit exceeded\n", `ended with code 4 "Size limit exceeded" (line 4)`},
		{"search: 2\nresult: 0 Success\npagedresults: cookie=AAE=\n", "the last page cookie is not empty (line 6)"},
	} {
		for _, pack := range []func([]byte) []byte{func(b []byte) []byte { return b }, packGzip} {
			paths := writeFiles(t, string(pack([]byte(a+c.end))), b)
			err := requireFiles(t, FilesOptions{Paths: paths}, peopleQuery(), `0:1 user "uid=a,o=isp"`, `1:1 user "uid=b,o=isp"`)
			requireIncomplete(t, err, "f0.ldif", 2, directoryCode(c.why), c.why)
		}
	}
}

func directoryCode(why string) int {
	if strings.Contains(why, "code 4") {
		return 4
	}
	return 0
}

func TestFileURLs(t *testing.T) {
	value := writeFiles(t, "from elsewhere")[0]
	paths := writeFiles(t, "dn: o=a\nobjectClass: person\ncn:< file://"+value+"\n\ndn: o=b\nobjectClass: person\ncn:< file://"+value+".missing\n")
	got, err := entriesOf(t, NewFiles(FilesOptions{Paths: paths, FileURLs: true}), peopleQuery())
	if err != nil || len(got) != 2 || got[0].text != `0:1 user "o=a" cn="from elsewhere"` || !strings.Contains(got[1].text, "no such file") || !strings.HasPrefix(got[1].text, `0:7 broken "o=b"`) {
		t.Errorf("%q, %v", texts(got), err)
	}
	got, err = entriesOf(t, NewFiles(FilesOptions{Paths: paths}), peopleQuery())
	if err != nil || len(got) != 2 || !strings.Contains(got[0].text, "URLs are not followed") || !strings.Contains(got[1].text, "URLs are not followed") {
		t.Errorf("%q, %v", texts(got), err)
	}
}
