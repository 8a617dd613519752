package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/tier"
)

// readings are inputs of every accepted form and the records that a Reader returns.
var readings = []struct {
	name string
	file string
	want []string
}{
	{name: "nothing", file: ""},
	{name: "blank lines only", file: "\n\r\n\r \n\t\n"},
	{name: "an entry", file: "dn: o=isp\no: isp\n", want: []string{`1 content "o=isp" o="isp"`}},
	{name: "an entry without attributes", file: "dn: o=isp\n\n", want: []string{`1 content "o=isp"`}},
	{name: "the root DSE", file: "dn:\nobjectClass: top\n", want: []string{`1 content "" objectClass="top"`}},
	{name: "the root DSE in base64", file: "dn::\no: a\n", want: []string{`1 content "" o="a"`}},
	{name: "upper case DN", file: "DN: o=isp\nO: isp\n", want: []string{`1 content "o=isp" O="isp"`}},
	{name: "several values", file: "dn: o=a\nmail: a\nuid: b\nMAIL: c\n", want: []string{`1 content "o=a" mail="a" uid="b" MAIL="c"`}},
	{name: "no line ending at the end", file: "dn: o=a\no: a", want: []string{`2 cut "o=a": the last line has no line ending`}},
	{name: "cut off in a DN", file: "dn: o=a\no: a\n\ndn: o=", want: []string{`1 content "o=a" o="a"`, `4 cut "o=": the last line has no line ending`}},
	{name: "cut off in a folded line", file: "dn: o=a\no: a\n ", want: []string{`2 cut "o=a": the last line has no line ending`}},
	{name: "cut off in an invalid record", file: "dn: o=a\no", want: []string{`2 cut "o=a": the last line has no line ending`}},
	{name: "cut off in a comment", file: "dn: o=a\no: a\n\n# entry", want: []string{`1 content "o=a" o="a"`, `4 cut "": the last line has no line ending`}},
	{name: "cut off after a DN", file: "dn: o=a\n\ndn: o=b\n", want: []string{`1 content "o=a"`, `3 cut "o=b": the last record has a DN but no attributes, and no blank line ends it`}},
	{name: "cut off after a DN and a comment", file: "dn: o=b\n# c\n", want: []string{`2 cut "o=b": the last record has a DN but no attributes, and no blank line ends it`}},
	{name: "cut off after a changetype", file: "dn: o=b\nchangetype: modify\n", want: []string{`2 cut "o=b": the last record has a DN but no changes, and no blank line ends it`}},
	{name: "cut off after an operation", file: "dn: o=b\nchangetype: modify\ndelete: mail\n", want: []string{`3 cut "o=b": neither a line "-" nor a blank line ends the last change`}},
	{name: "cut off between values", file: "dn: o=b\nchangetype: modify\nreplace: mail\nmail: a\n", want: []string{`4 cut "o=b": neither a line "-" nor a blank line ends the last change`}},
	{name: "a byte-order mark alone", file: "\ufeff", want: []string{`1 cut "": the last line has no line ending`}},

	{name: "version", file: "version: 1\ndn: o=a\n\n", want: []string{`2 content "o=a"`}},
	{name: "version and a blank line", file: "version: 1\n\ndn: o=a\n\n", want: []string{`3 content "o=a"`}},
	{name: "version and a comment", file: "version: 1\n# c\ndn: o=a\n\n", want: []string{`3 content "o=a"`}},
	{name: "version after a comment", file: "# c\nVERSION:1\ndn: o=a\n\n", want: []string{`3 content "o=a"`}},
	{name: "two concatenated files", file: "version: 1\ndn: o=a\n\nversion: 1\ndn: o=b\n\n", want: []string{`2 content "o=a"`, `5 content "o=b"`}},
	{name: "an attribute called version", file: "dn: o=a\nversion: 2\n", want: []string{`1 content "o=a" version="2"`}},
	{name: "another version", file: "version: 2\ndn: o=a\n\ndn: o=b\n\n", want: []string{
		`1 broken "": unknown LDIF version "2": the records were read as those of version 1`, `2 content "o=a"`, `4 content "o=b"`}},
	{name: "another version and a blank line", file: "version: 2\n\ndn: o=a\no: a\n", want: []string{
		`1 broken "": unknown LDIF version "2": the records were read as those of version 1`, `3 content "o=a" o="a"`}},

	{name: "CRLF", file: "dn: o=a\r\no: a\r\n b\r\n\r\ndn: o=b\r\n\n", want: []string{`1 content "o=a" o="ab"`, `5 content "o=b"`}},
	{name: "CR", file: "dn: o=a\ro: a\r b\r\rdn: o=b\r\r", want: []string{`1 content "o=a" o="ab"`, `5 content "o=b"`}},
	{name: "every line ending", file: "dn: o=a\r\n\r\r\n\ndn: o=b\n\r\ndn: o=c\r\n\rdn: o=d\r\n\r\n", want: []string{
		`1 content "o=a"`, `5 content "o=b"`, `7 content "o=c"`, `9 content "o=d"`}},
	{name: "byte-order mark", file: "\ufeffdn: o=a\n\n", want: []string{`1 content "o=a"`}},
	{name: "byte-order mark and version", file: "\ufeffversion: 1\ndn: o=a\n\n", want: []string{`2 content "o=a"`}},
	{name: "several blank lines", file: "\n\ndn: o=a\n\n\n\ndn: o=b\n\n", want: []string{`3 content "o=a"`, `7 content "o=b"`}},
	{name: "lines of blanks between records", file: "dn: o=a\n\n  \n\t\ndn: o=b\n\n", want: []string{`1 content "o=a"`, `5 content "o=b"`}},

	{name: "folded", file: "dn: o=a,\n o=b\ncn: a\n  b\n c\n", want: []string{`1 content "o=a,o=b" cn="a bc"`}},
	{name: "folded everywhere", file: "d\n n\n :\n  o=a\nc\n n:\n :\n Y\n Q=\n =\n", want: []string{`1 content "o=a" cn="a"`}},
	{name: "folded at a tab", file: "dn: o=a\ncn: a\n\tb\n", want: []string{`1 content "o=a" cn="ab"`}},
	{name: "an empty folded line is not a blank line", file: "dn: o=a\n \ncn: a\n \n b\n", want: []string{`1 content "o=a" cn="ab"`}},
	{name: "comments", file: "# c\ndn: o=a\n#c\no: a\n#\n", want: []string{`2 content "o=a" o="a"`}},
	{name: "folded comments", file: "dn: o=a\n# c\n o: b\n  c\no: a\n", want: []string{`1 content "o=a" o="a"`}},
	{name: "a comment on its own", file: "# c\n\ndn: o=a\n\n# pagedresults: cookie=\n\ndn: o=b\n\n", want: []string{`3 content "o=a"`, `7 content "o=b"`}},
	{name: "no comment inside a value", file: "dn: o=a\ncn: a # b\nsn: #c\n", want: []string{`1 content "o=a" cn="a # b" sn="#c"`}},

	{name: "blanks before a value", file: "dn:o=a\na:1\nb:   2\nc:\t3\nd: \t\n", want: []string{`1 content "o=a" a="1" b="2" c="3" d=""`}},
	{name: "trailing blanks of a value are kept", file: "dn: o=a \nb: 2 \n", want: []string{`1 content "o=a " b="2 "`}},
	{name: "empty values", file: "dn: o=a\ncreatorsName:\nmodifiersName: \ncn::\nsn:: \n", want: []string{
		`1 content "o=a" creatorsName="" modifiersName="" cn="" sn=""`}},
	{name: "colons inside a value", file: "dn: o=a\nurl: http://h:80/\nb: :x\nc: <y\n", want: []string{`1 content "o=a" url="http://h:80/" b=":x" c="<y"`}},
	{name: "options", file: "dn: o=a\ncn;lang-de: Müller\nuserCertificate;binary:: AAE=\nmember;range=0-1: a\n", want: []string{
		`1 content "o=a" cn;lang-de="Müller" userCertificate;binary="\x00\x01" member;range=0-1="a"`}},
	{name: "object identifiers and '_'", file: "dn: o=a\n2.5.4.3: a\nmy_attr: b\n", want: []string{`1 content "o=a" 2.5.4.3="a" my_attr="b"`}},
	{name: "base64", file: "dn:: bz3DpA==\ncn:: AA==\nsn::YQ==\nl::  IGE=  \n", want: []string{`1 content "o=ä" cn="\x00" sn="a" l=" a"`}},
	{name: "bytes that are not text", file: "dn: o=a\ncn: \xff\x00\x01\n", want: []string{`1 content "o=a" cn="\xff\x00\x01"`}},

	{name: "389 and DSEE exports", file: `version: 1

# entry-id: 1
dn: dc=example,dc=com
nsUniqueId: ecdc9520-49c6317e-ac4243c0-176227e2
creatorsName:
aci: (targetattr="dc || description")(version 3.0; acl "read"; allow (read, sea
 rch)(userdn="ldap:///anyone");)
sn;vucsn-5f1;adcsn-5f0: Old

# entry-id: 2
dn: nsuniqueid=ffffffff-ffffffff-ffffffff-ffffffff,dc=example,dc=com
objectClass: nsTombstone

`, want: []string{
		`4 content "dc=example,dc=com" nsUniqueId="ecdc9520-49c6317e-ac4243c0-176227e2" creatorsName=""` +
			` aci="(targetattr=\"dc || description\")(version 3.0; acl \"read\"; allow (read, search)(userdn=\"ldap:///anyone\");)"` +
			` sn;vucsn-5f1;adcsn-5f0="Old"`,
		`12 content "nsuniqueid=ffffffff-ffffffff-ffffffff-ffffffff,dc=example,dc=com" objectClass="nsTombstone"`}},

	{name: "changes", file: `dn: o=a
changetype: add
o: a

dn: o=b
changetype: delete

dn: o=c
ChangeType: Modify
add: mail;lang-de
Mail;lang-DE: x
mail;lang-de:: eQ==
-
delete: cn
-
replace: sn
sn:
-
increment: uidNumber
uidNumber: 1

dn: cn=d
changetype: modrdn
newrdn: cn=e
deleteoldrdn: 1

dn: cn=d
changetype: moddn
newrdn:: Y249ZQ==
deleteoldrdn: 0
newsuperior: o=f
`, want: []string{
		`1 add "o=a" o="a"`,
		`5 delete "o=b"`,
		`8 modify "o=c" add:mail;lang-de["x" "y"] delete:cn[] replace:sn[""] increment:uidNumber["1"]`,
		`22 moddn "cn=d" newrdn="cn=e" delete=true`,
		`27 moddn "cn=d" newrdn="cn=e" delete=false superior="o=f"`}},
	{name: "changetype applies to one record only", file: "dn: o=a\nchangetype: modify\nadd: cn\ncn: a\n-\n\ndn: o=b\ncn: c\n", want: []string{
		`1 modify "o=a" add:cn["a"]`, `7 content "o=b" cn="c"`}},
	{name: "changetype after the first line is an attribute", file: "dn: o=a\ncn: a\nchangetype: delete\n", want: []string{
		`1 content "o=a" cn="a" changetype="delete"`}},
	{name: "controls", file: "dn: o=a\ncontrol: 1.2.840.113556.1.4.805 true\ncontrol: 1.2.3 false:: YQ==\nchangetype: delete\n", want: []string{
		`1 delete "o=a" control="1.2.840.113556.1.4.805 true" control="1.2.3 false:: YQ=="`}},
	{name: "an attribute called control", file: "dn: o=a\ncontrol: a\ncn: b\n", want: []string{`1 content "o=a" control="a" cn="b"`}},
}

