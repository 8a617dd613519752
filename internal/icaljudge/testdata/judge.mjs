// Reads with ical.js: node judge.mjs MODULE MODE FILE.
//   jcal   an iCalendar file; prints its jCal
//   ical   a jCal file; prints it as iCalendar
//   zones  an iCalendar file; reads lines "TZID<TAB>TIME" of civil times, and prints the offset
//          from UTC that the VTIMEZONE has at each, in seconds
import { readFileSync } from "node:fs";

const [module, mode, file] = process.argv.slice(2);
const { default: ICAL } = await import(module);
const text = readFileSync(file, "utf8");
switch (mode) {
  case "jcal":
    console.log(JSON.stringify(ICAL.parse(text)));
    break;
  case "ical":
    console.log(new ICAL.Component(JSON.parse(text)).toString());
    break;
  case "zones": {
    const zones = new Map();
    for (const component of new ICAL.Component(ICAL.parse(text)).getAllSubcomponents("vtimezone")) {
      const zone = new ICAL.Timezone(component);
      zones.set(zone.tzid, zone);
    }
    const answers = [];
    for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
      const [name, time] = line.split("\t");
      answers.push(zones.get(name).utcOffset(ICAL.Time.fromDateTimeString(time)));
    }
    console.log(answers.join("\n"));
  }
}
