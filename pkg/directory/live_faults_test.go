package directory

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

const (
	faultEntries = 40
	faultPage    = 10
)

// TestShortAnswers checks that a search that ends early in any way returns an error
// with the number of entries delivered before.
func TestShortAnswers(t *testing.T) {
	type faults = ldaptest.Faults
	result := func(code int) ldaptest.Result { return ldaptest.Result{Code: code, Message: "because"} }
	for _, c := range []struct {
		name    string
		faults  faults
		page    int
		idle    time.Duration
		entries int
		code    int
		text    string
		lost    bool // whether a retry may succeed
		fires   int  // number of faults in one attempt; 0 means 1
	}{
		{name: "DropAfter", faults: faults{DropAfter: new(7)}, entries: 7, text: "was closed", lost: true},
		{name: "DropAfter", faults: faults{DropAfter: new(0)}, entries: 0, text: "was closed", lost: true},
		{name: "DropAfter", faults: faults{DropAfter: new(faultEntries)}, entries: faultEntries, text: "was closed", lost: true},
		{name: "DropAfter", faults: faults{DropAfter: new(17)}, page: faultPage, entries: 17, text: "was closed", lost: true},
		{name: "NoticeAfter", faults: faults{NoticeAfter: new(7)}, entries: 7, code: 52, text: "closes the connection", lost: true},
		{name: "StallAfter", faults: faults{StallAfter: new(7)}, idle: 50 * time.Millisecond, entries: 7, text: "no data for 50ms", lost: true},
		{name: "StallAfter", faults: faults{StallAfter: new(faultEntries)}, page: faultPage, idle: 50 * time.Millisecond, entries: faultEntries, text: "no data for 50ms", lost: true},
		{name: "TruncateAfter", faults: faults{TruncateAfter: new(7)}, entries: 7, text: "in the middle of a message", lost: true},
		{name: "TruncateAfter", faults: faults{TruncateAfter: new(faultEntries)}, entries: faultEntries, text: "in the middle of a message", lost: true},
		{name: "DropAfterPages", faults: faults{DropAfterPages: new(2)}, page: faultPage, entries: 2 * faultPage, lost: true},

		{name: "GarbageAfter", faults: faults{GarbageAfter: new(7)}, entries: 7, text: "invalid LDAP message"},
		{name: "GarbageAfter", faults: faults{GarbageAfter: new(7), Garbage: ldaptest.HugeLength()}, entries: 7, text: "it claims a size of 2147483"},
		{name: "GarbageAfter", faults: faults{GarbageAfter: new(7), Garbage: []byte("HTTP/1.1 400 Bad Request\r\n")}, entries: 7, text: "invalid LDAP message"},
		{name: "GarbageAfter", faults: faults{GarbageAfter: new(7), Garbage: []byte{0x30, 0x05, 0x02, 0x01, 0x63, 0x64, 0x00}}, entries: 7, text: "request 99"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(7), Result: result(3)}, entries: 7, code: 3, text: "Time Limit Exceeded"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(7), Result: result(4)}, entries: 7, code: 4, text: "Size Limit Exceeded"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(17), Result: result(11)}, page: faultPage, entries: 17, code: 11, text: "Admin Limit Exceeded"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(0), Result: result(53)}, entries: 0, code: 53, text: "because"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(7), Result: result(51)}, entries: 7, code: 51, text: "Busy"},
		{name: "ResultAfter", faults: faults{ResultAfter: new(7), Result: ldaptest.Result{Code: 10, Referrals: []string{"ldap://a/o=isp", "ldap://b/"}}}, entries: 7, code: 10, text: "ldap://a/o=isp ldap://b/"},
		{name: "NoFinalControl", faults: faults{NoFinalControl: true}, page: faultPage, entries: faultEntries, text: "did not say whether there is another page"},
		{name: "CookieLostAfter", faults: faults{CookieLostAfter: new(1)}, page: faultPage, entries: 2 * faultPage, text: "did not say whether there is another page"},
		{name: "BadControl", faults: faults{BadControl: true}, page: faultPage, entries: faultPage, text: "an invalid paged results control"},
		{name: "BadControl", faults: faults{BadControl: true}, entries: faultEntries, text: "an invalid paged results control"},
		{name: "RepeatCookie", faults: faults{RepeatCookie: true}, page: faultPage, entries: faultPage, text: "sent before", fires: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: c.faults})
			var notes []string
			o := Options{URLs: []string{s.URL()}, PageSize: c.page, Idle: c.idle, NoRestart: true, Note: func(n string) { notes = append(notes, n) }}
			got := readLive(t.Context(), openLive(t, o), liveUsers())
			requireShort(t, got, c.entries, c.code, c.text)
			fires := max(c.fires, 1)
			if s.Fired(c.name) != fires || len(got.restarts) > 0 {
				t.Errorf("the fault happened %d times; restarts %v", s.Fired(c.name), got.restarts)
			}

			o.NoRestart = false
			got = readLive(t.Context(), openLive(t, o), liveUsers())
			requireShort(t, got, c.entries, c.code, c.text)
			restarts := 0
			if c.lost {
				restarts = 1
			}
			if len(got.restarts) != restarts || s.Fired(c.name) != (2+restarts)*fires || len(notes) != restarts {
				t.Errorf("the fault happened %d times; restarts %v; notes %q", s.Fired(c.name), got.restarts, notes)
			}
		})
	}
}

