// Package cs6 reads files about an old Calendar Server 6: its configuration,
// ics.conf, and lists of the users who have calendars on it.
//
// ReadUsers reads a list of users in the forms that an administrator is likely to
// have: addresses, user ids, the output of `cscal list`, a list of accounts of the
// new server, CSV. UserSet stores millions of users and reports whether a directory
// entry is among them, and by which key. IcsConf is a parsed ics.conf, with the
// lines on which this parser and the server may disagree.
//
// The package guarantees that each line of a list becomes part of a record or is
// reported as an error with its line number, unless it is blank, a comment or a
// heading; that a list that could not be read to its end ends with an error; and
// that no input makes it panic or use more memory than its limits allow.
//
// It does not evaluate what it reads: whether a configuration suits a deployment of
// two servers, and what it means that a user is on a list, is decided elsewhere. It
// opens no files and contacts no server.
package cs6
