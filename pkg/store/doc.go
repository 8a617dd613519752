// Package store is the library of the embedded calendar server. It keeps the
// accounts, calendars, components, access rights, subscriptions, dead properties,
// attachments and outgoing messages of one back end in a database, and needs no
// running server.
//
// It guarantees:
//   - A transaction happens completely or not at all, and once it has been
//     acknowledged it is on disk.
//   - Unique ids, resource names and iCalendar text are returned byte for byte
//     as they were stored.
//   - Deletion is soft: whatever was deleted can be restored until it is purged.
//   - Listings have a stable order and use bounded memory.
//
// The package knows neither the directory nor the command line: its callers
// decide who a person is and which back end an account belongs to. The database
// engines are in the packages below this one. CONTRIBUTING.md, section "How
// pkg/store is used", contains the rules for callers.
package store
