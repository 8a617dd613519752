// Package storetest is the suite that every engine of pkg/store passes: what the
// comments of that package promise, tried on a real database.
//
// An engine's test calls Run with the way to a new database and the way to open
// one. The suite knows neither SQL nor files. It compares with what it put in
// itself, with a model in memory, and with what a process that was killed had
// acknowledged.
package storetest
