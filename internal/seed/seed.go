// Package seed gives tests random numbers that can be repeated: it logs the seed
// of each test, and takes it from DAVADMIN_TEST_SEED when that is set.
//
// Tests that call math/rand use New. Tests that call pgregory.net/rapid use Rapid
// before rapid.Check. A parallel test cannot use Rapid; rapid itself prints the
// seed of a check that fails, and repeats it with -rapid.seed=N or RAPID_SEED=N.
package seed

import (
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Variable is the environment variable that sets the seed of every random test.
// Its value is a number from 0 to 2^64-1, decimal or with the prefix 0x.
const Variable = "DAVADMIN_TEST_SEED"

// rapidFlag is the flag of rapid that sets its seed. The value 0 lets rapid choose.
const rapidFlag = "rapid.seed"

// New returns a source of random numbers for the test t and logs its seed. The
// seed is the value of Variable or, when that is unset, a random one. The source
// must not be used by several goroutines at once.
func New(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(choose(t), 0))
}

// Rapid sets the seed of the calls of rapid.Check that follow in the test t and
// logs it. The seed is chosen as New does, but a flag -rapid.seed or a variable
// RAPID_SEED given by the user is left alone. Rapid panics in a parallel test,
// because rapid keeps one seed for the whole process.
func Rapid(t *testing.T) {
	t.Helper()
	f := flag.Lookup(rapidFlag)
	if f == nil {
		t.Fatalf("the flag -%s is unknown: the test does not import rapid", rapidFlag)
	}
	was := f.Value.String()
	if was != "0" {
		return
	}
	n := choose(t)
	t.Setenv(Variable, strconv.FormatUint(n, 10)) // panics in a parallel test
	if err := flag.Set(rapidFlag, strconv.FormatUint(max(n, 1), 10)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(rapidFlag, was) })
}

// choose returns the seed of a test and logs it.
func choose(t testing.TB) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv(Variable); text != "" { //nolint:forbidigo // tests take their seed from the environment
		var err error
		if n, err = strconv.ParseUint(text, 0, 64); err != nil {
			t.Fatalf("%s: '%s' is not a number from 0 to 2^64-1", Variable, text)
		}
	}
	t.Logf("to repeat these random numbers, set %s=%d", Variable, n)
	return n
}
