package ical

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jcalOf returns an event of one property in jCal, and the property as iCalendar.
func jcalOf(property string) string {
	return `["vcalendar",[],[["vevent",[` + property + `],[]]]]`
}

func icalOf(line string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + line + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// toJSON returns a component as jCal, and requires that encoding/json can read it.
func toJSON(t testing.TB, c *Component) string {
	t.Helper()
	b, err := AppendJSON(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) {
		t.Fatalf("not JSON: %s", b)
	}
	return string(b)
}

// Each line is one property in both forms.
func TestJCalProperties(t *testing.T) {
	for _, c := range [][2]string{
		{`SUMMARY:One\, two\; three\\ four\nfive`, `["summary",{},"text","One, two; three\\ four\nfive"]`},
		{`SUMMARY:"äöü" 😀`, `["summary",{},"text","\"äöü\" 😀"]`},
		{`LOCATION:`, `["location",{},"text",""]`},
		{`CATEGORIES:a,b\,c,d`, `["categories",{},"text","a","b,c","d"]`},
		{`DTSTART:20260302T090000Z`, `["dtstart",{},"date-time","2026-03-02T09:00:00Z"]`},
		{`DTSTART;TZID=Europe/Berlin:20260302T090000`, `["dtstart",{"tzid":"Europe/Berlin"},"date-time","2026-03-02T09:00:00"]`},
		{`DTSTART;VALUE=DATE:20260302`, `["dtstart",{},"date","2026-03-02"]`},
		{`DTEND:20161231T235960Z`, `["dtend",{},"date-time","2016-12-31T23:59:60Z"]`},
		{`EXDATE;VALUE=DATE:20260302,20260303`, `["exdate",{},"date","2026-03-02","2026-03-03"]`},
		{`RDATE;VALUE=PERIOD:20260302T090000Z/PT1H,20260303T090000/20260303T100000`, `["rdate",{},"period",["2026-03-02T09:00:00Z","PT1H"],["2026-03-03T09:00:00","2026-03-03T10:00:00"]]`},
		{`FREEBUSY;FBTYPE=FREE:20260302T090000Z/P1D`, `["freebusy",{"fbtype":"FREE"},"period",["2026-03-02T09:00:00Z","P1D"]]`},
		{`DURATION:-P1DT2H3M4S`, `["duration",{},"duration","-P1DT2H3M4S"]`},
		{`TRIGGER;RELATED=END:-PT15M`, `["trigger",{"related":"END"},"duration","-PT15M"]`},
		{`TRIGGER;VALUE=DATE-TIME:20260302T090000Z`, `["trigger",{},"date-time","2026-03-02T09:00:00Z"]`},
		{`PRIORITY:5`, `["priority",{},"integer",5]`},
		{`SEQUENCE:-1`, `["sequence",{},"integer",-1]`},
		{`GEO:37.386013;-122.082932`, `["geo",{},"float",[37.386013,-122.082932]]`},
		{`GEO:10.50;0.0`, `["geo",{},"float",[10.50,0.0]]`},
		{`REQUEST-STATUS:3.1;Bad value\; really;DTSTART:x\,y`, `["request-status",{},"text",["3.1","Bad value; really","DTSTART:x,y"]]`},
		{`TZOFFSETFROM:-0530`, `["tzoffsetfrom",{},"utc-offset","-05:30"]`},
		{`TZOFFSETTO:+005328`, `["tzoffsetto",{},"utc-offset","+00:53:28"]`},
		{`ATTENDEE;CN="Doe, Jane";MEMBER="mailto:a@example.com","mailto:b@example.com":mailto:c@example.com`, `["attendee",{"cn":"Doe, Jane","member":["mailto:a@example.com","mailto:b@example.com"]},"cal-address","mailto:c@example.com"]`},
		{`ATTENDEE;CN=First ^'Nick^' Last^n^^:mailto:c@example.com`, `["attendee",{"cn":"First \"Nick\" Last\n^"},"cal-address","mailto:c@example.com"]`},
		{`ATTACH;VALUE=BINARY;ENCODING=BASE64:AAEC`, `["attach",{"encoding":"BASE64"},"binary","AAEC"]`},
		{`ATTACH;FMTTYPE=text/plain:https://example.org/a,b;c`, `["attach",{"fmttype":"text/plain"},"uri","https://example.org/a,b;c"]`},
		{`CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:tel:1`, `["conference",{"feature":["AUDIO","VIDEO"]},"uri","tel:1"]`},
		{`REFRESH-INTERVAL;VALUE=DURATION:P1W`, `["refresh-interval",{},"duration","P1W"]`},
		{`RRULE:FREQ=DAILY`, `["rrule",{},"recur",{"freq":"DAILY"}]`},
		{`RRULE:FREQ=YEARLY;COUNT=5;BYDAY=-1SU,2MO;BYMONTH=10`, `["rrule",{},"recur",{"freq":"YEARLY","count":5,"byday":["-1SU","2MO"],"bymonth":10}]`},
		{`RRULE:FREQ=MONTHLY;UNTIL=20261231T235959Z;BYSETPOS=-1,1;WKST=MO`, `["rrule",{},"recur",{"freq":"MONTHLY","until":"2026-12-31T23:59:59Z","bysetpos":[-1,1],"wkst":"MO"}]`},
		{`RRULE:FREQ=YEARLY;RSCALE=HEBREW;BYMONTH=5L,6;SKIP=FORWARD;UNTIL=20261231`, `["rrule",{},"recur",{"freq":"YEARLY","rscale":"HEBREW","bymonth":["5L",6],"skip":"FORWARD","until":"2026-12-31"}]`},
		{`RRULE:FREQ=DAILY;X-A=b,c`, `["rrule",{},"recur",{"freq":"DAILY","x-a":"b,c"}]`},
		{`X-NEW;X-P=q:a\,b;c,d`, `["x-new",{"x-p":"q"},"unknown","a\\,b;c,d"]`},
		{`X-NEW;VALUE=TEXT:a\,b`, `["x-new",{},"text","a,b"]`},
		{`X-NEW;VALUE=BOOLEAN:TRUE`, `["x-new",{},"boolean",true]`},
		{`X-NEW;VALUE=BOOLEAN:FALSE`, `["x-new",{},"boolean",false]`},
		{`X-NEW;VALUE=TIME:123000Z`, `["x-new",{},"time","12:30:00Z"]`},
		{`X-NEW;VALUE=X-TYPE:a\,b`, `["x-new",{},"x-type","a\\,b"]`},
		{`SUMMARY;VALUE=X-TYPE:a\,b`, `["summary",{},"x-type","a\\,b"]`},
		// Values without the form of their type keep it.
		{`DTSTART:tomorrow`, `["dtstart",{},"unknown","tomorrow"]`},
		{`DTSTART;VALUE=DATE:2026-03-02`, `["dtstart",{"value":"DATE"},"unknown","2026-03-02"]`},
		{`EXDATE:20260302T090000Z,20260303`, `["exdate",{},"unknown","20260302T090000Z,20260303"]`},
		{`PRIORITY:high`, `["priority",{},"unknown","high"]`},
		{`GEO:1`, `["geo",{},"unknown","1"]`},
		{`GEO:1;2;3`, `["geo",{},"unknown","1;2;3"]`},
		{`RRULE:FREQ=DAILY;FREQ=WEEKLY`, `["rrule",{},"unknown","FREQ=DAILY;FREQ=WEEKLY"]`},
		{`RRULE:FREQ=DAILY;COUNT=many`, `["rrule",{},"unknown","FREQ=DAILY;COUNT=many"]`},
		{`RRULE:FREQ=DAILY;UNTIL=never`, `["rrule",{},"unknown","FREQ=DAILY;UNTIL=never"]`},
		{`RRULE:D1 #5`, `["rrule",{},"unknown","D1 #5"]`},
		{`TZOFFSETTO:+01:00`, `["tzoffsetto",{},"unknown","+01:00"]`},
		{`X-NEW;VALUE=TIME:1230`, `["x-new",{"value":"TIME"},"unknown","1230"]`},
	} {
		line, property := c[0], c[1]
		if got := toJSON(t, parseLoosely(t, icalOf(line))); got != jcalOf(property) {
			t.Errorf("%s\n is %s\nnot %s", line, got, jcalOf(property))
		}
		back, problems, err := ParseJSON([]byte(jcalOf(property)), Options{})
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %+v", property, err, problems)
			continue
		}
		if got := unfolded(back.String()); got != icalOf(line) {
			t.Errorf("%s\n is %q\nnot %q", property, got, icalOf(line))
		}
	}
}

