// Package account does the work on accounts that needs more than a store: it
// finds people in a directory, asks pkg/route whether they belong here, and makes,
// changes, deletes and repairs their accounts on the back end that is theirs.
//
// It promises: nothing is begun before the directory was read to its end; each
// item of a batch is done whole or not at all, and what is reported as done is on
// disk; what takes a change back is on disk before the change; who is on the old
// server gets no account.
//
// It never changes a directory, and it prints nothing.
package account
