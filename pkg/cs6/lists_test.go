package cs6

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// read returns the people and the errors of a list, and checks that each of its
// lines is accounted for.
func read(t testing.TB, text string, o PeopleOptions) (people []Person, errs []string) {
	t.Helper()
	tally := Tally{}
	o.Tally = &tally
	faults := 0
	for p, err := range ReadPeople(strings.NewReader(text), o) {
		var line *LineError
		switch {
		case err == nil:
			people = append(people, p)
		case errors.As(err, &line):
			errs = append(errs, err.Error())
			faults++
		default:
			t.Fatalf("the list ends with: %v", err)
		}
	}
	lines := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		lines++
	}
	sum := tally.People + tally.Continuations + tally.Comments + tally.Blanks + tally.Headers + tally.Errors
	if tally.Lines != lines || sum != lines || tally.People != len(people) || tally.Errors != faults {
		t.Errorf("%q has %d lines, yields %d people and %d errors, the tally is %+v", text, lines, len(people), faults, tally)
	}
	return people, errs
}

type listCase struct {
	name   string
	text   string
	people []Person
	errs   []string
}

func runListCases(t *testing.T, cases []listCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			people, errs := read(t, c.text, PeopleOptions{})
			if diff := cmp.Diff(c.people, people); diff != "" {
				t.Errorf("people (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.errs, errs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListOfWords(t *testing.T) {
	runListCases(t, []listCase{
		{"nothing", "", nil, nil},
		{"comments and blank lines", "# moved in May\n\n \t\n  # more\n", nil, nil},
		{"address", "user1@example.com\n", []Person{{Address: "user1@example.com", UID: "user1", Domain: "example.com", Line: 1}}, nil},
		{"user id", "jdoe\n", []Person{{UID: "jdoe", Line: 1}}, nil},
		{"spelling is kept", "JDoe@Example.COM", []Person{{Address: "JDoe@Example.COM", UID: "JDoe", Domain: "Example.COM", Line: 1}}, nil},
		{"blanks around and a comment behind", "  jdoe\t# left in June\n", []Person{{UID: "jdoe", Line: 1}}, nil},
		{"mailto", "MAILTO:jdoe@example.com\n", []Person{{Address: "jdoe@example.com", UID: "jdoe", Domain: "example.com", Line: 1}}, nil},
		{"other scripts", "josé@bücher.example\n", []Person{{Address: "josé@bücher.example", UID: "josé", Domain: "bücher.example", Line: 1}}, nil},
		{"calendar id", "jdoe@example.com:work\n", []Person{{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1}}, nil},
		{"line ends of DOS and a byte-order mark", "\xef\xbb\xbfjdoe\r\nbob\r\n", []Person{{UID: "jdoe", Line: 1}, {UID: "bob", Line: 2}}, nil},
		{"two words", "John Doe\njdoe\n", []Person{{UID: "jdoe", Line: 2}}, []string{
			`line 1: neither an address, a user id, a line of cscal nor a property: "John Doe"`,
		}},
		{"not quite addresses", "a@b@c\n@example.com\njdoe@\njdoe@a..b\n<jdoe@example.com>\njdoe@example.com,\n*\n----\n", nil, []string{
			`line 1: more than one @: "a@b@c"`,
			`line 2: nothing before the @: "@example.com"`,
			`line 3: no domain behind the @: "jdoe@"`,
			`line 4: no domain behind the @: "jdoe@a..b"`,
			`line 5: neither an address nor a user id: "<jdoe@example.com>"`,
			`line 6: no domain behind the @: "jdoe@example.com,"`,
			`line 7: neither an address nor a user id: "*"`,
			`line 8: neither an address nor a user id: "----"`,
		}},
		{"neither calendar ids nor URLs without a domain", "jdoe:work\nhttp://cs6.example.com:8080/\n", nil, []string{
			`line 1: neither a property that is known nor the id of a person: "jdoe:work"`,
			`line 2: neither a property that is known nor the id of a person: "http://cs6.example.com:8080/"`,
		}},
		{"hostile bytes", "a\x00b\njdoe\nb\xff\nc\x1b[2J\nx\ry\nzero\u200bwidth\n", []Person{{UID: "jdoe", Line: 2}}, []string{
			`line 1: holds a NUL byte: "a\x00b"`,
			`line 3: holds bytes that are not UTF-8: "b\xff"`,
			`line 4: holds the control character U+001B: "c\x1b[2J"`,
			`line 5: holds the control character U+000D: "x\ry"`,
			`line 6: neither an address nor a user id: "zero\u200bwidth"`,
		}},
	})
}

func TestListOfCscal(t *testing.T) {
	runListCases(t, []listCase{
		{
			"plain",
			"jdoe: owner=jdoe status=enabled\n" +
				"jdoe:work: owner=jdoe status=disabled\n" +
				"kate@example.com:private: owner=kate@example.com status=enabled\n" +
				"board@example.com: owner=Kate status=ENABLED\n",
			[]Person{
				{UID: "jdoe", Calendars: 1, Line: 1},
				{UID: "jdoe", Calendars: 1, Disabled: true, Line: 2},
				{UID: "kate", Domain: "example.com", Calendars: 1, Line: 3},
				{UID: "Kate", Domain: "example.com", Calendars: 1, Line: 4},
			}, nil,
		},
		{"plain without an owner", "room1: owner= status=enabled\n", []Person{{UID: "room1", Calendars: 1, Line: 1}}, nil},
		{"plain with more", "jdoe : owner=\"jdoe\", status=enabled, size=12\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, nil},
		{"people with the names of properties", "name: owner=name status=enabled\nowner: owner=owner status=enabled\n", []Person{
			{UID: "name", Calendars: 1, Line: 1}, {UID: "owner", Calendars: 1, Line: 2},
		}, nil},
		{"plain and broken", "j*: owner=jdoe status=enabled\njdoe: owner=John Doe status=enabled\njdoe: owner=a:b status=enabled\n", nil, []string{
			`line 1: calendar id: neither an address nor a user id: "j*: owner=jdoe status=enabled"`,
			`line 2: "Doe" is not of the form key=value: "jdoe: owner=John Doe status=enabled"`,
			`line 3: owner: neither an address nor a user id: "jdoe: owner=a:b status=enabled"`,
		}},
		{
			"-v with the plain line in front",
			"jdoe:work: owner=jdoe status=disabled\n  name: My work\n  acl: @@o^a^r^g;@^a^fs^g\n  email: boss@example.com\n  description: owner=boss status=enabled\n" +
				"kate: owner=kate status=enabled\n  name: Kate\n",
			[]Person{{UID: "jdoe", Calendars: 1, Disabled: true, Line: 1}, {UID: "kate", Calendars: 1, Line: 6}}, nil,
		},
		{
			"-v with a property for the id",
			"calid: jdoe@example.com:work\nprimary owner: JDoe\nother owners: kate bob\nstatus: enabled\n\nlast-modified=20040901T200200Z\n\n" +
				"CalID = kate@example.com\nowner = kate\nstatus = disabled\n",
			[]Person{
				{UID: "JDoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "kate", Domain: "example.com", Calendars: 1, Disabled: true, Line: 8},
			}, nil,
		},
		{
			"-v with the id as a heading",
			"jdoe@example.com:work:\nowner: jdoe\ndescription:\nkate@example.com:\n  Primary Owner = kate\n  status=disabled\ncarl:\n  owner: carl\n",
			[]Person{
				{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "kate", Domain: "example.com", Calendars: 1, Disabled: true, Line: 4},
				{UID: "carl", Calendars: 1, Line: 7},
			}, nil,
		},
		{
			"-v with a heading that may be a property",
			"jdoe@example.com:\nowner: jdoe\nbob:\nowner: bob\n",
			[]Person{
				{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "bob", Calendars: 1, Line: 4},
			}, nil,
		},
		{"-v of an unknown layout loses nobody", "Calendar jdoe\n owner: jdoe\n status: enabled\nCalendar kate\n owner: kate\n status: disabled\n",
			[]Person{{UID: "jdoe", Calendars: 1, Line: 2}, {UID: "kate", Calendars: 1, Disabled: true, Line: 5}}, []string{
				`line 1: neither an address, a user id, a line of cscal nor a property: "Calendar jdoe"`,
				`line 4: neither an address, a user id, a line of cscal nor a property: "Calendar kate"`,
			}},
		{"headings of the tool are no people", "Calendars:\njdoe: owner=jdoe status=enabled\n", []Person{{UID: "jdoe", Calendars: 1, Line: 2}}, []string{
			`line 1: a word with a colon, and no properties of a calendar behind it: "Calendars:"`,
		}},
		{"a broken id does not feed its neighbour", "jdoe: owner=jdoe status=enabled\ncalid: a b\nstatus: disabled\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 2: calendar id: neither an address nor a user id: "calid: a b"`,
			`line 3: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"a line that cannot be read does not feed its neighbour", "calid: jdoe\nname: J\xf6\nstatus: enabled\ncalid: k\xff\nstatus: disabled\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 2: holds bytes that are not UTF-8: "name: J\xf6"`,
			`line 4: holds bytes that are not UTF-8: "calid: k\xff"`,
			`line 5: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"neither does one that is only partly broken", "calid: j\n name: J\n k\xff\n owner: \xff\n mail: \xff\n other: \xff\n status: disabled\nk: owner=\xff status=enabled\n status: disabled\n",
			[]Person{{UID: "j", Calendars: 1, Disabled: true, Line: 1}}, []string{
				`line 3: holds bytes that are not UTF-8: " k\xff"`,
				`line 4: holds bytes that are not UTF-8: " owner: \xff"`,
				`line 5: holds bytes that are not UTF-8: " mail: \xff"`,
				`line 6: holds bytes that are not UTF-8: " other: \xff"`,
				`line 8: holds bytes that are not UTF-8: "k: owner=\xff status=enabled"`,
				`line 9: properties without calid, owner, mail, account or uid: "status: disabled"`,
			}},
		{"neither does a word of an unknown form", "calid: jdoe\nstatus: enabled\nCalendar kate\nstatus: disabled\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 3: neither an address, a user id, a line of cscal nor a property: "Calendar kate"`,
			`line 4: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"neither does a calendar id without a domain", "calid: jdoe\nstatus: enabled\nkate:work\nstatus: disabled\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 3: neither a property that is known nor the id of a person: "kate:work"`,
			`line 4: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"the address of a contact", "jdoe: owner=jdoe status=enabled\nmail: boss@example.com\nuid: boss\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}}, nil},
		{"an indented word may be anything", "calid: jdoe\n name: My\n  calendar\nkate\n", []Person{{UID: "jdoe", Calendars: 1, Line: 1}, {UID: "kate", Line: 4}}, []string{
			`line 3: an indented word within the record that begins on line 1: "calendar"`,
		}},
	})
}

func TestListOfAccounts(t *testing.T) {
	runListCases(t, []listCase{
		{
			"blocks",
			"account: user1@example.com\nguid: 426dfa81-3ec811e0\nstatus: active\n\nguid: 426dfa82-3ec811e0\nMail = user2@example.com\nuid=user2\nstatus: inactive\n",
			[]Person{
				{Address: "user1@example.com", Domain: "example.com", Line: 1},
				{Address: "user2@example.com", UID: "user2", Domain: "example.com", Disabled: true, Line: 5},
			}, nil,
		},
		{"without blank lines", "mail: a@example.com\nmail: b@example.com\nuid: c\nuid: d@example.com\naccount: e\n", []Person{
			{Address: "a@example.com", Domain: "example.com", Line: 1},
			{Address: "b@example.com", UID: "c", Domain: "example.com", Line: 2},
			{UID: "d", Domain: "example.com", Line: 4},
			{UID: "e", Line: 5},
		}, nil},
		{"one person with two keys of the same address", "account: A@example.com\nmail: a@example.com\n", []Person{{Address: "a@example.com", Domain: "example.com", Line: 1}}, nil},
		{"two addresses are two people", "account: a@example.com\nmail: b@example.com\n", []Person{
			{Address: "a@example.com", Domain: "example.com", Line: 1}, {Address: "b@example.com", Domain: "example.com", Line: 2},
		}, nil},
		{"behind a list of calendars", "jdoe: owner=jdoe status=enabled\n\nmail: a@example.com\nowner: kate\n", []Person{
			{UID: "jdoe", Calendars: 1, Line: 1}, {Address: "a@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"nobody", "guid: 1\ncount: 2\n\nmail: none\nuid: a,b\n", nil, []string{
			`lines 1 to 2: properties without calid, owner, mail, account or uid: "guid: 1"`,
			`line 4: mail: not an address: "mail: none"`,
			`line 5: uid: neither an address nor a user id: "uid: a,b"`,
		}},
	})
}

func TestListOfCSV(t *testing.T) {
	runListCases(t, []listCase{
		{"the address in front", "mail,cn\nuser1@example.com,\"Doe, John\"\n\"user2@example.com\"\n", []Person{
			{Address: "user1@example.com", Domain: "example.com", Line: 2}, {Address: "user2@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"other columns, other separators", "CN;UID;E-Mail;Status\nJohn \"the\" Doe;jdoe;john.doe@example.com;disabled\n\"a \"\"b\"\" c\" ; kate ;;\n", []Person{
			{Address: "john.doe@example.com", UID: "jdoe", Domain: "example.com", Disabled: true, Line: 2}, {UID: "kate", Line: 3},
		}, nil},
		{"account", "account\tbackend\njdoe\tdefaultbackend\nkate@example.com\tstore1\n", []Person{
			{UID: "jdoe", Line: 2}, {Address: "kate@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"uid with its domain", "uid,cn\njdoe@example.com,John\n", []Person{{UID: "jdoe", Domain: "example.com", Line: 2}}, nil},
		{"a single column", "# who\n\nuid\njdoe\nuid\n", []Person{{UID: "jdoe", Line: 4}, {UID: "uid", Line: 5}}, nil},
		{"ended by another form", "mail,cn\na@example.com,A\njdoe: owner=jdoe status=enabled\n b: c,d\nbob,B\n", []Person{
			{Address: "a@example.com", Domain: "example.com", Line: 2}, {UID: "jdoe", Calendars: 1, Line: 3},
		}, []string{`line 5: neither an address nor a user id: "bob,B"`}},
		{"files one behind the other", "mail,cn\na@example.com,A\nmail,cn\nuid,cn\nb,B\nuser,U\naddress,cn\nc,C\n", []Person{
			{Address: "a@example.com", Domain: "example.com", Line: 2}, {UID: "b", Line: 5}, {UID: "c", Line: 8},
		}, []string{
			`line 6: either a record or the heading of other columns: "user,U"`,
			`line 7: either a record or the heading of other columns: "address,cn"`,
		}},
		{"broken records", "cn,mail\nJohn\nJohn,\nJohn,none\n\"John,a@example.com\n\"John\" Doe,a@example.com\nJohn,a b@example.com\n", []Person{{UID: "John", Line: 2}}, []string{
			`line 3: nothing in the columns that tell who it is: "John,"`,
			`line 4: column 2: not an address: "John,none"`,
			`line 5: a quoted field without its end: "\"John,a@example.com"`,
			`line 6: text behind a quoted field: "\"John\" Doe,a@example.com"`,
			`line 7: column 2: neither an address nor a user id: "John,a b@example.com"`,
		}},
		{"no heading", "a@example.com,A\nuid=jdoe,ou=people,o=isp\n", nil, []string{
			`line 1: no domain behind the @: "a@example.com,A"`,
			`line 2: uid: neither an address nor a user id: "uid=jdoe,ou=people,o=isp"`,
		}},
	})
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name, text string
		max        int
		people     []Person
		errs       []string
	}{
		{"the limit is allowed", "abcd\nefgh\r\n", 4, []Person{{UID: "abcd", Line: 1}, {UID: "efgh", Line: 2}}, nil},
		{"one more is not", "abcde\nabcd\n", 4, []Person{{UID: "abcd", Line: 2}}, []string{`f: line 1: longer than 4 bytes: "abcde"`}},
		{"far more", long + "\njdoe\n" + long, 10, []Person{{UID: "jdoe", Line: 2}}, []string{
			`f: line 1: longer than 10 bytes: "xxxxxxxxxxxx"`, `f: line 3: longer than 10 bytes: "xxxxxxxxxxxx"`,
		}},
		{"no limit at all", "jdoe\n", math.MaxInt, []Person{{UID: "jdoe", Line: 1}}, nil},
		{"the usual limit", long + "\njdoe", 0, []Person{{UID: "jdoe", Line: 2}}, []string{
			`f: line 1: longer than 65536 bytes: "` + long[:60] + `"…`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			people, errs := read(t, c.text, PeopleOptions{Name: "f", MaxLine: c.max})
			for i := range c.people {
				c.people[i].File = "f"
			}
			if diff := cmp.Diff(c.people, people); diff != "" {
				t.Errorf("people (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.errs, errs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// A list that breaks off must not pass for a shorter one, wherever it breaks.
func TestReadErrorEndsTheList(t *testing.T) {
	const text = "jdoe\nkate: owner=kate status=enabled\nbob\n"
	for _, c := range []struct{ fault, want error }{
		{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		{fmt.Errorf("connection closed: %w", io.EOF), io.ErrUnexpectedEOF},
	} {
		for n := range len(text) + 1 {
			people := 0
			var last error
			in := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(c.fault))
			for _, err := range ReadPeople(in, PeopleOptions{Name: "cs6.txt"}) {
				if last != nil {
					t.Fatalf("%d bytes: the sequence goes on behind %v", n, last)
				}
				if last = err; err == nil {
					people++
				}
			}
			lines := strings.Count(text[:n], "\n")
			if !errors.Is(last, c.want) || errors.Is(last, io.EOF) {
				t.Fatalf("%d bytes: the list ends with %v, want %v", n, last, c.want)
			}
			if !strings.HasPrefix(last.Error(), fmt.Sprintf("cs6.txt: reading line %d: ", lines+1)) {
				t.Errorf("%d bytes: %v", n, last)
			}
			if people > lines {
				t.Errorf("%d bytes: %d people from %d whole lines", n, people, lines)
			}
		}
	}
}

func TestListCanBeLeft(t *testing.T) {
	const text = "a\nmail: b@example.com\n\nx y\nc\n"
	for n := 1; n <= 4; n++ {
		got := 0
		for range ReadPeople(strings.NewReader(text), PeopleOptions{}) {
			if got++; got == n {
				break
			}
		}
		if got != n {
			t.Errorf("left after %d, want %d", got, n)
		}
	}
}

func TestIgnoredPropertiesAreCounted(t *testing.T) {
	var tally Tally
	const text = "jdoe: owner=jdoe status=enabled size=3\n name: x\n acl: y\n status: odd\n mail: z\n"
	for _, err := range ReadPeople(strings.NewReader(text), PeopleOptions{Tally: &tally}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := (Tally{Lines: 5, People: 1, Continuations: 4, Ignored: 5}); tally != want {
		t.Errorf("%+v, want %+v", tally, want)
	}
}