func TestRead(t *testing.T) {
	for _, c := range readings {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, readString(t, c.file, Options{})); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.file, diff)
			}
		})
	}
}

// faults are invalid records. Each is read between two valid records, which must
// both be delivered. Line numbers are relative to the first line of the fault.
var faults = []struct {
	name string
	file string
	line int
	dn   string
	want string
}{
	{"no DN", "cn: a\nsn: b\n", 1, "", `a record must begin with dn:, not with "cn: a"`},
	{"DN with options", "dn;x: o=a\n", 1, "", `a record must begin with dn:, not with "dn;x: o=a"`},
	{"not LDIF", "<html>\n<body>\n", 1, "", `a record must begin with dn:, not with "<html>"`},
	{"NUL bytes", "\x00\x00\x00\n", 1, "", `a record must begin with dn:, not with "\x00\x00\x00"`},
	{"a folded line that continues nothing", " o=a\ndn: o=a\n", 1, "", `a record must begin with dn:, not with " o=a"`},
	{"a line without a colon", "dn: o=a\ncn: a\n# c\nfoo\ncn: b\n", 4, "o=a", `"foo" is not the beginning of "name: value"`},
	{"a line without a name", "dn: o=a\n: a\n", 2, "o=a", `": a" is not the beginning of "name: value"`},
	{"a line that was not folded", "dn: o=a\ncn: some\nwords more: b\n", 3, "o=a", `"words more: b" is not the beginning of "name: value"`},
	{"a name that is not ASCII", "dn: o=a\nnäme: a\n", 2, "o=a", `"näme: a" is not the beginning of "name: value"`},
	{"a blank in the options", "dn: o=a\ncn;lang de: a\n", 2, "o=a", `"cn;lang de: a" is not the beginning of "name;options: value"`},
	{"options without a colon", "dn: o=a\ncn;lang\n", 2, "o=a", `"cn;lang" is not the beginning of "name;options: value"`},
	{"a second DN", "dn: o=a\ncn: a\ndn: o=b\ncn: b\n", 3, "o=a", `a second DN: is a blank line missing?`},
	{"truncated base64", "dn: o=a\ncn:: YWJ\n", 2, "o=a", `the value of "cn" is not valid base64: illegal base64 data at input byte 0`},
	{"base64 with blanks", "dn: o=a\ncn:: YW Jj\n", 2, "o=a", `the value of "cn" is not valid base64: illegal base64 data at input byte 2`},
	{"folded base64 with a fault", "dn: o=a\n\ncn:: YW\n Jj\n !\n", 3, "", `a record must begin with dn:, not with "cn:: YWJj!"`},
	{"invalid base64 in the DN", "dn:: x\ncn: a\n", 1, "", `the DN is not valid base64: illegal base64 data at input byte 0`},
	{"DN at a URL", "dn:< file:///etc/passwd\n", 1, "", `the DN is a URL, which is not allowed`},
	{"value at a URL", "dn: o=a\ncn:< file:///etc/passwd\n", 2, "o=a", `the value of "cn" is at the URL "file:///etc/passwd", and URLs are not followed`},

	{"unknown changetype", "dn: o=a\nchangetype: move\n", 2, "o=a", `unknown changetype "move"`},
	{"a line after a deletion", "dn: o=a\nchangetype: delete\ncn: a\n", 3, "o=a", `unexpected line "cn: a" at the end of a delete record`},
	{"a second DN in an addition", "dn: o=a\nchangetype: add\ndn: o=b\n", 3, "o=a", `a second DN: is a blank line missing?`},
	{"unknown operation", "dn: o=a\nchangetype: modify\ncn: a\n-\n", 3, "o=a", `add:, delete:, replace: or increment: expected, found "cn"`},
	{"invalid attribute name in a change", "dn: o=a\nchangetype: modify\nadd: a b\n-\n", 3, "o=a", `"a b" is not a valid attribute name`},
	{"value of another attribute in a change", "dn: o=a\nchangetype: modify\nadd: cn\nsn: a\n-\n", 4, "o=a", `a value of "sn" in the list of values to add of "cn"`},
	{"a dash in an entry", "dn: o=a\ncn: a\n-\n", 3, "o=a", `"-" is not the beginning of "name: value"`},
	{"no changetype", "dn: o=a\nreplace: cn\ncn: a\n-\n", 4, "o=a", `the line "changetype: modify" is missing after the DN`},
	{"no newrdn", "dn: o=a\nchangetype: modrdn\n", 2, "o=a", `newrdn: is missing`},
	{"no deleteoldrdn", "dn: o=a\nchangetype: modrdn\nnewrdn: o=b\nnewsuperior: o=c\n", 4, "o=a", `deleteoldrdn: is missing`},
	{"invalid deleteoldrdn", "dn: o=a\nchangetype: modrdn\nnewrdn: o=b\ndeleteoldrdn: yes\n", 4, "o=a", `deleteoldrdn: must be 0 or 1`},

	{"incomplete search result", "search: 2\n", 1, "", `a record must begin with dn:, not with "search: 2"`},
	{"end of an entry that looks like a search reference", "ref: ldap://h/\ncn: a\n", 1, "", `a record must begin with dn:, not with "ref: ldap://h/"`},
	{"a result without a number", "search: 2\nresult: Success\n", 2, "", `"Success" is not a valid search result`},
}

