// Package postgres keeps a back end in a PostgreSQL database, in a schema of its
// own called davadmin.
//
// The database is named by a URL, which may list several hosts: they are tried in
// order, so that a failover is followed. The URL never holds a password: it comes
// from the caller, from PGPASSFILE or from a service file, as PostgreSQL's own
// programs do it.
//
// It holds schema, migrations and connections. What the statements mean is in
// pkg/store/relational. Nothing in it needs more of the server than tables,
// indexes and transactions.
package postgres
