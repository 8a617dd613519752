// Package relational implements the store on a relational database: it contains the
// SQL statements that all engines share. An engine provides the connections, the
// schema, the transactions and the meaning of its errors.
//
// SQLite and PostgreSQL interpret the statements in the same way: parameters are
// numbered, times are microseconds since 1970, with 0 for a missing date, and text
// is compared byte by byte. Keys begin with the account.
//
// The package keeps the guarantees of pkg/store, provided that the engine's
// transaction is atomic and shows one state of the database.
package relational
