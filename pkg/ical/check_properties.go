package ical

// The parameters of addresses of people.
const (
	organizerParams = "CN DIR SENT-BY LANGUAGE EMAIL SCHEDULE-AGENT SCHEDULE-FORCE-SEND SCHEDULE-STATUS"
	attendeeParams  = organizerParams + " CUTYPE MEMBER ROLE PARTSTAT RSVP DELEGATED-TO DELEGATED-FROM ORDER"
	textParams      = "ALTREP LANGUAGE ORDER DERIVED"
)

// propertyTable returns the properties of RFC 5545, with those that other standards add for time
// zones (TZUNTIL and TZID-ALIAS-OF of RFC 7808), and EXRULE of RFC 2445.
func propertyTable() []propertyRule {
	return []propertyRule{
		{name: "CALSCALE", types: "TEXT", check: (*checker).calscale},
		{name: "METHOD", types: "TEXT"},
		{name: "PRODID", types: "TEXT"},
		{name: "VERSION", types: "TEXT", check: (*checker).version},
		{name: "ATTACH", types: "URI BINARY", params: "ENCODING FMTTYPE FILENAME MANAGED-ID SIZE ORDER LABEL"},
		{name: "CATEGORIES", types: "TEXT", params: "LANGUAGE ORDER", traits: isList},
		{name: "CLASS", types: "TEXT", check: (*checker).class},
		{name: "COMMENT", types: "TEXT", params: textParams},
		{name: "DESCRIPTION", types: "TEXT", params: textParams},
		{name: "GEO", types: "FLOAT", traits: isStructured, params: "DERIVED", check: (*checker).geo},
		{name: "LOCATION", types: "TEXT", params: textParams},
		{name: "PERCENT-COMPLETE", types: "INTEGER", check: (*checker).percent},
		{name: "PRIORITY", types: "INTEGER", check: (*checker).priority},
		{name: "RESOURCES", types: "TEXT", params: textParams, traits: isList},
		{name: "STATUS", types: "TEXT", check: (*checker).status},
		{name: "SUMMARY", types: "TEXT", params: textParams},
		{name: "COMPLETED", types: "DATE-TIME", traits: isUTC},
		{name: "DTEND", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DUE", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DTSTART", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DURATION", types: "DURATION", traits: isVital},
		{name: "FREEBUSY", types: "PERIOD", params: "FBTYPE", traits: isList | isVital | isUTC},
		{name: "TRANSP", types: "TEXT", check: (*checker).transp},
		{name: "TZID", types: "TEXT"},
		{name: "TZNAME", types: "TEXT", params: "LANGUAGE"},
		{name: "TZOFFSETFROM", types: "UTC-OFFSET", traits: isVital},
		{name: "TZOFFSETTO", types: "UTC-OFFSET", traits: isVital},
		{name: "TZURL", types: "URI"},
		{name: "TZUNTIL", types: "DATE-TIME", traits: isUTC},
		{name: "TZID-ALIAS-OF", types: "TEXT"},
		{name: "ATTENDEE", types: "CAL-ADDRESS", params: attendeeParams},
		{name: "CONTACT", types: "TEXT", params: textParams},
		{name: "ORGANIZER", types: "CAL-ADDRESS", params: organizerParams},
		{name: "RECURRENCE-ID", types: "DATE-TIME DATE", params: "TZID RANGE", traits: isVital},
		{name: "RELATED-TO", types: "TEXT URI UID", params: "RELTYPE GAP ORDER"},
		{name: "URL", types: "URI", params: "ORDER DERIVED"},
		{name: "UID", types: "TEXT"},
		{name: "EXDATE", types: "DATE-TIME DATE", params: "TZID", traits: isList | isVital},
		{name: "RDATE", types: "DATE-TIME DATE PERIOD", params: "TZID", traits: isList | isVital},
		{name: "RRULE", types: "RECUR"},
		{name: "EXRULE", types: "RECUR"},
		{name: "ACTION", types: "TEXT"},
		{name: "REPEAT", types: "INTEGER", check: (*checker).notNegative},
		{name: "TRIGGER", types: "DURATION DATE-TIME", params: "RELATED"},
		{name: "CREATED", types: "DATE-TIME", traits: isUTC},
		{name: "DTSTAMP", types: "DATE-TIME", traits: isUTC},
		{name: "LAST-MODIFIED", types: "DATE-TIME", traits: isUTC},
		{name: "SEQUENCE", types: "INTEGER", check: (*checker).notNegative},
		{name: "REQUEST-STATUS", types: "TEXT", params: "LANGUAGE", traits: isStructured, check: (*checker).requestStatus},
	}
}

// extensionTable returns the properties of RFC 7986 (COLOR, CONFERENCE, IMAGE, NAME, REFRESH-INTERVAL,
// SOURCE), RFC 7953 (BUSYTYPE), RFC 9073, RFC 9074 (ACKNOWLEDGED, PROXIMITY) and RFC 9253 (CONCEPT,
// LINK, REFID).
func extensionTable() []propertyRule {
	return []propertyRule{
		{name: "NAME", types: "TEXT", params: textParams},
		{name: "REFRESH-INTERVAL", types: "DURATION", traits: isExplicit, check: (*checker).refreshInterval},
		{name: "SOURCE", types: "URI", traits: isExplicit},
		{name: "COLOR", types: "TEXT", check: (*checker).color},
		{name: "IMAGE", types: "URI BINARY", params: "ENCODING FMTTYPE ALTREP DISPLAY ORDER", traits: isExplicit},
		{name: "CONFERENCE", types: "URI", params: "FEATURE LABEL LANGUAGE ORDER", traits: isExplicit},
		{name: "BUSYTYPE", types: "TEXT"},
		{name: "ACKNOWLEDGED", types: "DATE-TIME", traits: isUTC},
		{name: "PROXIMITY", types: "TEXT"},
		{name: "CALENDAR-ADDRESS", types: "CAL-ADDRESS"},
		{name: "LOCATION-TYPE", types: "TEXT", traits: isList},
		{name: "PARTICIPANT-TYPE", types: "TEXT", params: "ORDER"},
		{name: "RESOURCE-TYPE", types: "TEXT", params: "ORDER"},
		{name: "STRUCTURED-DATA", types: "TEXT URI BINARY", params: "ENCODING FMTTYPE SCHEMA ORDER", traits: isExplicit},
		{name: "STYLED-DESCRIPTION", types: "TEXT URI", params: "FMTTYPE " + textParams, traits: isExplicit},
		{name: "CONCEPT", types: "URI"},
		{name: "LINK", types: "URI UID XML-REFERENCE", params: "LINKREL FMTTYPE LABEL LANGUAGE", traits: isExplicit},
		{name: "REFID", types: "TEXT"},
	}
}

// singleParams are the registered parameters that have one value.
const singleParams = "ALTREP CN CUTYPE DIR ENCODING FMTTYPE FBTYPE LANGUAGE PARTSTAT RANGE RELATED RELTYPE ROLE RSVP SENT-BY TZID VALUE " +
	"EMAIL LABEL SCHEDULE-AGENT SCHEDULE-FORCE-SEND FILENAME MANAGED-ID SIZE ORDER SCHEMA DERIVED GAP LINKREL"

// listParams are the registered parameters that may have several values.
const listParams = "DELEGATED-FROM DELEGATED-TO MEMBER DISPLAY FEATURE SCHEDULE-STATUS"
