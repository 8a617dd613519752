package directory

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// scripted starts a server and returns its URL. The server accepts one client, lets it
// bind and read the root DSE, waits for a number of requests, and then calls answer
// with the connection and the message IDs of the requests. The connection stays open
// until the client closes it, unless answer closes it.
func scripted(t *testing.T, requests int, answer func(conn net.Conn, ids []int)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		next := func() int {
			p, err := ber.ReadPacket(conn)
			if err != nil || len(p.Children) < 2 {
				return -1
			}
			id, _ := ber.ParseInt64(p.Children[0].Data.Bytes())
			return int(id)
		}
		_, _ = conn.Write(messageOf(next(), resultOf(ldap.ApplicationBindResponse, 0)))
		id := next()
		_, _ = conn.Write(messageOf(id, wireEntry{attrs: []wireAttr{{"supportedControl", []string{OIDPreRead}}}}.packet()))
		_, _ = conn.Write(messageOf(id, resultOf(ldap.ApplicationSearchResultDone, 0)))
		var ids []int
		for range requests {
			ids = append(ids, next())
		}
		answer(conn, ids)
		for next() >= 0 {
		}
	}()
	return "ldap://" + listener.Addr().String()
}

func resultOf(tag ber.Tag, code int) *ber.Packet {
	return application(tag, integer(ber.TagEnumerated, code), octets(""), octets("text"))
}

func modifiedOf(id, code int, controls ...*ber.Packet) []byte {
	return messageOf(id, resultOf(ldap.ApplicationModifyResponse, code), controls...)
}

func controlOf(oid string, value []byte) *ber.Packet {
	return sequence(octets(oid), octets(string(value)))
}

// titled returns a pre-read control with a title.
func titled(title string) *ber.Packet {
	return controlOf(OIDPreRead, wireEntry{"cn=x", []wireAttr{{"Title", []string{title}}}}.packet().Bytes())
}

func noticeOf(code int) []byte {
	p := resultOf(ldap.ApplicationExtendedResponse, code)
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, "1.3.6.1.4.1.1466.20036", ""))
	return messageOf(0, p)
}

