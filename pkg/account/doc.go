// Package account does the work on accounts that needs more than a store: it finds
// people in a directory, asks pkg/route whether they are local, and creates,
// changes, deletes and repairs their accounts on their back ends.
//
// It promises: nothing is changed before the directory was read to its end; each
// item of a batch is done completely or not at all, and what is reported as done is
// on disk; how to undo a change is on disk before the change; people on the old
// server get no account.
//
// It never changes a directory, and it prints nothing.
package account
