// Command mend does to a rehearsal deployment made of files what an
// administrator would do with the fixes that 'davadmin coexist check --output
// jsonl' prints: LDIF goes to the directory's file, lines go to ics.conf, deleted
// calendars leave the list of the old server, and commands are run. So the demo
// and the guide prove that a fix works as it stands.
//
// It believes the report: commands in it are given to the shell.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/ui"
)

// Exit codes mean what those of davadmin mean.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitLeft   = 4 // there are findings that a person has to mend
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// settings are the files of the deployment, "" for those that it does not have.
type settings struct{ report, ldif, ics, list, davadmin string }

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("mend", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&s.report, "report", "", "`FILE` that 'davadmin coexist check --output jsonl' printed")
	flags.StringVar(&s.ldif, "ldif", "", "`FILE` with the directory")
	flags.StringVar(&s.ics, "ics", "", "`FILE` with the configuration of the old server")
	flags.StringVar(&s.list, "cs6", "", "`FILE` with the calendars of the old server, as 'cscal list' prints them")
	flags.StringVar(&s.davadmin, "davadmin", "./davadmin", "the `PROGRAM`; its directory comes first in PATH")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if s.report == "" || flags.NArg() > 0 || filepath.Base(s.davadmin) != "davadmin" {
		fmt.Fprintln(errOut, "mend: give -report FILE, no further words, and a -davadmin of that name")
		return exitUsage
	}
	left, err := mendAll(ctx, s, out)
	switch {
	case err != nil:
		fmt.Fprintf(errOut, "mend: %s\n", ui.Sanitize(err.Error()))
		return exitFailed
	case left:
		return exitLeft
	}
	return exitDone
}

// mendAll does what the report says; left tells of findings without a fix.
func mendAll(ctx context.Context, s settings, out io.Writer) (left bool, err error) {
	path, remove, err := searchPath(s.davadmin)
	if err != nil {
		return false, err
	}
	defer remove()
	m := newMender(s, out, path)
	report, err := os.Open(s.report)
	if err != nil {
		return false, err
	}
	defer report.Close()
	err = eachFinding(report, func(p *problem) error { return m.mend(ctx, p) })
	// What was printed as done shall be done, even if something behind it failed.
	if flushErr := m.flush(ctx); err == nil {
		err = flushErr
	}
	if err != nil {
		return false, err
	}
	for _, p := range m.left {
		m.say("left to you: ", p.String()+": "+p.Detail)
	}
	return len(m.left) > 0, nil
}

// searchPath is PATH for the commands of fixes: with the davadmin to use, and
// with a uuidgen, which is no part of a small system.
func searchPath(davadmin string) (path string, remove func(), err error) {
	program, err := filepath.Abs(davadmin)
	if err != nil {
		return "", nil, err
	}
	path, remove = filepath.Dir(program), func() {}
	if _, err := exec.LookPath("uuidgen"); err != nil {
		dir, err := os.MkdirTemp("", "mend")
		if err != nil {
			return "", nil, err
		}
		remove = func() { _ = os.RemoveAll(dir) }
		shim := "#!/bin/sh\nexec cat /proc/sys/kernel/random/uuid\n"
		if err := os.WriteFile(filepath.Join(dir, "uuidgen"), []byte(shim), 0o755); err != nil {
			remove()
			return "", nil, err
		}
		path += string(filepath.ListSeparator) + dir
	}
	return path + string(filepath.ListSeparator) + os.Getenv("PATH"), remove, nil
}