// said returns results as text: ? for no answer, or else the result code and the values
// before the change.
func said(answers []ModifyResult) string {
	var out []string
	for _, a := range answers {
		text := "?"
		if a.Answered {
			text = "0"
		}
		if a.Err != nil {
			text = fmt.Sprint(a.Err.Code)
		}
		if a.Before != nil {
			text += fmt.Sprintf(" %s", a.Before["title"])
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// TestChangerAnswers checks valid and invalid answers to three requests.
func TestChangerAnswers(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, x := range map[string]struct {
		answer func(ids []int) []byte
		closes bool
		want   string
		err    string // part of it; "" for none
		code   int
	}{
		"in order": {answer: func(ids []int) []byte {
			return join(modifiedOf(ids[0], 0), modifiedOf(ids[1], 50), modifiedOf(ids[2], 53))
		}, want: "0, 50, 53"},
		"out of order": {answer: func(ids []int) []byte {
			return join(modifiedOf(ids[2], 53), modifiedOf(ids[0], 0), modifiedOf(ids[1], 50))
		}, want: "0, 50, 53"},
		"before": {answer: func(ids []int) []byte {
			return join(modifiedOf(ids[1], 0, controlOf("1.2.3", nil), titled("b")), modifiedOf(ids[0], 0, titled("a")), modifiedOf(ids[2], 122, titled("c")))
		}, want: "0 [a], 0 [b], 122"},
		"criticality": {answer: func(ids []int) []byte {
			c := titled("a")
			critical := sequence(c.Children[0], ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, ""), c.Children[1])
			return join(modifiedOf(ids[0], 0, critical), modifiedOf(ids[1], 0), modifiedOf(ids[2], 0))
		}, want: "0 [a], 0, 0"},
		"an unknown id":     {answer: func(ids []int) []byte { return join(modifiedOf(ids[1], 0), modifiedOf(ids[2]+1, 0)) }, want: "?, 0, ?", err: "which is not pending"},
		"an earlier id":     {answer: func(ids []int) []byte { return modifiedOf(ids[0]-1, 0) }, want: "?, ?, ?", err: "which is not pending"},
		"an answer twice":   {answer: func(ids []int) []byte { return join(modifiedOf(ids[1], 0), modifiedOf(ids[1], 0)) }, want: "?, 0, ?", err: "which is not pending"},
		"another answer":    {answer: func(ids []int) []byte { return messageOf(ids[0], resultOf(ldap.ApplicationSearchResultDone, 0)) }, want: "?, ?, ?", err: "which is not pending"},
		"a notice":          {answer: func(ids []int) []byte { return join(modifiedOf(ids[0], 0), noticeOf(52)) }, want: "0, ?, ?", err: "closes the connection", code: 52},
		"a notice, closed":  {answer: func(ids []int) []byte { return join(modifiedOf(ids[0], 0), noticeOf(80)) }, closes: true, want: "0, ?, ?", err: "closes the connection", code: 80},
		"an invalid notice": {answer: func([]int) []byte { return messageOf(0, application(ldap.ApplicationExtendedResponse)) }, want: "?, ?, ?", err: "invalid LDAP message"},
		"garbage":           {answer: func(ids []int) []byte { return join(modifiedOf(ids[0], 0), []byte("HTTP/1.1 400 Bad Request\r\n")) }, want: "0, ?, ?", err: "invalid LDAP message"},
		"a bad length":      {answer: func(ids []int) []byte { return join(modifiedOf(ids[0], 0), []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff}) }, want: "0, ?, ?", err: "invalid LDAP message"},
		"a huge length":     {answer: func([]int) []byte { return []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xf0} }, want: "?, ?, ?", err: "invalid LDAP message"},
		"truncated": {answer: func(ids []int) []byte {
			whole := modifiedOf(ids[1], 0)
			return join(modifiedOf(ids[0], 0), whole[:len(whole)-3])
		}, closes: true, want: "0, ?, ?", err: "in the middle of a message"},
		"closed":          {answer: func(ids []int) []byte { return modifiedOf(ids[2], 0) }, closes: true, want: "?, ?, 0", err: "was closed"},
		"silent":          {answer: func(ids []int) []byte { return modifiedOf(ids[2], 0) }, want: "?, ?, 0", err: "no data for"},
		"no code":         {answer: func(ids []int) []byte { return messageOf(ids[0], application(ldap.ApplicationModifyResponse)) }, want: "?, ?, ?", err: "invalid LDAP message"},
		"no controls":     {answer: func(ids []int) []byte { return modifiedOf(ids[0], 0, octets("x")) }, want: "0, ?, ?", err: "invalid LDAP message"},
		"no entry before": {answer: func(ids []int) []byte { return modifiedOf(ids[0], 0, controlOf(OIDPreRead, []byte{0x64, 5, 1})) }, want: "0, ?, ?", err: "invalid LDAP message"},
		"no value before": {answer: func(ids []int) []byte { return modifiedOf(ids[0], 0, sequence(octets(OIDPreRead))) }, want: "0, ?, ?", err: "invalid LDAP message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := scripted(t, 3, func(conn net.Conn, ids []int) {
				_, _ = conn.Write(x.answer(ids))
				if x.closes {
					_ = conn.Close()
				}
			})
			idle := 10 * time.Second
			if name == "silent" {
				idle = 100 * time.Millisecond
			}
			c := openChanger(t, Options{URLs: []string{url}, Idle: idle})
			answers, err := c.Modify([]ModifyRequest{replacing("cn=a", "title", "x"), replacing("cn=b", "title", "x"), replacing("cn=c", "title", "x")})
			if got := said(answers); got != x.want {
				t.Errorf("the results are %s, want %s", got, x.want)
			}
			if x.err == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), x.err) || !IsLost(err) || ResultCode(err) != x.code {
				t.Errorf("%v, lost: %v", err, IsLost(err))
			}
			if err := c.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection was not closed: %v", err)
			}
			// A late answer is not mistaken for the answer to another request.
			if _, err := c.Read(t.Context(), "cn=a", []string{"title"}); !IsLost(err) {
				t.Errorf("afterwards: %v", err)
			}
			if _, err := c.Modify([]ModifyRequest{replacing("cn=a", "title", "x")}); !IsLost(err) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestChangerReadAnswers checks that an invalid answer to a search closes the
