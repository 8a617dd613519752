// Package calio moves calendar objects between files and the calendars of a store.
//
// An Importer writes the objects of files into a calendar, and reports what became of each.
// Importing the same file again changes nothing. What it changes can be undone: it has UndoLines
// written before each change, and Undo applies them. A Selector finds components by time, text
// and other properties, with their instances. A CalendarWriter and a JCalWriter write objects
// into one file.
//
// The bytes of components are never changed. The package knows no command line and no
// directory of people, and it sends no messages to anybody.
package calio

// Place is a calendar of a store.
type Place struct {
	Backend  string
	Account  string // the id
	Address  string // of the account, for messages
	Calendar string // the name of the collection
}
