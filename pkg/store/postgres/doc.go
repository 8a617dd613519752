// Package postgres keeps the store of a back end in a PostgreSQL database, in the
// database schema davadmin.
//
// The database is named by a URL. The URL may list several hosts, which are tried in
// order, so that it follows a failover. It never contains the password, which comes
// from the caller, from PGPASSFILE or from a service file, as for PostgreSQL's own
// programs.
//
// The package contains the schema, the migrations and the connections. The SQL
// statements are in pkg/store/relational. It requires nothing of the server except
// tables, indexes and transactions, and an advisory lock for migrations.
package postgres
