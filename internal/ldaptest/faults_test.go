package ldaptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func fired(t *testing.T, s *Server, name string, want int) {
	t.Helper()
	if got := s.Fired(name); got != want {
		t.Errorf("%s happened %d times, want %d", name, got, want)
	}
}

// TestConnectionFaults checks that a client gets the entries before the end of a
// connection, and then an error.
func TestConnectionFaults(t *testing.T) {
	s := Start(t, Options{Entries: people(2000), TLS: true, Unix: true})
	for _, n := range []int{0, 3, 1999, 2000} {
		for name, f := range map[string]Faults{
			"DropAfter":     {DropAfter: new(n)},
			"NoticeAfter":   {NoticeAfter: new(n)},
			"TruncateAfter": {TruncateAfter: new(n)},
			"ResetAfter":    {ResetAfter: new(n)},
			"GarbageAfter":  {GarbageAfter: new(n)},
		} {
			what := fmt.Sprintf("%s %d", name, n)
			s.SetFaults(f)
			before := s.Fired(name)
			plain := dial(t, s.URL())
			secure := dial(t, s.LDAPSURL(), ldap.DialWithTLSConfig(clientTLS(s)))
			local := dial(t, s.LDAPIURL())
			for _, c := range []*ldap.Conn{plain, secure, local} {
				res, err := c.Search(everybody("1.1"))
				if err == nil || resultCode(err) > 0 && resultCode(err) < 200 {
					t.Errorf("%s: %v", what, err)
				}
				// A reset discards data that has not been read.
				if len(res.Entries) != n && (name != "ResetAfter" || len(res.Entries) > n) {
					t.Errorf("%s: %d entries", what, len(res.Entries))
				}
				if name != "ResetAfter" && !c.IsClosing() {
					eventually(t, "the end of the connection by "+what, c.IsClosing)
				}
			}
			entries, err := async(t.Context(), dial(t, s.URL()), everybody("1.1"))
			if err == nil || entries > n {
				t.Errorf("%s: SearchAsync has %d entries, %v", what, entries, err)
			}
			fired(t, s, name, before+4)
			if n == 3 && name != "GarbageAfter" {
				a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "ou=people,o=isp", "-s", "one", "1.1")
				if a.code == 0 || len(a.dns) > n {
					t.Errorf("%s: ldapsearch has %d entries, code %d", what, len(a.dns), a.code)
				}
			}
		}
	}
}

