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

	"github.com/davadmin/davadmin/internal/listfile"
)

// read returns the records and the errors of a list, and checks that the tally
// accounts for each of its lines.
func read(t testing.TB, text string, o ListOptions) (users []ListedUser, errs []string) {
	t.Helper()
	tally := Tally{}
	o.Tally = &tally
	faults := 0
	for p, err := range ReadUsers(strings.NewReader(text), o) {
		var line *LineError
		switch {
		case err == nil:
			users = append(users, p)
		case errors.As(err, &line):
			errs = append(errs, err.Error())
			faults++
		case isJSONError(err):
			return users, append(errs, err.Error())
		default:
			t.Fatalf("the list ends with: %v", err)
		}
	}
	lines := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		lines++
	}
	sum := tally.Records + tally.Continuations + tally.Comments + tally.Blanks + tally.Headers + tally.Errors
	if !isJSONText(text) && tally.Lines != lines || sum != tally.Lines || tally.Records != len(users) || tally.Errors != faults {
		t.Errorf("%q has %d lines and yields %d records and %d errors; the tally is %+v", text, lines, len(users), faults, tally)
	}
	return users, errs
}

// isJSONError reports whether a list ended because it is not valid JSON.
func isJSONError(err error) bool {
	var e *listfile.Error
	return errors.As(err, &e) && !e.Reading
}

// isJSONText reports whether a list is read as JSON, in which objects are counted.
func isJSONText(text string) bool {
	text = strings.TrimLeft(strings.TrimPrefix(text, byteOrderMark), " \t\r\n")
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")
}

type listCase struct {
	name  string
	text  string
	users []ListedUser
	errs  []string
}

