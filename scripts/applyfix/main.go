// Command applyfix applies the fixes that 'davadmin coexist check --output jsonl'
// prints to a rehearsal deployment that consists of files, as an administrator
// would: LDIF changes the file of the directory, lines are appended to ics.conf,
// deleted calendars are removed from the list of the old server, and commands are
// run. So the demo and the guide prove that the fixes work exactly as printed.
//
// It trusts the report: commands in it are passed to the shell.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/ui"
)

// The exit codes have the same meaning as those of davadmin.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitLeft   = 4 // some findings must be fixed by a person
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// settings are the paths of the files of the deployment, "" for files that it does
// not have.
type settings struct{ report, ldif, ics, list, davadmin string }

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("applyfix", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&s.report, "report", "", "`FILE` that 'davadmin coexist check --output jsonl' printed")
	flags.StringVar(&s.ldif, "ldif", "", "`FILE` with the directory")
	flags.StringVar(&s.ics, "ics", "", "`FILE` with the configuration of the old server")
	flags.StringVar(&s.list, "cs6", "", "`FILE` with the calendars of the old server, as printed by 'cscal list'")
	flags.StringVar(&s.davadmin, "davadmin", "./davadmin", "the davadmin `PROGRAM`; its directory comes first in PATH")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if s.report == "" || flags.NArg() > 0 || filepath.Base(s.davadmin) != "davadmin" {
		fmt.Fprintln(errOut, "applyfix: -report FILE is required, -davadmin must name a program called davadmin, and there are no other arguments")
		return exitUsage
	}
	left, err := applyAll(ctx, s, out)
	switch {
	case err != nil:
		fmt.Fprintf(errOut, "applyfix: %s\n", ui.Sanitize(err.Error()))
		return exitFailed
	case left:
		return exitLeft
	}
	return exitDone
}

// applyAll applies all fixes of the report. left is true if there are findings
// without a fix.
func applyAll(ctx context.Context, s settings, out io.Writer) (left bool, err error) {
	path, err := searchPath(s.davadmin)
	if err != nil {
		return false, err
	}
	a := newApplier(s, out, path)
	report, err := os.Open(s.report)
	if err != nil {
		return false, err
	}
	defer report.Close()
	err = eachFinding(report, func(p *problem) error { return a.apply(ctx, p) })
	// What was printed as done must be done, even if a later fix failed.
	if flushErr := a.flush(ctx); err == nil {
		err = flushErr
	}
	if err != nil {
		return false, err
	}
	for _, p := range a.left {
		a.say("left to you: ", p.String()+": "+p.Detail)
	}
	return len(a.left) > 0, nil
}

// searchPath returns PATH for the commands of fixes: it contains the davadmin to use.
func searchPath(davadmin string) (string, error) {
	program, err := filepath.Abs(davadmin)
	if err != nil {
		return "", err
	}
	return filepath.Dir(program) + string(filepath.ListSeparator) + os.Getenv("PATH"), nil
}
