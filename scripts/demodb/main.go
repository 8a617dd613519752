// Command demodb starts a PostgreSQL server with a new database for a demo, and removes
// both at the end. It needs the Debian package postgresql.
//
// It runs until SIGINT or SIGTERM. The server listens only on a Unix socket, which only
// the user who started it, and root, can reach.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/davadmin/davadmin/internal/servertest"
)

// database is the name of the database.
const database = "caldav"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demodb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, errOut io.Writer) (err error) {
	flags := flag.NewFlagSet("demodb", flag.ContinueOnError)
	flags.SetOutput(errOut)
	urlFile := flags.String("url-file", "", "write the postgres:// URL to `FILE` once the database exists")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := servertest.StartPostgres(ctx, "", servertest.PostgresOptions{Fsync: true})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := s.Close(); err == nil {
			err = cerr
		}
	}()
	if err := s.CreateDatabase(ctx, database); err != nil {
		return err
	}
	if err := os.WriteFile(*urlFile, []byte(s.URL(database)+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the URL: %w", err)
	}
	<-ctx.Done()
	return nil
}
