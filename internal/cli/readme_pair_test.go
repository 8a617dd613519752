package cli_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
)

// action matches a line that tells the test of a document what happens between two
// sessions. It is a comment, which readers do not see.
var action = regexp.MustCompile(`^<!-- test: (.*) -->\s*$`)

// databases are the database servers of a document: a pair at $DB1 and $DB2, with
// synchronous replication and the database cal1, and one at $DB3 with the database cal2. In
// the output they are db1.example.com to db3.example.com.
type databases struct {
	pair  *servertest.PostgresPair
	other *servertest.PostgresServer
}

// act does what an action says: "database servers" starts them, "lose db1" kills the primary,
// "promote db2" promotes the standby server.
func (s *session) act(t *testing.T, what string) {
	t.Helper()
	var err error
	switch what {
	case "database servers":
		err = s.startDatabases(t)
	case "lose db1":
		err = s.databases.pair.Primary.Kill()
	case "promote db2":
		err = s.databases.pair.Standby.Promote(t.Context())
	default:
		err = errors.New("unknown action")
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func (s *session) startDatabases(t *testing.T) error {
	d := &databases{servertest.Pair(t, servertest.PairOptions{Synchronous: true}), servertest.Postgres(t, servertest.PostgresOptions{TCP: true})}
	s.databases = d
	for name, server := range map[string]*servertest.PostgresServer{"cal1": d.pair.Primary, "cal2": d.other} {
		for _, sql := range []string{"CREATE ROLE davadmin LOGIN", "CREATE DATABASE " + name + " OWNER davadmin"} {
			if _, err := server.Psql(t.Context(), "postgres", sql); err != nil {
				return err
			}
		}
	}
	for i, server := range []*servertest.PostgresServer{d.pair.Primary, d.pair.Standby, d.other} {
		address := fmt.Sprintf("127.0.0.1:%d", server.Port)
		s.env = append(s.env, fmt.Sprintf("DB%d=%s", i+1, address))
		s.hosts = append(s.hosts, address, fmt.Sprintf("db%d.example.com:5432", i+1))
	}
	// The password file of whoever runs the test says nothing about these servers.
	s.env = append(s.env, "PGPASSFILE="+filepath.Join(s.dir, "none"))
	return d.pair.CaughtUp(t.Context())
}

// named returns output with the names of the database servers.
func (s *session) named(out string) string { return strings.NewReplacer(s.hosts...).Replace(out) }
