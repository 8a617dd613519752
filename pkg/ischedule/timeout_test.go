package ischedule

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeClient returns a client whose connections all lead to serve, which is called
// after the request has been read. Inside synctest, time passes only while both
// sides wait.
func pipeClient(t *testing.T, o Options, serve func(net.Conn)) *Client {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	return newClient(o.withDefaults(), func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		wg.Go(func() {
			defer theirs.Close()
			in := bufio.NewReader(theirs)
			if first, err := in.Peek(1); err == nil && first[0] == 'P' {
				req, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
			}
			serve(theirs)
		})
		return streamConn{ours}, nil
	})
}

// streamConn is an end of a pipe which says that the other end was closed when it is
// read, as a TCP connection does. The pipe itself reports it when a deadline is set,
// as an error and not as the end of the answer.
type streamConn struct{ net.Conn }

func (c streamConn) SetReadDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

// untilClosed reads until the client closes the connection.
func untilClosed(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

const head = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n"

func TestTimeouts(t *testing.T) {
	drip := func(every time.Duration) func(net.Conn) {
		return func(c net.Conn) {
			for _, err := io.WriteString(c, head); err == nil; _, err = io.WriteString(c, " ") {
				time.Sleep(every)
			}
		}
	}
	half := func(c net.Conn) {
		_, _ = io.WriteString(c, head+"<schedule-response>")
		untilClosed(c)
	}
	late := func(after time.Duration) func(net.Conn) {
		return func(c net.Conn) {
			time.Sleep(after)
			if _, err := io.WriteString(c, head); err != nil {
				return
			}
			time.Sleep(after)
			_, _ = io.WriteString(c, "<schedule-response/>")
		}
	}
	for name, c := range map[string]struct {
		serve   func(net.Conn)
		options Options
		url     string
		status  int // also 0 if the query succeeds
		word    string
		after   time.Duration
	}{
		"no answer":           {untilClosed, Options{}, "http://x/", 0, "no data for 5s", 5 * time.Second},
		"half an answer":      {half, Options{ReadTimeout: 7 * time.Second}, "http://x/", 200, "no data for 7s", 7 * time.Second},
		"byte by byte":        {drip(4 * time.Second), Options{}, "http://x/", 200, "in time", 30 * time.Second},
		"short total timeout": {untilClosed, Options{Timeout: 3 * time.Second}, "http://x/", 0, "in time", 3 * time.Second},
		"no handshake":        {untilClosed, Options{ConnectTimeout: 2 * time.Second}, "https://x/", 0, "no TLS handshake within 2s", 2 * time.Second},
		"just in time":        {late(4 * time.Second), Options{}, "http://x/", 0, "", 8 * time.Second},
		"late but allowed":    {late(14 * time.Second), Options{ReadTimeout: 15 * time.Second}, "http://x/", 0, "", 28 * time.Second},
		"late":                {late(16 * time.Second), Options{ReadTimeout: 15 * time.Second}, "http://x/", 0, "no data for 15s", 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				a, err := pipeClient(t, c.options, c.serve).FreeBusy(t.Context(), c.url, ask("user1@example.com"))
				if c.word == "" {
					if err != nil || a.Took != c.after {
						t.Errorf("%+v, %v", a, err)
					}
				} else {
					requireError(t, err, Timeout, c.status, c.word)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
			})
		})
	}
}

// The caller can cancel a query, and finds the reason in the error.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := pipeClient(t, Options{}, func(c net.Conn) {
			cancel()
			untilClosed(c)
		})
		_, err := c.FreeBusy(ctx, "http://x/", ask("user1@example.com"))
		var e *Error
		if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Kind != Other || !strings.Contains(e.Detail, "stopped") {
			t.Errorf("%v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = pipeClient(t, Options{}, untilClosed).FreeBusy(ctx, "http://x/", ask("user1@example.com"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		requireError(t, err, Timeout, 0, "in time")
	})
}
