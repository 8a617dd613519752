package servertest

import (
	"testing"
)

// The standby server follows the primary and refuses changes; after the primary was
// killed with all its processes, it takes over on another timeline.
func TestPair(t *testing.T) {
	t.Parallel()
	for _, synchronous := range []bool{false, true} {
		p := Pair(t, PairOptions{Synchronous: synchronous})
		psql(t, p.Primary, "CREATE TABLE t (n int)")
		psql(t, p.Primary, "INSERT INTO t VALUES (1)")
		if err := p.CaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := psql(t, p.Standby, "SELECT n, pg_is_in_recovery() FROM t"); got != "1|t" {
			t.Errorf("the standby server answers %q", got)
		}
		if _, err := p.Standby.Psql(t.Context(), "postgres", "INSERT INTO t VALUES (2)"); err == nil {
			t.Error("the standby server accepts a change")
		}
		for attrs, want := range map[string]string{"read-write": "f", "standby": "t", "any": "f"} {
			if got, err := connect(t, p.Primary, p.URL("postgres", attrs), "", "SELECT pg_is_in_recovery()"); err != nil || got != want {
				t.Errorf("%s: %q, %v", attrs, got, err)
			}
		}
		children := childrenOf(p.Primary.Pid())
		if len(children) < 4 {
			t.Errorf("the primary has %d processes", len(children))
		}
		if err := p.Primary.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, child := range children {
			if isRunning(child) {
				t.Errorf("process %d of the primary still runs", child)
			}
		}
		if err := p.Standby.Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := connect(t, p.Primary, p.URL("postgres", "read-write"), "", "INSERT INTO t VALUES (3) RETURNING pg_walfile_name(pg_current_wal_lsn()) LIKE '00000002%'"); err != nil || got[:1] != "t" {
			t.Errorf("after the failover: %q, %v", got, err)
		}
		if err := p.Primary.Kill(); err == nil {
			t.Error("a server that does not run was killed")
		}
		// What it had not sent is still there, and it knows nothing of the other one.
		if err := p.Primary.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := psql(t, p.Primary, "SELECT count(*), pg_is_in_recovery() FROM t"); got != "1|f" {
			t.Errorf("the old primary answers %q", got)
		}
	}
}
