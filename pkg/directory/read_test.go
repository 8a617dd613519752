package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
)

// step is what a stub source yields next: an entry with the DN, or an error.
type step struct {
	dn  string
	err error
}

// stub is a source that yields the steps.
type stub []step

func (s stub) Name() string { return "stub" }

func (s stub) Entries(context.Context, Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for _, st := range s {
			var e *Entry
			if st.err == nil {
				e = &Entry{DN: []byte(st.dn), Kind: User}
			}
			if !yield(e, st.err) {
				return
			}
		}
	}
}

var (
	errBroken  = &Problem{Kind: BrokenRecord, Detail: "broken"}
	errRestart = &RestartError{Entries: 1, Err: errors.New("lost")}
	errShort   = &IncompleteError{What: "stub", Err: errors.New("lost")}
	errConnect = &ConnectError{URL: "ldap://stub", Op: "connect", Err: errors.New("refused")}
)

// TestRead checks which handler Read calls, in which order, and what it returns.
func TestRead(t *testing.T) {
	errHandler := errors.New("the handler failed")
	hiddenRestart := &IncompleteError{What: "stub", Err: errRestart}
	hiddenProblem := &IncompleteError{What: "stub", Err: errBroken}
	for _, c := range []struct {
		name  string
		steps stub
		fail  string // the call that returns errHandler
		calls string
		want  error
	}{
		{"empty", nil, "", "", nil},
		{"entries", stub{{dn: "a"}, {dn: "b"}}, "", "a b", nil},
		{"problem", stub{{dn: "a"}, {err: errBroken}, {dn: "b"}}, "", "a problem b", nil},
		{"wrapped problem", stub{{err: fmt.Errorf("file: %w", errBroken)}, {dn: "b"}}, "", "problem b", nil},
		{"restart", stub{{dn: "a"}, {err: errRestart}, {dn: "a"}, {dn: "b"}}, "", "a restart a b", nil},
		{"incomplete", stub{{dn: "a"}, {err: errShort}}, "", "a", errShort},
		{"incomplete because of a restart", stub{{dn: "a"}, {err: hiddenRestart}}, "", "a", hiddenRestart},
		{"incomplete because of a problem", stub{{dn: "a"}, {err: hiddenProblem}}, "", "a", hiddenProblem},
		{"not begun", stub{{err: errConnect}}, "", "", errConnect},
		{"entry handler fails", stub{{dn: "a"}, {dn: "b"}, {dn: "c"}}, "b", "a b", errHandler},
		{"problem handler fails", stub{{dn: "a"}, {err: errBroken}, {dn: "b"}}, "problem", "a problem", errHandler},
		{"restart handler fails", stub{{dn: "a"}, {err: errRestart}, {dn: "a"}}, "restart", "a restart", errHandler},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls []string
			call := func(name string) error {
				if calls = append(calls, name); name == c.fail {
					return errHandler
				}
				return nil
			}
			err := Read(t.Context(), c.steps, Query{}, Handlers{
				Entry: func(e *Entry) error { return call(string(e.DN)) },
				Problem: func(p *Problem) error {
					if p != errBroken {
						t.Errorf("got the problem %v, want %v", p, errBroken)
					}
					return call("problem")
				},
				Restart: func(r *RestartError) error {
					if r != errRestart {
						t.Errorf("got the restart %v, want %v", r, errRestart)
					}
					return call("restart")
				},
			})
			if got := strings.Join(calls, " "); !errors.Is(err, c.want) || got != c.calls {
				t.Errorf("calls '%s' and error %v, want '%s' and %v", got, err, c.calls, c.want)
			}
		})
	}
}

// TestReadWithoutHandlers checks that Read ends with an error, and does not skip
// anything, when there is no handler for what the source yields.
func TestReadWithoutHandlers(t *testing.T) {
	for _, want := range []error{errBroken, errRestart} {
		var got []string
		err := Read(t.Context(), stub{{dn: "a"}, {err: want}, {dn: "b"}}, Query{}, Handlers{
			Entry: func(e *Entry) error { got = append(got, string(e.DN)); return nil },
		})
		if !errors.Is(err, want) || !slices.Equal(got, []string{"a"}) {
			t.Errorf("entries %q and error %v, want only a and %v", got, err, want)
		}
	}
}

// TestFindOnStub checks that Find forgets what came before a restart, counts
// problems, stops at its limit, and returns no entries with an error.
func TestFindOnStub(t *testing.T) {
	dns := func(found []Found) string {
		var out []string
		for _, f := range found {
			out = append(out, f.DN)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		steps    stub
		limit    int
		found    string
		problems int
		want     error
	}{
		{stub{{dn: "a"}, {err: errBroken}, {err: errRestart}, {dn: "b"}, {err: errBroken}, {dn: "c"}}, 9, "b c", 1, nil},
		{stub{{dn: "a"}, {err: errBroken}, {dn: "b"}, {dn: "c"}, {err: errShort}}, 2, "a b", 1, nil},
		{stub{{dn: "a"}, {err: errShort}}, 2, "", 0, errShort},
	} {
		found, problems, err := Find(t.Context(), c.steps, Query{}, c.limit)
		if dns(found) != c.found || problems != c.problems || !errors.Is(err, c.want) {
			t.Errorf("%v: found '%s', %d problems, %v; want '%s', %d, %v", c.steps, dns(found), problems, err, c.found, c.problems, c.want)
		}
	}
}
