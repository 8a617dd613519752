// Package relational is a store in a relational database: the statements that
// every engine shares, and what they mean. An engine brings its connections, its
// schema and its errors, and hands transactions in.
//
// The statements are such that SQLite and PostgreSQL read them alike: numbered
// parameters, times as microseconds since 1970, 0 for a date that is not there,
// text compared byte by byte. Keys begin with the account.
//
// It promises what pkg/store does, as far as the transaction does its part: all
// or nothing, and one state for a reader.
package relational
