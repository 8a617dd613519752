// Package tier divides the tests into two tiers. Tier one is what scripts/test and
// CI run for every change. Tier all also has the long tables and repetitions
// whose core tier one covers; scripts/test --all runs both.
//
// A test belongs to tier one unless it calls All.
package tier

import (
	"os"
	"testing"
)

// Variable is the name of the environment variable that selects the tier.
// scripts/test --all sets it to "all".
const Variable = "DAVADMIN_TEST_TIER"

// notice begins the message of a test that tier one skips. scripts/test
// searches for it to tell these skips from skips that are not allowed.
const notice = "skipped in this tier:"

// All puts a test into tier all: in tier one, the test is skipped. Call it
// first, before anything expensive.
func All(t testing.TB) {
	t.Helper()
	if !IsAll() {
		t.Skip(notice, t.Name())
	}
}

// Rounds returns how often a test repeats its work: few times in tier one, many
// times in tier all.
func Rounds(few, many int) int {
	if IsAll() {
		return many
	}
	return few
}

// IsAll reports whether the tests of tier all run.
func IsAll() bool {
	return os.Getenv(Variable) == "all" //nolint:forbidigo // only tests import this package
}
