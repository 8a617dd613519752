package cs6

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// listSeeds returns lines of every form, alone and in combinations.
func listSeeds() []string {
	lines := []string{
		"", " ", "# c", "a@b.c", "jdoe", "jdoe@b.c:work", "jdoe:work", "a b", "mail", "uid,mail", "x,y@b.c", "\"x\",\"y",
		"jdoe@b.c:w: owner=jdoe status=disabled", "jdoe:", " owner: kate", "calid=k", "status: off", "mail: m@b.c", "uid: u",
		"account=acc", "guid: 1", "acl:@@o^a^r^g", "\xef\xbb\xbfbom", "n\x00l", "b\xffd", strings.Repeat("x", 70),
		`{"mail":"a@b.c"}`, `{"accounts":[{"account":"a@b.c","state":"deleted"}]}`, "cs6\tuser\ta@b.c\tu\t1\tx", "side  mail   uid", "cs6   a@b.c  u",
		"    mail: x@b.c", "all rows: kind user", "side: cs6", "mail:", `x,"y`, "\"", "sep=;",
	}
	var seeds []string
	for i, line := range lines {
		seeds = append(seeds, line, line+"\r\n"+lines[(i*7+3)%len(lines)]+"\n"+lines[(i*5+1)%len(lines)])
	}
	return append(seeds, strings.Join(lines, "\n"))
}

func FuzzReadUsers(f *testing.F) {
	for _, seed := range listSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const limit = 64
		users, errs := read(t, text, ListOptions{Name: "f", MaxLine: limit})
		s := NewUserSet(SetOptions{})
		line := 0
		for _, p := range users {
			if p.Line < line || p.Line == line && !isJSONText(text) { // JSON may have several records on a line
				t.Fatalf("%q: a record on line %d after one on line %d", text, p.Line, line)
			}
			line = p.Line
			requireValid(t, p)
			if err := s.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range users {
			if p.Address != "" && !s.HasMail(strings.ToUpper(p.Address)) && strings.EqualFold(strings.ToUpper(p.Address), p.Address) {
				t.Fatalf("%q: %+v is not found by mail", text, p)
			}
			if p.UID != "" && !s.HasUID(p.UID, p.Domain) {
				t.Fatalf("%q: %+v is not found by user id", text, p)
			}
		}
		for _, e := range errs {
			if !utf8.ValidString(e) || strings.ContainsAny(e, "\x00\x1b\n\r") || len(e) > 6*limit+200 {
				t.Fatalf("%q: the message is not safe for a terminal: %q", text, e)
			}
		}
		requireSameByteByByte(t, text, users, errs)
	})
}

// requireValid checks that a record identifies a user, and that no part of it
// contains a separator.
func requireValid(t *testing.T, p ListedUser) {
	t.Helper()
	if p.Address == "" && p.UID == "" {
		t.Fatalf("no user: %+v", p)
	}
	for _, word := range []string{p.Address, p.UID, p.Domain} {
		if !utf8.ValidString(word) || strings.ContainsAny(word, " \t\r\n\x00,;\"<>") {
			t.Fatalf("%+v", p)
		}
	}
	if p.Address != "" && strings.Count(p.Address, "@") != 1 || strings.Contains(p.UID, "@") {
		t.Fatalf("%+v", p)
	}
}

// requireSameByteByByte reads the list again, one byte at a time, and checks that the
// result is the same.
func requireSameByteByByte(t *testing.T, text string, users []ListedUser, errs []string) {
	t.Helper()
	var again []ListedUser
	var errsAgain []string
	for p, err := range ReadUsers(iotest.OneByteReader(strings.NewReader(text)), ListOptions{Name: "f", MaxLine: 64}) {
		var line *LineError
		switch {
		case err == nil:
			again = append(again, p)
		case errors.As(err, &line):
			errsAgain = append(errsAgain, err.Error())
		case isJSONError(err):
			errsAgain = append(errsAgain, err.Error())
		default:
			t.Fatal(err)
		}
	}
	if !slices.Equal(users, again) || !slices.Equal(errs, errsAgain) {
		t.Fatalf("%q read byte by byte: %+v %q, at once: %+v %q", text, again, errsAgain, users, errs)
	}
}

