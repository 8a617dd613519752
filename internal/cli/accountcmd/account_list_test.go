package accountcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// counted yields n accounts, and then the error end unless it is nil. It sets ended when the
// iteration has ended.
func counted(n int, end error, ended *bool) iter.Seq2[*store.Account, error] {
	return func(yield func(*store.Account, error) bool) {
		defer func() { *ended = true }()
		for i := range n {
			if !yield(&store.Account{ID: strconv.Itoa(i)}, nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

func TestAheadReturnsAllInOrder(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 63, 64, 65, 576, 577, 5000} {
		for _, end := range []error{nil, broken} {
			ended, i := false, 0
			var got error
			for a, err := range ahead(t.Context(), counted(n, end, &ended)) {
				if got = err; err != nil {
					continue
				}
				if a.ID != strconv.Itoa(i) {
					t.Fatalf("account %d of %d has the id %s", i, n, a.ID)
				}
				i++
			}
			if i != n || !errors.Is(got, end) || !ended {
				t.Errorf("got %d of %d accounts and error %v, want %v; ended %v", i, n, got, end, ended)
			}
		}
	}
}

// The reader has finished when a stopped iteration returns, so that its transaction can be
// closed.
func TestAheadEndsWithTheIteration(t *testing.T) {
	ended := false
	for range ahead(t.Context(), counted(100000, nil, &ended)) {
		break
	}
	if !ended {
		t.Error("the reader is still running")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range ahead(ctx, counted(100000, nil, &ended)) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled listing ended with %v after %d accounts", last, n)
	}
}

// heapMeter is a writer that records the peak of the live heap.
type heapMeter struct {
	written, next int
	peak          uint64
}

func (m *heapMeter) Write(p []byte) (int, error) {
	if m.written += len(p); m.written >= m.next {
		m.next += 256 << 10
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		m.peak = max(m.peak, stats.HeapAlloc)
	}
	return len(p), nil
}

// listGenerated lists n accounts in the order of two back ends, one of which is read ahead,
// and returns the peak of the live heap and the number of bytes printed.
func listGenerated(t *testing.T, n int, format ui.Format, verbose bool) (peak uint64, written int) {
	t.Helper()
	var meter heapMeter
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &meter}})
	o := &accountList{accountSelection: accountSelection{console: f.Console}, verbose: verbose}
	err := o.print(format, func(out *accountEmitter) error {
		var ended [2]bool
		streams := make([]*recordStream[*store.Account], 2)
		for i := range streams {
			accounts := generatedAccounts(n/2, &ended[i])
			if i == 0 {
				accounts = ahead(t.Context(), accounts)
			}
			next, stop := iter.Pull2(accounts)
			defer stop()
			streams[i] = &recordStream[*store.Account]{backend: "store" + strconv.Itoa(i), reader: usageReader{}, next: next}
		}
		m := merging[*store.Account]{before: func(a, b *store.Account) bool { return before(a, b, store.AccountFilter{}) }}
		err := m.merge(streams, func(r store.Reader, backend string, a *store.Account) error {
			return out.add(t.Context(), r, account.Found{Backend: backend, Account: a})
		})
		return errors.Join(err, out.flush(t.Context()))
	})
	if err != nil {
		t.Fatal(err)
	}
	return meter.peak, meter.written
}

// generatedAccounts yields n accounts with addresses in order.
func generatedAccounts(n int, ended *bool) iter.Seq2[*store.Account, error] {
	return func(yield func(*store.Account, error) bool) {
		for a, err := range counted(n, nil, ended) {
			a.Addresses = []string{fmt.Sprintf("%07s@example.com", a.ID)}
			a.DisplayName = strings.Repeat("name ", 20)
			if !yield(a, err) {
				return
			}
		}
	}
}

// usageReader is a store without calendars.
type usageReader struct{ store.Reader }

func (usageReader) Usage(context.Context, []string) (map[string]store.Usage, error) { return nil, nil }

// The memory of a listing does not depend on the number of accounts.
func TestListingMemoryIsBounded(t *testing.T) {
	const few, many, margin = 8_000, 24_000, 1 << 20 // few fills the buffers of ahead
	for _, format := range cmdutil.ListFormats() {
		for _, verbose := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s verbose %t", format, verbose), func(t *testing.T) {
				small, _ := listGenerated(t, few, format, verbose)
				large, written := listGenerated(t, many, format, verbose)
				if written < many*len("0000000@example.com") {
					t.Errorf("only %d bytes were printed", written)
				}
				if large > small+margin {
					t.Errorf("peak of the live heap: %d KiB for %d accounts, but %d KiB for %d", small>>10, few, large>>10, many)
				}
			})
		}
	}
}

// Nothing is printed if a listing fails before the first record, and what came before is
// printed if it fails later.
func TestListingStopsAtAnError(t *testing.T) {
	failure := errors.New("failure")
	for _, format := range cmdutil.ListFormats() {
		for _, before := range []int{0, 1, 300} {
			var out bytes.Buffer
			f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &out}})
			o := &accountList{accountSelection: accountSelection{console: f.Console}}
			err := o.print(format, func(e *accountEmitter) error {
				for i := range before {
					a := &store.Account{ID: "id-" + strconv.Itoa(i), Addresses: []string{"a@example.com"}}
					if err := e.add(t.Context(), nil, account.Found{Account: a}); err != nil {
						return err
					}
				}
				return failure
			})
			if !errors.Is(err, failure) {
				t.Errorf("%s: %v after %d records", format, err, before)
			}
			if got := strings.Count(out.String(), "id-"); got != before {
				t.Errorf("%s: %d of %d records were printed", format, got, before)
			}
			if before == 0 && out.Len() > 0 {
				t.Errorf("%s: printed %q", format, out.String())
			}
		}
	}
}

// A producer ends when nothing can be written any more.
func TestListingStopsAtAWriteError(t *testing.T) {
	full := errors.New("no space left on device")
	for _, format := range cmdutil.ListFormats() {
		produced := 0
		f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: failingWriter{full}}})
		o := &accountList{accountSelection: accountSelection{console: f.Console}}
		err := o.print(format, func(e *accountEmitter) error {
			for ; produced < 100_000; produced++ {
				if err := e.add(t.Context(), nil, account.Found{Account: &store.Account{ID: "id"}}); err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, full) || produced > 1000 {
			t.Errorf("%s: %v after %d records", format, err, produced)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A panic of the reader is the error of the iteration.
func TestAheadPanics(t *testing.T) {
	var last error
	for _, err := range ahead(t.Context(), func(func(*store.Account, error) bool) { panic("lost") }) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "internal error: lost") {
		t.Errorf("%v", last)
	}
}

// An entry whose DN JSON cannot express is listed with its bytes.
func TestMissingAccountOfADNThatIsNotUTF8(t *testing.T) {
	for dn, want := range map[string]string{"uid=J\xfcrg,o=isp": "dWlkPUr8cmcsbz1pc3A=", "uid=Jürg,o=isp": ""} {
		if got := newMissingObject(&account.Entry{DN: dn}, "b", "w"); got.DN != dn || got.DNBytes != want {
			t.Errorf("%q: %q, want %q", dn, got.DNBytes, want)
		}
	}
}
