package directory

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// answering starts a server that reads a request and calls answer, once for each
// connection, and returns its URL.
func answering(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 1024))
				answer(c)
			}()
		}
	}()
	return "ldap://" + l.Addr().String()
}

// bound is the answer to an anonymous bind with the message ID 1.
func bound() []byte {
	return []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}
}

// A server that answers byte by byte, or that sends without end, does not keep a run
// connecting for ever, nor fill the memory.
func TestConnectLimits(t *testing.T) {
	slow := func(c net.Conn) {
		for {
			if _, err := c.Write([]byte{0x30}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	huge := func(c net.Conn) { // a message of 256 MiB
		_, _ = c.Write([]byte{0x30, 0x84, 0x10, 0x00, 0x00, 0x00, 0x02, 0x01, 0x01, 0x61, 0x84, 0x0f, 0xff, 0x00, 0x00, 0x04, 0x84, 0x0f, 0xfe, 0x00, 0x00})
		_, _ = io.CopyN(c, zeros{}, 256<<20)
	}
	afterBind := func(then func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Write(bound())
			_, _ = c.Read(make([]byte, 1024))
			then(c)
		}
	}
	trickle := func(c net.Conn) { // an entry of 1000 bytes, in 20 s
		_, _ = c.Write([]byte{0x30, 0x82, 0x03, 0xe8})
		slow(c)
	}
	for name, c := range map[string]struct {
		answer   func(net.Conn)
		startTLS bool
		want     string
	}{
		"slow bind":          {func(c net.Conn) { _, _ = c.Write([]byte{0x30, 0x82, 0x03, 0xe8}); slow(c) }, false, "bind: no answer within 400ms"},
		"talkative bind":     {huge, false, "bind: the server sent more than 1024 KiB in answer to the bind"},
		"talkative StartTLS": {huge, true, "StartTLS: the server sent an invalid LDAP message: it claims a size of"},
		"slow root DSE":      {afterBind(trickle), false, "reading the root DSE: no complete answer within 400ms"},
		"talkative root DSE": {afterBind(func(c net.Conn) { flood(c) }), false, "reading the root DSE: the result is too large"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{URLs: []string{answering(t, c.answer)}, ConnectTimeout: 400 * time.Millisecond, Idle: time.Minute, StartTLS: c.startTLS}
			if strings.HasPrefix(name, "talkative") {
				o.ConnectTimeout = 20 * time.Second
			}
			start := time.Now()
			_, err := Open(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			_, cerr := OpenChanger(t.Context(), o)
			if cerr == nil || !strings.Contains(cerr.Error(), c.want) {
				t.Errorf("%v", cerr)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// flood sends entries with the message ID 1 without end.
func flood(c net.Conn) {
	value := bytes.Repeat([]byte("x"), 200)
	entry := append([]byte{0x04, 0x00, 0x30, 0x81, 0xd6, 0x30, 0x81, 0xd3, 0x04, 0x01, 'a', 0x31, 0x81, 0xcd, 0x04, 0x81, 0xc8}, append(value, 0x04, 0x00)...)
	message := append([]byte{0x02, 0x01, 0x01, 0x64, 0x81, byte(len(entry))}, entry...)
	message = append([]byte{0x30, 0x81, byte(len(message))}, message...)
	for {
		if _, err := c.Write(message); err != nil {
			return
		}
	}
}

// The text of a failed connection names the step once, and no call of the system.
func TestConnectText(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "ldap://" + l.Addr().String()
	_ = l.Close()
	_, err = Open(t.Context(), Options{URLs: []string{url}})
	if err == nil || err.Error() != url+": connect: connection refused" {
		t.Errorf("%v", err)
	}
	_, err = Open(t.Context(), Options{URLs: []string{"ldap://host.invalid"}})
	if err == nil || !strings.HasPrefix(err.Error(), "ldap://host.invalid:389: connect: the host name ") {
		t.Errorf("%v", err)
	}
	reset := answering(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	if _, err = Open(t.Context(), Options{URLs: []string{reset}}); err == nil || !strings.HasSuffix(err.Error(), ": bind: connection reset by peer") {
		t.Errorf("%v", err)
	}
}

// Long texts and lists of a server are clipped.
func TestClippedResult(t *testing.T) {
	r := resultFields{code: ldap.LDAPResultReferral, message: bytes.Repeat([]byte("é"), 1<<20), matched: bytes.Repeat([]byte("x"), 1<<20)}
	for range 1000 {
		r.referral = append(r.referral, "ldap://"+strings.Repeat("h", 5000))
	}
	e := r.err()
	text := e.Error()
	if len(text) > 10000 || !strings.Contains(text, "… (2097152 bytes in all)") || !strings.HasSuffix(text, " and 995 more") || len(e.MatchedDN) > 2000 {
		t.Errorf("%d bytes: %.3000s", len(text), text)
	}
	short := (&resultFields{code: 10, message: []byte("m"), referral: []string{"ldap://a", "ldap://b"}}).err()
	if want := "result code 10 (Referral): m: ldap://a ldap://b"; short.Error() != want {
		t.Errorf("%v", short)
	}
	if e, ok := errors.AsType[*ResultError](fromLDAP(ldap.NewError(49, errors.New(strings.Repeat("x", 1<<20))))); !ok || len(e.Message) > 2000 {
		t.Errorf("%d bytes", len(e.Message))
	}
}

// A page cookie that no server needs is refused, because it would be sent back with each
// request.
func TestHugeCookie(t *testing.T) {
	done := func(cookie []byte) error {
		m := message{op: opSearchDone, body: []byte{0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}}
		for _, c := range pagingControls(0, cookie).Children {
			m.controls = append(m.controls, c.Bytes()...)
		}
		r := pageReader{here: 1}
		more, err := r.done(m, &search{page: 100})
		if err == nil && !more {
			return errors.New("no more pages")
		}
		return err
	}
	if err := done(make([]byte, maxCookie)); err != nil {
		t.Error(err)
	}
	if err := done(make([]byte, 3<<20)); err == nil || !strings.Contains(err.Error(), "page cookie of 3145728 bytes") {
		t.Error(err)
	}
}
