// Package servertest starts real servers for tests and benchmarks: OpenLDAP's
// slapd, 389 Directory Server, PostgreSQL, and Cyrus as a calendar server that
// speaks iSchedule, as Debian packages them. A server lives on loopback in a
// directory of its own, as a child of the process, whose data are loaded before
// it answers.
//
// It promises that servers do not get in each other's way, that a server which
// was started answers, that it ends with the process that started it however
// that ends, and that Stop leaves nothing behind. The servers need no root, and
// write nothing outside their directory but a semaphore of 389 Directory Server
// and the 56 bytes of shared memory of PostgreSQL.
//
// It is not for serving anybody: passwords are known, keys are made on the spot,
// and nothing is synchronised to the disk unless that was asked for. It changes
// no configuration of the installed packages.
package servertest
