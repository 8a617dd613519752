package account

import "testing"

func TestInWords(t *testing.T) {
	for _, c := range [][3]string{
		{"notifemail", "1", "yes"}, {"notifemail", "0", "no"}, {"transparent", "1", "yes"}, {"transparent", "", ""},
		{"attendanceflag", "0", "0 (no automatic answers)"}, {"attendanceflag", "3", "3 (accept automatically, decline on conflict)"},
		{"attendanceflag", "4", "4 (decline recurring)"}, {"attendanceflag", "x", "x"}, {"order", "1", "1"}, {"displayname", "0", "0"},
	} {
		if got := InWords(c[0], c[1]); got != c[2] {
			t.Errorf("%s=%s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}
