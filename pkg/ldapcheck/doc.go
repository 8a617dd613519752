// Package ldapcheck audits a directory for a calendar service: its rules find, in a
// stream of entries, those that the calendar servers will not serve or will serve
// wrongly.
//
// It promises that a report covers all entries or says that it does not; that each
// fault is one finding of one rule; that duplicates are exact at any size, while
// memory stays bounded, because what must be remembered goes to private temporary
// files; and that two runs on the same data return the same findings in the same
// order, however many workers there are.
//
// It changes nothing, and it does not know where entries come from: sources are
// those of pkg/directory.
package ldapcheck
