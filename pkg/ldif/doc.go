// Package ldif reads and writes the LDAP Data Interchange Format of RFC 2849:
// directory entries and change records as text.
//
// Reader is for files of any size. It holds one piece of the file at a time,
// allocates nothing for a record, and goes on behind a broken record. It reads
// what directory servers and their tools write, and where they differ from the
// RFC the type says so. ScanParallel reads the same with several workers.
// Writer keeps to the strict form, so that the imports of servers take it.
//
// It promises that no record is lost in silence: each one is delivered, or
// named in a *RecordError, or behind an error that is not io.EOF. It promises
// that no bytes make it panic or take more memory than Options allow, that it
// opens no file unless asked to, and that no value that is written can become
// a line of its own.
//
// It is not for deciding what an entry means: names are not looked up in a
// schema, DNs are not parsed, and nothing is compared or applied. It unpacks no
// compressed files.
package ldif
