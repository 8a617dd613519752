// Command demodir serves the LDIF of a directory over LDAP, changes included, for
// a demo on a machine without a directory server. What 'davadmin ldap generate
// --for-server' writes is what it is made for.
//
// It is the test server of internal/ldaptest, and no directory server: all is in
// memory, about six times the size of the file, and gone at the end unless
// -export says where to. Everybody may read everything; who binds as -manager
// may change it.
//
// It runs until SIGINT or SIGTERM, or with -stdin until its standard input ends.
// 'go run' does not pass on a SIGTERM that is sent to itself: a script either
// builds the program first or uses -stdin.
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

// Exit codes mean what those of davadmin mean.
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

// settings are what the command line says.
type settings struct {
	ldif, listen, urlFile string
	manager, passwordFile string
	export                string
	untilEnd              bool // of the standard input
	unchecked             bool
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("demodir", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&s.ldif, "ldif", "", "`FILE` with the directory")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on; port 0 is one that is free")
	flags.StringVar(&s.urlFile, "url-file", "", "write the ldap:// URL to `FILE` once it is served")
	flags.StringVar(&s.manager, "manager", "", "`DN` that may change the directory")
	flags.StringVar(&s.passwordFile, "password-file", "", "`FILE` with the password of the manager")
	flags.StringVar(&s.export, "export", "", "write the directory to `FILE` at the end")
	flags.BoolVar(&s.untilEnd, "stdin", false, "end when the standard input ends")
	flags.BoolVar(&s.unchecked, "unchecked", false, "take attributes that the schema does not have")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitDone
		}
		return exitUsage
	}
	if s.ldif == "" || flags.NArg() > 0 || (s.manager == "") != (s.passwordFile == "") {
		fmt.Fprintln(errOut, "demodir: give -ldif FILE, both of -manager and -password-file or none, and no further words")
		return exitUsage
	}
	if err := serve(ctx, &s, in, out); err != nil {
		fmt.Fprintf(errOut, "demodir: %s\n", ui.Sanitize(err.Error()))
		return exitFailed
	}
	return exitDone
}

// serve serves until ctx ends, or the input if that is asked for.
func serve(ctx context.Context, s *settings, in io.Reader, out io.Writer) error {
	entries, err := readEntries(ctx, s.ldif)
	if err != nil {
		return err
	}
	o := ldaptest.Options{Entries: entries, Listen: s.listen, EvaluateUnknown: s.unchecked}
	if s.manager != "" {
		password, err := os.ReadFile(s.passwordFile)
		if err != nil {
			return fmt.Errorf("the password of the manager: %w", err)
		}
		// Its first line, whose end is no part of it.
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
	// Nothing is to change behind the export.
	server.Stop()
	if s.export == "" {
		return nil
	}
	return writeFile(s.export, func(w io.Writer) error { return writeEntries(w, server.Entries()) })
}

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
