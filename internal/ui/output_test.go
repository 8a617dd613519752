package ui_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestOutput(t *testing.T) {
	var b bytes.Buffer
	o := ui.NewOutput(t.Context(), &b, 8)
	fmt.Fprint(o, "abc")
	if b.Len() > 0 {
		t.Errorf("not buffered: %q", b.String())
	}
	fmt.Fprint(o, "defghi")
	if err := o.Flush(); err != nil || b.String() != "abcdefghi" {
		t.Errorf("%v: %q", err, b.String())
	}
}

// The first error is kept. After Continue, writes succeed and Flush still returns it.
func TestOutputErrors(t *testing.T) {
	for _, buffer := range []int{0, 16} {
		o := ui.NewOutput(t.Context(), fullDisk{}, buffer)
		_, err := o.Write(make([]byte, 100))
		var lost *ui.OutputError
		if !errors.As(err, &lost) || !errors.Is(err, errFull) || lost.ReaderGone() {
			t.Errorf("%v", err)
		}
		if _, again := o.Write([]byte("x")); !errors.Is(again, errFull) {
			t.Errorf("%v", again)
		}
		o.Continue()
		if n, err := o.Write([]byte("xyz")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if err := o.Flush(); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
	}
	gone := ui.NewOutput(t.Context(), brokenPipe{}, 0)
	for range 2 {
		if n, err := gone.Write([]byte("x")); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	gone.EndWithReader()
	if _, err := gone.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v", err)
	}
	if !(&ui.OutputError{Err: &os.PathError{Err: syscall.EPIPE}}).ReaderGone() {
		t.Error("a broken pipe is a reader that is gone")
	}
}

// A write that blocks does not outlast the context for long; what is written quickly
// after its end still arrives.
func TestOutputStops(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	o := ui.NewOutput(ctx, w, 0)
	time.AfterFunc(50*time.Millisecond, stop)
	start := time.Now()
	if _, err := fmt.Fprint(o, "nobody reads this"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	var b bytes.Buffer
	late := ui.NewOutput(ctx, &b, 0)
	if _, err := fmt.Fprint(late, "report"); err != nil || b.String() != "report" {
		t.Errorf("%v: %q", err, b.String())
	}
}

// A long report ends soon after the context, even if its reader is fast.
func TestOutputStopsLongReports(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	o := ui.NewOutput(ctx, io.Discard, 1024)
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		if _, err := fmt.Fprintln(o, strings.Repeat("x", 100)); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("the report did not end")
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }
