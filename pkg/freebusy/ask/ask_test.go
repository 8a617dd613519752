package ask

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

// verdict is what a test compares of a result.
type verdict struct {
	State  State
	Reason Reason
	Busy   int
}

func verdicts(results []Result) []verdict {
	var all []verdict
	for _, r := range results {
		all = append(all, verdict{r.State, r.Reason, len(r.Busy)})
	}
	return all
}

func TestEachPersonGetsTheAnswerOfTheRightServer(t *testing.T) {
	t.Parallel()
	s := newOldServer(t)
	results := mustAsk(t, options(map[string]string{
		"old.example": s.URL + "/ischedule/", "masked.example": "http://u:********@old.example/ischedule/", "named.example": "http://u@old.example/",
	}), "ann@here.example", "bob@old.example", "zoe@far.example", "nobody@old.example", "silent@old.example", "late@old.example",
		"text", "cat@twice.example", "dan@unmapped.example", "eve@masked.example", "fay@named.example")
	want := []verdict{
		{Known, "", 1}, {Known, "", 1}, {Unknown, External, 0}, {Unknown, Refused, 0}, {Unknown, Refused, 0}, {Partial, DataInvalid, 1},
		{Unknown, NotAddress, 0}, {Unknown, Ambiguous, 0}, {Unknown, NoPeer, 0}, {Unknown, NoPeer, 0}, {Unknown, NoPeer, 0},
	}
	if diff := cmp.Diff(want, verdicts(results)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"bob@old.example", "nobody@old.example", "silent@old.example", "late@old.example"}}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if !strings.Contains(results[3].Detail, "3.7") || results[1].Server != s.URL+"/ischedule/" || results[1].Requests != 1 || results[1].Took <= 0 {
		t.Errorf("%+v\n%+v", results[3], results[1])
	}
	if results[1].Busy[0] != meeting {
		t.Errorf("busy: %v", results[1].Busy)
	}
}

func TestPeopleOfOneServerAreAskedAboutInPortions(t *testing.T) {
	t.Parallel()
	s := newOldServer(t)
	o := options(map[string]string{"old.example": s.URL})
	o.Portion = 3
	var people []string
	for i := range 8 {
		people = append(people, fmt.Sprintf("user%d@old.example", i))
	}
	for i, r := range mustAsk(t, o, people...) {
		if r.State != Known {
			t.Errorf("%d: %+v", i, r)
		}
	}
	var sizes []int
	for _, request := range s.requests() {
		sizes = append(sizes, len(request))
	}
	if !slices.Equal(sizes, []int{3, 3, 2}) {
		t.Errorf("portions %v", sizes)
	}
}

func TestPortionsFitIntoAHeaderLine(t *testing.T) {
	t.Parallel()
	random := seed.New(t)
	for range 300 {
		results := make([]Result, random.IntN(80))
		var people []int
		for i := range results {
			local := strings.Repeat([]string{"a", "é", "+", "."}[random.IntN(4)], 1+random.IntN(3000))
			results[i].Route = &route.Decision{Address: local + "@x.example"}
			people = append(people, i)
		}
		most := 1 + random.IntN(60)
		var all []int
		for _, portion := range portions(results, people, most) {
			length := 0
			for _, i := range portion {
				length += headerLength(results[i].Route.Address)
			}
			if len(portion) == 0 || len(portion) > most || len(portion) > 1 && length > mostHeader {
				t.Fatalf("a portion of %d people, %d bytes, with at most %d people", len(portion), length, most)
			}
			all = append(all, portion...)
		}
		if !slices.Equal(all, people) {
			t.Fatalf("%v instead of %v", all, people)
		}
	}
}

func TestATemporaryFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newOldServer(t)
	s.refuse = func(n int, _ []string) (int, string) {
		if n == 1 {
			return http.StatusServiceUnavailable, ""
		}
		return 0, ""
	}
	o := options(map[string]string{"old.example": s.URL})
	if r := mustAsk(t, o, "bob@old.example")[0]; r.State != Known || r.Requests != 2 {
		t.Errorf("%+v", r)
	}
	s.refuse = func(int, []string) (int, string) { return http.StatusForbidden, "" }
	if r := mustAsk(t, o, "bob@old.example")[0]; r.State != Unknown || r.Reason != PeerFailed || r.Requests != 1 || r.Err == nil {
		t.Errorf("a refusal is not temporary: %+v", r)
	}
}

func TestOnePersonDoesNotSpoilTheAnswerAboutOthers(t *testing.T) {
	t.Parallel()
	s := newOldServer(t)
	s.refuse = func(_ int, people []string) (int, string) {
		if slices.Contains(people, "bad@old.example") {
			return http.StatusBadRequest, ""
		}
		return 0, ""
	}
	control := "bad\x01@old.example" // iSchedule cannot express it, so nothing is sent
	results := mustAsk(t, options(map[string]string{"old.example": s.URL}), "a@old.example", "bad@old.example", "c@old.example", "d@old.example", control)
	want := []verdict{{Known, "", 1}, {Unknown, PeerFailed, 0}, {Known, "", 1}, {Known, "", 1}, {Unknown, PeerFailed, 0}}
	if diff := cmp.Diff(want, verdicts(results)); diff != "" {
		t.Error(diff)
	}
}

// fake is a server that answers without a network.
type fake func(ctx context.Context, at string, q ischedule.Query) (*ischedule.Answer, error)

func (f fake) FreeBusy(ctx context.Context, at string, q ischedule.Query) (*ischedule.Answer, error) {
	return f(ctx, at, q)
}