// TestReset checks a connection that is reset, which may lose data sent before.
func TestReset(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: ldaptest.Faults{ResetAfter: new(7)}})
	got := readLive(t.Context(), openLive(t, Options{URLs: []string{s.URL()}, NoRestart: true}), liveUsers())
	if len(got.items) > 7 {
		t.Errorf("%d items", len(got.items))
	}
	requireShort(t, got, len(got.items), 0, "connection reset")
}

// TestPagesBelowNoBase checks the answer of 389 Directory Server to a paged search whose
// base does not exist: success, no entries and no control.
func TestPagesBelowNoBase(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(0), Faults: ldaptest.Faults{NoFinalControl: true}})
	l := openLive(t, Options{URLs: []string{s.URL()}, PageSize: faultPage, NoRestart: true})
	requireShort(t, readLive(t.Context(), l, liveUsers()), 0, 0, "as 389 Directory Server does if the base does not exist")
}

func TestRestart(t *testing.T) {
	for name, faults := range map[string]ldaptest.Faults{
		"drop":     {DropAfter: new(7)},
		"truncate": {TruncateAfter: new(7)},
		"stall":    {StallAfter: new(7)},
		"notice":   {NoticeAfter: new(7)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults.FirstConnections = 1
			s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: faults})
			var notes []string
			l := openLive(t, Options{URLs: []string{s.URL()}, Idle: 50 * time.Millisecond, Note: func(n string) { notes = append(notes, n) }})
			got := readLive(t.Context(), l, liveUsers())
			if len(got.restarts) != 1 || got.restarts[0].Entries != 7 {
				t.Errorf("restarts %v", got.restarts)
			}
			if len(notes) != 1 || !strings.Contains(notes[0], "starting again after 7 entries") {
				t.Errorf("notes %q", notes)
			}
			got.restarts = nil
			requireComplete(t, got, userTexts(faultEntries)...)
		})
	}
}

// TestRestartWithoutServer checks that a sequence whose connection is lost and cannot be
// replaced keeps what was delivered before.
func TestRestartWithoutServer(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: ldaptest.Faults{DropAfter: new(7)}})
	l := openLive(t, Options{URLs: []string{s.URL()}})
	s.SetFaults(ldaptest.Faults{DropAfter: new(7), RefuseBind: &ldaptest.Result{Code: 49}})
	got := readLive(t.Context(), l, liveUsers())
	requireShort(t, got, 7, 49, "Invalid Credentials")
	if !errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("the error lacks the first cause: %v", got.err)
	}
}

// TestBreakAtRestart checks that the iteration can be broken off at a restart.
func TestBreakAtRestart(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: ldaptest.Faults{DropAfter: new(7)}})
	l := openLive(t, Options{URLs: []string{s.URL()}})
	for _, err := range l.Entries(t.Context(), liveUsers()) {
		if err != nil {
			break
		}
	}
	eventually(t, "the end of all connections", func() bool { return s.Open() == 0 })
}

func TestLimitsOfOrdinaryUsers(t *testing.T) {
	user := ldaptest.Identity{DN: "cn=user,o=isp", Password: "secret"}
	for _, c := range []struct {
		limits        ldaptest.Limits
		page, entries int
		code          int
	}{
		{ldaptest.Limits{Size: 25}, 0, 25, 4},
		{ldaptest.Limits{Size: 25}, faultPage, 25, 4},
		{ldaptest.Limits{LookThrough: 30}, 0, 30, 11},
		{ldaptest.Limits{LookThrough: 30}, faultPage, 30, 11},
		{ldaptest.Limits{Size: 5, SizePerPage: true}, faultPage, faultEntries, 0}, // with smaller pages
		{ldaptest.Limits{Size: faultEntries, LookThrough: faultEntries}, 0, faultEntries, 0},
		{ldaptest.Limits{Size: faultPage, SizePerPage: true}, faultPage, faultEntries, 0},
	} {
		user.Limits = c.limits
		s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Identities: []ldaptest.Identity{user}})
		o := asManager(Options{URLs: []string{s.URL()}, PageSize: c.page})
		o.BindDN = user.DN
		q := liveUsers()
		q.Filter = "(uid=*)" // examine only this index, and all of it
		q.Selections[0].Filter = "(uid>=a)"
		if c.limits.LookThrough > 0 {
			q = liveUsers()
			q.Bases, q.Scope, q.Selections[0].Classes = []string{"ou=people,o=isp"}, OneLevel, []string{"INETORGPERSON"}
			q.Filter = "(sn=*)"
		}
		got := readLive(t.Context(), openLive(t, o), q)
		if c.code != 0 {
			requireShort(t, got, c.entries, c.code, "Limit Exceeded")
		} else {
			if c.limits.SizePerPage && c.limits.Size < c.page {
				got.restarts = nil
			}
			requireComplete(t, got, userTexts(c.entries)...)
		}
	}
}

