package directory

import (
	"bytes"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestAppendFold(t *testing.T) {
	for _, pair := range [][2]string{
		{"  A  b ", "a b"}, {"Z\u00fcrich", "ZU\u0308RICH"}, {"a\u00a0b\tc\u3000d", "a b c d"}, {"so\u00adft\u200b\ufeff", "soft"}, {"stra\u00dfe", "STRASSE"},
		{"\u03c3\u03c2", "\u03a3\u03a3"}, {"\ufb01\uff21\u2121", "fiatel"}, {"\x00a\x7f", "a"}, {"\u00a0a\u00a0", "a"}, {"\xffA", "\xffa"}, {"", " \t "},
	} {
		a, b := AppendFold([]byte("x"), []byte(pair[0])), AppendFold([]byte("x"), []byte(pair[1]))
		if string(a) != string(b) || a[0] != 'x' {
			t.Errorf("%q is %q, %q is %q", pair[0], a, pair[1], b)
		}
	}
	for _, pair := range [][2]string{{"a b", "ab"}, {"\u00fc", "u"}, {"\u0130", "i"}, {"\xff", "\xfe"}, {"a \u0301", "a\u0301"}} {
		if a, b := AppendFold(nil, []byte(pair[0])), AppendFold(nil, []byte(pair[1])); string(a) == string(b) {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], a)
		}
	}
}

// TestLooseForm requires that values which are equal by any comparison have the same
// loose form, for all characters.
func TestLooseForm(t *testing.T) {
	equal, merged := 0, 0
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r >= 0xd800 && r < 0xe000 || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cf, unicode.Cc) {
			continue
		}
		if unicode.In(r, unicode.Han, unicode.Hangul) && r%64 != 0 {
			continue // they are all alike
		}
		one := "a" + string(r) + "b"
		for _, other := range []string{
			"a" + string(unicode.ToLower(r)) + "b", "a" + string(unicode.ToUpper(r)) + "b", "a" + string(unicode.SimpleFold(r)) + "b",
			norm.NFKC.String(one), norm.NFKD.String(one), "ab", "a b",
		} {
			fold := string(AppendFold(nil, []byte(one))) == string(AppendFold(nil, []byte(other)))
			server := string(AppendServerFold(nil, []byte(one))) == string(AppendServerFold(nil, []byte(other)))
			loose := string(AppendLoose(nil, []byte(one))) == string(AppendLoose(nil, []byte(other)))
			if fold || server {
				equal++
			} else if loose {
				merged++
			}
			if (fold || server) && !loose {
				t.Errorf("%q and %q are equal (%v, %v), but not in the loose form", one, other, fold, server)
			}
		}
	}
	if equal < 10_000 || merged == 0 {
		t.Errorf("%d equal pairs, %d merged ones", equal, merged)
	}
}

// Values are folded eight bytes at a time as they are byte by byte.
func TestFoldsWordsAsBytes(t *testing.T) {
	rapidChecks(t, "3000")
	rapid.Check(t, func(t *rapid.T) {
		v := []byte(rapid.StringMatching(`([!-~]{8}|[@A-Z\[a-z{ ~]{1,9}|[\x00-\x20\x7f-\x{81}]){0,4}`).Draw(t, "value"))
		lower := rapid.Bool().Draw(t, "lower")
		want, plain := []byte("before"), true
		for i, c := range v {
			plain = plain && c >= ' ' && c <= '~'
			if c == ' ' && i > 0 && v[i-1] == ' ' {
				continue
			}
			if lower && c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			want = append(want, c)
		}
		if !plain {
			want = []byte("before")
		}
		if got, ok := appendPlain([]byte("before"), v, lower); ok != plain || !bytes.Equal(got, want) {
			t.Fatalf("%q is %q, %v, want %q, %v", v, got, ok, want, plain)
		}
	})
}
