package servertest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// SilentProxy forwards connections to a PostgreSQL server until it falls silent: from then on,
// what is sent is lost, and the connections stay open, as in a network that drops packets.
type SilentProxy struct {
	listener net.Listener
	target   string
	at       func(sent []byte) (before, after bool)
	quiet    chan struct{}
	once     sync.Once

	mu      sync.Mutex
	closed  bool
	open    []net.Conn
	running sync.WaitGroup
}

// NewSilentProxy returns a proxy to a server that was started with TCP. at, if not nil, is
// called with everything that a client sends, one message or several at once, by one goroutine
// at a time: the proxy falls silent before it forwards them, or after that. The proxy is
// closed at the end of the test.
func NewSilentProxy(t testing.TB, server *PostgresServer, at func(sent []byte) (before, after bool)) *SilentProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, target, _ := strings.Cut(server.URL(""), "@")
	p := &SilentProxy{listener: l, target: strings.TrimSuffix(target, "/"), at: at, quiet: make(chan struct{})}
	p.running.Add(1)
	go p.accept()
	t.Cleanup(p.Close)
	return p
}

// URL returns the URL of a database behind the proxy.
func (p *SilentProxy) URL(database string) string {
	return "postgres://" + PostgresUser + "@" + p.listener.Addr().String() + "/" + database
}

// FallSilent makes the proxy fall silent.
func (p *SilentProxy) FallSilent() { p.once.Do(func() { close(p.quiet) }) }

// Silent is closed when the proxy has fallen silent.
func (p *SilentProxy) Silent() <-chan struct{} { return p.quiet }

func (p *SilentProxy) accept() {
	defer p.running.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.open = append(p.open, client, to); p.closed {
			_, _ = client.Close(), to.Close()
		}
		p.mu.Unlock()
		p.running.Add(2)
		go p.forward(to, client, p.at)
		go p.forward(client, to, nil)
	}
}

func (p *SilentProxy) forward(to io.Writer, from io.Reader, at func([]byte) (before, after bool)) {
	defer p.running.Done()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		before, after := false, false
		if at != nil {
			p.mu.Lock()
			before, after = at(buffer[:n])
			p.mu.Unlock()
		}
		if before {
			p.FallSilent()
		}
		select {
		case <-p.quiet:
			continue
		default:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		if after {
			p.FallSilent()
		}
	}
}

// Close ends the connections, as a network that works again.
func (p *SilentProxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for _, c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
