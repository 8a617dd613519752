package directory

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

// newPipe returns a session and the server end of its connection.
func newPipe(idle time.Duration) (*session, net.Conn) {
	ours, theirs := net.Pipe()
	s := newSession("ldap://test", ours, idle)
	s.begin(nil)
	return s, theirs
}

// TestMessagesInPieces checks that messages of any size are received unchanged, however
// they are split.
func TestMessagesInPieces(t *testing.T) {
	rapidChecks(t, "30")
	rapid.Check(t, func(t *rapid.T) {
		var want [][]byte
		var all []byte
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			size := rapid.OneOf(rapid.IntRange(0, 300), rapid.SampledFrom([]int{usualBuffer / 2, usualBuffer - 20, usualBuffer, 3 * usualBuffer})).Draw(t, "size")
			b := messageOf(1, wireEntry{dn: strings.Repeat("x", size)}.packet())
			want = append(want, b)
			all = append(all, b...)
		}
		pieces := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 1<<20)), 1, 20).Draw(t, "pieces")
		early := min(len(all), rapid.IntRange(0, 100).Draw(t, "early"))
		s, server := newPipe(time.Minute)
		defer s.close()
		s.begin(all[:early])
		go func() {
			rest := all[early:]
			for i := 0; len(rest) > 0; i++ {
				n := min(len(rest), max(pieces[i%len(pieces)], len(all)/100))
				if _, err := server.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			_ = server.Close()
		}()
		for i, w := range want {
			got, err := s.next()
			if err != nil || !bytes.Equal(got, w) {
				t.Fatalf("message %d: %d bytes instead of %d, %v", i, len(got), len(w), err)
			}
		}
		if _, err := s.next(); !isLost(err) || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
			t.Fatalf("the last error is %v", err)
		}
	})
}

// TestBufferFollowsTheData checks that a claimed length does not allocate memory, and
// that the memory of a large message is released.
func TestBufferFollowsTheData(t *testing.T) {
	s, server := newPipe(time.Minute)
	defer s.close()
	large := messageOf(1, wireEntry{dn: strings.Repeat("x", 9<<20)}.packet())
	small := messageOf(1, wireEntry{dn: "x"}.packet())
	claimed := []byte{0x30, 0x84, 0x0f, 0xff, 0xff, 0x00, 0x02}
	go func() {
		for _, b := range [][]byte{large, small, small, claimed} {
			_, _ = server.Write(b)
		}
		_ = server.Close()
	}()
	for i, want := range [][]byte{large, small, small} {
		if got, err := s.next(); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
		}
		if i == 0 && len(s.buf) > 2*len(large) {
			t.Errorf("the buffer has %d bytes for a message of %d", len(s.buf), len(large))
		}
	}
	if _, err := s.next(); !isLost(err) {
		t.Errorf("the last error is %v", err)
	}
	if len(s.buf) != usualBuffer {
		t.Errorf("the buffer has %d bytes for a message that did not arrive", len(s.buf))
	}
	s, server = newPipe(time.Minute)
	defer s.close()
	go func() { _, _ = server.Write([]byte{0x30, 0x84, 0x10, 0, 0, 0}) }()
	if _, err := s.next(); !errors.Is(err, errMalformed) || isLost(err) {
		t.Errorf("more than the limit: %v", err)
	}
}

// receiverOf counts the results.
type receiverOf struct{ entries, references int }

func (r *receiverOf) entry([]byte) error     { r.entries++; return nil }
func (r *receiverOf) reference([]byte) error { r.references++; return nil }

