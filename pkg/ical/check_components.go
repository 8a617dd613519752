package ical

// What the components that people plan with have in common.
const (
	onceOfAll  = "CLASS CREATED DTSTART LAST-MODIFIED ORGANIZER RECURRENCE-ID SEQUENCE STATUS SUMMARY URL COLOR RRULE "
	manyOfAll  = "ATTACH ATTENDEE CATEGORIES COMMENT CONTACT EXDATE EXRULE RDATE RELATED-TO REQUEST-STATUS IMAGE CONCEPT LINK REFID STRUCTURED-DATA STYLED-DESCRIPTION "
	onceOfBusy = "DESCRIPTION GEO LOCATION PRIORITY DURATION "
	manyOfBusy = "RESOURCES CONFERENCE "
	// onceOfTimes are the properties of VAVAILABILITY and AVAILABLE.
	onceOfTimes = "CLASS CREATED DESCRIPTION DTEND DURATION LAST-MODIFIED LOCATION SUMMARY "
	// planned are the components that may contain the components of RFC 9073.
	planned = "VEVENT VTODO VJOURNAL VFREEBUSY PARTICIPANT "
)

// componentTable returns the components of RFC 5545 (3.6), with the properties of RFC 7986 (4)
// and RFC 9253, and those of RFC 7953, RFC 9073 and RFC 9074.
func componentTable() []componentRule {
	return []componentRule{
		{
			name: "VCALENDAR", required: "PRODID VERSION",
			once:  "CALSCALE METHOD UID LAST-MODIFIED URL REFRESH-INTERVAL SOURCE COLOR",
			many:  "NAME DESCRIPTION CATEGORIES IMAGE CONCEPT LINK REFID",
			check: (*checker).calendarRules,
		}, {
			name: "VEVENT", parents: "VCALENDAR", required: "DTSTAMP UID",
			once: onceOfAll + onceOfBusy + "DTEND TRANSP", many: manyOfAll + manyOfBusy, check: (*checker).eventRules,
		}, {
			name: "VTODO", parents: "VCALENDAR", required: "DTSTAMP UID",
			once: onceOfAll + onceOfBusy + "COMPLETED DUE PERCENT-COMPLETE", many: manyOfAll + manyOfBusy, check: (*checker).todoRules,
		}, {
			name: "VJOURNAL", parents: "VCALENDAR", required: "DTSTAMP UID",
			once: onceOfAll, many: manyOfAll + "DESCRIPTION", check: (*checker).recurrenceID,
		}, {
			name: "VFREEBUSY", parents: "VCALENDAR", required: "DTSTAMP UID", once: "CONTACT DTSTART DTEND ORGANIZER URL",
			many: "ATTENDEE COMMENT FREEBUSY REQUEST-STATUS STYLED-DESCRIPTION LINK CONCEPT REFID", check: (*checker).freeBusyRules,
		}, {
			name: "VTIMEZONE", parents: "VCALENDAR", required: "TZID",
			once: "LAST-MODIFIED TZURL TZUNTIL", many: "TZID-ALIAS-OF", check: (*checker).zoneRules,
		},
		{name: "STANDARD", parents: "VTIMEZONE", required: "DTSTART TZOFFSETFROM TZOFFSETTO", once: "RRULE", many: "COMMENT RDATE TZNAME", check: (*checker).observanceRules},
		{name: "DAYLIGHT", parents: "VTIMEZONE", required: "DTSTART TZOFFSETFROM TZOFFSETTO", once: "RRULE", many: "COMMENT RDATE TZNAME", check: (*checker).observanceRules},
		{
			name: "VALARM", parents: "VEVENT VTODO VAVAILABILITY AVAILABLE", required: "ACTION TRIGGER",
			once: "DESCRIPTION DURATION REPEAT SUMMARY UID ACKNOWLEDGED PROXIMITY",
			many: "ATTACH ATTENDEE RELATED-TO STYLED-DESCRIPTION STRUCTURED-DATA LINK CONCEPT REFID", check: (*checker).alarmRules,
		}, {
			name: "VAVAILABILITY", parents: "VCALENDAR", required: "DTSTAMP UID",
			once: onceOfTimes + "BUSYTYPE DTSTART ORGANIZER PRIORITY SEQUENCE URL", many: "CATEGORIES COMMENT CONTACT", check: (*checker).ends,
		}, {
			name: "AVAILABLE", parents: "VAVAILABILITY", required: "DTSTAMP DTSTART UID", once: onceOfTimes + "RECURRENCE-ID RRULE",
			many: "CATEGORIES COMMENT CONTACT EXDATE RDATE", check: (*checker).ends,
		}, {
			name: "PARTICIPANT", parents: planned, required: "PARTICIPANT-TYPE UID",
			once: "CALENDAR-ADDRESS CREATED DESCRIPTION DTSTAMP GEO LAST-MODIFIED PRIORITY SEQUENCE STATUS SUMMARY URL",
			many: "ATTACH CATEGORIES COMMENT CONTACT LOCATION REQUEST-STATUS RELATED-TO RESOURCES STRUCTURED-DATA STYLED-DESCRIPTION",
		}, {
			name: "VLOCATION", parents: planned + "VRESOURCE VALARM VAVAILABILITY AVAILABLE", required: "UID",
			once: "DESCRIPTION GEO LOCATION-TYPE NAME URL", many: "STRUCTURED-DATA STYLED-DESCRIPTION",
		}, {
			name: "VRESOURCE", parents: planned, required: "UID",
			once: "DESCRIPTION GEO NAME RESOURCE-TYPE URL", many: "STRUCTURED-DATA STYLED-DESCRIPTION",
		},
	}
}
