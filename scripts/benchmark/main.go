// Command benchmark compares davadmin with other programs that do the same work, and
// writes tables. Each table is measured in one run, with the contenders taking
// turns, so that other load on the machine affects all of them alike.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	b := &bench{}
	flag.StringVar(&b.davadmin, "davadmin", "", "the davadmin `PROGRAM`")
	flag.StringVar(&b.javaClasses, "java-classes", "", "`DIRECTORY` of the compiled LoadStore")
	flag.StringVar(&b.work, "work", "", "`DIRECTORY` for temporary files")
	out := flag.String("out", "docs/benchmarks.md", "write the page to `FILE`")
	flag.IntVar(&b.runs, "runs", 60, "run each command `N` times")
	flag.StringVar(&b.only, "only", "", "measure only this `SECTION` and print it: config, properties, ldif, short, pipe, slapd, ds, coexist, change, accounts, store, failover, repair, ical, recurrence")
	flag.IntVar(&b.percent, "percent", 100, "with -only ldif, short or change: take `N` percent of the entries, for a quick look")
	flag.IntVar(&b.accountCount, "accounts", 100_000, "create `N` accounts")
	flag.IntVar(&b.entries, "entries", million, "in the section slapd, use directories of `N` entries")
	flag.IntVar(&b.directoryRuns, "directory-runs", 5, "in the section slapd, run each command `N` times")
	again := flag.String("again", "", "measure these `SECTIONS` again, separated by commas, and keep the other sections of the page")
	load := flag.String("load", "", "load rows in this `WAY` (copy, insert, insert-sorted), or read; used by the benchmark when it starts itself as a rival")
	part := flag.String("part", "", "do this `PART`; used by the benchmark when it starts itself")
	flag.Parse()
	var text string
	var err error
	if *part != "" {
		err = runPart(*part, flag.Args())
	} else if *load == readWay {
		err = runReader(flag.Args())
	} else if *load != "" {
		err = runLoad(*load, flag.Args())
	} else if b.percent != 100 && b.only == "" {
		err = errors.New("-percent is only for -only")
	} else if b.only != "" {
		if text, err = b.alone(); err == nil {
			_, err = fmt.Print(text)
		}
	} else if text, err = b.page(*out, *again); err == nil {
		err = os.WriteFile(*out, []byte(text), 0o644)
	}
	if err != nil {
		log.Fatal("benchmark: ", err)
	}
}

type bench struct {
	davadmin    string
	javaClasses string
	work        string
	runs        int
	only        string
	percent     int // of the entries

	accountCount  int
	entries       int // in the directories of slapd
	directoryRuns int
}

// page measures all sections, or only those in again and takes the others from the
// existing page, and returns the page.
func (b *bench) page(path, again string) (string, error) {
	machine := fmt.Sprintf("Machine: %s, %d cores, %s.", cpu(), runtime.NumCPU(), runtime.Version())
	head := pageHead + machine + pageNote
	note := "" // in the sections measured now
	before := map[string]string{}
	if again != "" {
		var err error
		if head, before, err = readSections(path); err != nil {
			return "", err
		}
		if !strings.Contains(head, machine) {
			note = machine + "\n\n"
		}
		for _, name := range strings.Split(again, ",") {
			if _, ok := before[name]; !ok {
				return "", fmt.Errorf("%s has no section '%s'", path, name)
			}
			delete(before, name)
		}
	}
	var out strings.Builder
	out.WriteString(head)
	for _, s := range b.sections() {
		text, ok := before[s.name]
		if !ok {
			var err error
			if text, err = b.apart(s.name); err != nil {
				return "", fmt.Errorf("%s: %w", s.name, err)
			}
			text = note + text
		}
		out.WriteString("\n" + sectionMark(s.name) + "\n" + text)
	}
	return out.String(), nil
}

// sectionMark returns the line that begins a section, by which readSections finds it.
func sectionMark(name string) string { return "<!-- " + name + " -->" }

// The text before and after the line of a page that describes the machine. A section that
// was measured on another machine begins with such a line, too.
const (
	pageHead = "# Benchmarks\n\nWritten by `scripts/bench`; every table is measured in one run, with the contenders taking turns.\n"
	pageNote = " Figures differ on other machines; compare the ratios.\n"
)

// readSections reads the head and the sections of a page.
func readSections(path string) (head string, sections map[string]string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	head, rest, ok := strings.Cut(string(text), "\n<!-- ")
	if !ok || !strings.HasPrefix(head, pageHead) {
		return "", nil, fmt.Errorf("%s does not begin as a page of benchmarks", path)
	}
	sections = map[string]string{}
	for _, part := range strings.Split(rest, "\n<!-- ") {
		name, section, ok := strings.Cut(part, " -->\n")
		if !ok {
			return "", nil, fmt.Errorf("%s: a section does not begin with its mark", path)
		}
		sections[name] = section
	}
	return head, sections, nil
}

// section is a part of the page.
type section struct {
	name string
	run  func() (string, error)
}

func (b *bench) sections() []section {
	return []section{{"config", b.configCommands}, {"properties", b.properties}, {"ldif", b.ldif}, {"short", b.short}, {"pipe", b.pipe}, {"slapd", b.slapd}, {"ds", b.ds}, {"coexist", b.coexist}, {"change", b.change}, {"accounts", b.accounts}, {"store", b.store}, {"failover", b.failover}, {"repair", b.repair}, {"ical", b.ical}, {"recurrence", b.recurrence}}
}

// apart measures a section in a separate process. A child process inherits the size
// of its parent, so memory used by one section would appear in the figures of the next.
func (b *bench) apart(name string) (string, error) {
	log.Printf("measuring %s", name)
	cmd := exec.Command(os.Args[0], append(os.Args[1:len(os.Args):len(os.Args)], "-only", name)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}

// alone measures the section named by b.only, in this process.
func (b *bench) alone() (string, error) {
	for _, s := range b.sections() {
		if s.name == b.only {
			return s.run()
		}
	}
	return "", fmt.Errorf("unknown section '%s'", b.only)
}

// contender is a command that does a task.
type contender struct {
	name    string
	prepare func() error // called before each run, not measured
	finish  func() error // called after each run, not measured
	args    []string
	env     []string
	codes   []int // exit codes that mean success; if empty, only 0 does
}

// sample is the cost of one run of a command.
type sample struct {
	wall time.Duration
	rss  int64 // peak resident memory, in bytes
}

// race runs the contenders in turn and returns the median sample of each.
func race(runs int, contenders []contender) ([]sample, error) {
	all := make([][]sample, len(contenders))
	for i := range runs + 2 {
		for k, c := range contenders {
			s, err := c.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if i >= 2 { // the first rounds fill the caches
				all[k] = append(all[k], s)
			}
		}
	}
	medians := make([]sample, len(contenders))
	for k, samples := range all {
		slices.SortFunc(samples, func(a, b sample) int { return int(a.wall - b.wall) })
		medians[k] = samples[len(samples)/2]
	}
	return medians, nil
}

func (c *contender) run() (sample, error) {
	if c.prepare != nil {
		if err := c.prepare(); err != nil {
			return sample{}, err
		}
	}
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if c.finish != nil {
		if err := c.finish(); err != nil {
			return sample{}, err
		}
	}
	if err != nil && !slices.Contains(c.codes, cmd.ProcessState.ExitCode()) {
		return sample{}, fmt.Errorf("%v: %w: %s", c.args, err, errs.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, fmt.Errorf("the system reports no resource usage")
	}
	return sample{wall: wall, rss: usage.Maxrss * 1024}, nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func mb(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }

func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
