package accountcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

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

// listGenerated lists n accounts, and returns the peak of the live heap and the number of bytes printed.
func listGenerated(t *testing.T, n int, format ui.Format, verbose bool) (peak uint64, written int) {
	t.Helper()
	var meter heapMeter
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &meter}})
	o := &accountList{accountSelection: accountSelection{console: f.Console}, verbose: verbose}
	err := o.print(format, func(out *accountEmitter) error {
		for i := range n {
			if err := out.add(t.Context(), usageReader{}, account.Found{Backend: "store", Account: generatedAccount(i)}); err != nil {
				return err
			}
		}
		return out.flush(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
	return meter.peak, meter.written
}

// generatedAccount returns the account with a number; the addresses are in the same order.
func generatedAccount(i int) *store.Account {
	id := strconv.Itoa(i)
	return &store.Account{ID: id, Addresses: []string{fmt.Sprintf("%07s@example.com", id)}, DisplayName: strings.Repeat("name ", 20)}
}

// usageReader is a store without calendars.
type usageReader struct{ store.Reader }

func (usageReader) Usage(context.Context, []string) (map[string]store.Usage, error) { return nil, nil }

// The memory of a listing does not depend on the number of accounts.
func TestListingMemoryIsBounded(t *testing.T) {
	const few, many, margin = 8_000, 24_000, 1 << 20 // few fills the buffers
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

// An entry whose DN JSON cannot express is listed with its bytes.
func TestMissingAccountOfADNThatIsNotUTF8(t *testing.T) {
	for dn, want := range map[string]string{"uid=J\xfcrg,o=isp": "dWlkPUr8cmcsbz1pc3A=", "uid=Jürg,o=isp": ""} {
		if got := newMissingObject(&account.Entry{DN: dn}, "b", "w"); got.DN != dn || got.DNBytes != want {
			t.Errorf("%q: %q, want %q", dn, got.DNBytes, want)
		}
	}
}