// connection.
func TestChangerReadAnswers(t *testing.T) {
	entry := wireEntry{"cn=a", []wireAttr{{"title", []string{"x"}}}}.packet
	for name, x := range map[string]struct {
		answer func(id int) []byte
		lost   bool
		code   int
	}{
		"good": {answer: func(id int) []byte {
			return append(messageOf(id, entry()), messageOf(id, resultOf(ldap.ApplicationSearchResultDone, 0))...)
		}},
		"refused":        {answer: func(id int) []byte { return messageOf(id, resultOf(ldap.ApplicationSearchResultDone, 50)) }, code: 50},
		"an unknown id":  {answer: func(id int) []byte { return messageOf(id+1, entry()) }, lost: true},
		"garbage":        {answer: func(int) []byte { return []byte("SSH-2.0") }, lost: true},
		"a notice":       {answer: func(int) []byte { return noticeOf(52) }, lost: true, code: 52},
		"a notice of 32": {answer: func(int) []byte { return noticeOf(32) }, lost: true, code: 32},
		"another answer": {answer: func(id int) []byte { return modifiedOf(id, 0) }, lost: true},
		"a broken entry": {answer: func(id int) []byte {
			return messageOf(id, application(ldap.ApplicationSearchResultEntry, integer(ber.TagInteger, 1)))
		}, lost: true},
		"a broken result": {answer: func(id int) []byte { return messageOf(id, application(ldap.ApplicationSearchResultDone)) }, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := scripted(t, 1, func(conn net.Conn, ids []int) { _, _ = conn.Write(x.answer(ids[0])) })
			c := openChanger(t, Options{URLs: []string{url}, Idle: 10 * time.Second})
			f, err := c.Read(t.Context(), "cn=a", []string{"title"})
			if good := name == "good"; good != (f != nil) || good != (err == nil) || IsLost(err) != x.lost || ResultCode(err) != x.code {
				t.Errorf("%+v, %v", f, err)
			}
			if x.lost {
				if _, err := c.Read(t.Context(), "cn=a", nil); !IsLost(err) {
					t.Errorf("afterwards: %v", err)
				}
			}
		})
	}
}

// FuzzPreRead checks that no input causes a panic or values that were not sent.
func FuzzAnswers(f *testing.F) {
	for _, seed := range [][]byte{
		modifiedOf(1, 0, titled("x")), modifiedOf(1, 122), noticeOf(52), modifiedOf(7, 0, controlOf("1.2", nil), titled("")),
		wireEntry{"cn=x", []wireAttr{{"a", []string{"", "b"}}, {"A", []string{"c"}}, {"b", nil}}}.packet().Bytes(),
		titled("x").Bytes(), sequence(octets(OIDPreRead)).Bytes(), resultOf(ldap.ApplicationModifyResponse, 0).Bytes(), {0x30, 0x84, 0x7f}, nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if list, ok := entryValues(b); ok {
			for name, values := range list {
				if name != strings.ToLower(name) || len(values) == 0 {
					t.Errorf("%q has %d values", name, len(values))
				}
			}
		} else if list != nil {
			t.Errorf("%v from an invalid entry", list)
		}
		if value, found, ok := findControl(b, OIDPreRead); found && ok && !bytes.Contains(b, value) {
			t.Errorf("%q is not in %q", value, b)
		}
		for _, m := range []message{{body: b}, {body: []byte{0x0a, 1, 0, 4, 0, 4, 0}, controls: b}} {
			requireSane(t, m)
		}
		if m, ok := parseMessage(b); ok {
			requireSane(t, m)
		}
		if !bytes.Equal(b, before) {
			t.Error("the input was modified")
		}
	})
}

func requireSane(t *testing.T, m message) {
	t.Helper()
	a, err := parseModifyResult(m)
	if err != nil && !IsLost(err) || err == nil && !a.Answered || a.Before != nil && (a.Err != nil || err != nil) || a.Err != nil && a.Err.Code == 0 {
		t.Errorf("%+v, %v", a, err)
	}
}
