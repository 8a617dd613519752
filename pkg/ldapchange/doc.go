// Package ldapchange changes a directory by plans: LDIF that says for each entry
// what is to be changed and what must be there before.
//
// It promises that no change is sent before the way back from it is on disk; that
// an entry that is no longer as the plan expects, by the exact bytes of its values, is
// not changed, or is put back at once where the server can only be asked that
// late, and that it says which of these guards it could use; that a run that was
// stopped can be taken up again with nothing done twice; and that what it reports
// as done was answered by the server.
//
// It decides nothing about what should be changed, and never writes passwords.
package ldapchange
