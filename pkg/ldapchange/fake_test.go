package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

const fakeManager = "cn=Manager,o=isp"

// fake is a server in the test process, with people that have a unique id and a
// description.
type fake struct {
	*ldaptest.Server
	n int
}

func fakeDN(i int) string { return fmt.Sprintf("uid=u%04d,ou=people,o=isp", i) }

func newFake(t *testing.T, n int, o ldaptest.Options) fake {
	t.Helper()
	o.Identities = []ldaptest.Identity{{DN: fakeManager, Password: "secret"}}
	o.Entries = []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("ou=people,o=isp", "objectClass", "organizationalUnit", "ou", "people"),
	}
	for i := range n {
		o.Entries = append(o.Entries, ldaptest.NewEntry(fakeDN(i), "objectClass", "inetOrgPerson", "objectClass", "davEntity", "uid", fmt.Sprintf("u%04d", i),
			"cn", "a", "sn", "b", "mail", fmt.Sprintf("u%04d@example.org", i), "davUniqueId", fmt.Sprintf("abc-%d", i), "description", "a person"))
	}
	return fake{ldaptest.Start(t, o), n}
}

// options returns options for tests of faults, with short timeouts.
func (f fake) options() Options {
	return Options{
		Directory: directory.Options{
			URLs: []string{f.URL()}, BindDN: fakeManager, Password: func(context.Context) ([]byte, error) { return []byte("secret"), nil },
			ConnectTimeout: 10 * time.Second, Idle: 10 * time.Second,
		},
		Parallel: 2, RetryFor: 10 * time.Second, Continue: true,
	}
}

// changeOf gives a person another unique id and a second description.
func changeOf(i int) Record {
	id := fmt.Sprintf("abc-%d", i)
	return Record{
		DN: fakeDN(i),
		Changes: []ldif.Modification{
			{Op: ldif.OpReplace, Name: "davUniqueId", Values: bytesOf("NEW-" + id)},
			{Op: ldif.OpAdd, Name: "description", Values: bytesOf("changed")},
		},
		Expect: []Expectation{{"davUniqueId", NeedAll, bytesOf(id)}},
	}
}

func (f fake) plan(t *testing.T) *Plan {
	t.Helper()
	var records []Record
	for i := range f.n {
		records = append(records, changeOf(i))
	}
	return openPlan(t, planText(t, header(), records...))
}

// state returns the values of every entry.
func (f fake) state() map[string][]string {
	out := map[string][]string{}
	for _, e := range f.Entries() {
		var values []string
		for _, a := range e.Attrs {
			for _, v := range a.Values {
				values = append(values, a.Name+": "+v)
			}
		}
		slices.Sort(values)
		out[e.DN] = values
	}
	return out
}

// changed returns the state after the plan, applied to all but some people.
func (f fake) changed(before map[string][]string, but ...int) map[string][]string {
	out := map[string][]string{}
	for dn, values := range before {
		out[dn] = values
	}
	for i := range f.n {
		if slices.Contains(but, i) {
			continue
		}
		values := slices.Clone(before[fakeDN(i)])
		at := slices.Index(values, fmt.Sprintf("davUniqueId: abc-%d", i))
		values[at] = fmt.Sprintf("davUniqueId: NEW-abc-%d", i)
		values = append(values, "description: changed")
		slices.Sort(values)
		out[fakeDN(i)] = values
	}
	return out
}

func requireState(t *testing.T, f fake, want map[string][]string) {
	t.Helper()
	if d := difference(want, f.state()); len(d) > 0 {
		t.Errorf("%d entries differ (want, got): %.3v", len(d), d)
	}
}

// modifies returns the number of modify requests with a result code, without a
// response for -1, or all of them for -2.
func (f fake) modifies(code int) int {
	n := 0
	for _, r := range f.Log() {
		if r.Op == "modify" && (code == -2 || code == -1 && !r.Answered || r.Answered && r.Code == code) {
			n++
		}
	}
	return n
}

// requireCounts checks that each record is counted once.
func requireCounts(t *testing.T, run *Run, state State, want Counts) {
	t.Helper()
	if run.State != state || run.Counts != want {
		t.Errorf("%s, %+v, want %s, %+v: %s", run.State, run.Counts, state, want, run.Detail)
	}
	requireSum(t, run)
}

func requireSum(t *testing.T, run *Run) {
	t.Helper()
	if c := run.Counts; c.Changed+c.Already+c.Conflicts+c.Failed != run.ToChange {
		t.Errorf("%+v does not add up to %d", c, run.ToChange)
	}
}

// requireUndo undoes a run and compares the directory with its state before the run.
func requireUndo(t *testing.T, f fake, runs Runs, id int64, before map[string][]string) {
	t.Helper()
	o := f.options()
	o.Reverse = true
	a, run := begin(t, undoPlan(t, runs, id), o, runs, id+1000, id)
	if err := a.Apply(t.Context(), run); err != nil {
		t.Error(err)
	}
	requireState(t, f, before)
}

// resume resumes a run with new connections.
func resume(ctx context.Context, t *testing.T, plan *Plan, o Options, runs Runs, id int64) (*Run, error) {
	t.Helper()
	run, err := OpenRun(runs, id)
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewApplier(t.Context(), plan, o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return run, a.Apply(ctx, run)
}

// requireStopped checks that a run stopped early, and that its file says so.
func requireStopped(t *testing.T, runs Runs, run *Run, err, want error) {
	t.Helper()
	info, e := runs.Load(run.ID)
	if e != nil || run.State != Stopped || info.State != Stopped || info.Counts != run.Counts || !strings.Contains(info.Detail, err.Error()) {
		t.Errorf("%v: %+v, on disk %+v", e, run.Info, info)
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

// guards are the options of servers with each kind of guard.
func guards() map[Guard]ldaptest.Options {
	return map[Guard]ldaptest.Options{
		GuardAssertion: {}, GuardAssertionOnly: {NoPreRead: true}, GuardPreRead: {NoAssertion: true}, GuardReread: {NoAssertion: true, NoPreRead: true},
	}
}

// eachGuard runs a test with each kind of guard, with pipelined changes and with
// single ones.
func eachGuard(t *testing.T, n int, test func(t *testing.T, guard Guard, f fake, o Options)) {
	for guard, server := range guards() {
		for _, rate := range []float64{0, 1e6} {
			t.Run(fmt.Sprintf("%s, rate %v", guard, rate), func(t *testing.T) {
				t.Parallel()
				f := newFake(t, n, server)
				o := f.options()
				o.Rate = rate
				test(t, guard, f, o)
			})
		}
	}
}
