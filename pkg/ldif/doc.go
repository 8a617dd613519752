// Package ldif reads and writes the LDAP Data Interchange Format of RFC 2849:
// directory entries and change records as text.
//
// Reader reads files of any size. It holds one piece of the file in memory at a
// time, allocates nothing for a record, and continues after an invalid record. It
// accepts what directory servers and their tools write; the differences from the
// RFC are listed at Reader. ScanParallel reads the same format with several workers.
// Writer writes only the strict form, which the import tools of servers accept.
//
// The package guarantees that no record is lost silently: each one is delivered, or
// named in a *RecordError, or comes after an error that is not io.EOF. No input
// makes it panic or use more memory than Options allow. It opens no file unless
// told to, and no value that it writes can be mistaken for a line of its own.
//
// It does not interpret entries: it knows no schema, does not parse DNs, and does
// not compare or apply anything. It does not decompress files.
package ldif
