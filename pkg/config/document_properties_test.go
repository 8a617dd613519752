package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/magiconair/properties"
	"pgregory.net/rapid"
)

// Edits are visible in Get, All and Changes immediately, but not in the source.
func TestPendingEdits(t *testing.T) {
	const file = "a=1\nb=2\nc=3\n"
	d, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	d.Set("new", "n")
	d.Set("b", "x")
	d.Set("c", "3")
	d.Set("empty", "")
	if !d.Unset("a") || d.Unset("a") || d.Unset("none") {
		t.Error("Unset must report whether the key was set at that moment")
	}
	d.Set("gone", "1")
	if !d.Unset("gone") {
		t.Error("a key that is only pending counts as set")
	}
	d.Set("new", "again")

	wantChanges := []Change{
		{Key: "new", New: "again", HasNew: true},
		{Key: "b", Old: "2", HadOld: true, New: "x", HasNew: true},
		{Key: "empty", HasNew: true},
		{Key: "a", Old: "1", HadOld: true},
	}
	if diff := cmp.Diff(wantChanges, d.Changes()); diff != "" {
		t.Errorf("Changes (-want +got):\n%s", diff)
	}
	var all [][2]string
	for k, v := range d.All() {
		all = append(all, [2]string{k, v})
	}
	if diff := cmp.Diff([][2]string{{"b", "x"}, {"c", "3"}, {"new", "again"}, {"empty", ""}}, all); diff != "" {
		t.Errorf("All (-want +got):\n%s", diff)
	}
	if v, ok := d.Get("a"); ok || v != "" {
		t.Errorf("Get of a removed key = %q, %v", v, ok)
	}
	if v, ok := d.Get("empty"); !ok || v != "" {
		t.Errorf("Get of an empty value = %q, %v", v, ok)
	}
	if string(d.Source()) != file || d.Len() != 3 {
		t.Errorf("the edits changed the source: %q, Len %d", d.Source(), d.Len())
	}
}

// A rendered document has no edits and can be edited again, while the original
// document keeps its edits.
func TestRenderLeavesTheOriginal(t *testing.T) {
	d, err := Parse([]byte("a=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	d.Set("b", "2")
	first, err := d.Render()
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Changes()) != 0 {
		t.Errorf("a rendered document has changes: %v", first.Changes())
	}
	first.Unset("a")
	second, err := first.Render()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(d.Source()); got != "a=1\n" {
		t.Errorf("the original became %q", got)
	}
	if got := string(d.Bytes()); got != "a=1\nb=2\n" {
		t.Errorf("the edits of the original became %q", got)
	}
	if got := string(second.Source()); got != "b=2\n" {
		t.Errorf("the second edit gave %q", got)
	}
}

func TestNoChangeGivesTheSameBytes(t *testing.T) {
	src := []byte("a\t:\\u0041\\\n  B\nb=1\nb=2\n#c")
	d, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	d.Set("a", "AB")
	d.Set("b", "2")
	d.Set("c", "3")
	d.Unset("c")
	d.Unset("d")
	if got := d.Changes(); len(got) != 0 {
		t.Errorf("changes: %v", got)
	}
	after, err := d.Render()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(after.Source(), src) || &d.Bytes()[0] != &src[0] {
		t.Errorf("got %q", after.Source())
	}
}

// Text that no Java string can contain cannot be read back unchanged.
func TestRenderRefusesImpossibleText(t *testing.T) {
	const file = "a=1\nb=2\n"
	for name, e := range map[string]edit{
		"value with a stray byte":           {key: "a", value: "x\xff"},
		"value cut inside a character":      {key: "a", value: "x\xc3"},
		"value with a pair in two halves":   {key: "a", value: "\xed\xa0\xbd\xed\xb8\x80"},
		"value longer than needed":          {key: "a", value: "\xc0\xaf"},
		"key with a stray byte":             {key: "c\xff", value: "1"},
		"key with a pair in two halves":     {key: "\xed\xa0\xbd\xed\xb8\x80", value: "1"},
		"new key with a value out of range": {key: "c", value: "\xf4\x90\x80\x80"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			d.Set(e.key, e.value)
			after, err := d.Render()
			if !errors.Is(err, ErrUnsafeEdit) || after != nil {
				t.Errorf("Render = %v, %v; want ErrUnsafeEdit and no document", after, err)
			}
			if string(d.Source()) != file {
				t.Errorf("the source became %q", d.Source())
			}
		})
	}
}

