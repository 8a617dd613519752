// Package listfile reads lists and batch files in the forms in which people and programs
// write them: lines of text, CSV as Excel writes it, JSON, JSON lines, and what davadmin
// itself lists in any of its output formats.
//
// Read yields each record with its line, in constant memory. A line is bounded, a record
// too. A byte-order mark of UTF-8 is dropped; text in UTF-16 or UTF-32 is an error that
// names the encoding. What is not a record of a known form is yielded as a line of text:
// the caller knows what else a line may be.
//
// A value that a listing shortened, or a listing that says that it is incomplete, is an
// error, because a list that is read in part looks like a shorter list.
package listfile
