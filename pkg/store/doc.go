// Package store is the calendar server's own library: accounts, calendars,
// components, access rights and subscriptions of one back end, in a database
// that the administrator's tool opens by itself.
//
// It promises: a transaction happens whole or not at all, and what was
// acknowledged is on disk; a unique id, a resource name and iCalendar text come
// back with the bytes that were put in; deleting is soft, so that what was
// deleted can be brought back until it is purged; listings have a stable order
// and bounded memory.
//
// It knows no directory and no command line. Who a person is, and whether the
// account belongs here, is decided above it. The engines are in the packages
// below this one.
package store