func FuzzParseIcsConf(f *testing.F) {
	f.Add([]byte(guideLines))
	for _, seed := range []string{
		"a=\"1\"", "a = 1 b = \"2\n", "!x\n!!y = \"z\"\r\n", "\xef\xbb\xbfa=\"\"", "A.b = \"x\" ! c", "# d\n=\n\"=\"\n", "x.cred = s\na = \"1\";b=\"2\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		original := bytes.Clone(file)
		c := ParseIcsConf(file)
		if !bytes.Equal(file, original) {
			t.Fatal("the input was changed")
		}
		requireIcsAccounted(t, file, c)
		last := map[string]Setting{}
		for s := range c.Settings() {
			last[s.Name] = s
			if !strings.Contains(s.Raw, s.Value) || !strings.Contains(s.Raw, s.Trailing) || len(s.Inside) > 0 && s.Trailing == "" {
				t.Fatalf("%q: %+v", file, s)
			}
		}
		for s := range c.Settings() {
			got, ok := c.Get(s.Name)
			if !ok || got.Line != last[s.Name].Line || s.Shadowed != (got.Line != s.Line) || s.Shadowed && s.ShadowedBy != got.Line {
				t.Fatalf("%q: %+v, Get returns %+v", file, s, got)
			}
		}
	})
}

// requireIcsAccounted checks that each line is blank, a comment, a setting or a
// problem, and that the settings have the text of the file.
func requireIcsAccounted(t *testing.T, file []byte, c *IcsConf) {
	t.Helper()
	settings, problems := map[int]Setting{}, map[int]bool{}
	for s := range c.Settings() {
		if _, twice := settings[s.Line]; twice {
			t.Fatalf("%q: two settings on line %d", file, s.Line)
		}
		settings[s.Line] = s
	}
	line := 0
	for _, p := range c.Problems() {
		if p.Line < line {
			t.Fatalf("%q: a problem on line %d after one on line %d", file, p.Line, line)
		}
		line = p.Line
		problems[line] = true
	}
	lines := strings.Split(string(file), "\n")
	for i, text := range lines {
		n := i + 1
		text = strings.TrimSuffix(text, "\r")
		s, isSetting := settings[n]
		delete(settings, n)
		bare := strings.Trim(text, " \t")
		void := bare == "" || bare[0] == '!'
		if void == (isSetting || problems[n]) || isSetting && s.Raw != text {
			t.Fatalf("%q: line %d is %q, setting %v %+v, problem %v", file, n, text, isSetting, s, problems[n])
		}
	}
	if len(settings) > 0 || line > len(lines) {
		t.Fatalf("%q: settings on lines that do not exist: %v", file, settings)
	}
}

// Each line of hostile input is accounted for. Work that grows with the square of
// the length would exceed the time limit of the test.
func TestHostileInputIsReadToItsEnd(t *testing.T) {
	const n = 512 << 10
	for name, unit := range map[string]string{
		"names": "a ", "equals signs": "a=", "quotes": `a="`, "separators": ";", "open": `"`, "key lines": "a: b\n", "owners": "owner: a\n",
		"headings": "a:\n", "calendars": "a: owner=a status=b\n", "CSV": "mail,uid\n", "broken bytes": "\xff", "blank": " ", "secrets": "cred=",
	} {
		t.Run(name, func(t *testing.T) {
			text := `a = "1" ` + strings.Repeat(unit, n/len(unit))
			if users, errs := read(t, text, ListOptions{MaxLine: 2 * n}); len(users)+len(errs) == 0 {
				t.Error("neither records nor errors")
			}
			requireIcsAccounted(t, []byte(text), ParseIcsConf([]byte(text)))
		})
	}
}
