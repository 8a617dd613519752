package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/icaltest"
)

const (
	icalEvents = 37_000
	icalPasses = 5
	// slowPasses is the number of passes of what takes many seconds.
	slowPasses = 1
	icalLarge  = 1 << 30 // size of the file that is read as a stream
)

// timed is what a contender prints: the seconds of its fastest pass and what it counted.
type timed struct {
	seconds float64
	count   int
	bytes   int64 // of the texts, if it differs from the file; else 0
	rss     int64
}

// timedRun runs a program that prints its seconds and count.
func timedRun(env []string, program string, args ...string) (timed, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return timed{}, fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	var t timed
	if n, err := fmt.Sscan(string(out), &t.seconds, &t.count, &t.bytes); n < 2 {
		return timed{}, fmt.Errorf("%s printed %q: %w", filepath.Base(program), out, err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.rss = usage.Maxrss * 1024
	}
	return t, nil
}

// rivalsOfICal builds the rivals, and returns the commands that start them with a file and a
// number of passes, by name.
func (b *bench) rivalsOfICal() (map[string][]string, error) {
	const from = "scripts/benchmark/rivals"
	goRivals, libical, js := filepath.Join(b.work, "rivals"), filepath.Join(b.work, "parse-libical"), filepath.Join(b.work, "js")
	for _, step := range [][]string{
		{"go", "-C", from, "build", "-o", goRivals, "."},
		{"cc", "-O2", "-o", libical, from + "/libical/parse.c", "-lical"},
		{"mkdir", "-p", js},
		{"cp", from + "/package.json", from + "/parse_icaljs.js", js},
		{"npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", js},
	} {
		cmd := exec.Command(step[0], step[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w: %s", step, err, out)
		}
	}
	const python = "/usr/bin/python3" // that of Debian, whose packages it finds
	return map[string][]string{
		"go-ical":           {goRivals, "go-ical"},
		"golang-ical":       {goRivals, "golang-ical"},
		"libical":           {libical},
		"ical.js":           {"node", filepath.Join(js, "parse_icaljs.js")},
		"python icalendar":  {python, from + "/rival.py", "icalendar"},
		"rrule-go":          {goRivals, "rrule-go"},
		"python dateutil":   {python, from + "/rival.py", "dateutil"},
		"davadmin":          {os.Args[0], "-part", partParse, "-work", b.work},
		"davadmin stream":   {os.Args[0], "-part", partStream, "-work", b.work},
		"davadmin objects":  {os.Args[0], "-part", partObjects, "-work", b.work},
		"davadmin rules":    {os.Args[0], "-part", partExpand, "-work", b.work},
		"davadmin century":  {os.Args[0], "-part", partCentury, "-work", b.work},
		"davadmin hostiles": {os.Args[0], "-part", partHostile, "-work", b.work},
	}, nil
}

// oneCore keeps a Go program on one core.
func oneCore() []string { return []string{"GOMAXPROCS=1"} }

// ical measures the reading of iCalendar text.
func (b *bench) ical() (string, error) {
	rivals, err := b.rivalsOfICal()
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.work, "events.ics")
	size, err := writeCalendar(file, icalEvents)
	if err != nil {
		return "", err
	}
	run := func(name string, passes int) (timed, error) {
		command := append(rivals[name], file, strconv.Itoa(passes))
		return timedRun(oneCore(), command[0], command[1:]...)
	}
	rate := func(t timed) float64 { return float64(cmp.Or(t.bytes, size)) / 1e6 / t.seconds }
	var out strings.Builder
	fmt.Fprintf(&out, "## Reading iCalendar: %s, %d events, one core\n\n"+
		"The fastest of %d passes (python icalendar: %d), each in a process of its own that has the text in memory. 'objects' makes a checked object with spans of each event, as a PUT does; its rate is that of their texts, which repeat the time zones.\n\n"+
		"| parser | time | rate | memory | davadmin ÷ it | bound |\n|---|---|---|---|---|---|\n", mb(size), icalEvents, icalPasses, slowPasses)
	var ours timed
	for _, c := range []struct {
		name   string
		passes int
		bound  float64
	}{
		{"davadmin", icalPasses, 150}, {"davadmin stream", icalPasses, 0}, {"davadmin objects", icalPasses, 60},
		{"go-ical", icalPasses, 0}, {"golang-ical", icalPasses, 0}, {"libical", icalPasses, 0}, {"ical.js", icalPasses, 0}, {"python icalendar", slowPasses, 0},
	} {
		t, err := run(c.name, c.passes)
		if err != nil {
			return "", err
		}
		if t.count != icalEvents {
			return "", fmt.Errorf("%s counts %d events", c.name, t.count)
		}
		if ours.count == 0 {
			ours = t
		}
		bound := ""
		if c.bound > 0 {
			bound = fmt.Sprintf("at least %.0f MB/s: %s", c.bound, met(rate(t) >= c.bound))
		}
		fmt.Fprintf(&out, "| %s | %.3f s | %.1f MB/s | %s | %.1f | %s |\n", c.name, t.seconds, rate(t), mb(t.rss), rate(ours)/rate(t), bound)
	}
	large := filepath.Join(b.work, "large.ics")
	size, err = writeCalendar(large, int(icalLarge/(size/icalEvents))+1)
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(large) }() // the directory is removed, too
	t, err := timedRun(nil, os.Args[0], "-part", partFile, "-work", b.work, large, "1")
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "\nA file of %s is read as a stream in %.1f s with %s of memory (at most 32 MiB: %s).\n", mb(size), t.seconds, mb(t.rss), met(t.rss <= 32<<20))
	return out.String(), nil
}

