// Package tz knows the names of time zones: those of the IANA time zone database
// (RFC 6557), and the names that Windows gives to its zones and that Outlook and
// Exchange write into iCalendar objects. It contains names only, no offsets.
//
// names.txt contains the names of the tz database 2025c, including the links to
// older names (file "backward"), without Factory. A server and its clients know a
// link as well as the name that it leads to, so both are valid and neither is
// replaced by the other.
//
// windows.tsv contains, for each Windows name, the zone that the Unicode CLDR 48.2
// gives for it where the country is not known: supplemental/windowsZones, territory
// 001. Its license is in LICENSE-unicode.txt.
//
// Functions are safe for concurrent use.
package tz