func TestBrokenRecords(t *testing.T) {
	for _, c := range faults {
		for _, eol := range []string{"\n", "\r\n", "\r"} {
			file := strings.ReplaceAll("version: 1\ndn: o=before\nx: 1\n\n"+c.file+"\n\ndn: o=after\nx: 1\n", "\n", eol)
			got := readString(t, file, Options{})
			// A fault that contains a blank line has a valid record before it.
			bad := fmt.Sprintf("%d broken %q: %s", 4+c.line, c.dn, c.want)
			first, last := `2 content "o=before" x="1"`, fmt.Sprintf(`%d content "o=after" x="1"`, 4+strings.Count(c.file, "\n")+3)
			if len(got) < 3 || got[0] != first || got[len(got)-2] != bad || got[len(got)-1] != last {
				t.Errorf("%s: %q:\nwant %q %q %q\ngot  %q", c.name, file, first, bad, last, got)
			}
		}
	}
}

func TestRecordErrorMessage(t *testing.T) {
	_, err := NewReader(strings.NewReader("# c\n\ndn: o=a\nfoo\n"), Options{Name: "a.ldif"}).Next()
	want := `a.ldif: line 4: "foo" is not the beginning of "name: value" (record of "o=a")`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var bad *RecordError
	if !errors.As(err, &bad) || bad.Offset != 5 {
		t.Errorf("got %+v, want a record at offset 5", bad)
	}
}