// The sizes and bounds of the table of recurrence.
const (
	ruleCount     = 1000
	timesOfRRule  = 5
	timesOfPython = 50
	firstBound    = 50 * time.Microsecond
	hostileBound  = 10 * time.Millisecond
	hostileMemory = 1 << 20
)

// recurrence measures the expansion of rules.
func (b *bench) recurrence() (string, error) {
	rivals, err := b.rivalsOfICal()
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.work, "rules.txt")
	if err := writeRules(file); err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## Recurrence: %d weekly, monthly and yearly rules over one year, 10 years after DTSTART, one core\n\n"+
		"The rules are parsed before. The fastest of %d passes, each contender in a process of its own.\n\n"+
		"| library | time | instances | davadmin is faster by | bound |\n|---|---|---|---|---|\n", ruleCount, icalPasses)
	var ours timed
	for _, c := range []struct {
		name  string
		bound float64
	}{{"davadmin rules", 0}, {"rrule-go", timesOfRRule}, {"python dateutil", timesOfPython}} {
		command := append(rivals[c.name], file, strconv.Itoa(icalPasses))
		t, err := timedRun(oneCore(), command[0], command[1:]...)
		if err != nil {
			return "", err
		}
		if ours.count == 0 {
			ours = t
		}
		if t.count != ours.count {
			return "", fmt.Errorf("%s finds %d instances instead of %d", c.name, t.count, ours.count)
		}
		bound := ""
		if c.bound > 0 {
			bound = fmt.Sprintf("at least %.0f ×: %s", c.bound, met(t.seconds >= c.bound*ours.seconds))
		}
		fmt.Fprintf(&out, "| %s | %.2f ms | %d | %.1f × | %s |\n", c.name, t.seconds*1000, t.count, t.seconds/ours.seconds, bound)
	}
	t, err := timedRun(oneCore(), os.Args[0], "-part", partCentury, "-work", b.work, file, strconv.Itoa(icalPasses))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "\nThe first instance in a window 100 years after DTSTART takes the slowest of these rules %.1f µs (at most 50 µs: %s).\n", t.seconds*1e6, met(t.seconds <= firstBound.Seconds()))
	cmd := exec.Command(os.Args[0], "-part", partHostile, "-work", b.work)
	cmd.Stderr = os.Stderr
	table, err := cmd.Output()
	if err != nil {
		return "", errors.Join(errors.New("hostile rules"), err)
	}
	out.WriteString("\n" + string(table))
	return out.String(), nil
}

// writeCalendar writes a calendar as users have them, and returns its size.
func writeCalendar(path string, events int) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := icaltest.Write(f, icaltest.Typical(1, events)); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
