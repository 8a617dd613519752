package directory

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// TestGateLosesNothing checks that a reader gets the data up to the point where the
// connection is taken, that the new owner gets the rest, and that no data is lost.
func TestGateLosesNothing(t *testing.T) {
	for round := range 50 {
		ours, theirs := net.Pipe()
		g := &gate{Conn: ours}
		var all []byte
		for i := range 200 {
			all = append(all, byte(i), byte(round))
		}
		taken := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for piece := range slices.Chunk(all, 3) {
				if _, err := theirs.Write(piece); err != nil {
					t.Error(err)
					return
				}
			}
			<-taken // a closed pipe rejects deadlines
			_ = theirs.Close()
		})
		var before []byte
		some := make(chan bool, 1)
		reader := make(chan error)
		go func() {
			b := make([]byte, 7)
			for {
				n, err := g.Read(b)
				before = append(before, b[:n]...)
				if len(before) > round {
					select {
					case some <- true:
					default:
					}
				}
				if err != nil {
					reader <- err
					return
				}
			}
		}()
		<-some
		kept, err := g.take()
		close(taken)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-reader; !errors.Is(err, io.EOF) {
			t.Fatalf("the read returned %v", err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Write([]byte("x")); err == nil {
			t.Error("a write succeeded after the connection was taken")
		}
		rest, err := io.ReadAll(ours)
		if got := append(append(before, kept...), rest...); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("got %d, kept %d and read %d bytes of %d: %v", len(before), len(kept), len(rest), len(all), err)
		}
		wg.Wait()
		_ = ours.Close()
	}
}

// TestGateOfASilentConnection checks that a connection without data can be taken, and
// that it has no deadline then.
func TestGateOfASilentConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	g := &gate{Conn: ours}
	reader := make(chan error)
	go func() {
		_, err := g.Read(make([]byte, 1))
		reader <- err
	}()
	if kept, err := g.take(); err != nil || len(kept) > 0 {
		t.Errorf("%q, %v", kept, err)
	}
	if err := <-reader; !errors.Is(err, io.EOF) {
		t.Errorf("the read returned %v", err)
	}
	go func() { _, _ = theirs.Write([]byte("x")) }()
	if n, err := ours.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	_ = ours.Close()
	if _, err := g.take(); err == nil {
		t.Error("a closed connection could be taken")
	}
}