// TestOddAnswers checks answers that the test server does not produce.
func TestOddAnswers(t *testing.T) {
	entry := wireEntry{dn: "cn=x"}.packet()
	code := func(tag ber.Tag, n int) *ber.Packet {
		return application(tag, integer(ber.TagEnumerated, n), octets(""), octets("text"))
	}
	done := code(ldap.ApplicationSearchResultDone, 0)
	another := func(cookie string) *ber.Packet { return pagingControls(0, []byte(cookie)).Children[0] }
	dn := func(name string) *ber.Packet { return wireEntry{dn: name}.packet() }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name    string
		page    int
		answers [][]byte // one for each request, with its ID
		entries int
		text    string
		lost    bool
	}{
		{"intermediate response", 0, [][]byte{join(messageOf(1, code(ldap.ApplicationIntermediateResponse, 0)), messageOf(1, entry), messageOf(1, done))}, 1, "", false},
		{"reference", 0, [][]byte{join(messageOf(1, application(ldap.ApplicationSearchResultReference, octets("ldap://a/"))), messageOf(1, done))}, 0, "", false},
		{"unrelated control", 0, [][]byte{messageOf(1, done, ldap.NewControlManageDsaIT(false).Encode())}, 0, "", false},
		{"unrequested last page", 0, [][]byte{messageOf(1, done, another(""))}, 0, "", false},
		{"unrequested pages", 0, [][]byte{messageOf(1, done, another("x"))}, 0, "which were not requested", false},
		{"bind response", 0, [][]byte{join(messageOf(1, entry), messageOf(1, code(ldap.ApplicationBindResponse, 0)))}, 1, "unexpected tag 0x61", false},
		{"extended response", 0, [][]byte{messageOf(1, code(ldap.ApplicationExtendedResponse, 0))}, 0, "unexpected tag 0x78", false},
		{"request", 0, [][]byte{messageOf(1, code(ldap.ApplicationSearchRequest, 0))}, 0, "unexpected tag 0x63", false},
		{"answer to another request", 0, [][]byte{messageOf(2, entry)}, 0, "request 2", false},
		{"entry without a request", 0, [][]byte{messageOf(0, entry)}, 0, "request 0", false},
		{"notice", 0, [][]byte{messageOf(0, code(ldap.ApplicationExtendedResponse, 52))}, 0, "closes the connection", true},
		{"incomplete notice", 0, [][]byte{messageOf(0, application(ldap.ApplicationExtendedResponse))}, 0, "invalid LDAP message", false},
		{"incomplete result", 0, [][]byte{messageOf(1, application(ldap.ApplicationSearchResultDone, integer(ber.TagEnumerated, 0)))}, 0, "invalid LDAP message", false},
		{"unknown code", 0, [][]byte{messageOf(1, code(ldap.ApplicationSearchResultDone, 1<<30))}, 0, "result code 1073741824 (unknown code): text", false},
		{"the same cookie for all pages", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done, another("0"))), join(messageOf(2, dn("b")), messageOf(2, done, another("0"))),
			join(messageOf(3, dn("c")), messageOf(3, done, another("")))}, 3, "", false},
		{"empty pages", 2, [][]byte{messageOf(1, done, another("a")), messageOf(2, done, another("b")), join(messageOf(3, dn("c")), messageOf(3, done, another("")))}, 1, "", false},
		{"the same empty page", 2, [][]byte{messageOf(1, done, another("a")), messageOf(2, done, another("a"))}, 0, "empty pages", false},
		{"a loop of pages", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done, another("1"))), join(messageOf(2, dn("b")), messageOf(2, done, another("2"))),
			join(messageOf(3, dn("c")), messageOf(3, done, another("3"))), messageOf(4, dn("a"))}, 3, "sent before", false},
		{"page without an end", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done))}, 1, "did not say", false},
		{"two controls, the first counts", 2, [][]byte{messageOf(1, done, another("x"), another("")), messageOf(2, done, another("x"))}, 0, "empty pages", false},
	} {
		s, server := newPipe(time.Minute)
		go func() {
			for _, answer := range c.answers {
				if _, err := ber.ReadPacket(server); err != nil {
					return
				}
				_, _ = server.Write(answer)
			}
		}()
		var got receiverOf
		err := s.search(t.Context(), &search{filter: anyEntry(), page: c.page}, &got)
		if got.entries != c.entries || (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) || isLost(err) != c.lost {
			t.Errorf("%s: %d entries, %v", c.name, got.entries, err)
		}
		s.close()
		_ = server.Close()
	}
}

// TestEmptyPagesEnd checks that an endless sequence of empty pages ends with an error.
func TestEmptyPagesEnd(t *testing.T) {
	s, server := newPipe(time.Minute)
	defer s.close()
	go func() {
		for id := 1; ; id++ {
			if _, err := ber.ReadPacket(server); err != nil {
				return
			}
			cookie := []byte{byte(id), byte(id >> 8)}
			done := application(ldap.ApplicationSearchResultDone, integer(ber.TagEnumerated, 0), octets(""), octets(""))
			_, _ = server.Write(messageOf(id, done, pagingControls(0, cookie).Children[0]))
		}
	}()
	err := s.search(t.Context(), &search{filter: anyEntry(), page: 10}, &receiverOf{})
	if err == nil || !strings.Contains(err.Error(), "empty pages") || s.id != mostEmptyPages+1 {
		t.Errorf("after %d requests: %v", s.id, err)
	}
}

