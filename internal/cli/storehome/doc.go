// Package storehome is what the commands that work on the data of a home share: its back ends,
// which of them can be used, how accounts and people are found on them, listings across
// several of them, and the record of a change in the journal with its undo file.
//
// It prints nothing but warnings, and has no commands.
package storehome