func TestOffsets(t *testing.T) {
	file := "\ufeffversion: 1\r\n\r\n# c\r\ndn: o=a\r\n\n\ndn: o=b\nx\n\nDN: o=c"
	r := NewReader(strings.NewReader(file), Options{})
	for i, want := range []int{strings.Index(file, "dn: o=a"), strings.Index(file, "dn: o=b"), strings.Index(file, "DN: o=c")} {
		rec, err := r.Next()
		var bad *RecordError
		if errors.As(err, &bad) {
			rec = &Record{Offset: bad.Offset}
		}
		if rec == nil || rec.Offset != int64(want) {
			t.Fatalf("record %d: %+v, %v, want offset %d", i, rec, err, want)
		}
	}
	if _, err := r.Next(); !exactly(err, io.EOF) || r.Bytes() != int64(len(file)) || r.Line() != 11 {
		t.Errorf("got %v after %d of %d bytes, at line %d", err, r.Bytes(), len(file), r.Line())
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("a", 50)
	for _, c := range []struct {
		name, file string
		o          Options
		want       []string
	}{
		{"a line at the limit", "dn: o=a\na: 345\n 6789\n", Options{MaxLine: 10}, []string{`1 content "o=a" a="3456789"`}},
		{"a line over the limit", "dn: o=a\na: 345\n 67890\n\ndn: o=b\n\n", Options{MaxLine: 10}, []string{
			`2 broken "o=a": the line has more than 10 bytes`, `5 content "o=b"`}},
		{"a DN over the limit", "dn: 12345678\n\ndn: o=b\n\n", Options{MaxLine: 10}, []string{`1 broken "": the line has more than 10 bytes`, `3 content "o=b"`}},
		{"a record at the limit", "dn: o=a\na: 3\n\n", Options{MaxEntry: 13}, []string{`1 content "o=a" a="3"`}},
		{"a record over the limit", "#\ndn: o=a\n\ndn: o=a\na: 34\n\ndn: o=b\n\n", Options{MaxEntry: 13}, []string{
			`2 content "o=a"`, `4 broken "o=a": the record has more than 13 bytes: no blank line ends it`, `7 content "o=b"`}},
		{"a record far over the limit", "dn: o=a\n\n#\ndn: o=b\r\na: " + long + "\r\n\r\ndn: o=c\n\n", Options{MaxEntry: 30}, []string{
			`1 content "o=a"`, `4 broken "o=b": the record has more than 30 bytes: no blank line ends it`, `7 content "o=c"`}},
		{"the rest of the file over the limit", "dn: o=b\na: " + long, Options{MaxEntry: 30}, []string{`1 cut "o=b": the last line has no line ending`}},
		{"the rest of the file over the limit, with a line ending", "dn: o=b\na: " + long + "\n", Options{MaxEntry: 30}, []string{`1 broken "o=b": the record has more than 30 bytes: no blank line ends it`}},
		{"a comment over the limit", "# " + long + "\n\ndn: o=c\n\n", Options{MaxEntry: 30}, []string{
			`1 broken "": the record has more than 30 bytes: no blank line ends it`, `3 content "o=c"`}},
	} {
		got, err := readAll(t, newReader(strings.NewReader(c.file), c.o, 16))
		if diff := cmp.Diff(c.want, got); diff != "" || !exactly(err, io.EOF) {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

func TestTooManyValues(t *testing.T) {
	p := parser{o: Options{}.withDefaults(), attrs: make([]Attribute, maxValues-1, maxValues)}
	if bad := p.attribute([]byte("a: b")); bad != nil {
		t.Error(bad)
	}
	if bad := p.attribute([]byte("a: b")); bad == nil || bad.Detail != "the record has more than 4194304 values" {
		t.Error(bad)
	}
}

// allForms returns one file that contains every form of the tables.
func allForms() string {
	var b strings.Builder
	for _, c := range readings {
		b.WriteString(strings.TrimPrefix(c.file, "\ufeff") + "\n\n")
	}
	for _, c := range faults {
		b.WriteString(c.file + "\n")
	}
	return b.String() + searchOutput
}

// slowReader returns n bytes at a time.
type slowReader struct {
	r io.Reader
	n int
}

func (s slowReader) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.n)]) }

