// Package storetest is the conformance suite that every engine of pkg/store must
// pass. It tests the guarantees in the comments of that package on a real database.
//
// The test of an engine calls Run with functions that create and open a database. The
// suite itself knows neither SQL nor files. It compares the content of the database
// with what the suite has stored, with a model in memory, and with what a killed
// process had acknowledged.
//
// Random tests log their seed and take it from the environment, see internal/seed.
package storetest
