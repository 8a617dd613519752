// Package sqlite keeps the store of a back end in one SQLite file. This engine needs
// no server and is suitable for tens of thousands of accounts.
//
// The file is accessible only to its owner (mode 0600) and uses WAL mode. Whatever
// was acknowledged is on disk (synchronous FULL). Several processes may use the file
// at once; only one of them writes at a time.
//
// The package contains the schema, the migrations and the connections. The SQL
// statements are in pkg/store/relational.
package sqlite
