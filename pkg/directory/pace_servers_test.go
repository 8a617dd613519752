package directory

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// slowProxy forwards to a server on this host, and back what forward copies. It returns
// the URL to connect to.
func slowProxy(t *testing.T, to string, forward func(client io.Writer, server io.Reader)) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", u.Host)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.Close()
			}()
			go func() {
				forward(client, server)
				_ = client.Close()
				_ = server.Close()
			}()
		}
	}()
	return u.Scheme + "://" + listener.Addr().String()
}

// byteByByte sends every byte as a packet of its own.
func byteByByte(client io.Writer, server io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := server.Read(b)
		for i := range n {
			if _, err := client.Write(b[i : i+1]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stalling forwards some bytes and then nothing, without closing the connection.
func stalling(after int64) func(io.Writer, io.Reader) {
	return func(client io.Writer, server io.Reader) {
		_, _ = io.CopyN(client, server, after)
		_, _ = io.Copy(io.Discard, server) // until the client gives up
	}
}

// overEach runs a test with each kind of connection. The options have no URL; to is that
// of the server.
func overEach(t *testing.T, s *ldaptest.Server, run func(t *testing.T, to string, o Options)) {
	t.Helper()
	ca := writeFile(t, "ca.pem", s.CAPEM())
	for _, c := range []struct {
		name, to string
		o        Options
	}{
		{"plain", s.URL(), Options{}},
		{"ldaps", s.LDAPSURL(), Options{CAFile: ca}},
		{"StartTLS", s.URL(), Options{CAFile: ca, StartTLS: true}},
	} {
		t.Run(c.name, func(t *testing.T) { run(t, c.to, c.o) })
	}
}

// TestTricklingServers checks that everything is read from a server that sends one byte
// after the other.
func TestTricklingServers(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(200), TLS: true})
	overEach(t, s, func(t *testing.T, to string, o Options) {
		for _, page := range []int{0, 70} {
			o.URLs, o.PageSize = []string{slowProxy(t, to, byteByByte)}, page
			requireComplete(t, readLive(t.Context(), openLive(t, o), liveUsers()), userTexts(200)...)
		}
	})
}

// TestSlowServers checks that everything is read from a server that sends an entry each
// 100 ms, of which some are large.
func TestSlowServers(t *testing.T) {
	entries := liveTree(12)
	for i := range entries {
		entries[i].Attrs = append(entries[i].Attrs, ldaptest.Attr{Name: "description", Values: []string{strings.Repeat("x", 300*i)}})
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: entries, TLS: true, Faults: ldaptest.Faults{SlowEntries: 100 * time.Millisecond}})
	q := liveUsers()
	q.Attributes, q.Selections[0].Attributes = append(q.Attributes, "description"), 1
	overEach(t, s, func(t *testing.T, to string, o Options) {
		t.Parallel()
		o.URLs, o.PageSize = []string{to}, 5
		requireComplete(t, readLive(t.Context(), openLive(t, o), q), userTexts(12)...)
	})
}

// TestLargeEntries checks entries of 1 MiB, which are much larger than the window.
func TestLargeEntries(t *testing.T) {
	const n = 6
	entries := liveTree(n)
	for i := range n {
		large := ldaptest.Attr{Name: "description", Values: []string{strings.Repeat(fmt.Sprint(i), 1<<20)}}
		entries[2+i].Attrs = append(entries[2+i].Attrs, large)
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: entries, TLS: true})
	q := Query{Attributes: []string{"uid", "description"}, Selections: []Selection{{Kind: User, Classes: []string{"icsCalendarUser"}, Attributes: 3}}}
	overEach(t, s, func(t *testing.T, to string, o Options) {
		for _, page := range []int{0, 2} {
			o.URLs, o.PageSize = []string{to}, page
			i := 0
			for e, err := range openLive(t, o).Entries(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range e.Values {
					if got := string(v.Data); v.Attr == 1 && (len(got) != 1<<20 || strings.Trim(got, fmt.Sprint(i)) != "") {
						t.Errorf("entry %d: %d bytes", i, len(got))
					}
				}
				if len(e.Values) != 2 {
					t.Errorf("entry %d: %d values", i, len(e.Values))
				}
				i++
			}
			if i != n {
				t.Errorf("%d entries", i)
			}
		}
	})
}

// TestStoppingServers checks that a server that sends nothing more, in the middle of an
// entry or between entries, is given up after the idle timeout, with the entries before.
func TestStoppingServers(t *testing.T) {
	const n = 5000
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(n), TLS: true})
	overEach(t, s, func(t *testing.T, to string, o Options) {
		t.Parallel()
		for _, after := range []int64{20_000, 100_001, 200_002} {
			o.URLs, o.PageSize, o.Idle, o.NoRestart = []string{slowProxy(t, to, stalling(after))}, 1500, 150*time.Millisecond, true
			got := readLive(t.Context(), openLive(t, o), liveUsers())
			if len(got.items) == 0 || len(got.items) == n {
				t.Errorf("after %d bytes: %d entries", after, len(got.items))
			}
			requireShort(t, got, len(got.items), 0, "no data for 150ms")
		}
	})
}

// TestAbandonedConnections checks that a search that is broken off, or whose context ends,
// while the reader may pause, closes its connection.
func TestAbandonedConnections(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(5000), TLS: true})
	overEach(t, s, func(t *testing.T, to string, o Options) {
		o.URLs, o.NoRestart = []string{to}, true
		for _, cancels := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			l := openLive(t, o)
			i := 0
			for _, err := range l.Entries(ctx, liveUsers()) {
				if i++; i == 1000 && !cancels || err != nil {
					break
				}
				if i == 1000 {
					cancel()
				}
			}
			cancel()
			if i < 1000 {
				t.Errorf("%d entries", i)
			}
			_ = l.Close()
			eventually(t, "all connections are closed", func() bool { return s.Open() == 0 })
		}
	})
}

// TestFastServers checks that everything is read from a server that sends much.
func TestFastServers(t *testing.T) {
	const n = 9000
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(n), TLS: true})
	overEach(t, s, func(t *testing.T, to string, o Options) {
		for _, page := range []int{0, 400} {
			o.URLs, o.PageSize = []string{to}, page
			requireComplete(t, readLive(t.Context(), openLive(t, o), liveUsers()), userTexts(n)...)
		}
	})
}
