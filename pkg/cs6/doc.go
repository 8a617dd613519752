// Package cs6 reads what files tell about an old Calendar Server 6: its
// configuration, ics.conf, and the lists of the people who have calendars on it.
//
// ReadPeople reads a list of people in whatever form an administrator has it at
// hand: addresses, user ids, the output of `cscal list` or of `davadmin account
// list`, CSV. PeopleSet holds millions of them and says whether a directory
// entry is among them, and by which key. IcsConf is an ics.conf with the places
// at which a reader and the server may disagree.
//
// It promises that each line of a list becomes part of a person or is an error
// that names the line, unless it is blank, a comment or a heading; that a list
// that could not be read to its end ends with an error; and that no bytes make
// it panic or take more memory than its limits allow.
//
// It is not for judging what it reads: whether a configuration fits a deployment
// of two servers, and what it means that a person is on a list, is decided
// elsewhere. It opens no file and talks to no server.
package cs6
