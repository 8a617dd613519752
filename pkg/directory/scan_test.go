package directory

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
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
)

// newPipe returns a session and the server's end of its connection.
func newPipe(idle time.Duration) (*session, net.Conn) {
	ours, theirs := net.Pipe()
	s := newSession("ldap://test", ours, idle)
	s.begin(nil)
	return s, theirs
}

// Messages of any size come out as they went in, in whatever pieces they arrive.
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
			t.Fatalf("the end is %v", err)
		}
	})
}

// A length that is only claimed takes no memory, and a large message none for ever.
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
			t.Errorf("%d bytes for a message of %d", len(s.buf), len(large))
		}
	}
	if _, err := s.next(); !isLost(err) {
		t.Errorf("the end is %v", err)
	}
	if len(s.buf) != usualBuffer {
		t.Errorf("%d bytes for a message that did not come", len(s.buf))
	}
	s, server = newPipe(time.Minute)
	defer s.close()
	go func() { _, _ = server.Write([]byte{0x30, 0x84, 0x10, 0, 0, 0}) }()
	if _, err := s.next(); !errors.Is(err, errMalformed) || isLost(err) {
		t.Errorf("more than is allowed: %v", err)
	}
}

// receiverOf counts what comes.
type receiverOf struct{ entries, references int }

func (r *receiverOf) entry([]byte) error     { r.entries++; return nil }
func (r *receiverOf) reference([]byte) error { r.references++; return nil }

// Answers that no test server gives.
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
		answers [][]byte // to one request each, whose ID they have
		entries int
		text    string
		lost    bool
	}{
		{"intermediate response", 0, [][]byte{join(messageOf(1, code(ldap.ApplicationIntermediateResponse, 0)), messageOf(1, entry), messageOf(1, done))}, 1, "", false},
		{"reference", 0, [][]byte{join(messageOf(1, application(ldap.ApplicationSearchResultReference, octets("ldap://a/"))), messageOf(1, done))}, 0, "", false},
		{"control of others", 0, [][]byte{messageOf(1, done, ldap.NewControlManageDsaIT(false).Encode())}, 0, "", false},
		{"last page unasked", 0, [][]byte{messageOf(1, done, another(""))}, 0, "", false},
		{"pages unasked", 0, [][]byte{messageOf(1, done, another("x"))}, 0, "pages that it was not asked for", false},
		{"bind response", 0, [][]byte{join(messageOf(1, entry), messageOf(1, code(ldap.ApplicationBindResponse, 0)))}, 1, "cannot have the tag 0x61", false},
		{"extended response", 0, [][]byte{messageOf(1, code(ldap.ApplicationExtendedResponse, 0))}, 0, "cannot have the tag 0x78", false},
		{"request", 0, [][]byte{messageOf(1, code(ldap.ApplicationSearchRequest, 0))}, 0, "cannot have the tag 0x63", false},
		{"another request's", 0, [][]byte{messageOf(2, entry)}, 0, "request 2", false},
		{"entry of nobody", 0, [][]byte{messageOf(0, entry)}, 0, "request 0", false},
		{"notice", 0, [][]byte{messageOf(0, code(ldap.ApplicationExtendedResponse, 52))}, 0, "disconnects", true},
		{"half a notice", 0, [][]byte{messageOf(0, application(ldap.ApplicationExtendedResponse))}, 0, "no LDAP message", false},
		{"half a result", 0, [][]byte{messageOf(1, application(ldap.ApplicationSearchResultDone, integer(ber.TagEnumerated, 0)))}, 0, "no LDAP message", false},
		{"code of no meaning", 0, [][]byte{messageOf(1, code(ldap.ApplicationSearchResultDone, 1<<30))}, 0, "result code 1073741824 (a code that LDAP does not have): text", false},
		{"the same cookie for all pages", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done, another("0"))), join(messageOf(2, dn("b")), messageOf(2, done, another("0"))),
			join(messageOf(3, dn("c")), messageOf(3, done, another("")))}, 3, "", false},
		{"empty pages", 2, [][]byte{messageOf(1, done, another("a")), messageOf(2, done, another("b")), join(messageOf(3, dn("c")), messageOf(3, done, another("")))}, 1, "", false},
		{"the same empty page", 2, [][]byte{messageOf(1, done, another("a")), messageOf(2, done, another("a"))}, 0, "empty pages", false},
		{"round in circles", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done, another("1"))), join(messageOf(2, dn("b")), messageOf(2, done, another("2"))),
			join(messageOf(3, dn("c")), messageOf(3, done, another("3"))), messageOf(4, dn("a"))}, 3, "sent before", false},
		{"page without an end", 2, [][]byte{join(messageOf(1, dn("a")), messageOf(1, done))}, 1, "does not say", false},
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

