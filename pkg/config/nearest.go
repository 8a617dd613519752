package config

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/davadmin/davadmin/internal/similar"
)

// minCompletion is how many characters a part of a name must have to be completed.
// A shorter part is unique only by chance.
const minCompletion = 3

// Nearest returns the name of the parameter of davserver.properties that was
// probably meant by a name that Lookup does not find.
//
// It returns the first of these that exists: a name that differs only in letter
// case; the only name that ends in the given components; the only name that begins
// with or contains them, where the last component may be incomplete; the name with
// the fewest changes (letters added, omitted, replaced, or swapped with a
// neighbour), up to a fifth of the given length but always up to two, and of
// several such names the first in alphabetical order. A family is compared with
// the component that the given name has in its position, and by its pattern if
// only the name of the family can be determined.
func (r *Registry) Nearest(name string) (string, bool) {
	folded := strings.ToLower(name)
	candidates := r.candidates(name)
	for _, c := range candidates {
		if strings.ToLower(c) == folded {
			return c, true
		}
	}
	if c, ok := r.complete(folded, candidates); ok {
		return c, true
	}
	limit := max(2, utf8.RuneCountInString(name)/5)
	best := ""
	for _, c := range candidates {
		if d := similar.Distance(folded, strings.ToLower(c), limit); d <= limit {
			best, limit = c, d-1
		}
	}
	return best, best != ""
}

// NearestWord returns the word that was probably meant. It counts changes like
// Nearest, and allows up to two changes and fewer than the word has letters.
// Otherwise it returns the only word that begins with the given one.
func NearestWord(word string, words []string) (string, bool) {
	best, limit := "", min(2, utf8.RuneCountInString(word)-1)
	begins, n := "", 0
	for _, w := range words {
		if d := similar.Distance(word, w, limit); d <= limit {
			best, limit = w, d-1
		}
		if strings.HasPrefix(w, word) {
			begins = w
			n++
		}
	}
	if best == "" && n == 1 && word != "" {
		return begins, true
	}
	return best, best != ""
}

// candidates lists the names that could be meant: those of all single parameters,
// and for each family the member with the component of the given name. A single
// parameter that is also a member of a family is listed once.
func (r *Registry) candidates(name string) []string {
	given := strings.Split(name, ".")
	names := make([]string, 0, len(r.all))
	for _, p := range r.all {
		switch {
		case p.File != "":
		case !p.Family():
			names = append(names, p.Name)
		default:
			if member, ok := fillPattern(p.Name, given); ok && r.exact[member] == nil {
				names = append(names, member)
			}
		}
	}
	slices.Sort(names)
	return names
}

// fillPattern replaces each * of the pattern by the component that is given in its
// position.
func fillPattern(pattern string, given []string) (string, bool) {
	parts := strings.Split(pattern, ".")
	for i, part := range parts {
		if part != "*" {
			continue
		}
		if i >= len(given) || given[i] == "" {
			return "", false
		}
		parts[i] = given[i]
	}
	return strings.Join(parts, "."), true
}

// complete finds the only name that contains the given one as a part, beginning at
// a component. A part at the end of a name has precedence.
func (r *Registry) complete(folded string, candidates []string) (string, bool) {
	part := "." + strings.Trim(folded, ".")
	if len(part) <= minCompletion {
		return "", false
	}
	ends := func(c string) bool { return strings.HasSuffix(c, part) }
	has := func(c string) bool { return strings.Contains(c, part) }
	for _, fits := range []func(string) bool{ends, has} {
		if c, n := onlyOne(candidates, fits); n > 0 {
			return c, n == 1
		}
	}
	patterns := make([]string, len(r.families))
	for i, p := range r.families {
		patterns[i] = p.Name
	}
	c, n := onlyOne(patterns, ends)
	return c, n == 1
}

// onlyOne returns the last name that fits, and how many names fit.
func onlyOne(names []string, fits func(string) bool) (string, int) {
	found, n := "", 0
	for _, c := range names {
		if fits("." + strings.ToLower(c)) {
			found = c
			n++
		}
	}
	return found, n
}
