package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// startChanger starts a server with n persons and connects to it as the manager.
func startChanger(t *testing.T, n int, o ldaptest.Options) (*ldaptest.Server, *Changer) {
	t.Helper()
	o.Entries, o.Identities = liveTree(n), managerOnly()
	s := ldaptest.Start(t, o)
	return s, openChanger(t, asManager(Options{URLs: []string{s.URL()}, Idle: 20 * time.Second}))
}

func openChanger(t *testing.T, o Options) *Changer {
	t.Helper()
	c, err := OpenChanger(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func values(list ...string) [][]byte {
	var out [][]byte
	for _, v := range list {
		out = append(out, []byte(v))
	}
	return out
}

func replacing(dn, name string, list ...string) ModifyRequest {
	return ModifyRequest{DN: dn, Changes: []Modification{{Op: ldif.OpReplace, Name: name, Values: values(list...)}}}
}

const firstDN = "uid=u0000,ou=people,o=isp"

func TestChangerRead(t *testing.T) {
	s, c := startChanger(t, 1, ldaptest.Options{})
	binary := string([]byte{0, 0xff, '\n', 0x80, ' '})
	s.Replace(firstDN, "jpegPhoto", binary, "", strings.Repeat("x", 70_000))
	s.Replace(firstDN, "cn;lang-de", "Äöü")
	if c.URL() != s.URL() || !slices.Contains(c.RootDSE().Controls, OIDAssertion) || !slices.Contains(c.RootDSE().Controls, OIDPreRead) {
		t.Errorf("%s, %+v", c.URL(), c.RootDSE())
	}
	f, err := c.Read(t.Context(), "UID=u0000, ou=people,o=isp", []string{"cn", "JPEGphoto", "title"})
	if err != nil || f == nil || f.DN != firstDN || len(f.Attrs) != 3 || !slices.Equal(f.Attrs["cn"], []string{"Person u0000"}) ||
		!slices.Equal(f.Attrs["cn;lang-de"], []string{"Äöü"}) || !slices.Equal(f.Attrs["jpegphoto"], []string{binary, "", strings.Repeat("x", 70_000)}) {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := c.Read(t.Context(), firstDN, []string{"cn;lang-de"}); err != nil || len(f.Attrs) != 1 || f.Attrs["cn;lang-de"] == nil {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := c.Read(t.Context(), firstDN, nil); err != nil || f == nil || len(f.Attrs) != 0 {
		t.Errorf("no attributes: %+v, %v", f, err)
	}
	for _, dn := range []string{"uid=none,ou=people,o=isp", "cn=none"} {
		if f, err := c.Read(t.Context(), dn, []string{"cn"}); f != nil || err != nil {
			t.Errorf("%s: %+v, %v", dn, f, err)
		}
	}
	// A refused request does not close the connection.
	if f, err := c.Read(t.Context(), "nonsense", []string{"cn"}); f != nil || ResultCode(err) != 34 || IsLost(err) {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := c.Read(t.Context(), firstDN, []string{"uid"}); err != nil || f == nil {
		t.Errorf("%+v, %v", f, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Read(ctx, firstDN, []string{"uid"}); !errors.Is(err, context.Canceled) || IsLost(err) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := c.Read(t.Context(), firstDN, []string{"uid"}); !IsLost(err) {
		t.Errorf("after that: %v", err)
	}
}

// TestChangerModify checks that any number of requests can be sent at once, and that
// each gets its own result.
func TestChangerModify(t *testing.T) {
	s, c := startChanger(t, 100, ldaptest.Options{})
	for _, from := range []int{0, 1<<20 - 120, 1<<20 - 50, 1<<20 - 1, 1 << 20} {
		for _, n := range []int{0, 1, 100} {
			c.s.id = max(c.s.id, from)
			var list []ModifyRequest
			for i := range n {
				m := replacing(livePerson(i).DN, "title", fmt.Sprintf("%d of %d from %d", i, n, from))
				switch i % 10 {
				case 3:
					m.DN = "uid=none,ou=people,o=isp"
				case 5:
					m.Changes[0].Op, m.Changes[0].Values = ldif.OpDelete, values("not there")
				case 6:
					m.Changes[0] = Modification{Op: ldif.OpAdd, Name: "mail", Values: values(fmt.Sprintf("%d-%d-%d@example.org", i, n, from))}
				}
				m.PreRead = []string{"uid"}
				list = append(list, m)
			}
			before := len(s.Log())
			answers, err := c.Modify(list)
			if err != nil || len(answers) != n || len(s.Log()) != before+n {
				t.Fatalf("%d answers, %d requests, %v", len(answers), len(s.Log())-before, err)
			}
			for i, a := range answers {
				code := 0
				if a.Err != nil {
					code = a.Err.Code
				}
				if want := map[int]int{3: 32, 5: 16}[i%10]; !a.Answered || code != want || want == 0 && string(a.Before["uid"][0]) != fmt.Sprintf("u%04d", i) || want != 0 && a.Before != nil {
					t.Errorf("%d of %d: %+v", i, n, a)
				}
				if title := s.Values(livePerson(i).DN, "title"); slices.Contains([]int{0, 1, 2, 4, 7, 8, 9}, i%10) && !slices.Equal(title, []string{fmt.Sprintf("%d of %d from %d", i, n, from)}) {
					t.Errorf("%d of %d: %q", i, n, title)
				}
			}
			// A search is answered after them.
			if f, err := c.Read(t.Context(), firstDN, []string{"uid"}); err != nil || f == nil {
				t.Fatalf("%+v, %v", f, err)
			}
		}
	}
	for _, r := range s.Log() {
		if r.Op == "modify" && (r.ID < 1 || r.ID > 1<<20) {
			t.Errorf("request %d", r.ID)
		}
	}
}

// TestChangerOperations checks all operations, several in one request, names with
// options, and that a request is carried out completely or not at all.
func TestChangerOperations(t *testing.T) {
	s, c := startChanger(t, 1, ldaptest.Options{})
	apply := func(changes ...Modification) int {
		t.Helper()
		answers, err := c.Modify([]ModifyRequest{{DN: firstDN, Changes: changes}})
		if err != nil {
			t.Fatal(err)
		}
		if answers[0].Err != nil {
			return answers[0].Err.Code
		}
		return 0
	}
	for _, x := range []struct {
		changes []Modification
		code    int
		want    string
	}{
		{[]Modification{{Op: ldif.OpAdd, Name: "description", Values: values("a", "b")}, {Op: ldif.OpReplace, Name: "cn;lang-de", Values: values("c")}}, 0, "[a b] [c]"},
		{[]Modification{{Op: ldif.OpDelete, Name: "description", Values: values("a")}, {Op: ldif.OpAdd, Name: "description", Values: values("d")}}, 0, "[b d] [c]"},
		{[]Modification{{Op: ldif.OpAdd, Name: "description", Values: values("e")}, {Op: ldif.OpDelete, Name: "title"}}, 16, "[b d] [c]"},
		{[]Modification{{Op: ldif.OpDelete, Name: "description"}, {Op: ldif.OpReplace, Name: "cn;lang-de"}}, 0, "[] []"},
		{[]Modification{{Op: ldif.OpReplace, Name: "description", Values: values("x")}, {Op: ldif.OpAdd, Name: "description", Values: values("X")}}, 20, "[] []"},
	} {
		code := apply(x.changes...)
		if got := fmt.Sprint(s.Values(firstDN, "description"), s.Values(firstDN, "cn;lang-de")); code != x.code || got != x.want {
			t.Errorf("%v: code %d, %s", x.changes, code, got)
		}
	}
}

// TestConditions checks that the server evaluates every form of a condition correctly.
func TestConditions(t *testing.T) {
	s, c := startChanger(t, 1, ldaptest.Options{})
	s.Replace(firstDN, "description", "Abc", "two  blanks", "(*)\\")
	no, exact := true, "caseExactMatch"
	value := func(v string) []byte { return []byte(v) }
	for _, x := range []struct {
		conditions []Condition
		holds      bool
		filter     string
	}{
		{[]Condition{{Name: "description"}}, true, "(description=*)"},
		{[]Condition{{Name: "title"}}, false, "(title=*)"},
		{[]Condition{{Not: no, Name: "description"}}, false, "(!(description=*))"},
		{[]Condition{{Not: no, Name: "title"}}, true, "(!(title=*))"},
		{[]Condition{{Name: "description", Value: value("ABC")}}, true, "(description=ABC)"},
		{[]Condition{{Name: "description", Value: value("abd")}}, false, "(description=abd)"},
		{[]Condition{{Not: no, Name: "description", Value: value("abc")}}, false, "(!(description=abc))"},
		{[]Condition{{Not: no, Name: "description", Value: value("abd")}}, true, "(!(description=abd))"},
		{[]Condition{{Name: "description", Rule: exact, Value: value("Abc")}}, true, "(description:caseExactMatch:=Abc)"},
		{[]Condition{{Name: "description", Rule: exact, Value: value("abc")}}, false, "(description:caseExactMatch:=abc)"},
		{[]Condition{{Not: no, Name: "description", Rule: exact, Value: value("abc")}}, true, "(!(description:caseExactMatch:=abc))"},
		{[]Condition{{Not: no, Name: "description", Rule: exact, Value: value("Abc")}}, false, "(!(description:caseExactMatch:=Abc))"},
		{[]Condition{{Name: "description", Rule: exact, Value: value("two blanks")}}, true, "(description:caseExactMatch:=two blanks)"},
		{[]Condition{{Name: "description", Value: value("(*)\\")}}, true, `(description=\28\2a\29\5c)`},
		{[]Condition{{Name: "description", Value: []byte{}}}, false, "(description=)"},
		{[]Condition{{Name: "mail", Rule: exact, Value: value("u0000@example.org")}}, false, "(mail:caseExactMatch:=u0000@example.org)"}, // the rule does not apply to such values
		{[]Condition{{Name: "description"}, {Not: no, Name: "title"}, {Name: "cn", Rule: exact, Value: value("Person u0000")}}, true, "(&(description=*)(!(title=*))(cn:caseExactMatch:=Person u0000))"},
		{[]Condition{{Name: "description"}, {Name: "title"}}, false, "(&(description=*)(title=*))"},
	} {
		m := replacing(firstDN, "sn", "x")
		m.Assert = x.conditions
		answers, err := c.Modify([]ModifyRequest{m})
		if err != nil {
			t.Fatalf("%s: %v", x.filter, err)
		}
		log := s.Log()
		last := log[len(log)-1]
		if holds := answers[0].Err == nil; holds != x.holds || !holds && answers[0].Err.Code != 122 || last.Assertion != x.filter || len(last.Controls) != 1 || !last.Controls[0].Critical {
			t.Errorf("%s: %+v, %s %+v", x.filter, answers[0], last.Assertion, last.Controls)
		}
	}
}

// TestLengths checks that values whose lengths are encoded differently arrive
// unchanged, and are returned unchanged by the pre-read control.
func TestLengths(t *testing.T) {
	s, c := startChanger(t, 1, ldaptest.Options{})
	last := []byte("first")
	s.Replace(firstDN, "jpegPhoto", string(last))
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 300_000, 1 << 24} {
		v := bytes.Repeat([]byte{0, 0xff, 'x', 0x80}, n/4+1)[:n]
		m := ModifyRequest{DN: firstDN, Changes: []Modification{{Op: ldif.OpReplace, Name: "jpegPhoto", Values: [][]byte{v}}}, PreRead: []string{"jpegPhoto"}}
		answers, err := c.Modify([]ModifyRequest{m})
		if err != nil || answers[0].Err != nil {
			t.Fatalf("%d: %+v, %v", n, answers, err)
		}
		if before := answers[0].Before["jpegphoto"]; len(before) != 1 || !bytes.Equal(before[0], last) {
			t.Errorf("length %d: %d values before the change", n, len(before))
		}
		if have := s.Values(firstDN, "jpegPhoto"); len(have) != 1 || have[0] != string(v) {
			t.Errorf("length %d: %d values after the change", n, len(have))
		}
		last = v
	}
	// The same for DNs and conditions.
	for _, n := range []int{100, 127, 128, 200, 255, 256, 70_000} {
		text := strings.Repeat("y", n)
		s.Put(ldaptest.NewEntry("cn="+text+",o=isp", "objectClass", "person", "cn", text, "sn", "x"))
		m := replacing("cn="+text+",o=isp", "sn", "z")
		m.Assert = []Condition{{Name: "cn", Rule: "caseExactMatch", Value: []byte(text)}, {Not: true, Name: "sn", Value: []byte(text)}}
		if answers, err := c.Modify([]ModifyRequest{m}); err != nil || answers[0].Err != nil {
			t.Errorf("%d: %+v, %v", n, answers, err)
		}
	}
}

// TestMuchAtOnce checks that there is no deadlock when requests and answers exceed the
// buffers of the network.
func TestMuchAtOnce(t *testing.T) {
	s, c := startChanger(t, 40, ldaptest.Options{})
	large := strings.Repeat("v", 500_000)
	var list []ModifyRequest
	for i := range 40 {
		s.Replace(livePerson(i).DN, "description", large)
		m := replacing(livePerson(i).DN, "description", large+fmt.Sprint(i))
		m.PreRead = []string{"description"}
		list = append(list, m)
	}
	c.s.idle = 3 * time.Second
	answers, err := c.Modify(list)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if a.Err != nil || len(a.Before["description"]) != 1 || string(a.Before["description"][0]) != large {
			t.Errorf("%d: %v", i, a.Err)
		}
	}
}

// TestOpenChangerRoot checks that a server that is too busy to return its root DSE is
// not mistaken for one that hides it.
func TestOpenChangerRoot(t *testing.T) {
	for code, opens := range map[int]bool{51: false, 52: false, 50: true, 32: true, 1: true} {
		s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(1), Identities: managerOnly(), Faults: ldaptest.Faults{
			ResultAfter: new(0), Result: ldaptest.Result{Code: code}, Match: func(ldaptest.Request) bool { return true },
		}})
		c, err := OpenChanger(t.Context(), asManager(Options{URLs: []string{s.URL()}}))
		if (err == nil) != opens || err != nil && ResultCode(err) != code {
			t.Errorf("code %d: %v", code, err)
		}
		if err == nil {
			if len(c.RootDSE().Controls) != 0 {
				t.Errorf("code %d: %+v", code, c.RootDSE())
			}
			_ = c.Close()
		}
	}
	for name, faults := range map[string]ldaptest.Faults{"notice": {NoticeAfter: new(0)}, "drop": {DropAfter: new(0)}} {
		faults.Match = func(ldaptest.Request) bool { return true }
		s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(1), Identities: managerOnly(), Faults: faults})
		if _, err := OpenChanger(t.Context(), asManager(Options{URLs: []string{s.URL()}})); !IsLost(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenChanger(t.Context(), Options{}); err == nil || IsLost(err) {
		t.Errorf("no server: %v", err)
	}
}

func TestIsLost(t *testing.T) {
	refused := &ResultError{Code: 49}
	for name, x := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":               {nil, false},
		"a result":              {refused, false},
		"a context":             {context.Canceled, false},
		"a connection":          {fmt.Errorf("x: %w", &lostError{errMalformed}), true},
		"a notice":              {&lostError{&ResultError{Code: 52}}, true},
		"no connection":         {&ConnectError{Op: "connect", Err: errors.New("x")}, true},
		"a bind without answer": {fmt.Errorf("x: %w", &ConnectError{Op: "bind", Err: errors.New("x")}), true},
		"a bind refused":        {&ConnectError{Op: "bind", Err: refused}, false},
		"no password":           {&ConnectError{Op: OpPassword, Err: errors.New("x")}, false},
	} {
		if IsLost(x.err) != x.want {
			t.Errorf("%s: IsLost returned %v", name, !x.want)
		}
	}
}