// TestWriteIsWatched checks the timeout for a server that does not read.
func TestWriteIsWatched(t *testing.T) {
	s, server := newPipe(20 * time.Millisecond)
	defer s.close()
	defer server.Close()
	if err := s.search(t.Context(), &search{filter: anyEntry()}, &receiverOf{}); !isLost(err) {
		t.Errorf("%v", err)
	}
}

// TestGathering checks that all bytes are received, in order and without a deadlock,
// however the peer sends them, while the reader lets data accumulate.
func TestGathering(t *testing.T) {
	sizes := seed.New(t)
	var pieces [][]byte
	for i := range 20000 {
		pieces = append(pieces, bytes.Repeat([]byte{byte(i)}, 1+sizes.IntN(200)))
	}
	const last = 100
	first, want := bytes.Join(pieces[:len(pieces)-last], nil), bytes.Join(pieces, nil)
	for _, network := range []string{"tcp", "unix"} {
		all := make(chan bool, 1)
		raw := served(t, network, func(conn net.Conn) {
			for i, p := range pieces {
				if i == len(pieces)-last {
					<-all // the reader has received the previous data, or there is a deadlock
				}
				if _, err := conn.Write(p); err != nil {
					return
				}
			}
		})
		in := newInlet(raw)
		in.use(blocking(raw))
		in.watch(time.Minute)
		in.expect(true, 0)
		var got []byte
		reads := 0
		buf := make([]byte, usualBuffer)
		for {
			n, err := in.Read(buf)
			got = append(got, buf[:n]...)
			if reads++; len(got) == len(first) {
				all <- true
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want %d, or the bytes differ", network, len(got), len(want))
		}
		if runtime.GOOS == "linux" && reads > len(pieces)/4 {
			t.Errorf("%s: %d reads for %d pieces", network, reads, len(pieces))
		}
		_ = in.Close()
	}
}

// served returns a connection whose other end is used by serve until that returns.
func served(t *testing.T, network string, serve func(net.Conn)) net.Conn {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		// Not t.TempDir: its path is too long for a socket.
		dir, err := os.MkdirTemp("", "scan")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			defer conn.Close()
			serve(conn)
		}
	}()
	conn, err := net.Dial(network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestBlockingConn checks that a blockingConn behaves like any other connection.
func TestBlockingConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		next := make(chan bool)
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than the kernel accepts at once
		echoed := make(chan []byte, 1)
		raw := served(t, network, func(conn net.Conn) {
			b := make([]byte, len(large))
			_, _ = io.ReadFull(conn, b)
			echoed <- b
			<-next
			_, _ = conn.Write([]byte("x"))
			<-next
		})
		address := raw.RemoteAddr().String()
		c := blocking(raw)
		if c.RemoteAddr().String() != address {
			t.Errorf("%s: the remote address is %s", network, c.RemoteAddr())
		}
		if n, err := c.Write(large); n != len(large) || err != nil || !bytes.Equal(<-echoed, large) {
			t.Fatalf("%s: %d bytes, %v", network, n, err)
		}
		b := make([]byte, 10)
		if n, err := c.Read(b[:0]); n != 0 || err != nil {
			t.Errorf("%s: reading 0 bytes: %d, %v", network, n, err)
		}
		for _, deadline := range []time.Time{time.Now().Add(5 * time.Millisecond), time.Unix(1, 0)} {
			if err := c.SetReadDeadline(deadline); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: before the deadline: %d, %v", network, n, err)
			}
		}
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		next <- true
		if n, err := c.Read(b); n != 1 || b[0] != 'x' || err != nil {
			t.Errorf("%s: %d, %v", network, n, err)
		}
		// Close ends a blocked read, and later calls fail.
		started, ended := make(chan bool), make(chan error)
		go func() {
			close(started)
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		<-started
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the read returned %v", network, err)
		}
		if _, err := c.Read(b); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: reading after Close: %v", network, err)
		}
		if _, err := c.Write(b); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: writing after Close: %v", network, err)
		}
		if err := c.SetReadDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: a deadline after Close: %v", network, err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: closing twice: %v", network, err)
		}
		close(next)

		c = blocking(served(t, network, func(conn net.Conn) {}))
		if n, err := c.Read(b); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end: %d, %v", network, n, err)
		}
		_ = c.Close()
	}
}
