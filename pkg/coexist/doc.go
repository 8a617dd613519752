// Package coexist looks at a deployment in which an old Calendar Server 6 and a
// new server share one directory: whether the configuration of both, the domain
// map and every entry agree, so that free/busy and invitations find their way,
// and who is on which side.
//
// It promises that each rule of its catalogue ends as passed, failed or not-run
// with the reason; that what is about all people is so, or says that it is not;
// that each finding names where the fault is and, as far as that can be known,
// the exact command, LDIF or line of ics.conf that mends it; and that memory stays bounded however many
// entries there are.
//
// It changes nothing, and it asks no server unless it was given one to ask with.
// What it says about entries is found by the rules of pkg/ldapcheck and by its
// own, in one reading of the directory.
package coexist
