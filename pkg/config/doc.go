// Package config reads, checks and changes the configuration files of a server
// home.
//
// Document is a Java .properties file that keeps every byte. Registry describes
// every parameter of davserver.properties; Check looks for mistakes in a file, and
// Modify turns requests into edits of a Document. DomainMap does the same for
// ischeduledomainmap.properties. File carries out an Edit: under a lock, with the
// previous version saved on disk before the change.
//
// Only the requested bytes change, Java reads the result as intended, and nothing
// is lost when a run is killed. The package does not handle other formats,
// connects to no server, and knows nothing about command lines.
package config
