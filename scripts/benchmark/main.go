// Command benchmark measures davadmin beside its rivals and writes a table. All
// of a table is measured in one run, the contenders in turn, so that what else
// the machine does falls on all of them.
package main

import (
	"bytes"
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
	flag.StringVar(&b.davadmin, "davadmin", "", "the program")
	flag.StringVar(&b.javaClasses, "java-classes", "", "directory of the compiled LoadStore")
	flag.StringVar(&b.work, "work", "", "directory for files")
	out := flag.String("out", "docs/benchmarks.md", "where the table goes")
	flag.IntVar(&b.runs, "runs", 60, "how often each command is run")
	flag.StringVar(&b.only, "only", "", "measure this section alone, and print it: config, properties, ldif, pipe, slapd, ds, coexist, change, accounts")
	flag.IntVar(&b.accountCount, "accounts", 100_000, "how many accounts are made")
	again := flag.String("again", "", "measure these sections, parted by commas, and leave the others of the page as they are")
	load := flag.String("load", "", "be the rival that loads rows in this way; the benchmark starts itself so")
	flag.Parse()
	var text string
	var err error
	if *load != "" {
		err = runLoad(*load, flag.Args())
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

	accountCount int
}

// page measures all sections, or some of them anew for the page that is there, and
// returns the page.
func (b *bench) page(path, again string) (string, error) {
	head := fmt.Sprintf("# Benchmarks\n\nWritten by `scripts/bench`; every table is one run, its contenders measured in turn.\n"+
		"Machine: %s, %d cores, %s. Figures of another machine differ; the ratios are what counts.\n", cpu(), runtime.NumCPU(), runtime.Version())
	before := map[string]string{}
	if again != "" {
		var err error
		if before, err = readSections(path, head); err != nil {
			return "", err
		}
		for _, name := range strings.Split(again, ",") {
			if _, ok := before[name]; !ok {
				return "", fmt.Errorf("the page has no section '%s'", name)
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
		}
		out.WriteString("\n" + sectionMark(s.name) + "\n" + text)
	}
	return out.String(), nil
}

// sectionMark begins a section of the page, for whoever measures it again.
func sectionMark(name string) string { return "<!-- " + name + " -->" }

// readSections reads a page of this machine.
func readSections(path, head string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rest, ok := strings.CutPrefix(string(text), head+"\n")
	if !ok {
		return nil, fmt.Errorf("%s is of another machine: measure all of it", path)
	}
	out := map[string]string{}
	for _, part := range strings.Split(rest, "\n<!-- ") {
		name, section, ok := strings.Cut(strings.TrimPrefix(part, "<!-- "), " -->\n")
		if !ok {
			return nil, fmt.Errorf("%s: a section has no mark", path)
		}
		out[name] = section
	}
	return out, nil
}

// section is a part of the page.
type section struct {
	name string
	run  func() (string, error)
}

func (b *bench) sections() []section {
	return []section{{"config", b.configCommands}, {"properties", b.properties}, {"ldif", b.ldif}, {"pipe", b.pipe}, {"slapd", b.slapd}, {"ds", b.ds}, {"coexist", b.coexist}, {"change", b.change}, {"accounts", b.accounts}}
}

// apart measures a section in a process of its own: what one process starts
// inherits its size, so a large section would be seen in the figures of the next.
func (b *bench) apart(name string) (string, error) {
	log.Printf("measuring %s", name)
	cmd := exec.Command(os.Args[0], append(os.Args[1:len(os.Args):len(os.Args)], "-only", name)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return string(out), err
}

// alone measures one section.
func (b *bench) alone() (string, error) {
	for _, s := range b.sections() {
		if s.name == b.only {
			return s.run()
		}
	}
	return "", fmt.Errorf("there is no section '%s'", b.only)
}

// contender is one way to do a task.
type contender struct {
	name    string
	prepare func() error // before each run, not measured
	args    []string
	env     []string
	codes   []int // exit codes that mean that the work was done; none is 0 alone
}

// sample is what one run of a command cost.
type sample struct {
	wall time.Duration
	rss  int64 // bytes, at the peak
}

// race runs the contenders in turn and returns the median of each.
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
	if err != nil && !slices.Contains(c.codes, cmd.ProcessState.ExitCode()) {
		return sample{}, fmt.Errorf("%v: %w: %s", c.args, err, errs.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, fmt.Errorf("no resource usage")
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