// The check of Render is the last safeguard, so this test tries every way in which a
// rendered file could be wrong.
func TestCompareFindsEveryDifference(t *testing.T) {
	d, err := Parse([]byte("a=1\nb=2\nb=3\nc=4\n"))
	if err != nil {
		t.Fatal(err)
	}
	d.Set("a", "x")
	d.Set("new", "n")
	d.Unset("c")
	for _, c := range []struct{ name, file, names string }{
		{"right", "a=x\nb=2\nb=3\nnew=n\n", ""},
		{"correct in another notation", "\\u0061=\\\n  x\nb:2\nb \\u0033\nnew n", ""},
		{"the new key is in another place", "new=n\na=x\nb=2\nb=3\n", ""},
		{"the change is lost", "a=1\nb=2\nb=3\nnew=n\n", "a would not read as intended"},
		{"the changed key is missing", "b=2\nb=3\nnew=n\n", "a would turn into b"},
		{"a later line overrides the change", "a=x\nb=2\nb=3\nnew=n\na=1\n", "a would appear"},
		{"the new key is lost", "a=x\nb=2\nb=3\n", "new would not be set"},
		{"the new key has another value", "a=x\nb=2\nb=3\nnew=m\n", "new would appear"},
		{"the new key occurs twice", "a=x\nb=2\nb=3\nnew=n\nnew=n\n", "new would appear"},
		{"the removed key remains", "a=x\nb=2\nb=3\nnew=n\nc=4\n", "c would appear"},
		{"another key appears", "a=x\nb=2\nb=3\nnew=n\nd=4\n", "d would appear"},
		{"another key is missing", "a=x\nnew=n\n", "b would disappear"},
		{"another key has a new name", "a=x\nb=2\nB=3\nnew=n\n", "b would turn into B"},
		{"an overridden value takes effect", "a=x\nb=2\nnew=n\n", "b would disappear"},
		{"two lines are swapped", "a=x\nb=3\nb=2\nnew=n\n", "b would read differently"},
		{"another value swallows a line", "a=x\nb=2\nb=3\\\nnew=n\nnew=n\n", "b would read differently"},
	} {
		t.Run(c.name, func(t *testing.T) {
			after, err := Parse([]byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			err = d.compare(after, d.Changes())
			switch {
			case c.names == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.names != "" && (!errors.Is(err, ErrUnsafeEdit) || !strings.Contains(err.Error(), c.names)):
				t.Errorf("%v, want ErrUnsafeEdit with %q", err, c.names)
			}
		})
	}
}

// Files that the Properties lens of Augeas could not parse, each with one edit.
var augeasFiles = []struct {
	name  string
	file  string
	reads map[string]string
	edits []edit
	want  string
}{
	{
		name:  "668 slash in a key",
		file:  "#Sun Apr 19 19:24:23 CEST 2020\na/b=c\n",
		reads: map[string]string{"a/b": "c"},
		edits: []edit{{key: "a/b", value: "d"}, {key: "a/c", value: "e"}},
		want:  "#Sun Apr 19 19:24:23 CEST 2020\na/b=d\na/c=e\n",
	},
	{
		name:  "370 empty comment with CRLF",
		file:  "#\r\n# text\r\nfoo=bar\r\n",
		reads: map[string]string{"foo": "bar"},
		edits: []edit{{key: "foo", value: "baz"}, {key: "x", value: "y"}},
		want:  "#\r\n# text\r\nfoo=baz\r\nx=y\r\n",
	},
	{
		name:  "468 java.security with CRLF",
		file:  "#\r\n# Master file\r\n#\r\n\r\nsecurity.provider.1=SUN\r\n#\r\nlist=a, \\\r\n       b\r\n",
		reads: map[string]string{"security.provider.1": "SUN", "list": "a, b"},
		edits: []edit{{key: "list", value: "c"}, {key: "security.provider.2", value: "SunEC"}},
		want:  "#\r\n# Master file\r\n#\r\n\r\nsecurity.provider.1=SUN\r\nsecurity.provider.2=SunEC\r\n#\r\nlist=c\r\n",
	},
	{
		name:  "19 value begins on the second line",
		file:  "jarsToSkip=\\\nbootstrap.jar,commons-daemon.jar\nnext=1\n",
		reads: map[string]string{"jarsToSkip": "bootstrap.jar,commons-daemon.jar", "next": "1"},
		edits: []edit{{key: "jarsToSkip", value: "one.jar"}},
		want:  "jarsToSkip=\\\none.jar\nnext=1\n",
	},
	{
		name:  "110 the same with a blank and more lines",
		file:  "jarsToSkip= \\\nbootstrap.jar,\\\nel-api.jar,\\\ncatalina.jar\nnext=1\n",
		reads: map[string]string{"jarsToSkip": "bootstrap.jar,el-api.jar,catalina.jar", "next": "1"},
		edits: []edit{{key: "jarsToSkip", unset: true}, {key: "next", value: ""}},
		want:  "next=\n",
	},
}

func TestAugeasFiles(t *testing.T) {
	j := startJava(t)
	for _, c := range augeasFiles {
		t.Run(c.name, func(t *testing.T) {
			java, _, err := j.load([]byte(c.file), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.reads, java); diff != "" {
				t.Errorf("Java reads (-want +java):\n%s", diff)
			}
			d := agree(t, j, []byte(c.file), false)
			apply(d, c.edits)
			after, err := d.Render()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(after.Source()); got != c.want {
				t.Errorf("%q\nbecame %q\nwant   %q", c.file, got, c.want)
			}
			for _, e := range c.edits {
				if delete(java, e.key); !e.unset {
					java[e.key] = e.value
				}
			}
			again, _, err := j.load(after.Source(), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(java, again); diff != "" {
				t.Errorf("after the edit (-want +java):\n%s", diff)
			}
		})
	}
}

// Any bytes are written back unchanged, whatever keys they contain.
func TestParsingKeepsEveryByte(t *testing.T) {
	checks(t, soakChecks("3000"))
	anyFile := rapid.OneOf(oddFile(), rapid.SliceOfN(rapid.Byte(), 0, 200))
	rapid.Check(t, func(t *rapid.T) {
		file := anyFile.Draw(t, "file")
		original := bytes.Clone(file)
		for _, read := range []func([]byte) (*Document, error){Parse, ParseUTF8} {
			d, err := read(file)
			var syntax *SyntaxError
			switch {
			case errors.As(err, &syntax) && bytes.Contains(file, []byte(`\u`)):
				continue
			case errors.Is(err, ErrNotUTF8) && !utf8.Valid(file):
				continue
			case err != nil:
				t.Fatalf("%q: %v", file, err)
			}
			for e := range d.Entries() {
				if _, ok := d.Get(e.Key); !ok || !bytes.Contains(file, e.Text) {
					t.Fatalf("%q: bad entry %q", file, e.Text)
				}
			}
			if got := d.Bytes(); !bytes.Equal(got, original) || !bytes.Equal(file, original) {
				t.Fatalf("%q became %q", original, got)
			}
		}
	})
}

// One edit changes only the lines of its own key.
func TestOneEditStaysInItsLines(t *testing.T) {
	checks(t, soakChecks("6000"))
	rapid.Check(t, func(t *rapid.T) {
		file := oddFile().Draw(t, "file")
		isUTF8 := rapid.Bool().Draw(t, "utf8") && utf8.Valid(file)
		d, err := parse(file, isUTF8)
		if err != nil {
			return
		}
		key := oddText().Draw(t, "new key")
		if keys := keysOf(d); len(keys) > 0 && rapid.IntRange(0, 4).Draw(t, "known") > 0 {
			key = rapid.SampledFrom(keys).Draw(t, "key")
		}
		_, had := d.Get(key)
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			d.Unset(key)
			if got, want := d.Bytes(), withoutLines(d, key); !bytes.Equal(got, want) {
				t.Fatalf("%q without %q became %q, want %q", file, key, got, want)
			}
			return
		}
		value := oddText().Draw(t, "value")
		d.Set(key, value)
		if had {
			requireReplaced(t, d, key, d.Bytes())
		} else {
			requireInserted(t, file, d.Bytes())
		}
	})
}

func keysOf(d *Document) []string {
	var keys []string
	for k := range d.All() {
		keys = append(keys, k)
	}
	return keys
}

// withoutLines removes the entries of key, each with one line ending, from the source.
// Entries do not overlap and are in file order.
func withoutLines(d *Document, key string) []byte {
	var out []byte
	rest := d.Source()
	for e := range d.Entries() {
		// A later slice of the source has a smaller capacity.
		at := cap(rest) - cap(e.Text)
		tail := rest[at+len(e.Text):]
		n := 0
		switch {
		case bytes.HasPrefix(tail, []byte("\r\n")):
			n = 2
		case len(tail) > 0 && (tail[0] == '\n' || tail[0] == '\r'):
			n = 1
		}
		if e.Key == key {
			out = append(out, rest[:at]...)
		} else {
			out = append(out, rest[:at+len(e.Text)+n]...)
		}
		rest = tail[n:]
	}
	return append(out, rest...)
}

// requireReplaced checks that everything before and after the effective entry of key
// is unchanged, and that the new text is one ASCII line with the same key.
func requireReplaced(t *rapid.T, d *Document, key string, after []byte) {
	t.Helper()
	src := d.Source()
	var own Entry
	for e := range d.Entries() {
		if e.Key == key {
			own = e
		}
	}
	from := cap(src) - cap(own.Text)
	head, tail := src[:from], src[from+len(own.Text):]
	if len(after) < len(head)+len(tail) || !bytes.HasPrefix(after, head) || !bytes.HasSuffix(after, tail) {
		t.Fatalf("setting %q changed %q outside %q: %q", key, src, own.Text, after)
	}
	// The old and the new text begin with the same key and separator, up to the
	// value. Everything after that is new.
	text := after[len(head) : len(after)-len(tail)]
	fresh := text[commonPrefix(text, own.Text):]
	if !isASCII(fresh) || bytes.ContainsAny(fresh, "\r\n") {
		t.Fatalf("setting %q wrote %q", key, fresh)
	}
	only, err := parse(text, d.utf8)
	if err != nil {
		t.Fatalf("%q alone: %v", text, err)
	}
	want, _ := d.Get(key)
	if got, ok := only.Get(key); !ok || got != want || only.Len() != 1 {
		t.Fatalf("%q alone is read as %q=%q and has %d keys, want %q", text, key, got, only.Len(), want)
	}
}

// requireInserted checks that after is equal to before with one ASCII line inserted.
func requireInserted(t *rapid.T, before, after []byte) {
	t.Helper()
	prefix := commonPrefix(before, after)
	suffix := 0
	for suffix < len(before) && before[len(before)-1-suffix] == after[len(after)-1-suffix] {
		suffix++
	}
	if len(after) <= len(before) || prefix+suffix < len(before) {
		t.Fatalf("%q became %q: more than one line was inserted", before, after)
	}
	fresh := after[prefix : prefix+len(after)-len(before)]
	if !isASCII(fresh) || countLines(after)-countLines(before) != 1 {
		t.Fatalf("%q became %q: %q was inserted", before, after, fresh)
	}
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// plainFile generates files that magiconair/properties reads as Java does. It omits
// what that library reads differently:
//   - a backslash at the very end, which is an error there
//   - an empty key, which is an error there
//   - a key without separator before a line that starts with one
//   - a continuation mark inside the key or before the separator
//   - a continuation mark with CRLF, where only the CR is removed
//   - a line that consists of a backslash
//   - \u escapes for surrogates, which become U+FFFD
//   - a byte-order mark, which is dropped for UTF-8
func plainFile(isUTF8 bool) *rapid.Generator[[]byte] {
	keyParts := []string{"a", "b", "dav.core", "x/y", `\ `, `\=`, `\:`, `\#`, `\!`, `\t`, `\u0061`, `\u00e9`, `\\`, `\q`, "-", "\x00"}
	valueParts := append([]string{" ", "\t", "=", ":", "#", "!", "\\\n", "\\\n  ", "\\\r\t", `\n`, `\r`, `\f`, "${a}", "http://h:80/"}, keyParts...)
	if isUTF8 {
		keyParts, valueParts = append(keyParts, "é", "😀"), append(valueParts, "ß", "😀", `\é`)
	} else {
		keyParts, valueParts = append(keyParts, "\xe9"), append(valueParts, "\xdf", "\x85", "\xff")
	}
	some := func(t *rapid.T, parts []string, least int) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), least, 6).Draw(t, "parts"), "")
	}
	return rapid.Custom(func(t *rapid.T) []byte {
		var out []byte
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				out = append(out, rapid.SampledFrom([]string{"", " \t", "#", "! a=1", " # b \\", "#\\u12"}).Draw(t, "no entry")...)
			default:
				out = append(out, rapid.SampledFrom([]string{"", " ", "\t\f"}).Draw(t, "indentation")...)
				out = append(out, some(t, keyParts, 1)...)
				out = append(out, rapid.SampledFrom([]string{"=", ":", " = ", "\t:", "\f=\t"}).Draw(t, "separator")...)
				out = append(out, some(t, valueParts, 0)...)
			}
			out = append(out, rapid.SampledFrom([]string{"\n", "\r", "\r\n", "\n\n"}).Draw(t, "line ending")...)
		}
		return out
	})
}

func TestMagiconairReadsTheSame(t *testing.T) {
	checks(t, soakChecks("4000"))
	rapid.Check(t, func(t *rapid.T) {
		isUTF8 := rapid.Bool().Draw(t, "utf8")
		encoding := properties.ISO_8859_1
		if isUTF8 {
			encoding = properties.UTF8
		}
		file := plainFile(isUTF8).Draw(t, "file")
		loader := properties.Loader{Encoding: encoding, DisableExpansion: true}
		p, err := loader.LoadBytes(file)
		if err != nil {
			t.Fatalf("magiconair refuses %q: %v", file, err)
		}
		d, err := parse(file, isUTF8)
		if err != nil {
			t.Fatalf("Parse refuses %q: %v", file, err)
		}
		got := map[string]string{}
		for k, v := range d.All() {
			got[k] = v
		}
		if diff := cmp.Diff(p.Map(), got); diff != "" {
			t.Fatalf("%q (utf8 %v, -magiconair +ours):\n%s", file, isUTF8, diff)
		}
	})
}
