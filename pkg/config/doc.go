// Package config reads, checks and changes the configuration files of a server
// home.
//
// Document is any Java .properties file, held byte for byte. Registry describes
// every parameter of davserver.properties; Check looks for mistakes in a file,
// and Modify turns wishes into edits of a Document. DomainMap does the same for
// ischeduledomainmap.properties. File carries an Edit out: under a lock, with the
// way back on disk before the change.
//
// It promises that only the bytes asked for change, that Java reads the result
// as intended, and that nothing is lost when a run is killed. It is not for
// other formats, it talks to no server, and it knows nothing of a command line.
package config
