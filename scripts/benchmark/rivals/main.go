// Command rivals does the work of the benchmarks of iCalendar with other Go libraries. It
// is a module of its own, so that these libraries are no dependencies of davadmin.
//
//	rivals go-ical|golang-ical FILE PASSES   parses a file, and counts its events
//	rivals rrule-go FILE PASSES              expands the rules of a file, see rules.go of the benchmark
//
// It prints the seconds of the fastest pass and the count.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	arran "github.com/arran4/golang-ical"
	emersion "github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: rivals WORK FILE PASSES")
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	passes, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	work, err := workOf(os.Args[1], text)
	if err != nil {
		log.Fatal(err)
	}
	best, count := time.Duration(0), 0
	for i := range passes {
		began := time.Now()
		if count, err = work(); err != nil {
			log.Fatal(err)
		}
		if took := time.Since(began); i == 0 || took < best {
			best = took
		}
	}
	fmt.Printf("%.6f %d\n", best.Seconds(), count)
}

// workOf returns the work that is measured; what is prepared here is not.
func workOf(name string, text []byte) (func() (int, error), error) {
	switch name {
	case "go-ical":
		return func() (int, error) { return parseEmersion(text) }, nil
	case "golang-ical":
		return func() (int, error) {
			c, err := arran.ParseCalendar(bytes.NewReader(text))
			if err != nil {
				return 0, err
			}
			return len(c.Events()), nil
		}, nil
	case "rrule-go":
		return expand(text)
	}
	return nil, fmt.Errorf("unknown work '%s'", name)
}

func parseEmersion(text []byte) (n int, err error) {
	for decoder := emersion.NewDecoder(bytes.NewReader(text)); ; {
		c, err := decoder.Decode()
		if errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		n += len(c.Events())
	}
}

// expand parses lines 'START FROM TO RULE' with times such as 20160104T090000Z.
func expand(text []byte) (func() (int, error), error) {
	type task struct {
		rule     *rrule.RRule
		from, to time.Time
	}
	var tasks []task
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		var times [3]time.Time
		for i := range times {
			var err error
			if times[i], err = time.Parse("20060102T150405Z", f[i]); err != nil {
				return nil, err
			}
		}
		option, err := rrule.StrToROption(f[3])
		if err != nil {
			return nil, err
		}
		option.Dtstart = times[0]
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task{rule, times[1], times[2]})
	}
	return func() (n int, err error) {
		for _, t := range tasks {
			n += len(t.rule.Between(t.from, t.to, true))
		}
		return n, nil
	}, nil
}
