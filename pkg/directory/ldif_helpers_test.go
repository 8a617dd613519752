package directory

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
)

// rapidChecks sets the seed of rapid and the number of its checks for the test t.
func rapidChecks(t *testing.T, usual string) {
	t.Helper()
	seed.Rapid(t)
	if n := os.Getenv("DAVADMIN_SOAK_CHECKS"); n != "" {
		usual = n
	}
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if err := f.Value.Set(usual); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

var _ interface {
	Scanner
	Progresser
} = (*Files)(nil)

// exactly reports whether err is want itself, not an error that wraps it.
func exactly(err, want error) bool { return any(err) == any(want) }

// item is an entry or problem that a source delivered, as text.
type item struct {
	pos  uint64
	text string
}

// itemOf returns the text of an entry or error.
func itemOf(q Query, e *Entry, err error) item {
	if e == nil {
		var p *Problem
		if !errors.As(err, &p) {
			return item{text: "not a problem: " + err.Error()}
		}
		kind := map[ProblemKind]string{BrokenRecord: "broken", ChangeRecord: "change", Referral: "referral", InvalidDN: "invalid", MoreValues: "more", UnknownVersion: "version"}[p.Kind]
		return item{p.Pos, fmt.Sprintf("%d:%d %s %q: %s", p.File, p.Line, kind, p.DN, p.Detail)}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d %s %q", e.File, e.Line, e.Kind, e.DN)
	for _, v := range e.Values {
		if v.Data == nil {
			b.WriteString(" nil!")
		}
		fmt.Fprintf(&b, " %s=%q", q.Attributes[v.Attr], v.Data)
	}
	return item{e.Pos, b.String()}
}

func texts(items []item) []string {
	out := []string{}
	for _, i := range items {
		out = append(out, i.text)
	}
	return out
}

// entriesOf reads a source to its end and checks that the order is that of Pos.
func entriesOf(t testing.TB, s Source, q Query) ([]item, error) {
	t.Helper()
	var out []item
	for e, err := range s.Entries(t.Context(), q) {
		var p *Problem
		if err != nil && (e != nil || !errors.As(err, &p)) {
			return out, err
		}
		i := itemOf(q, e, err)
		if n := len(out); n > 0 && i.pos <= out[n-1].pos && !(i.pos == out[n-1].pos && strings.Contains(out[n-1].text, " more ")) {
			t.Errorf("%s is not after %s", i.text, out[len(out)-1].text)
		}
		out = append(out, i)
	}
	return out, nil
}

// scanOf reads with several workers and sorts by Pos.
func scanOf(t testing.TB, ctx context.Context, s Scanner, q Query, workers int) ([]item, error) {
	t.Helper()
	var mu sync.Mutex
	var out []item
	busy := make([]bool, workers)
	err := s.Scan(ctx, q, workers, func(worker int, e *Entry, p *Problem) error {
		if busy[worker] {
			t.Error("concurrent calls with the same worker")
		}
		busy[worker] = true
		defer func() { busy[worker] = false }()
		if (e == nil) == (p == nil) {
			t.Errorf("got the entry %v and the problem %v, want one of them", e, p)
			return nil
		}
		var err error
		if p != nil {
			err = p
		}
		i := itemOf(q, e, err)
		mu.Lock()
		defer mu.Unlock()
		out = append(out, i)
		return nil
	})
	slices.SortStableFunc(out, func(a, b item) int { return int(int64(a.pos) - int64(b.pos)) })
	return out, err
}

// writeFiles writes files in a temporary directory and returns their paths.
func writeFiles(t testing.TB, files ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, text := range files {
		path := filepath.Join(dir, fmt.Sprintf("f%d.ldif", i))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// requireFiles reads text in all ways and checks that each returns want.
func requireFiles(t *testing.T, o FilesOptions, q Query, want ...string) error {
	t.Helper()
	got, err := entriesOf(t, NewFiles(o), q)
	if g, w := strings.Join(texts(got), "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
	for _, workers := range []int{1, 2, 5} {
		again, scanErr := scanOf(t, t.Context(), NewFiles(o), q, workers)
		if !slices.Equal(got, again) {
			t.Errorf("%d workers got:\n%s\nwithout workers:\n%s", workers, strings.Join(texts(again), "\n"), strings.Join(texts(got), "\n"))
		}
		if fmt.Sprint(err) != fmt.Sprint(scanErr) {
			t.Errorf("%d workers return %v, without workers: %v", workers, scanErr, err)
		}
	}
	return err
}

// requireIncomplete checks the last error of a sequence.
func requireIncomplete(t *testing.T, err error, what string, entries, code int, text string) {
	t.Helper()
	var i *IncompleteError
	if !errors.As(err, &i) {
		t.Errorf("the last error is %v", err)
		return
	}
	if filepath.Base(i.What) != what || i.Entries != entries || i.Code != code || !strings.Contains(i.Err.Error(), text) || strings.Contains(i.Error(), "\n") {
		t.Errorf("%q, %d entries, code %d: %v", i.What, i.Entries, i.Code, i.Err)
	}
}
