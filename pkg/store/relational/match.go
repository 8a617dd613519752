package relational

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/davadmin/davadmin/pkg/store"
)

// mostLetters is the maximum number of different non-ASCII letters in a text to look for:
// a statement can nest only so many functions.
const mostLetters = 40

// containsFolded returns a function that returns the condition that a column contains
// text, in any letter case and whether letters are composed or not. The engines fold only
// ASCII letters, so in the column exactly the other letters of text are folded. The error
// is an *InvalidError.
func containsFolded(w *where, text string) (func(column string) string, error) {
	var folded []byte
	var letters []rune
	seen := map[rune]bool{}
	for _, r := range norm.NFC.String(store.FoldAddress(text)) {
		if r >= utf8.RuneSelf {
			r = foldLetter(r)
		}
		if r >= utf8.RuneSelf && !seen[r] {
			seen[r] = true
			letters = append(letters, r)
		}
		folded = utf8.AppendRune(folded, r)
	}
	if len(letters) > mostLetters {
		return nil, &store.InvalidError{Field: "match", Reason: "has too many different letters other than a to z"}
	}
	want := w.value(string(folded))
	var replaced [][2]string // placeholders of a spelling and of the letter
	for _, r := range letters {
		others := spellings(r)
		if len(others) == 0 {
			continue // an argument without a place in the statement is an error
		}
		to := w.value(string(r))
		for _, spelling := range others {
			replaced = append(replaced, [2]string{w.value(spelling), to})
		}
	}
	return func(column string) string {
		have := "lower(" + column + ")"
		for _, p := range replaced {
			have = "replace(" + have + ", " + p[0] + ", " + p[1] + ")"
		}
		return "replace(" + have + ", " + want + ", '') <> " + have
	}, nil
}

// foldLetter returns the same letter for all that differ only in case.
func foldLetter(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}

// spellings returns the other ways to write a letter: in the other case, and decomposed.
// ASCII letters in them are in lower case.
func spellings(letter rune) []string {
	var out []string
	add := func(s string) {
		if s = store.FoldAddress(s); s != string(letter) {
			out = append(out, s)
		}
	}
	for r := letter; ; {
		add(norm.NFD.String(string(r)))
		add(string(r))
		if r = unicode.SimpleFold(r); r == letter {
			return out
		}
	}
}
