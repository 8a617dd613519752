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

// listSeeds are lines of every form, alone and in front of each other.
func listSeeds() []string {
	lines := []string{
		"", " ", "# c", "a@b.c", "jdoe", "jdoe@b.c:work", "jdoe:work", "a b", "mail", "uid,mail", "x,y@b.c", "\"x\",\"y",
		"jdoe@b.c:w: owner=jdoe status=disabled", "jdoe:", " owner: kate", "calid=k", "status: off", "mail: m@b.c", "uid: u",
		"account=acc", "guid: 1", "acl:@@o^a^r^g", "\xef\xbb\xbfbom", "n\x00l", "b\xffd", strings.Repeat("x", 70),
	}
	var seeds []string
	for i, line := range lines {
		seeds = append(seeds, line, line+"\r\n"+lines[(i*7+3)%len(lines)]+"\n"+lines[(i*5+1)%len(lines)])
	}
	return append(seeds, strings.Join(lines, "\n"))
}

func FuzzReadPeople(f *testing.F) {
	for _, seed := range listSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const limit = 64
		people, errs := read(t, text, PeopleOptions{Name: "f", MaxLine: limit})
		s := NewPeopleSet(SetOptions{})
		line := 0
		for _, p := range people {
			if p.Line <= line {
				t.Fatalf("%q: a person on line %d behind one on line %d", text, p.Line, line)
			}
			line = p.Line
			requireProper(t, p)
			if err := s.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range people {
			if p.Address != "" && !s.HasMail(strings.ToUpper(p.Address)) && strings.EqualFold(strings.ToUpper(p.Address), p.Address) {
				t.Fatalf("%q: %+v is not found by mail", text, p)
			}
			if p.UID != "" && !s.HasUID(p.UID, p.Domain) {
				t.Fatalf("%q: %+v is not found by user id", text, p)
			}
		}
		for _, e := range errs {
			if !utf8.ValidString(e) || strings.ContainsAny(e, "\x00\x1b\n\r") || len(e) > 6*limit+200 {
				t.Fatalf("%q: the message is not fit for a terminal: %q", text, e)
			}
		}
		requireSameInPieces(t, text, people, errs)
	})
}

// requireProper checks that a person is somebody, and holds nothing that could
// not be told apart from its surroundings later.
func requireProper(t *testing.T, p Person) {
	t.Helper()
	if p.Address == "" && p.UID == "" {
		t.Fatalf("nobody: %+v", p)
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

// requireSameInPieces reads the list again, a byte at a time.
func requireSameInPieces(t *testing.T, text string, people []Person, errs []string) {
	t.Helper()
	var again []Person
	var errsAgain []string
	for p, err := range ReadPeople(iotest.OneByteReader(strings.NewReader(text)), PeopleOptions{Name: "f", MaxLine: 64}) {
		var line *LineError
		switch {
		case err == nil:
			again = append(again, p)
		case errors.As(err, &line):
			errsAgain = append(errsAgain, err.Error())
		default:
			t.Fatal(err)
		}
	}
	if !slices.Equal(people, again) || !slices.Equal(errs, errsAgain) {
		t.Fatalf("%q read in pieces: %+v %q, at once %+v %q", text, again, errsAgain, people, errs)
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
				t.Fatalf("%q: %+v, Get says %+v", file, s, got)
			}
		}
	})
}

// requireIcsAccounted checks that each line is blank, a comment, a setting or a
// problem, and the settings in the words of the file.
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
			t.Fatalf("%q: a problem on line %d behind one on line %d", file, p.Line, line)
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

// Each line of what an attacker can write is accounted for. Work that grows with
// the square of the length would run into the time limit of the test.
func TestHostileInputIsReadToItsEnd(t *testing.T) {
	const n = 512 << 10
	for name, unit := range map[string]string{
		"names": "a ", "equals signs": "a=", "quotes": `a="`, "separators": ";", "open": `"`, "key lines": "a: b\n", "owners": "owner: a\n",
		"headings": "a:\n", "calendars": "a: owner=a status=b\n", "CSV": "mail,uid\n", "broken bytes": "\xff", "blank": " ", "secrets": "cred=",
	} {
		t.Run(name, func(t *testing.T) {
			text := `a = "1" ` + strings.Repeat(unit, n/len(unit))
			if people, errs := read(t, text, PeopleOptions{MaxLine: 2 * n}); len(people)+len(errs) == 0 {
				t.Error("a list of nothing")
			}
			requireIcsAccounted(t, []byte(text), ParseIcsConf([]byte(text)))
		})
	}
}
