//go:build race

package cli_test

// raced reports whether the race detector is on, which makes the pure Go SQLite slow.
const raced = true