// TestLiveCancel checks that the end of the context ends a blocked read, and that data
// already received is not delivered after it.
func TestLiveCancel(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries)})
	t.Run("between entries", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		l := openLive(t, Options{URLs: []string{s.URL()}})
		n, reason := 0, errors.New("the reason")
		var last error
		for _, err := range l.Entries(ctx, liveUsers()) {
			if last = err; err == nil {
				if n++; n == 3 {
					cancel(reason)
				}
			}
		}
		e, ok := errors.AsType[*IncompleteError](last)
		if n != 3 || !ok || e.Entries != 3 || !errors.Is(last, context.Canceled) || !errors.Is(last, reason) {
			t.Errorf("%d entries, %v", n, last)
		}
	})
	for name, faults := range map[string]ldaptest.Faults{"waiting": {StallAfter: new(3)}, "slow": {SlowEntries: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: faults})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := openLive(t, Options{URLs: []string{s.URL()}})
			n := 0
			var last error
			for _, err := range l.Entries(ctx, liveUsers()) {
				if last = err; err == nil {
					if n++; n == 3 {
						go cancel()
					}
				}
			}
			e, ok := errors.AsType[*IncompleteError](last)
			if !ok || e.Entries != n || n == faultEntries || !errors.Is(last, context.Canceled) {
				t.Errorf("%d entries, %v", n, last)
			}
			eventually(t, "the end of all connections", func() bool { return s.Open() == 0 })
		})
	}
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := openLive(t, Options{URLs: []string{s.URL()}})
		cancel()
		if got := readLive(ctx, l, liveUsers()); !errors.Is(got.err, context.Canceled) || len(got.items) > 0 {
			t.Errorf("%d items, %v", len(got.items), got.err)
		}
		if _, err := Open(ctx, Options{URLs: []string{s.URL()}}); !errors.Is(err, context.Canceled) {
			t.Errorf("Open: %v", err)
		}
	})
}

// TestSlowServerIsAlive checks that the idle timeout applies to single bytes, not to the
// complete answer.
func TestSlowServerIsAlive(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), Faults: ldaptest.Faults{SlowEntries: 50 * time.Millisecond}})
	l := openLive(t, Options{URLs: []string{s.URL()}, Idle: time.Second, NoRestart: true})
	requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(faultEntries)...)
}

// TestSlowReader checks that a slow reader does not trigger the idle timeout.
func TestSlowReader(t *testing.T) {
	const n = 3000 // more than the buffers hold
	tree := liveTree(n)
	for i := range tree {
		tree[i].Attrs = append(tree[i].Attrs, ldaptest.Attr{Name: "description", Values: []string{strings.Repeat("x", 2000)}})
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: tree})
	l := openLive(t, Options{URLs: []string{s.URL()}, Idle: 20 * time.Millisecond, NoRestart: true})
	q := liveUsers()
	q.Attributes, q.Selections[0].Attributes = []string{"description"}, 1
	count := 0
	for _, err := range l.Entries(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		if count++; count%1000 == 1 {
			time.Sleep(50 * time.Millisecond) // longer than Idle
		}
	}
	if count != n {
		t.Errorf("%d entries", count)
	}
}

// TestNothingIsLeft checks that connections are closed after a sequence was broken off,
// and after Close.
func TestNothingIsLeft(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(faultEntries), TLS: true})
	eventually(t, "the start", func() bool { return s.Open() == 0 })
	client := func() int { return strings.Count(stacks(), "go-ldap/ldap/v3.(*Conn)") }
	for _, url := range []string{s.URL(), s.LDAPSURL()} {
		l := openLive(t, Options{URLs: []string{url}, Insecure: true})
		for range l.Entries(t.Context(), liveUsers()) {
			if s.Open() != 1 {
				t.Errorf("%d connections", s.Open())
			}
			if found, err := l.Exists(t.Context(), "o=isp"); !found || err != nil {
				t.Errorf("Exists returned %v, %v", found, err)
			}
			if s.Open() != 2 {
				t.Errorf("%d connections", s.Open())
			}
			break
		}
		eventually(t, "the end of the connection", func() bool { return s.Open() == 1 })
		eventually(t, "the end of go-ldap", func() bool { return client() == 0 })
		requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(faultEntries)...)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		eventually(t, "the end of all connections", func() bool { return s.Open() == 0 })
		if got := readLive(t.Context(), l, liveUsers()); got.err == nil || len(got.items) > 0 {
			t.Errorf("a closed directory can be read: %v", got)
		}
	}
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
