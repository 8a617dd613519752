# shellcheck shell=bash
# The chapter of the demo about calendar data and free/busy; sourced by scripts/demo, not run.
# shellcheck disable=SC2154 # scripts/demo defines the functions

# data PERSON COLLEAGUE OLD-USER: imports, exports, moves and shows calendar data of PERSON.
data() {
  step "Import a file of another program: a series with an odd end, an event without a UID, and a journal entry that the calendar does not accept."
  cat >import.ics <<'ICS'
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp.//Old Calendar//EN
BEGIN:VEVENT
UID:choir@example.com
DTSTAMP:20261001T080000Z
DTSTART;TZID=Europe/Berlin:20261203T180000
DURATION:PT1H
RRULE:FREQ=WEEKLY;UNTIL=20261217
SUMMARY:Choir
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20261001T080000Z
DTSTART;VALUE=DATE:20261224
SUMMARY:Christmas Eve
END:VEVENT
BEGIN:VJOURNAL
UID:diary@example.com
DTSTAMP:20261001T080000Z
SUMMARY:Diary
END:VJOURNAL
END:VCALENDAR
ICS
  show 4 davadmin calcomponent import -a "$1" -m import.ics --report imported.jsonl --reject rejected.ics
  grep '"result":"rejected"' imported.jsonl
  show 0 davadmin calcomponent list -a "$1" --from 2026-12-01 --to 2027-01-01 --expand --timezone Europe/Berlin

  step "Export it, import the export for a colleague, and export that: the same bytes."
  show 0 davadmin calcomponent export -a "$1" -n calendar -m one.ics --force
  show 0 davadmin calcomponent import -a "$2" -n copy --create-calendar -m one.ics
  show 0 davadmin calcomponent export -a "$2" -n copy -m two.ics --force
  cmp one.ics two.ics
  show 0 davadmin calcomponent import -a "$1" -m one.ics

  step "Move the person to a second back end, with everything."
  show 0 davadmin backend create -n second
  show 0 davadmin account move -a "$1" --to second --yes
  show 0 davadmin calcomponent export -a "$1" -n calendar -m moved.ics --force
  cmp one.ics moved.ics

  step "Delete a series, and undo that."
  show 0 davadmin calcomponent delete -a "$1" -i choir@example.com --yes
  local change
  change=$("$root/davadmin" history list | tail -1 | cut -f1)
  show 0 davadmin history undo "$change" --yes

  step "When are these four free? One is on the old server, which does not answer, and one is outside."
  show 0 davadmin domainmap create -q -d "${3#*@}" -L http://127.0.0.1:1/ischedule/
  show 4 davadmin freebusy show -a "$1" -a "$2" -a "$3" -a someone@elsewhere.example --from 2026-12-03 --ldif directory.ldif --output table
  show 0 davadmin domainmap delete -q -d "${3#*@}" --yes
}