func TestReadsOfAnySize(t *testing.T) {
	file := allForms()
	want := readString(t, file, Options{})
	for _, size := range []int{1, 2, 3, 7, 16, 100, 4096} {
		for name, in := range map[string]io.Reader{
			"one byte":       iotest.OneByteReader(strings.NewReader(file)),
			"seven bytes":    slowReader{strings.NewReader(file), 7},
			"data and error": iotest.DataErrReader(strings.NewReader(file)),
		} {
			r := newReader(in, Options{}, size)
			got, err := readAll(t, r)
			if diff := cmp.Diff(want, got); diff != "" || !exactly(err, io.EOF) || r.Bytes() != int64(len(file)) {
				t.Errorf("%s, pieces of %d: %v after %d bytes (-want +got):\n%s", name, size, err, r.Bytes(), diff)
			}
		}
	}
}

func TestReadErrorIsNeverTheEnd(t *testing.T) {
	file := allForms()
	all := readString(t, file, Options{})
	lost := errors.New("connection lost")
	step := tier.Step(t, 5)
	for _, cause := range []error{lost, io.ErrUnexpectedEOF, fmt.Errorf("stream: %w", io.EOF)} {
		for at := 0; at < len(file); at += step {
			in := io.MultiReader(strings.NewReader(file[:at]), iotest.ErrReader(cause))
			got, err := readAll(t, newReader(in, Options{}, 64))
			if err == nil || errors.Is(err, io.EOF) || !errors.Is(err, cause) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%v at %d became %v", cause, at, err)
			}
			if exactly(cause, lost) && !exactly(err, lost) {
				t.Fatalf("%v became %v", cause, err)
			}
			if len(got) > len(all) || !slices.Equal(got, all[:len(got)]) {
				t.Fatalf("an error at offset %d: unexpected record %q", at, got[len(got)-1])
			}
			whole := readString(t, file[:lastBlank([]byte(file[:at]), 0)], Options{})
			if len(got) != len(whole) {
				t.Fatalf("an error at offset %d: got %d records, but %d were complete", at, len(got), len(whole))
			}
		}
	}
	if _, err := readAll(t, NewReader(slowReader{strings.NewReader(file), 0}, Options{})); !exactly(err, io.ErrNoProgress) {
		t.Errorf("a reader that returns nothing: %v", err)
	}
	over := io.MultiReader(strings.NewReader("dn: o=a\na: "+strings.Repeat("a", 50)), iotest.ErrReader(lost))
	if got, err := readAll(t, newReader(over, Options{MaxEntry: 20}, 16)); len(got) > 0 || !exactly(err, lost) {
		t.Errorf("inside a record over the limit: %q, %v", got, err)
	}
}

