// Package ldapchange changes a directory according to plans: LDIF that states for
// each entry the changes and the values that are expected before them.
//
// It promises that no change is sent before its undo is on disk; that an entry that
// no longer has the expected values, compared byte by byte, is not changed, or is
// restored at once where the server can only be asked afterwards, and that the
// guard in use is reported; that a stopped run can be resumed and does nothing
// twice; and that a change is reported as done only after the server confirmed it.
//
// It does not decide what should be changed, and never writes passwords.
package ldapchange
