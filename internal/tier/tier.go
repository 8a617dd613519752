// Package tier divides the tests into two tiers. Tier one is what scripts/test and
// CI run for every change. Tier all also contains the long tables and repetitions
// whose core tier one covers; scripts/test --all runs both.
//
// A test belongs to tier one unless it calls All. A test that calls Rounds or Step
// runs in both, but does less in tier one. Each of these calls logs what tier one
// leaves for tier all, and scripts/test lists it at the end.
package tier

import (
	"os"
	"strconv"
	"testing"
)

// Variable is the name of the environment variable that selects the tier.
// scripts/test --all sets it to "all"; with any other value, only tier one runs.
const Variable = "DAVADMIN_TEST_TIER"

// The beginnings of the lines that scripts/test searches for. It accepts a skipped
// test only with such a line.
const (
	skipped   = "skipped in this tier:"
	shortened = "shortened in this tier:"
)

// All puts a test into tier all: in tier one, the test is skipped. Call it first,
// before anything expensive.
func All(t testing.TB) {
	t.Helper()
	if !isAll() {
		t.Skip(skipped, t.Name())
	}
}

// Rounds returns how often a test repeats its work, or how large its data is: few
// in tier one, many in tier all.
func Rounds(t testing.TB, few, many int) int {
	t.Helper()
	if isAll() {
		return many
	}
	t.Logf("%s %s: %d instead of %d", shortened, t.Name(), few, many)
	return few
}

// Soak is Rounds for a test that scripts/soak runs with many more rounds: their number is
// the value of the environment variable, if that is set.
func Soak(t testing.TB, variable string, few, many int) int {
	t.Helper()
	text := os.Getenv(variable) //nolint:forbidigo // only tests import this package
	if text == "" {
		return Rounds(t, few, many)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: '%s' is not a number of rounds", variable, text)
	}
	return n
}

// Step returns the increment of a loop over all positions of something: n in tier
// one, 1 in tier all.
func Step(t testing.TB, n int) int {
	t.Helper()
	if isAll() {
		return 1
	}
	t.Logf("%s %s: 1 of %d positions", shortened, t.Name(), n)
	return n
}

func isAll() bool {
	return os.Getenv(Variable) == "all" //nolint:forbidigo // only tests import this package
}
