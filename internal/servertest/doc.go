// Package servertest starts real servers for tests and benchmarks: OpenLDAP's
// slapd, 389 Directory Server, PostgreSQL, and Cyrus as a calendar server that
// speaks iSchedule, as Debian packages them. A server listens on loopback, has a
// directory of its own and is a child of the process. Its data are loaded before it
// answers.
//
// The package promises that servers do not interfere with each other, that a server
// that was started answers, that it ends with the process that started it however
// that ends, and that Stop leaves nothing behind. The servers do not need root, and
// write nothing outside their directory except a semaphore of 389 Directory Server
// and the 56 bytes of shared memory of PostgreSQL.
//
// It is not for production: passwords are public, keys are generated for each
// server, and nothing is synced to disk unless requested. It changes no
// configuration of the installed packages.
package servertest
