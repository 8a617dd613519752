//go:build race

package cli_test

// raced says that the race detector is at work, which makes the pure Go SQLite slow.
const raced = true
