package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// The parts that the benchmark does in a process of its own, with a file and a number of
// passes.
const (
	partParse   = "parse"   // parse a text as a whole
	partStream  = "stream"  // parse a text component by component
	partObjects = "objects" // make objects with spans
	partFile    = "file"    // parse a large file component by component
	partExpand  = "expand"  // expand rules over a window
	partCentury = "century" // find the first instance after 100 years
	partHostile = "hostile" // expand hostile objects; without a file
)

// runPart does a part and prints the seconds of the fastest pass and what it counted.
func runPart(name string, args []string) error {
	if name == partHostile {
		return hostiles(os.Stdout)
	}
	if len(args) != 2 {
		return errors.New("-part requires a file and a number of passes")
	}
	passes, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	work, size, err := partWork(name, args[0])
	if err != nil {
		return err
	}
	best, count := time.Duration(0), 0
	for i := range passes {
		runtime.GC()
		began := time.Now()
		n, took, err := work()
		if err != nil {
			return err
		}
		if took == 0 {
			took = time.Since(began)
		}
		if count = n; i == 0 || took < best {
			best = took
		}
	}
	_, err = fmt.Printf("%.9f %d %d\n", best.Seconds(), count, size)
	return err
}

// partWork prepares a part. The work returns what it counted, and the time if it is not that of
// the whole. size is that of the texts, if it differs from the file.
func partWork(name, file string) (work func() (int, time.Duration, error), size int64, err error) {
	switch name {
	case partFile:
		return func() (n int, _ time.Duration, err error) {
			f, err := os.Open(file)
			if err != nil {
				return 0, 0, err
			}
			defer f.Close()
			n, err = countStream(f)
			return n, 0, err
		}, 0, nil
	case partExpand, partCentury:
		work, err = ruleWork(name, file)
		return work, 0, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	switch name {
	case partParse:
		whole := string(text)
		return func() (int, time.Duration, error) {
			c, _, err := ical.Parse(whole, wholeCalendar())
			if err != nil {
				return 0, 0, err
			}
			n := 0
			for range c.Children("VEVENT") {
				n++
			}
			return n, 0, nil
		}, 0, nil
	case partStream:
		return func() (int, time.Duration, error) {
			n, err := countStream(bytes.NewReader(text))
			return n, 0, err
		}, 0, nil
	case partObjects:
		return objectWork(string(text))
	}
	return nil, 0, fmt.Errorf("unknown part '%s'", name)
}

// wholeCalendar returns the options with which a calendar is read as one object.
func wholeCalendar() ical.Options {
	return ical.Options{Limits: ical.Limits{Properties: 10_000_000, Components: 1_000_000}}
}

func countStream(r io.Reader) (n int, err error) {
	for reader := ical.NewReader(r, ical.Options{}); ; {
		c, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		case c.Name == "VEVENT":
			n++
		}
	}
}

// objectWork cuts a text into one object for each event, with the time zones of the text, and
// returns the work of reading them.
func objectWork(text string) (work func() (int, time.Duration, error), size int64, err error) {
	c, _, err := ical.Parse(text, wholeCalendar())
	if err != nil {
		return nil, 0, err
	}
	zones := map[string]*ical.Component{}
	for z := range c.Children("VTIMEZONE") {
		zones[z.Value("TZID")] = z
	}
	var objects [][]byte
	byUID := map[string]int{}
	events := 0
	for e := range c.Children("VEVENT") {
		events++
		uid := e.Value("UID")
		if i, ok := byUID[uid]; ok { // an exception
			whole := objects[i]
			objects[i] = append(e.AppendTo(whole[:len(whole)-len(objectEnd)]), objectEnd...)
			continue
		}
		object := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//davadmin//benchmark//EN\r\n")
		if z := zones[e.Get("DTSTART").Param("TZID")]; z != nil {
			object = z.AppendTo(object)
		}
		byUID[uid] = len(objects)
		objects = append(objects, append(e.AppendTo(object), objectEnd...))
	}
	for _, object := range objects {
		size += int64(len(object))
	}
	all := recur.NewZones()
	return func() (int, time.Duration, error) {
		for i, object := range objects {
			o, err := calobj.Parse(object, calobj.Options{Zones: all})
			if err != nil {
				return 0, 0, err
			}
			if o.Component(strconv.Itoa(i) + ".ics").Start.IsZero() {
				return 0, 0, fmt.Errorf("object %d has no span: %s", i, object)
			}
		}
		return events, 0, nil
	}, size, nil
}

const objectEnd = "END:VCALENDAR\r\n"

// ruleTask is a rule with a window.
type ruleTask struct {
	rule            *recur.Rule
	start, from, to ical.Civil
}

