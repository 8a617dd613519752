package cli_test

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// The spans in a PostgreSQL store are compared and corrected like those in a file.
func TestVerifySpansOnPostgres(t *testing.T) {
	url := servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres")
	home := postgresHome(t, url)
	mustRun(t, "db", "init", "--home", home)
	mustRun(t, newCrowd(t, 1).create(home)...)
	st := openBackend(t, backends.Location{Backend: "defaultbackend", URL: url})
	id := listAccounts(t, home, "-a", person(0))[0].ID
	if err := putOld(t.Context(), st, id, 30, 0); err != nil {
		t.Fatal(err)
	}
	verify := func(want string, code int, more ...string) {
		t.Helper()
		a := davadminRun(t, nil, append([]string{"db", "verify", "--spans", "-n", "defaultbackend", "--home", home}, more...)...)
		if a.code != code || !strings.Contains(a.out, want) {
			t.Errorf("%q: code %d, %q: %s", more, a.code, a.out, a.notes)
		}
	}
	verify("components read 30, would be corrected 30, not verified 0", 3, "--dry-run")
	verify("components read 30, corrected 30, not verified 0", 0, "--rate", "100")
	verify("components read 30, would be corrected 0, not verified 0", 0, "--dry-run")
	if err := putOld(t.Context(), st, id, 30, 1); err != nil {
		t.Fatal(err)
	}
	verify("components read 31, corrected 30, not verified 1", 4)
	if a := davadminRun(t, nil, "doctor", "--output", "jsonl", "--home", home); !strings.Contains(a.out, `"rule":"spans-current","severity":"warning"`) {
		t.Errorf("doctor does not ask for it: %s", a.out)
	}
}
