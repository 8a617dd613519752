// Package coexist checks a deployment in which an old Calendar Server 6 and a new
// server share one directory: whether the configuration of both servers, the domain
// map and every entry agree, so that free/busy and invitations reach the right
// server. It also counts and lists the users of each server, and plans their moves.
//
// The package guarantees that each rule of its catalogue ends as passed, failed or
// not-run with the reason; that a statement about all users is either based on all
// of them or says that it is not; that each finding names the location of the fault
// and, as far as it can be determined, the exact fix; and that memory stays bounded
// however many entries there are.
//
// It changes nothing, and it queries servers only with the client that it is given.
// Findings about entries come from the rules of pkg/ldapcheck and its own rules, in
// one pass over the directory.
package coexist
