package ui_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestSanitize(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"plain text, \\ and ~": "plain text, \\ and ~",
		"Grüße, 日本語, 🙂, a\u0301, \u00a0": "Grüße, 日本語, 🙂, a\u0301, \u00a0",
		"a\nb\rc\td":                  `a\nb\rc\td`,
		"\x1b[31mred\x1b]0;title\x07": `\x1b[31mred\x1b]0;title\x07`,
		"\x00\x7f":                    `\x00\x7f`,
		"a\u009b31m":                  `a\x9b31m`,               // the C1 control character that starts a sequence
		"a\x9b31m":                    `a\x9b31m`,               // the same as a single byte
		"soft\u00adhyphen":            `soft\xadhyphen`,         // invisible
		"a\u202eb\u2066c\u200fd":      `a\u202eb\u2066c\u200fd`, // reordered
		"a\u200bb\ufeffc":             `a\u200bb\ufeffc`,        // of zero width
		"a\u2028b\u2029c":             `a\u2028b\u2029c`,        // some programs end a line here
		"\ue000":                      `\ue000`,                 // private use
		"\U000e0041":                  `\U000e0041`,             // a tag, invisible
		"caf\xe9":                     `caf\xe9`,                // Latin-1
		"half \xe2\x82":               `half \xe2\x82`,          // truncated
		"real \ufffd":                 "real \ufffd",            // valid UTF-8
	} {
		if got := ui.Sanitize(in); got != want {
			t.Errorf("Sanitize(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSanitizeLines(t *testing.T) {
	if got, want := ui.SanitizeLines("a\tb\n\x1b[2J\r\n\u202e"), "a\tb\n\\x1b[2J\\r\n\\u202e"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// anyText draws text that contains everything Sanitize and ShellQuote must handle.
func anyText() *rapid.Generator[string] {
	nasty := rapid.SampledFrom([]string{
		"\x1b[2J", "\x9b", "\u009b", "\u202e", "\u2066", "\u2028", "\u2029", "\u200f", "\u061c", "\ufeff", "\x00", "\n", "\r", "\t", "\x7f", "\xff", "\xe2\x82",
		"'", `"`, "`", "$(x)", "\\", " ", "~", "#", "-", "!", "*", ";", "ä", "日", "🙂",
	})
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "random") {
			return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		}
		return strings.Join(rapid.SliceOf(rapid.OneOf(nasty, rapid.String())).Draw(t, "parts"), "")
	})
}

func TestSanitizeRemovesControlCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyText().Draw(t, "text")
		out := ui.Sanitize(in)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Fatalf("%U is still in %q, made from %q", r, out, in)
			}
		}
		if again := ui.Sanitize(out); again != out {
			t.Fatalf("%q is not stable, it becomes %q", out, again)
		}
	})
}

// Readable text is not changed.
func TestSanitizeLeavesReadableTextAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOf(rapid.RuneFrom(nil, unicode.Letter, unicode.Nd, unicode.Punct, unicode.Mn)).Draw(t, "text")
		if got := ui.Sanitize(in); got != in {
			t.Fatalf("%q became %q", in, got)
		}
	})
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "''",
		"davcore.acl.aclcachettl":   "davcore.acl.aclcachettl",
		"ldap://host:389/o=isp,c=x": "ldap://host:389/o=isp,c=x",
		"cn mail":                   "'cn mail'",
		"it's":                      `'it'\''s'`,
		"*":                         "'*'",
		"$HOME":                     "'$HOME'",
		"~root":                     "'~root'",
		"日本":                        "'日本'",
	} {
		got, err := ui.ShellQuote(in)
		if err != nil || got != want {
			t.Errorf("ShellQuote(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"a\nb", "\x1b[2J", "a\u202eb", "a\x00b", "\xff", "a\tb", "a\u2028b", "a\u009bb"} {
		got, err := ui.ShellQuote(in)
		if err == nil {
			t.Errorf("ShellQuote(%q) = %q", in, got)
		} else if ui.Sanitize(err.Error()) != err.Error() {
			t.Errorf("ShellQuote(%q): the error contains it unescaped: %q", in, err)
		}
	}
}

// To a real shell, quoted text is one word with the same text.
func TestShellQuoteRoundTrip(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell found")
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(anyText(), 20, 20).Draw(t, "words")
		var line bytes.Buffer
		var want []string
		line.WriteString("printf '<%s>\\n'")
		for _, w := range words {
			q, err := ui.ShellQuote(w)
			if err != nil {
				continue
			}
			line.WriteString(" " + q)
			want = append(want, "<"+w+">\n")
		}
		if want == nil {
			return
		}
		out, err := exec.Command(sh, "-c", line.String()).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, out, line.String())
		}
		if string(out) != strings.Join(want, "") {
			t.Fatalf("%q\nbecame %q", want, out)
		}
	})
}