// A server that never ends with empty pages is left at some time.
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

// A server that reads nothing ends a request in time.
func TestWriteIsWatched(t *testing.T) {
	s, server := newPipe(20 * time.Millisecond)
	defer s.close()
	defer server.Close()
	if err := s.search(t.Context(), &search{filter: anyEntry()}, &receiverOf{}); !isLost(err) {
		t.Errorf("%v", err)
	}
}

// All bytes come, in order and without endless waiting, however the peer sends
// them and though the reader lets them gather.
func TestGathering(t *testing.T) {
	sizes := rand.New(rand.NewPCG(1, 2))
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
					<-all // the reader has what was sent before, or both wait for ever
				}
				if _, err := conn.Write(p); err != nil {
					return
				}
			}
		})
		in := newInlet(patient(raw))
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
			t.Errorf("%s: %d bytes instead of %d, or others", network, len(got), len(want))
		}
		if runtime.GOOS == "linux" && reads > len(pieces)/4 {
			t.Errorf("%s: %d reads for %d pieces", network, reads, len(pieces))
		}
		_ = in.Close()
	}
}

// served returns a connection whose other end serve has, until it returns.
func served(t *testing.T, network string, serve func(net.Conn)) net.Conn {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		// Not t.TempDir: a path of that length is none for a socket.
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

// A connection that is out of the poller's sight is like any other.
func TestPatientConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		next := make(chan bool)
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than the kernel takes at once
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
		c := patient(raw)
		if c.RemoteAddr().String() != address {
			t.Errorf("%s: it is at %s", network, c.RemoteAddr())
		}
		if n, err := c.Write(large); n != len(large) || err != nil || !bytes.Equal(<-echoed, large) {
			t.Fatalf("%s: %d bytes, %v", network, n, err)
		}
		b := make([]byte, 10)
		if n, err := c.Read(b[:0]); n != 0 || err != nil {
			t.Errorf("%s: reading nothing: %d, %v", network, n, err)
		}
		for _, deadline := range []time.Time{time.Now().Add(5 * time.Millisecond), time.Unix(1, 0)} {
			if err := c.SetReadDeadline(deadline); err != nil {
				t.Fatal(err)
			}
			if n, err := c.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: in time: %d, %v", network, n, err)
			}
		}
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		next <- true
		if n, err := c.Read(b); n != 1 || b[0] != 'x' || err != nil {
			t.Errorf("%s: %d, %v", network, n, err)
		}
		// Close ends a read that waits, and whoever comes later.
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
			t.Errorf("%s: the read ends with %v", network, err)
		}
		if _, err := c.Read(b); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: reading after all: %v", network, err)
		}
		if _, err := c.Write(b); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: writing after all: %v", network, err)
		}
		if err := c.SetReadDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: a deadline after all: %v", network, err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: closing twice: %v", network, err)
		}
		close(next)

		c = patient(served(t, network, func(conn net.Conn) {}))
		if n, err := c.Read(b); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: the end is %d, %v", network, n, err)
		}
		_ = c.Close()
	}
}
