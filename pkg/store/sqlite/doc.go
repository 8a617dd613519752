// Package sqlite keeps a back end in one SQLite file: the engine that needs no
// server, good for tens of thousands of accounts.
//
// The file is closed to others (0600), in WAL mode, and what was acknowledged is
// on disk (synchronous FULL). Several processes may use it at once; one of them
// writes at a time.
//
// It holds schema, migrations and connections. What the statements mean is in
// pkg/store/relational.
package sqlite