func TestNoAllocationPerRecord(t *testing.T) {
	file := usersFile(1<<20, "\n")
	in := bytes.NewReader(file)
	perFile := testing.AllocsPerRun(5, func() {
		in.Reset(file)
		r := NewReader(in, Options{})
		for {
			if _, err := r.Next(); err != nil {
				if !exactly(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
		}
	})
	if perFile > 30 {
		t.Errorf("%v allocations for 1600 records", perFile)
	}
}

// TestCommentsOfARecord checks that Options.Comments delivers the comments inside a
// record and directly before it.
func TestCommentsOfARecord(t *testing.T) {
	const text = "version: 1\n# of the file\n# and the first\ndn: a\n# inside\ncn: a\n\n# alone\n\n# fol\n ded\ndn: b\ncn: b\n\ndn: c\ncn: c\n"
	for _, ask := range []bool{true, false} {
		r := NewReader(strings.NewReader(text), Options{Comments: ask})
		var got []string
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %q", rec.DN, rec.Comments))
		}
		want := []string{`a ["# of the file" "# and the first" "# inside"]`, `b ["# folded"]`, `c []`}
		if !ask {
			want = []string{`a []`, `b []`, `c []`}
		}
		if !slices.Equal(got, want) {
			t.Errorf("Comments %v: got %q", ask, got)
		}
	}
}
