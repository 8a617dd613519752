package backends_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// silent returns the URL of a server that takes connections and never answers.
func silent(t *testing.T) (url string, dials func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return "postgres://user@" + l.Addr().String() + "/x?sslmode=disable", func() int { return len(accepted) }
}

func newSet(t *testing.T) (set *backends.Set, dials func() int) {
	t.Helper()
	url, dials := silent(t)
	good := backends.Location{Backend: "good", File: filepath.Join(t.TempDir(), "good.sqlite")}
	if err := good.Create(t.Context(), backends.Options{}); err != nil {
		t.Fatal(err)
	}
	set = backends.New([]backends.Location{good, {Backend: "dead", URL: url}}, "good", backends.Options{})
	t.Cleanup(func() { _ = set.Close() })
	return set, dials
}

// A back end that does not answer does not hinder the others.
func TestSilentBackEndHindersNoOther(t *testing.T) {
	set, dials := newSet(t)
	ctx, cancel := context.WithCancel(t.Context())
	dead := make(chan error, 1)
	go func() {
		_, err := set.Open(ctx, "dead")
		dead <- err
	}()
	for dials() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 2 {
		if _, err := set.Open(t.Context(), "good"); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-dead:
		t.Errorf("the silent back end was not being opened any more: %v", err)
	default:
	}
	cancel()
	if err := <-dead; !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
}

// A failure is remembered; that of a caller that gave up is not.
func TestFailureIsRemembered(t *testing.T) {
	set, dials := newSet(t)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := set.Open(short, "dead"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v", err)
	}
	before := dials()
	gone := backends.New([]backends.Location{{Backend: "gone", URL: "postgres://user@127.0.0.1:1/x"}}, "gone", backends.Options{})
	defer gone.Close()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := gone.Open(t.Context(), "gone")
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got error %v", err)
			}
		})
	}
	all.Wait()
	again, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := set.Open(again, "dead"); err == nil || dials() == before {
		t.Errorf("the silent back end was not tried again: %d connections, error %v", dials(), err)
	}
}

// All who ask at once get the same store, and none after Close.
func TestOpenOnce(t *testing.T) {
	set, _ := newSet(t)
	stores := make(chan store.Store, 20)
	var all sync.WaitGroup
	for range cap(stores) {
		all.Go(func() {
			st, err := set.Open(t.Context(), "good")
			if err != nil {
				t.Error(err)
			}
			stores <- st
		})
	}
	all.Wait()
	first := <-stores
	for range cap(stores) - 1 {
		if st := <-stores; st != first {
			t.Error("the store was opened twice")
		}
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
	if _, err := set.Open(t.Context(), "good"); !errors.Is(err, backends.ErrClosed) {
		t.Errorf("after Close: got error %v", err)
	}
}

// A server that ends each connection is not asked again for each caller that follows
// shortly after.
func TestFailureIsNotRepeated(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var dials atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			_ = c.Close()
		}
	}()
	url := "postgres://user@" + l.Addr().String() + "/x?sslmode=disable"
	set := backends.New([]backends.Location{{Backend: "broken", URL: url}}, "broken", backends.Options{})
	defer set.Close()
	first := int64(0)
	for range 20 {
		if _, err := set.Open(t.Context(), "broken"); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("got error %v", err)
		}
		if first == 0 {
			first = dials.Load()
		}
	}
	if again := dials.Load(); first == 0 || again != first {
		t.Errorf("the first call connected %d times, all 20 calls %d times", first, again)
	}
}