// free returns the answer that everybody is free.
func free(q ischedule.Query) *ischedule.Answer {
	a := &ischedule.Answer{}
	for _, address := range q.Recipients {
		a.Recipients = append(a.Recipients, ischedule.Recipient{Address: address, Answered: true, HasData: true})
	}
	return a
}

func TestServersAreAskedAtTheSameTimeAndASlowOneIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(map[string]string{"one.example": "http://one/", "two.example": "http://two/", "dead.example": "http://dead/"})
		o.Portion, o.Timeout = 1, 20*time.Second
		o.Peers = fake(func(ctx context.Context, at string, q ischedule.Query) (*ischedule.Answer, error) {
			if at == "http://dead/" {
				<-ctx.Done()
				return nil, &ischedule.Error{Kind: ischedule.Timeout, URL: at, Detail: "no answer", Err: ctx.Err()}
			}
			time.Sleep(10 * time.Second)
			return free(q), nil
		})
		began := time.Now()
		results := mustAsk(t, o, "a@one.example", "b@two.example", "c@dead.example", "d@dead.example")
		want := []verdict{{Known, "", 0}, {Known, "", 0}, {Unknown, PeerFailed, 0}, {Unknown, NotAsked, 0}}
		if diff := cmp.Diff(want, verdicts(results)); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("took %v", took)
		}
		if results[0].Took != 10*time.Second || results[3].Requests != 0 {
			t.Errorf("%+v\n%+v", results[0], results[3])
		}
	})
}

func TestPartsOfTheDirectoryThatCannotBeReadLeaveDoubt(t *testing.T) {
	t.Parallel()
	o := options(map[string]string{})
	decide := o.Decide
	o.Decide = func(ctx context.Context, address string) (*route.Decision, error) {
		d, err := decide(ctx, address)
		d.Unread = 1
		return d, err
	}
	want := []verdict{{Partial, DirectoryPart, 1}, {Unknown, DirectoryPart, 0}}
	if diff := cmp.Diff(want, verdicts(mustAsk(t, o, "a@here.example", "b@far.example"))); diff != "" {
		t.Error(diff)
	}
}

func TestADirectoryOrStoreThatFailsIsUnknownAndNotFree(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	o := options(nil)
	o.Local = func(context.Context, *route.Decision, freebusy.Window) ([]freebusy.Period, error) { return nil, down }
	if r := mustAsk(t, o, "a@here.example")[0]; r.State != Unknown || r.Reason != LocalFailed || !errors.Is(r.Err, down) {
		t.Errorf("%+v", r)
	}
	calls := 0
	o.Decide = func(context.Context, string) (*route.Decision, error) { calls++; return nil, down }
	for _, r := range mustAsk(t, o, "a@x", "b@x", "c@x", "d@x", "e@x") {
		if r.State != Unknown || r.Reason != NoDirectory || !errors.Is(r.Err, down) {
			t.Errorf("%+v", r)
		}
	}
	if calls != mostDirectoryErrors {
		t.Errorf("%d look-ups", calls)
	}
}

func TestACancelledRunReturnsNoResults(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := options(map[string]string{"old.example": "http://old/"})
	o.Peers = fake(func(ctx context.Context, _ string, _ ischedule.Query) (*ischedule.Answer, error) {
		cancel()
		return nil, ctx.Err()
	})
	if results, err := People(ctx, o, []string{"a@here.example", "b@old.example"}, day); !errors.Is(err, context.Canceled) || results != nil {
		t.Errorf("%v, %v", results, err)
	}
}

func TestTimeThatIsNotKnownIsNeverFree(t *testing.T) {
	t.Parallel()
	around := []freebusy.Period{{Start: at(0), End: at(9), Kind: freebusy.Unknown}, meeting, {Start: at(10), End: at(24), Kind: freebusy.Unknown}}
	all := []freebusy.Period{{Start: at(0), End: at(24), Kind: freebusy.Unknown}}
	for _, c := range []struct {
		r    Result
		want []freebusy.Period
	}{
		{Result{State: Known, Busy: []freebusy.Period{meeting}}, []freebusy.Period{meeting}},
		{Result{State: Partial, Busy: []freebusy.Period{meeting}}, around},
		{Result{State: Unknown}, all},
		{Result{}, all}, // a result that nobody filled in
	} {
		if diff := cmp.Diff(c.want, c.r.Periods(day)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.r.State, diff)
		}
	}
}

// A person whose server is in doubt says nothing about the directory, so the others are still
// looked up.
func TestADoubtAboutOnePersonIsNoFailureOfTheDirectory(t *testing.T) {
	t.Parallel()
	o := options(nil)
	decide := o.Decide
	hidden := errors.New("hidden")
	o.Decide = func(ctx context.Context, address string) (*route.Decision, error) {
		if strings.HasPrefix(address, "doubt") {
			return nil, &RouteDoubt{hidden}
		}
		return decide(ctx, address)
	}
	results := mustAsk(t, o, "doubt1@here.example", "doubt2@here.example", "doubt3@here.example", "doubt4@here.example", "ann@here.example")
	for _, r := range results[:4] {
		if r.State != Unknown || r.Reason != DirectoryPart || !errors.Is(r.Err, hidden) {
			t.Errorf("%s: %s, %s, %v", r.Address, r.State, r.Reason, r.Err)
		}
	}
	if results[4].State != Known {
		t.Errorf("%s: %s, %s", results[4].Address, results[4].State, results[4].Reason)
	}
}
