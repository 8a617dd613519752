package ischedule

// Errno is an error number of WCAP (X-NSCP-WCAP-ERRNO) that an operator meets when
// free/busy is queried. Numbers and names are those of the tables in the WCAP guides
// of Calendar Server 6 2005Q4 (819-2434) and 6.3 (819-4655), chapter "Error Handling".
type Errno struct {
	Number  int
	Name    string // in the guides
	Meaning string // in a few words, for the end of a sentence
	Retry   bool   // the cause is temporary: the same query can succeed later
	Partial bool   // the answer contains data, but not all of it
}

const (
	errnoCalendarMissing = 29
	errnoOtherServer     = "the front end of the peer cannot reach the server that has the calendar"
)

// LookupErrno returns what is known about an error number. Most numbers, such as those
// of commands that store events, cannot be the answer to a query and are not known.
func LookupErrno(n int) (e Errno, ok bool) {
	for _, e := range []Errno{
		{1, "LOGIN_FAILED", "the peer wants a login, or its session has expired", false, false},
		{20, "GET_CALPROPS_FAILED", "the peer cannot read the properties of the calendar", false, false},
		{28, "ACCESS_DENIED_TO_CALENDAR", "the access list of the calendar does not let everyone see free/busy", false, false},
		{errnoCalendarMissing, "CALENDAR_DOES_NOT_EXIST", "the peer has no default calendar of this person", false, false},
		{34, "CALENDAR_DISABLED", "the calendar is disabled on the peer", false, false},
		{39, "GET_FREEBUSY_FAILED", "the peer could not answer the query", false, false},
		{43, "ATTENDEE_GROUP_EXPANSION_CLIPPED", "the group has more members than calstore.group.attendee.maxsize, so some are missing", false, true},
		{44, "USERPREFS_ACCESS_DENIED", "the peer may not read the preferences of this person", false, false},
		{48, "DWP_CONNECTION_FAILED", errnoOtherServer, true, false},
		{49, "DWP_MAX_CONNECTION_REACHED", "the peer has no free connection to the server that has the calendar", true, false},
		{50, "DWP_CANNOT_RESOLVE_CALENDAR", "the peer cannot find out which server has the calendar", true, false},
		{51, "DWP_BAD_DATA", "the peer got no usable answer from the server that has the calendar", true, false},
		{58, "WCAP_NO_SUCH_FORMAT", "the peer does not support text/calendar", false, false},
		{61, "GET_USERPREFS_FAILED", "the directory of the peer did not answer, or refused", true, false},
		{69, "LDAP_ERROR", "the directory of the peer did not answer, or refused", true, false},
		{75, "ANONYMOUS_NOT_ALLOWED", "the peer wants a login", false, false},
		{76, "ACCESS_DENIED", "only an administrator may ask this", false, false},
		{11000, "CDWP_ERR_MAX_CONNECTION_REACHED", "the peer has no free connection to the server that has the calendar", true, false},
		{11001, "CDWP_ERR_CANNOT_CONNECT", errnoOtherServer, true, false},
		{11002, "CDWP_ERR_CANNOT_RESOLVE_CALENDAR", "the peer cannot find out which server has the calendar", true, false},
		{11003, "CDWP_ERR_BAD_DATA", "the peer got no usable answer from the server that has the calendar", true, false},
		{11004, "CDWP_ERR_DWPHOST_CTX_DOES_NOT_EXIST", "the peer does not know the server that has the calendar", true, false},
		{11005, "CDWP_ERR_HOSTNAME_NOT_RESOLVABLE", "the peer cannot resolve the name of the server that has the calendar", true, false},
		{11006, "CDWP_ERR_NO_DATA", "the peer got no answer from the server that has the calendar", true, false},
		{11007, "CDWP_ERR_AUTH_FAILED", "the peer cannot log in to the server that has the calendar", true, false},
		{11008, "CDWP_ERR_CHECKVERSION_FAILED", "the peer and the server that has the calendar have different versions", true, false},
	} {
		if e.Number == n {
			return e, true
		}
	}
	return Errno{}, false
}