func unfolded(s string) string { return strings.ReplaceAll(s, "\r\n ", "") }

// What is written in several ways in one form, becomes one way in the other, with the same meaning.
func TestJCalToOneForm(t *testing.T) {
	for line, property := range map[string]string{
		"dtstart:20260302":                             `["dtstart",{},"date","2026-03-02"]`,
		"DTSTART;VALUE=DATE-TIME: 20260302t090000z":    `["dtstart",{},"date-time","2026-03-02T09:00:00Z"]`,
		"EXDATE:20260302,20260303":                     `["exdate",{},"date","2026-03-02","2026-03-03"]`,
		"DTSTART:20260302,20260303":                    `["dtstart",{},"unknown","20260302,20260303"]`,
		"GEO:+007;-.5":                                 `["geo",{},"unknown","+007;-.5"]`,
		"GEO:+007;-00.5":                               `["geo",{},"float",[7,-0.5]]`,
		"PRIORITY:+05":                                 `["priority",{},"integer",5]`,
		"CONFERENCE:tel:1":                             `["conference",{},"uri","tel:1"]`,
		"SUMMARY;X-A=1;x-a=2;LANGUAGE=de:a":            `["summary",{"x-a":["1","2"],"language":"de"},"text","a"]`,
		"RRULE:count=+2;freq=daily;":                   `["rrule",{},"recur",{"count":2,"freq":"daily"}]`,
		`SUMMARY:C:\temp\`:                             `["summary",{},"text","C:\\temp\\"]`,
		"SUMMARY:a, b; c":                              `["summary",{},"text","a, b; c"]`,
		"REQUEST-STATUS:2.0":                           `["request-status",{},"text",["2.0"]]`,
		"VERSION:2.0":                                  `["version",{},"text","2.0"]`,
		"X-NEW;VALUE=DATE:20260302":                    `["x-new",{},"date","2026-03-02"]`,
		"X-NEW;VALUE=INTEGER:1,2":                      `["x-new",{"value":"INTEGER"},"unknown","1,2"]`,
		"ATTACH;VALUE=URI:cid:1":                       `["attach",{},"uri","cid:1"]`,
		"RELATED-TO;VALUE=UID:a\\,b":                   `["related-to",{},"uid","a\\,b"]`,
		"DTSTART;VALUE=\"not a name\":20260302T090000": `["dtstart",{"value":"not a name"},"unknown","20260302T090000"]`,
	} {
		if got := toJSON(t, parseLoosely(t, icalOf(line))); got != jcalOf(property) {
			t.Errorf("%s\n is %s\nnot %s", line, got, jcalOf(property))
		}
	}
	for property, line := range map[string]string{
		`["x-new",{},"unknown","a","b"]`:                                   "X-NEW:a,b",
		`["GEO",{},"FLOAT",1.5e1,-2]`:                                      "GEO:15;-2",
		`["geo",{},"float",[1e2,1E-2]]`:                                    "GEO:100;0.01",
		`["request-status",{},"text","2.0","Success"]`:                     "REQUEST-STATUS:2.0;Success",
		`["rrule",{},"recur",{"byday":"MO","freq":"WEEKLY","count":3}]`:    "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3",
		`["rrule",{},"recur","FREQ=DAILY"]`:                                "RRULE:FREQ=DAILY",
		`["freebusy",{},"period","2026-03-02T09:00:00Z/PT1H"]`:             "FREEBUSY:20260302T090000Z/PT1H",
		`["summary",{},"text","\u00e4\ud83d\ude00\/\t\r\n\b"]`:             "", // a backspace
		`["summary",{},"text","\u00e4\ud83d\ude00\/\t\r\n."]`:              "SUMMARY:ä😀/\t\\n.",
		`["summary",{"language":["de"]},"text","a"]`:                       "SUMMARY;LANGUAGE=de:a",
		`["dtstart",{},"date-time","20260302T090000Z"]`:                    "DTSTART:20260302T090000Z",
		`["attendee",{"cn":"a\r\nATTENDEE:b"},"cal-address","mailto:a@b"]`: `ATTENDEE;CN="a^nATTENDEE:b":mailto:a@b`,
		`["url",{},"uri","a:b\nATTENDEE:c"]`:                               `URL:a:b\nATTENDEE:c`,
		` [ "url" , { "x" : "y" } , "uri" , "a:b" ] `:                      "URL;X=y:a:b",
	} {
		c, _, err := ParseJSON([]byte(jcalOf(property)), Options{})
		switch {
		case line == "":
			if err == nil {
				t.Errorf("%s: no error", property)
			}
		case err != nil:
			t.Errorf("%s: %v", property, err)
		default:
			if got := unfolded(c.String()); got != icalOf(line) {
				t.Errorf("%s\n is %q\nnot %q", property, got, icalOf(line))
			}
		}
	}
}

// What is wrong ends strict reading, with its place. Lenient reading keeps what it can.
func TestParseJSONProblems(t *testing.T) {
	for _, c := range []struct{ text, code, lenient string }{
		{``, "no-calendar", ""},
		{`{}`, "no-calendar", ""},
		{`[]`, "component-name", ""},
		{`["vevent",[],[]]`, "no-calendar", ""},
		{`["vcalendar",[],[]`, "json", ""},
		{`["vcalendar",[],[]]]`, "text-outside-calendar", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[],[],[]]`, "jcal-component", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[]]`, "jcal-component", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",{},[]]`, "jcal-component", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[],[1,["a b",[],[]],["vtodo",[],[]]]]`, "jcal-component", "BEGIN:VCALENDAR BEGIN:VTODO END:VTODO END:VCALENDAR"},
		{`["vcalendar",[["x-a",{},"text","b"],7,[],["x-b"],["x-c",{}],["x-d",{},"text"],["e f",{},"text","g"],["x-h",{},"text","i"]],[]]`, "jcal-property",
			"BEGIN:VCALENDAR X-A;VALUE=TEXT:b X-D;VALUE=TEXT: X-H;VALUE=TEXT:i END:VCALENDAR"},
		{`["vcalendar",[],[["vevent",[],[["valarm",[],[]],["vtodo",[],[]],["vcalendar",[],[]]]],["vtodo",[],[]]]]`, "component-misplaced",
			"BEGIN:VCALENDAR BEGIN:VEVENT BEGIN:VALARM END:VALARM END:VEVENT BEGIN:VTODO END:VTODO END:VCALENDAR"},
		{`["vcalendar",[["begin",{},"text","VEVENT"]],[]]`, "property-name", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[["end",{},"unknown","VCALENDAR"]],[]]`, "property-name", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[["x:a",{},"unknown","b"]],[]]`, "property-name", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[["x-a",{"b:c":"d"},"unknown","e"]],[]]`, "parameter-name", "BEGIN:VCALENDAR X-A:e END:VCALENDAR"},
		{`["vcalendar",[["x-a",{"b":null,"c":{}},"unknown","e"]],[]]`, "parameter-value", "BEGIN:VCALENDAR X-A:e END:VCALENDAR"},
		{`["vcalendar",[["x-a",{},"x:y","e"]],[]]`, "value-type", "BEGIN:VCALENDAR END:VCALENDAR"},
		{`["vcalendar",[["x-a",{"value":"date"},"text","e"]],[]]`, "jcal-value", "BEGIN:VCALENDAR X-A;VALUE=TEXT:e END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text","a","b"]],[]]`, "value-count", "BEGIN:VCALENDAR SUMMARY:a,b END:VCALENDAR"},
		{`["vcalendar",[["dtstart",{},"date","soon"]],[]]`, "value-invalid", "BEGIN:VCALENDAR DTSTART;VALUE=DATE:soon END:VCALENDAR"},
		{`["vcalendar",[["priority",{},"integer",1.5]],[]]`, "value-invalid", "BEGIN:VCALENDAR PRIORITY:1.5 END:VCALENDAR"},
		{`["vcalendar",[["priority",{},"integer","1"]],[]]`, "value-invalid", "BEGIN:VCALENDAR PRIORITY:1 END:VCALENDAR"},
		{`["vcalendar",[["geo",{},"float",[1e300,0]]],[]]`, "value-invalid", "BEGIN:VCALENDAR GEO:1e300;0 END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text",null]],[]]`, "value-invalid", "BEGIN:VCALENDAR SUMMARY: END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text",{"a":"b"}]],[]]`, "value-invalid", "BEGIN:VCALENDAR SUMMARY: END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text","a\u0000b"]],[]]`, "control-character", "BEGIN:VCALENDAR SUMMARY:ab END:VCALENDAR"},
		{`["vcalendar",[["rrule",{},"recur",{"freq":"DAILY;COUNT=1"}]],[]]`, "value-invalid", "BEGIN:VCALENDAR RRULE:FREQ= END:VCALENDAR"},
		{`["vcalendar",[["rrule",{},"recur",{"a b":"c","freq":"DAILY"}]],[]]`, "value-invalid", "BEGIN:VCALENDAR RRULE:FREQ=DAILY END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text","\ud800"]],[]]`, "not-utf-8", "BEGIN:VCALENDAR SUMMARY:\ufffd END:VCALENDAR"},
		{"[\"vcalendar\",[[\"summary\",{},\"text\",\"\xff\"]],[]]", "not-utf-8", "BEGIN:VCALENDAR SUMMARY:\ufffd END:VCALENDAR"},
		{`["vcalendar",[["summary",{},"text","\q"]],[]]`, "json", ""},
		{`["vcalendar",[["summary",{},"text","\u12"]],[]]`, "json", ""},
		{"[\"vcalendar\",[[\"summary\",{},\"text\",\"a\nb\"]],[]]", "json", ""},
		{`["vcalendar",[["priority",{},"integer",01]],[]]`, "json", ""},
		{`["vcalendar",[["priority",{},"integer",1.]],[]]`, "json", ""},
		{`["vcalendar",[["priority",{},"integer",-]],[]]`, "json", ""},
		{`["vcalendar",[,],[]]`, "jcal-property", ""},
		{`["vcalendar",[["a",{},"text","b"],],[]]`, "jcal-property", ""},
		{`["vcalendar" [],[]]`, "json", ""},
		{`["vcalendar",[nil],[]]`, "jcal-property", ""},
		{`["vcalendar",[],["` + strings.Repeat("a", 50), "jcal-component", ""},
	} {
		_, problems, err := ParseJSON([]byte(c.text), Options{})
		var p *Problem
		if !errors.As(err, &p) || p.Code != c.code || p.Level != Error || p.Line != 1 && !strings.Contains(c.text, "\n") || len(problems) != 1 {
			t.Errorf("%s: %#v, not %s", c.text, err, c.code)
		}
		got, problems, err := ParseJSON([]byte(c.text), Options{Lenient: true})
		switch {
		case len(problems) == 0:
			t.Errorf("%s: lenient, without a problem", c.text)
		case (err == nil) != (c.lenient != ""):
			t.Errorf("%s: lenient: %v", c.text, err)
		case err == nil:
			if s := strings.TrimSpace(strings.ReplaceAll(got.String(), "\r\n", " ")); s != c.lenient {
				t.Errorf("%s: lenient: %q", c.text, s)
			}
		}
	}
}