// writeRules writes lines 'START FROM TO RULE' with a window of a year, 10 years after the start.
func writeRules(path string) error {
	var out strings.Builder
	days := []string{"MO", "TU", "WE", "TH", "FR"}
	for i := range ruleCount {
		start := time.Date(2010, time.Month(1+i%12), 1+i%28, i%24, i%4*15, 0, 0, time.UTC)
		rules := []string{
			"FREQ=WEEKLY;BYDAY=" + days[i%5] + "," + days[(i+2)%5],
			"FREQ=WEEKLY;INTERVAL=2;BYDAY=" + days[i%5],
			fmt.Sprintf("FREQ=MONTHLY;BYMONTHDAY=%d", 1+i%31),
			fmt.Sprintf("FREQ=MONTHLY;BYDAY=%d%s", 1+i%4, days[i%5]),
			"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
			fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYMONTHDAY=%d", 1+i%12, 1+i%28),
			fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=-1SU", 1+i%12),
		}
		rule := rules[i%len(rules)]
		fmt.Fprintln(&out, start.Format(ruleTime), start.AddDate(10, 0, 0).Format(ruleTime), start.AddDate(11, 0, 0).Format(ruleTime), rule)
	}
	return os.WriteFile(path, []byte(out.String()), 0o600)
}

const ruleTime = "20060102T150405Z"

func readRules(path string) ([]ruleTask, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []ruleTask
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		t := ruleTask{}
		for i, to := range []*ical.Civil{&t.start, &t.from, &t.to} {
			value, err := ical.ParseTime(f[i])
			if err != nil {
				return nil, fmt.Errorf("%s %w", f[i], err)
			}
			*to = value.Civil
		}
		if t.rule, _, err = recur.ParseRule(f[3]); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func ruleWork(name, file string) (func() (int, time.Duration, error), error) {
	tasks, err := readRules(file)
	if err != nil {
		return nil, err
	}
	if name == partCentury {
		return func() (n int, slowest time.Duration, err error) {
			for _, t := range tasks {
				began := time.Now()
				it := t.rule.Iterator(t.start, false, recur.NewBudget(recur.DefaultBudget))
				it.Seek(t.start.AddDays(36524))
				if _, ok := it.Next(); ok {
					n++
				}
				slowest = max(slowest, time.Since(began))
				err = errors.Join(err, it.Err())
			}
			return n, slowest, err
		}, nil
	}
	return func() (n int, _ time.Duration, err error) {
		for _, t := range tasks {
			it := t.rule.Iterator(t.start, false, recur.NewBudget(recur.DefaultBudget))
			it.Seek(t.from)
			for at, ok := it.Next(); ok && at <= t.to; at, ok = it.Next() {
				n++
			}
			err = errors.Join(err, it.Err())
		}
		return n, 0, err
	}, nil
}

// hostileRules returns the properties of events that can keep a server busy, by name.
func hostileRules() [][2]string {
	return [][2]string{
		{"every second without end", "RRULE:FREQ=SECONDLY"},
		{"a thousand million days", "RRULE:FREQ=DAILY;COUNT=1000000000"},
		{"30 February", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
		{"every minute, all excluded", "RRULE:FREQ=MINUTELY\r\nEXRULE:FREQ=MINUTELY"},
		{"every second, all excluded", "RRULE:FREQ=SECONDLY\r\nEXRULE:FREQ=SECONDLY"},
		{"week 53 in June", "RRULE:FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6"},
		{"every second of 29 February", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=86399"},
		{"position 366 of each year", "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366;BYMONTH=1"},
		{"an interval of 2147483647 years", "RRULE:FREQ=YEARLY;INTERVAL=2147483647"},
	}
}

// hostiles measures the time and memory of making an object of each hostile rule and of its
// instances in a month.
func hostiles(out io.Writer) error {
	fmt.Fprint(out, "| hostile object: read, spans, and the instances of March 2026 within the budget | time | memory | instances | bound |\n|---|---|---|---|---|\n")
	from, to := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC).Unix()
	zones := recur.NewZones()
	for _, h := range hostileRules() {
		text := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//davadmin//benchmark//EN\r\nBEGIN:VEVENT\r\nUID:hostile\r\nDTSTAMP:20200101T000000Z\r\n" +
			"DTSTART:20200101T000000Z\r\nDURATION:PT1S\r\n" + h[1] + "\r\nEND:VEVENT\r\n" + objectEnd)
		var times []time.Duration
		var before, after runtime.MemStats
		n := 0
		ended := ""
		runtime.ReadMemStats(&before)
		const runs = 5
		for range runs {
			began := time.Now()
			o, err := calobj.Parse(text, calobj.Options{Zones: zones, Lenient: true})
			if err != nil {
				return fmt.Errorf("%s: %w", h[0], err)
			}
			o.Component("hostile.ics")
			n, ended = 0, ""
			for _, err := range o.Set().Between(from, to, recur.NewBudget(recur.DefaultBudget)) {
				if errors.Is(err, recur.ErrBudget) {
					ended = ", then the budget ends"
					break
				} else if err != nil {
					return fmt.Errorf("%s: %w", h[0], err)
				}
				n++
			}
			times = append(times, time.Since(began))
		}
		runtime.ReadMemStats(&after)
		slices.Sort(times)
		took, memory := times[len(times)/2], int64(after.TotalAlloc-before.TotalAlloc)/runs
		_, err := fmt.Fprintf(out, "| %s | %.2f ms | %d KB | %d%s | at most 10 ms and 1 MiB: %s |\n", h[0], float64(took.Microseconds())/1000, memory>>10, n, ended,
			met(took <= hostileBound && memory <= hostileMemory))
		if err != nil {
			return err
		}
	}
	return nil
}
