// Command demodir serves the LDIF of a directory over LDAP, and accepts changes, for a
// demo on a machine without a directory server. It is made for the output of
// 'davadmin ldap generate --for-server'.
//
// It is the test server of internal/ldaptest, not a directory server: everything is
// kept in memory, using about six times the size of the file, and lost at the end
// unless -export names a file. Everybody can read everything; clients that bind as
// -manager can change it.
//
// It runs until SIGINT or SIGTERM, or with -stdin until its standard input ends.
// 'go run' does not forward a SIGTERM that it receives, so a script either builds the
// program first or uses -stdin.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/internal/ui"
)

// The exit codes have the same meaning as those of davadmin.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings holds the options of the command line.
type settings struct {
	ldif, listen, urlFile string
	manager, passwordFile string
	export                string
	untilEnd              bool // serve until the standard input ends
	unchecked             bool // accept attributes that are not in the schema
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("demodir", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&s.ldif, "ldif", "", "`FILE` with the directory as LDIF")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on; port 0 means any free port")
	flags.StringVar(&s.urlFile, "url-file", "", "write the ldap:// URL to `FILE` once the server is ready")
	flags.StringVar(&s.manager, "manager", "", "`DN` that is allowed to change the directory")
	flags.StringVar(&s.passwordFile, "password-file", "", "`FILE` with the password of the manager")
	flags.StringVar(&s.export, "export", "", "write the directory to `FILE` at the end")
	flags.BoolVar(&s.untilEnd, "stdin", false, "stop when the standard input ends")
	flags.BoolVar(&s.unchecked, "unchecked", false, "accept attributes that are not in the schema")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if s.ldif == "" || flags.NArg() > 0 || (s.manager == "") != (s.passwordFile == "") {
		fmt.Fprintln(errOut, "demodir: -ldif FILE is required, -manager and -password-file must be used together, and no arguments are accepted")
		return exitUsage
	}
	if err := serve(ctx, &s, in, out); err != nil {
		fmt.Fprintf(errOut, "demodir: %s\n", ui.Sanitize(err.Error()))
		return exitFailed
	}
	return exitDone
}

// serve serves the directory until ctx ends or, with -stdin, the input ends.
func serve(ctx context.Context, s *settings, in io.Reader, out io.Writer) error {
	entries, err := readEntries(ctx, s.ldif)
	if err != nil {
		return err
	}
	o := ldaptest.Options{Entries: entries, Listen: s.listen, EvaluateUnknown: s.unchecked}
	if s.manager != "" {
		password, err := os.ReadFile(s.passwordFile)
		if err != nil {
			return fmt.Errorf("password of the manager: %w", err)
		}
		// The password is the first line, without the line end.
		password, _, _ = bytes.Cut(password, []byte("\n"))
		o.Identities = []ldaptest.Identity{{DN: s.manager, Password: string(bytes.TrimSuffix(password, []byte("\r")))}}
	}
	server, err := ldaptest.New(o)
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Fprintf(out, "%d entries at %s\n", len(entries), server.URL())
	if s.urlFile != "" {
		err = writeFile(s.urlFile, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, server.URL())
			return err
		})
		if err != nil {
			return err
		}
	}
	wait(ctx, s, in)
	// No change may arrive after the export.
	server.Stop()
	if s.export == "" {
		return nil
	}
	return writeFile(s.export, func(w io.Writer) error { return writeEntries(w, server.Entries()) })
}

// wait returns when ctx ends or, with -stdin, when the input ends.
func wait(ctx context.Context, s *settings, in io.Reader) {
	if !s.untilEnd {
		<-ctx.Done()
		return
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(ended)
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	}
}