func TestParseJSONNamesThePlace(t *testing.T) {
	text := "[\"vcalendar\",\n [],\n [[\"vevent\",\n  [[\"dtstart\", {}, \"date\", \"soon\"]],\n []]]]"
	_, _, err := ParseJSON([]byte(text), Options{})
	want := &Problem{Level: Error, Code: "value-invalid", Line: 4, Column: 28, Component: "VEVENT", Property: "DTSTART", Text: `"soon" does not have the form of the type date`}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

func TestAppendJSONRefusesWhatIsNotUTF8(t *testing.T) {
	for _, line := range []string{"SUMMARY:\xff", "ATTENDEE;CN=\xff:mailto:a@b", "CATEGORIES:a,\xff"} {
		c := parseLoosely(t, calText(eventOf(line)...))
		b, err := AppendJSON([]byte("x"), c)
		var p *Problem
		if !errors.As(err, &p) || p.Code != "not-utf-8" || p.Line != 8 || p.Property == "" || !bytes.Equal(b, []byte("x")) {
			t.Errorf("%q: %q, %#v", line, b, err)
		}
	}
	deep := NewComponent("A")
	for range 1100 {
		outer := NewComponent("A")
		outer.AddComponent(deep)
		deep = outer
	}
	if _, err := AppendJSON(nil, deep); err == nil {
		t.Error("no error for deep components")
	}
	if got := problemSummary(Check(deep)); !slices.Equal(got, []string{"error limit-depth 0"}) {
		t.Errorf("%q", got)
	}
}