// TestResetIsAReset checks that the client can distinguish a reset from a normal end.
func TestResetIsAReset(t *testing.T) {
	s := Start(t, Options{Entries: people(5)})
	for name, f := range map[string]Faults{"reset": {ResetAfter: new(2)}, "drop": {DropAfter: new(2)}} {
		s.SetFaults(f)
		raw := rawDial(t, s)
		_, _ = raw.Write(rawSearch(1))
		_, err := io.ReadAll(raw)
		if name == "reset" && !errors.Is(err, syscall.ECONNRESET) || name == "drop" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStall checks that a stalled connection delivers neither data nor an error.
func TestStall(t *testing.T) {
	s := Start(t, Options{Entries: people(10)})
	for name, f := range map[string]Faults{
		"StallAfter":   {StallAfter: new(4)},
		"GarbageAfter": {GarbageAfter: new(4), Garbage: HugeLength()},
	} {
		s.SetFaults(f)
		c := dial(t, s.URL())
		got := make(chan int)
		go func() {
			defer close(got)
			r := c.SearchAsync(context.Background(), everybody("1.1"), 0)
			for i := 1; r.Next(); i++ {
				got <- i
			}
			if r.Err() == nil {
				t.Errorf("%s: closing the connection gave no error", name)
			}
		}()
		for i := 1; i <= 4; i++ {
			<-got
		}
		select {
		case i, ok := <-got:
			t.Errorf("%s: received data: %d, %t", name, i, ok)
		case <-time.After(200 * time.Millisecond):
		}
		fired(t, s, name, 1)
		within(t, "closing the connection", func() { _ = c.Close(); <-got })
	}
	eventually(t, "the end of the connections", func() bool { return s.Open() == 0 })

	// A second request on the connection is not answered.
	s.SetFaults(Faults{StallAfter: new(0)})
	c := dial(t, s.URL())
	c.SetTimeout(300 * time.Millisecond)
	for _, req := range []*ldap.SearchRequest{everybody(), request("", ldap.ScopeBaseObject, "(objectClass=*)")} {
		if _, err := c.Search(req); !ldap.IsErrorWithCode(err, ldap.ErrorNetwork) {
			t.Errorf("a stalled connection: %v", err)
		}
	}
	within(t, "stopping a server that stalls", s.Stop)
}

// TestSilentTruncation checks that the server can produce all cases in which go-ldap's
// SearchAsync ends early without an error. A reader of a directory must therefore not
// rely on Err alone.
func TestSilentTruncation(t *testing.T) {
	s := Start(t, Options{Entries: people(100), Faults: Faults{StallAfter: new(50)}})
	c := dial(t, s.URL())

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	entries, err := async(ctx, c, everybody("1.1"))
	if entries != 50 || err != nil {
		t.Errorf("when the context ends: %d entries, %v; go-ldap was changed", entries, err)
	}

	// The connection ends between two pages, which a client that is processing the
	// first page does not notice.
	s.SetFaults(Faults{DropAfterPages: new(1)})
	c = dial(t, s.URL())
	req := everybody("1.1")
	page := ldap.NewControlPaging(10)
	req.Controls = []ldap.Control{page}
	res := ask(t, c, req)
	page.SetCookie(ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging).Cookie)
	eventually(t, "the end of the connection", c.IsClosing)
	entries, err = async(t.Context(), c, req)
	if entries != 0 || err != nil {
		t.Errorf("on a closed connection: %d entries, %v; go-ldap was changed", entries, err)
	}
	fired(t, s, "DropAfterPages", 1)

	// The server loses the cookie: SearchWithPaging treats this as the end.
	s.SetFaults(Faults{CookieLostAfter: new(2)})
	all, err := dial(t, s.URL()).SearchWithPaging(everybody("1.1"), 10)
	if len(all.Entries) != 30 || err != nil {
		t.Errorf("when the cookie is lost: %d entries, %v; go-ldap was changed", len(all.Entries), err)
	}
	fired(t, s, "CookieLostAfter", 1)
}

func TestResultAfter(t *testing.T) {
	s := Start(t, Options{Entries: people(10)})
	for _, want := range []uint16{3, 4, 10, 11, 51, 52, 53, 80} {
		s.SetFaults(Faults{ResultAfter: new(7), Result: Result{Code: int(want), Message: "a message", Referrals: []string{"ldap://elsewhere/"}}})
		c := dial(t, s.URL())
		res, err := c.Search(everybody("1.1"))
		code(t, "Search", err, want)
		var e *ldap.Error
		if len(res.Entries) != 7 || !errors.As(err, &e) || e.Err.Error() != "a message" {
			t.Errorf("code %d: %d entries, %v", want, len(res.Entries), err)
		}
		res, err = c.SearchWithPaging(everybody("1.1"), 5)
		code(t, "SearchWithPaging", err, want)
		if len(res.Entries) != 7 {
			t.Errorf("code %d: %d entries by pages", want, len(res.Entries))
		}
		entries, err := async(t.Context(), c, everybody("1.1"))
		code(t, "SearchAsync", err, want)
		if entries != 7 {
			t.Errorf("code %d: %d entries by SearchAsync", want, entries)
		}
		a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "ou=people,o=isp", "-s", "one", "1.1")
		if a.code != int(want) || len(a.dns) != 7 {
			t.Errorf("code %d: ldapsearch has %d entries, code %d", want, len(a.dns), a.code)
		}
	}
	fired(t, s, "ResultAfter", 32)
}

func TestPagingFaults(t *testing.T) {
	s := Start(t, Options{Entries: people(10), Faults: Faults{NoFinalControl: true}})
	c := dial(t, s.URL())
	res, err := c.SearchWithPaging(everybody("1.1"), 4)
	if err != nil || len(res.Entries) != 10 || len(res.Controls) != 2 {
		t.Errorf("NoFinalControl: %d entries, %d controls, %v", len(res.Entries), len(res.Controls), err)
	}
	fired(t, s, "NoFinalControl", 1)

	s.SetFaults(Faults{BadControl: true})
	if _, err = c.Search(everybody("1.1")); err == nil || resultCode(err) > 0 {
		t.Errorf("BadControl: %v", err)
	}
	if entries, err := async(t.Context(), c, everybody("1.1")); err == nil || entries != 10 {
		t.Errorf("BadControl: SearchAsync has %d entries, %v", entries, err)
	}
	fired(t, s, "BadControl", 2)

	s.SetFaults(Faults{RepeatCookie: true})
	page := ldap.NewControlPaging(4)
	var first *ldap.SearchResult
	for range 6 {
		req := everybody("1.1")
		req.Controls = []ldap.Control{page}
		res := ask(t, c, req)
		if first == nil {
			first = res
		}
		same(t, "the page", dns(res), dns(first))
		same(t, "the cookie", res.Controls[0].(*ldap.ControlPaging).Cookie, first.Controls[0].(*ldap.ControlPaging).Cookie)
		page.SetCookie(res.Controls[0].(*ldap.ControlPaging).Cookie)
	}
	fired(t, s, "RepeatCookie", 6)
	req := everybody("1.1")
	req.Controls = []ldap.Control{ldap.NewControlPaging(100)}
	if res := ask(t, c, req); len(res.Controls[0].(*ldap.ControlPaging).Cookie) == 0 {
		t.Error("a page with all entries has no cookie")
	}
}

// TestFaultsAcrossPages checks that faults count the entries of all pages.
func TestFaultsAcrossPages(t *testing.T) {
	s := Start(t, Options{Entries: people(20)})
	for _, size := range []uint32{1, 5, 10, 11, 30} {
		s.SetFaults(Faults{DropAfter: new(10)})
		res, err := dial(t, s.URL()).SearchWithPaging(everybody("1.1"), size)
		if err == nil || len(res.Entries) != 10 {
			t.Errorf("pages of %d: %d entries, %v", size, len(res.Entries), err)
		}
	}
}