func runListCases(t *testing.T, cases []listCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			users, errs := read(t, c.text, ListOptions{})
			if diff := cmp.Diff(c.users, users); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
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
		{"address", "user1@example.com\n", []ListedUser{{Address: "user1@example.com", UID: "user1", Domain: "example.com", Line: 1}}, nil},
		{"user id", "jdoe\n", []ListedUser{{UID: "jdoe", Line: 1}}, nil},
		{"spelling is kept", "JDoe@Example.COM", []ListedUser{{Address: "JDoe@Example.COM", UID: "JDoe", Domain: "Example.COM", Line: 1}}, nil},
		{"surrounding blanks and a comment", "  jdoe\t# left in June\n", []ListedUser{{UID: "jdoe", Line: 1}}, nil},
		{"mailto", "MAILTO:jdoe@example.com\n", []ListedUser{{Address: "jdoe@example.com", UID: "jdoe", Domain: "example.com", Line: 1}}, nil},
		{"other scripts", "josé@bücher.example\n", []ListedUser{{Address: "josé@bücher.example", UID: "josé", Domain: "bücher.example", Line: 1}}, nil},
		{"calendar id", "jdoe@example.com:work\n", []ListedUser{{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1}}, nil},
		{"DOS line ends and a byte-order mark", "\xef\xbb\xbfjdoe\r\nbob\r\n", []ListedUser{{UID: "jdoe", Line: 1}, {UID: "bob", Line: 2}}, nil},
		{"two words", "John Doe\njdoe\n", []ListedUser{{UID: "jdoe", Line: 2}}, []string{
			`line 1: neither an address, a user id, a line of cscal nor a property: "John Doe"`,
		}},
		{"invalid addresses", "a@b@c\n@example.com\njdoe@\njdoe@a..b\n<jdoe@example.com>\njdoe@example.com,\n*\n----\n", nil, []string{
			`line 1: more than one @: "a@b@c"`,
			`line 2: nothing before the @: "@example.com"`,
			`line 3: no valid domain after the @: "jdoe@"`,
			`line 4: no valid domain after the @: "jdoe@a..b"`,
			`line 5: neither an address nor a user id: "<jdoe@example.com>"`,
			`line 6: no valid domain after the @: "jdoe@example.com,"`,
			`line 7: neither an address nor a user id: "*"`,
			`line 8: neither an address nor a user id: "----"`,
		}},
		{"calendar ids and URLs without a domain", "jdoe:work\nhttp://cs6.example.com:8080/\n", nil, []string{
			`line 1: neither a known property nor the id of a user: "jdoe:work"`,
			`line 2: neither a known property nor the id of a user: "http://cs6.example.com:8080/"`,
		}},
		{"hostile bytes", "a\x00b\njdoe\nb\xff\nc\x1b[2J\nx\ry\nzero\u200bwidth\n", []ListedUser{{UID: "jdoe", Line: 2}}, []string{
			`line 1: contains a NUL byte: "a\x00b"`,
			`line 3: contains bytes that are not UTF-8: "b\xff"`,
			`line 4: contains the control character U+001B: "c\x1b[2J"`,
			`line 5: contains the control character U+000D: "x\ry"`,
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
			[]ListedUser{
				{UID: "jdoe", Calendars: 1, Line: 1},
				{UID: "jdoe", Calendars: 1, Disabled: true, Line: 2},
				{UID: "kate", Domain: "example.com", Calendars: 1, Line: 3},
				{UID: "Kate", Domain: "example.com", Calendars: 1, Line: 4},
			}, nil,
		},
		{"plain without an owner", "room1: owner= status=enabled\n", []ListedUser{{UID: "room1", Calendars: 1, Line: 1}}, nil},
		{"plain with more", "jdoe : owner=\"jdoe\", status=enabled, size=12\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, nil},
		{"users with the names of properties", "name: owner=name status=enabled\nowner: owner=owner status=enabled\n", []ListedUser{
			{UID: "name", Calendars: 1, Line: 1}, {UID: "owner", Calendars: 1, Line: 2},
		}, nil},
		{"plain and invalid", "j*: owner=jdoe status=enabled\njdoe: owner=John Doe status=enabled\njdoe: owner=a:b status=enabled\n", nil, []string{
			`line 1: calendar id: neither an address nor a user id: "j*: owner=jdoe status=enabled"`,
			`line 2: "Doe" is not of the form key=value: "jdoe: owner=John Doe status=enabled"`,
			`line 3: owner: neither an address nor a user id: "jdoe: owner=a:b status=enabled"`,
		}},
		{
			"-v with the plain line first",
			"jdoe:work: owner=jdoe status=disabled\n  name: My work\n  acl: @@o^a^r^g;@^a^fs^g\n  email: boss@example.com\n  description: owner=boss status=enabled\n" +
				"kate: owner=kate status=enabled\n  name: Kate\n",
			[]ListedUser{{UID: "jdoe", Calendars: 1, Disabled: true, Line: 1}, {UID: "kate", Calendars: 1, Line: 6}}, nil,
		},
		{
			"-v with a property for the id",
			"calid: jdoe@example.com:work\nprimary owner: JDoe\nother owners: kate bob\nstatus: enabled\n\nlast-modified=20040901T200200Z\n\n" +
				"CalID = kate@example.com\nowner = kate\nstatus = disabled\n",
			[]ListedUser{
				{UID: "JDoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "kate", Domain: "example.com", Calendars: 1, Disabled: true, Line: 8},
			}, nil,
		},
		{
			"-v with the id as a heading",
			"jdoe@example.com:work:\nowner: jdoe\ndescription:\nkate@example.com:\n  Primary Owner = kate\n  status=disabled\ncarl:\n  owner: carl\n",
			[]ListedUser{
				{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "kate", Domain: "example.com", Calendars: 1, Disabled: true, Line: 4},
				{UID: "carl", Calendars: 1, Line: 7},
			}, nil,
		},
		{
			"-v with a heading that may be a property",
			"jdoe@example.com:\nowner: jdoe\nbob:\nowner: bob\n",
			[]ListedUser{
				{UID: "jdoe", Domain: "example.com", Calendars: 1, Line: 1},
				{UID: "bob", Calendars: 1, Line: 4},
			}, nil,
		},
		{"-v in an unknown layout loses no user", "Calendar jdoe\n owner: jdoe\n status: enabled\nCalendar kate\n owner: kate\n status: disabled\n",
			[]ListedUser{{UID: "jdoe", Calendars: 1, Line: 2}, {UID: "kate", Calendars: 1, Disabled: true, Line: 5}}, []string{
				`line 1: neither an address, a user id, a line of cscal nor a property: "Calendar jdoe"`,
				`line 4: neither an address, a user id, a line of cscal nor a property: "Calendar kate"`,
			}},
		{"headings of the tool are not users", "Calendars:\njdoe: owner=jdoe status=enabled\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 2}}, []string{
			`line 1: a word with a colon that is not followed by properties of a calendar: "Calendars:"`,
		}},
		{"an invalid id does not change the record before", "jdoe: owner=jdoe status=enabled\ncalid: a b\nstatus: disabled\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 2: calendar id: neither an address nor a user id: "calid: a b"`,
			`line 3: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"neither does a line with invalid bytes", "calid: jdoe\nname: J\xf6\nstatus: enabled\ncalid: k\xff\nstatus: disabled\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 2: contains bytes that are not UTF-8: "name: J\xf6"`,
			`line 4: contains bytes that are not UTF-8: "calid: k\xff"`,
			`line 5: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"neither does a partly invalid record", "calid: j\n name: J\n k\xff\n owner: \xff\n mail: \xff\n other: \xff\n status: disabled\nk: owner=\xff status=enabled\n status: disabled\n",
			[]ListedUser{{UID: "j", Calendars: 1, Disabled: true, Line: 1}}, []string{
				`line 3: contains bytes that are not UTF-8: " k\xff"`,
				`line 4: contains bytes that are not UTF-8: " owner: \xff"`,
				`line 5: contains bytes that are not UTF-8: " mail: \xff"`,
				`line 6: contains bytes that are not UTF-8: " other: \xff"`,
				`line 8: contains bytes that are not UTF-8: "k: owner=\xff status=enabled"`,
				`line 9: properties without calid, owner, mail, account or uid: "status: disabled"`,
			}},
		{"neither does a word in an unknown form", "calid: jdoe\nstatus: enabled\nCalendar kate\nstatus: disabled\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 3: neither an address, a user id, a line of cscal nor a property: "Calendar kate"`,
			`line 4: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"neither does a calendar id without a domain", "calid: jdoe\nstatus: enabled\nkate:work\nstatus: disabled\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, []string{
			`line 3: neither a known property nor the id of a user: "kate:work"`,
			`line 4: properties without calid, owner, mail, account or uid: "status: disabled"`,
		}},
		{"the address of a contact", "jdoe: owner=jdoe status=enabled\nmail: boss@example.com\nuid: boss\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}}, nil},
		{"an indented word may be anything", "calid: jdoe\n name: My\n  calendar\nkate\n", []ListedUser{{UID: "jdoe", Calendars: 1, Line: 1}, {UID: "kate", Line: 4}}, []string{
			`line 3: an indented word inside the record that begins on line 1: "calendar"`,
		}},
	})
}

func TestListOfAccounts(t *testing.T) {
	runListCases(t, []listCase{
		{
			"blocks",
			"account: user1@example.com\nguid: 426dfa81-3ec811e0\nstatus: active\n\nguid: 426dfa82-3ec811e0\nMail = user2@example.com\nuid=user2\nstatus: inactive\n",
			[]ListedUser{
				{Address: "user1@example.com", Domain: "example.com", Line: 1},
				{Address: "user2@example.com", UID: "user2", Domain: "example.com", Disabled: true, Line: 5},
			}, nil,
		},
		{"without blank lines", "mail: a@example.com\nmail: b@example.com\nuid: c\nuid: d@example.com\naccount: e\n", []ListedUser{
			{Address: "a@example.com", Domain: "example.com", Line: 1},
			{Address: "b@example.com", UID: "c", Domain: "example.com", Line: 2},
			{UID: "d", Domain: "example.com", Line: 4},
			{UID: "e", Line: 5},
		}, nil},
		{"one user with two keys for the same address", "account: A@example.com\nmail: a@example.com\n", []ListedUser{{Address: "a@example.com", Domain: "example.com", Line: 1}}, nil},
		{"two addresses are two users", "account: a@example.com\nmail: b@example.com\n", []ListedUser{
			{Address: "a@example.com", Domain: "example.com", Line: 1}, {Address: "b@example.com", Domain: "example.com", Line: 2},
		}, nil},
		{"after a list of calendars", "jdoe: owner=jdoe status=enabled\n\nmail: a@example.com\nowner: kate\n", []ListedUser{
			{UID: "jdoe", Calendars: 1, Line: 1}, {Address: "a@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"no user", "guid: 1\ncount: 2\n\nmail: none\nuid: a,b\n", nil, []string{
			`lines 1 to 2: properties without calid, owner, mail, account or uid: "guid: 1"`,
			`line 4: mail: not an address: "mail: none"`,
			`line 5: uid: neither an address nor a user id: "uid: a,b"`,
		}},
	})
}

func TestListOfCSV(t *testing.T) {
	runListCases(t, []listCase{
		{"the address first", "mail,cn\nuser1@example.com,\"Doe, John\"\n\"user2@example.com\"\n", []ListedUser{
			{Address: "user1@example.com", Domain: "example.com", Line: 2}, {Address: "user2@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"other columns, other separators", "CN;UID;E-Mail;Status\nJohn \"the\" Doe;jdoe;john.doe@example.com;disabled\n\"a \"\"b\"\" c\" ; kate ;;\n", []ListedUser{
			{Address: "john.doe@example.com", UID: "jdoe", Domain: "example.com", Disabled: true, Line: 2}, {UID: "kate", Line: 3},
		}, nil},
		{"account", "account\tbackend\njdoe\tdefaultbackend\nkate@example.com\tstore1\n", []ListedUser{
			{UID: "jdoe", Line: 2}, {Address: "kate@example.com", Domain: "example.com", Line: 3},
		}, nil},
		{"uid with its domain", "uid,cn\njdoe@example.com,John\n", []ListedUser{{UID: "jdoe", Domain: "example.com", Line: 2}}, nil},
		{"a single column", "# who\n\nuid\njdoe\nuid\n", []ListedUser{{UID: "jdoe", Line: 4}, {UID: "uid", Line: 5}}, nil},
		{"ended by another form", "mail,cn\na@example.com,A\njdoe: owner=jdoe status=enabled\n b: c,d\nbob,B\n", []ListedUser{
			{Address: "a@example.com", Domain: "example.com", Line: 2}, {UID: "jdoe", Calendars: 1, Line: 3},
		}, []string{`line 5: neither an address nor a user id: "bob,B"`}},
		{"concatenated files", "mail,cn\na@example.com,A\nmail,cn\nuid,cn\nb,B\nuser,U\naddress,cn\nc,C\n", []ListedUser{
			{Address: "a@example.com", Domain: "example.com", Line: 2}, {UID: "b", Line: 5}, {UID: "c", Line: 8},
		}, []string{
			`line 6: ambiguous: a record, or a heading with other columns: "user,U"`,
			`line 7: ambiguous: a record, or a heading with other columns: "address,cn"`,
		}},
		{"invalid records", "cn,mail\nJohn\nJohn,\nJohn,none\n\"John,a@example.com\n\"John\" Doe,a@example.com\nJohn,a b@example.com\n", []ListedUser{{UID: "John", Line: 2}}, []string{
			`line 3: the columns that identify the user are empty: "John,"`,
			`line 4: column 2: not an address: "John,none"`,
			`lines 5 to 6: text after a quoted field: "\"John,a@example.com"…`,
			`line 7: column 2: neither an address nor a user id: "John,a b@example.com"`,
		}},
		{"no heading", "a@example.com,A\nuid=jdoe,ou=people,o=isp\n", nil, []string{
			`line 1: no valid domain after the @: "a@example.com,A"`,
			`line 2: uid: neither an address nor a user id: "uid=jdoe,ou=people,o=isp"`,
		}},
	})
}

// What could be another user is never left out.
func TestNobodyIsLeftOut(t *testing.T) {
	a := ListedUser{Address: "a@example.com", Domain: "example.com", Line: 2}
	runListCases(t, []listCase{
		{"more values than columns", "mail\na@example.com,b@example.com\nc@example.com,,\n", []ListedUser{{Address: "c@example.com", Domain: "example.com", Line: 3}}, []string{
			`line 2: it has 2 values, but the heading 1: "a@example.com,b@example.com"`,
		}},
		{"two quotation marks too many", "mail,cn\na@example.com,\"A\nb@example.com,B\"\na@example.com,\"A\nB\"\n", []ListedUser{{Address: "a@example.com", Domain: "example.com", Line: 4}}, []string{
			`lines 2 to 3: a quoted field contains a line that looks like another record; if it is one, a quotation mark is missing or too many: "a@example.com,\"A"…`,
		}},
		{"two columns", "mail,email,address\na@example.com,A@example.com,1 High St\na@example.com,b@example.com,\n", []ListedUser{a}, []string{
			`line 3: columns 1 and 2 name different users: "a@example.com,b@example.com,"`,
		}},
		{"a member twice", `{"mail":"a@example.com","mail":"b@example.com"} {"mail":"a@example.com","email":"b@example.com"}`, nil, []string{
			`line 1: 'mail' is in it twice, with different values: "mail=a@example.com mail=b@example.com"`, `line 1: 'email': a second one, so which user is meant is unknown: "mail=a@example.com email=b@example.com"`,
		}},
		{"the address before the account", `{"account":"x@example.com","mail":"a@example.com"}`, []ListedUser{{Address: "a@example.com", Domain: "example.com", Line: 1}}, nil},
		{"a comment in JSON", `["a@example.com","#b@example.com"]`, []ListedUser{{Address: "a@example.com", UID: "a", Domain: "example.com", Line: 1}}, []string{
			`line 1: a text that begins with '#' would be taken for a comment: "#b@example.com"`,
		}},
		{"a table that ends too early", "account  id\nlong.address@example\n", nil, []string{
			`line 2: a row of a table that ends after its first column: "long.address@example"`,
		}},
		{"the separator of Excel", "sep=;\nmail;cn\na@example.com;A\n", []ListedUser{{Address: "a@example.com", Domain: "example.com", Line: 3}}, nil},
	})
}

// A table names sides in words, and a side that is unknown is not taken for none.
func TestSides(t *testing.T) {
	users, errs := read(t, "side        mail\nold server  a@example.com\nnew server  b@example.com\nelsewhere   c@example.com\n", ListOptions{Elsewhere: func(u ListedUser) bool { return u.Side == "" }})
	want := []ListedUser{
		{Address: "a@example.com", Domain: "example.com", Side: "cs6", Line: 2}, {Address: "b@example.com", Domain: "example.com", Side: "cs7", Line: 3},
	}
	if diff := cmp.Diff(want, users); diff != "" || len(errs) != 1 || !strings.Contains(errs[0], "an unknown side") {
		t.Errorf("%s%q", diff, errs)
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name, text string
		max        int
		users      []ListedUser
		errs       []string
	}{
		{"the limit is allowed", "abcd\nefgh\r\n", 4, []ListedUser{{UID: "abcd", Line: 1}, {UID: "efgh", Line: 2}}, nil},
		{"one more is not", "abcde\nabcd\n", 4, []ListedUser{{UID: "abcd", Line: 2}}, []string{`f: line 1: longer than 4 bytes: "abcde"`}},
		{"far more", long + "\njdoe\n" + long, 10, []ListedUser{{UID: "jdoe", Line: 2}}, []string{
			`f: line 1: longer than 10 bytes: "xxxxxxxxxxxx"`, `f: line 3: longer than 10 bytes: "xxxxxxxxxxxx"`,
		}},
		{"no limit at all", "jdoe\n", math.MaxInt, []ListedUser{{UID: "jdoe", Line: 1}}, nil},
		{"the default limit", long + "\njdoe", 0, []ListedUser{{UID: "jdoe", Line: 2}}, []string{
			`f: line 1: longer than 65536 bytes: "` + long[:60] + `"…`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			users, errs := read(t, c.text, ListOptions{Name: "f", MaxLine: c.max})
			for i := range c.users {
				c.users[i].File = "f"
			}
			if diff := cmp.Diff(c.users, users); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.errs, errs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// A truncated list must not look like a complete shorter one, wherever it is cut.
func TestReadErrorEndsTheList(t *testing.T) {
	const text = "jdoe\nkate: owner=kate status=enabled\nbob\n"
	for _, c := range []struct{ fault, want error }{
		{os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		{fmt.Errorf("connection closed: %w", io.EOF), io.ErrUnexpectedEOF},
	} {
		for n := range len(text) + 1 {
			users := 0
			var last error
			in := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(c.fault))
			for _, err := range ReadUsers(in, ListOptions{Name: "cs6.txt"}) {
				if last != nil {
					t.Fatalf("%d bytes: the sequence continues after %v", n, last)
				}
				if last = err; err == nil {
					users++
				}
			}
			lines := strings.Count(text[:n], "\n")
			if !errors.Is(last, c.want) || errors.Is(last, io.EOF) {
				t.Fatalf("%d bytes: the list ends with %v, want %v", n, last, c.want)
			}
			if !strings.HasPrefix(last.Error(), fmt.Sprintf("cs6.txt: reading line %d: ", lines+1)) {
				t.Errorf("%d bytes: %v", n, last)
			}
			if users > lines {
				t.Errorf("%d bytes: %d users from %d complete lines", n, users, lines)
			}
		}
	}
}

func TestListCanBeStopped(t *testing.T) {
	const text = "a\nmail: b@example.com\n\nx y\nc\n"
	for n := 1; n <= 4; n++ {
		got := 0
		for range ReadUsers(strings.NewReader(text), ListOptions{}) {
			if got++; got == n {
				break
			}
		}
		if got != n {
			t.Errorf("stopped after %d, want %d", got, n)
		}
	}
}

func TestIgnoredPropertiesAreCounted(t *testing.T) {
	var tally Tally
	const text = "jdoe: owner=jdoe status=enabled size=3\n name: x\n acl: y\n status: odd\n mail: z\n"
	for _, err := range ReadUsers(strings.NewReader(text), ListOptions{Tally: &tally}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := (Tally{Lines: 5, Records: 1, Continuations: 4, Ignored: 5}); tally != want {
		t.Errorf("%+v, want %+v", tally, want)
	}
}
