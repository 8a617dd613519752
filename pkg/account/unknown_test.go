package account

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// An item whose commit may have happened is reported as unknown when the run ends before it
// can find out, and not as one that the run did not reach, whether the run is stopped, the
// store fails for good, or the back end is given up. An item that a later attempt settles is
// reported with its result.
func TestUnknownCommitIsReportedAsUnknown(t *testing.T) {
	touch := func(_ context.Context, _ store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		return Outcome{Item: item, Result: Changed}, []string{item.ID}, nil
	}
	for name, do := range map[string]Group{"create": Create(nil), "modify": InTransaction(touch, nil)} {
		for _, end := range []string{"stopped", "failed", "gave up", "settled"} {
			for _, size := range []int{1, 3} {
				plan := map[string][]fault{"stopped": {lost}, "failed": {lost, damaged}, "gave up": {lost, gone}, "settled": {lost, gone}}[end]
				if name == "create" && end == "failed" {
					continue // the second attempt only has to look what is there
				}
				s := newStores(t, plan...)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				b := &Batch{Stores: s, Do: do, Size: 3, Retry: Retry{For: 1}}
				if end != "gave up" {
					b.Retry.For = 5e9
				}
				if end == "stopped" {
					b.Retry.Notify = func(string) { stop() }
				}
				got := map[string]Result{}
				b.Report = func(o Outcome) error {
					var unknown *store.CommitUnknown
					if got[o.Item.ID] = o.Result; o.Result == Unknown && !errors.As(o.Err, &unknown) {
						t.Errorf("%s, %s: unknown because of %v", name, end, o.Err)
					}
					return nil
				}
				for i := range size {
					if err := b.Add(ctx, newItem("one", i)); err != nil {
						t.Fatal(err)
					}
				}
				if err := b.End(ctx); (err == nil) != (end == "settled") {
					t.Errorf("%s, %s: got error %v", name, end, err)
				}
				want := Unknown
				if end == "settled" {
					want = map[string]Result{"create": Created, "modify": Changed}[name]
				}
				var results []Result
				for _, r := range got {
					results = append(results, r)
				}
				if len(results) != size || slices.ContainsFunc(results, func(r Result) bool { return r != want }) {
					t.Errorf("%s, %s, %d items: got %v, want %s", name, end, size, results, want)
				}
			}
		}
	}
}

// A run that may continue without a back end does not call those items failed whose commit
// may have happened there.
func TestUnknownCommitOfALostBackend(t *testing.T) {
	s := newStores(t, lost, gone)
	b := &Batch{Stores: s, Do: Create(nil), Size: 2, Lost: Lost{}, Retry: Retry{For: 1}}
	var got []Result
	b.Report = func(o Outcome) error { got = append(got, o.Result); return nil }
	for i := range 3 {
		if err := b.Add(t.Context(), newItem("one", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.End(t.Context()); err != nil || !slices.Equal(got, []Result{Unknown, Unknown, Failed}) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A commit that the standby server did not confirm is not tried again: what was saved would be
// found, and reported as done, although it can still be lost.
func TestUnreplicatedCommitIsNotASuccess(t *testing.T) {
	touch := func(_ context.Context, _ store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		return Outcome{Item: item, Result: Changed}, []string{item.ID}, nil
	}
	for name, do := range map[string]Group{"create": Create(nil), "modify": InTransaction(touch, nil)} {
		s := newStores(t, alone)
		b := &Batch{Stores: s, Do: do, Size: 2, Retry: Retry{For: 5e9, Notify: func(text string) { t.Errorf("%s: %s", name, text) }}}
		var got []Result
		b.Report = func(o Outcome) error { got = append(got, o.Result); return nil }
		for i := range 3 {
			if err := b.Add(t.Context(), newItem("one", i)); err != nil {
				t.Fatal(err)
			}
		}
		var unknown *store.CommitUnknown
		if err := b.End(t.Context()); !errors.As(err, &unknown) || !unknown.Unreplicated || !slices.Equal(got, []Result{Unknown, Unknown, NotDone}) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}