func TestFirstConnections(t *testing.T) {
	s := Start(t, Options{Entries: people(10), Faults: Faults{DropAfter: new(3), FirstConnections: 2}})
	for i, want := range []int{3, 3, 10, 10} {
		res, _ := dial(t, s.URL()).Search(everybody("1.1"))
		if len(res.Entries) != want {
			t.Errorf("connection %d gives %d entries", i+1, len(res.Entries))
		}
	}
	s.SetFaults(Faults{CloseOnAccept: true, FirstConnections: 1})
	if _, err := dial(t, s.URL()).Search(everybody()); err == nil || resultCode(err) > 0 && resultCode(err) < 200 {
		t.Errorf("CloseOnAccept: %v", err)
	}
	if res := ask(t, dial(t, s.URL()), everybody()); len(res.Entries) != 10 {
		t.Errorf("then %d entries", len(res.Entries))
	}
	fired(t, s, "CloseOnAccept", 1)
	if s.Connections() != 6 {
		t.Errorf("%d connections", s.Connections())
	}
}

func TestMatch(t *testing.T) {
	s := Start(t, Options{Entries: people(10), Faults: Faults{
		ResultAfter: new(0), Result: Result{Code: ldap.LDAPResultBusy},
		Match: func(r Request) bool { return slices.Contains(r.Attributes, "mail") },
	}})
	c := dial(t, s.URL())
	ask(t, c, everybody("cn"))
	_, err := c.Search(everybody("mail"))
	code(t, "matched", err, ldap.LDAPResultBusy)
	_, err = c.Search(request("", ldap.ScopeBaseObject, "(objectClass=*)", "mail"))
	code(t, "matched root", err, ldap.LDAPResultBusy)
	s.SetFaults(Faults{ResultAfter: new(0), Result: Result{Code: ldap.LDAPResultBusy}})
	ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)"))
	ask(t, c, request("cn=subschema", ldap.ScopeBaseObject, "(objectClass=*)"))
}

func TestRefuseBind(t *testing.T) {
	s := Start(t, Options{Identities: []Identity{{DN: "cn=m", Password: "x"}}, Unix: true})
	for i, want := range []uint16{49, 8, 53} {
		s.SetFaults(Faults{RefuseBind: &Result{Code: int(want), Message: "no"}})
		c := dial(t, s.LDAPIURL())
		code(t, "simple", c.Bind("cn=m", "x"), want)
		code(t, "anonymous", c.UnauthenticatedBind(""), want)
		code(t, "EXTERNAL", c.ExternalBind(), want)
		fired(t, s, "RefuseBind", 3*(i+1))
	}
}

func TestSlowEntriesAndReferences(t *testing.T) {
	s := Start(t, Options{Entries: people(10), Faults: Faults{SlowEntries: 10 * time.Millisecond}})
	c := dial(t, s.URL())
	start := time.Now()
	ask(t, c, everybody())
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("10 slow entries took %v", took)
	}
	fired(t, s, "SlowEntries", 10)
	s.SetFaults(Faults{ReferenceEvery: 3, References: []string{"ldap://a/", "ldap://b/"}})
	res := ask(t, c, everybody())
	// go-ldap keeps the first URL of each.
	if len(res.Entries) != 10 || !slices.Equal(res.Referrals, []string{"ldap://a/", "ldap://a/", "ldap://a/"}) {
		t.Errorf("%d entries, references %q", len(res.Entries), res.Referrals)
	}
	fired(t, s, "ReferenceEvery", 3)
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "ou=people,o=isp", "-s", "one", "1.1")
	if len(a.dns) != 10 {
		t.Errorf("ldapsearch: %+v", a)
	}
}

// BenchmarkSearch shows that the server is faster than the code that it tests.
func BenchmarkSearch(b *testing.B) {
	const n = 100_000
	entries := people(n)
	for kind, o := range map[string]Options{
		"held":      {Entries: entries},
		"generated": {Generate: slices.Values(entries)},
	} {
		b.Run(kind, func(b *testing.B) {
			s := Start(b, o)
			for b.Loop() {
				raw := rawDial(b, s)
				if _, err := raw.Write(rawSearch(1)); err != nil {
					b.Fatal(err)
				}
				octets := readTo(b, raw, appendResult(nil, 1, opSearchDone, Result{}, nil, nil))
				_ = raw.Close()
				b.SetBytes(octets)
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// readTo reads until the received data ends with want, and returns its size.
func readTo(t testing.TB, r io.Reader, want []byte) int64 {
	t.Helper()
	buf, kept := make([]byte, 64<<10), 0
	for total := int64(0); ; {
		n, err := r.Read(buf[kept:])
		if err != nil {
			t.Fatal(err)
		}
		total += int64(n)
		kept += n
		if bytes.HasSuffix(buf[:kept], want) {
			return total
		}
		tail := min(kept, len(want))
		copy(buf, buf[kept-tail:kept])
		kept = tail
	}
}
