package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

func contentTests() []test { return []test{{"ContentRows", testContentRows}} }

// rows returns how many rows some tables have.
func (s *env) rows(tables ...string) map[string]int64 {
	s.t.Helper()
	out := map[string]int64{}
	for _, table := range tables {
		n, err := s.e.Count(s.t.Context(), s.where, table)
		if err != nil {
			s.t.Fatal(err)
		}
		out[table] = n
	}
	return out
}

// Content is stored once for each hash in an account, and none is left without an
// attachment, whatever happens. A purged account leaves no rows at all.
func testContentRows(s *env) {
	chance, undone := seed.New(s.t), errors.New("undone")
	s.create(withHome("a"), withHome("b"))
	for range tier.Rounds(s.t, 60, 600) {
		id, n := []string{"a", "b"}[chance.IntN(2)], chance.IntN(5)
		size := n*chunk/2 + n
		err := s.try(func(ctx context.Context, w store.Writer) error {
			switch chance.IntN(7) {
			case 0:
				return w.AddAttachment(ctx, &store.Attachment{Account: id, Name: "x"}, failsAfter(size, undone), 1<<30)
			case 1:
				// The failed upload is dropped, and the transaction commits.
				_ = w.AddAttachment(ctx, &store.Attachment{Account: id, Name: "x"}, failsAfter(size, undone), 1<<30)
				return nil
			case 2:
				return errors.Join(w.AddAttachment(ctx, &store.Attachment{Account: id, Name: "x"}, strings.NewReader(random(size)), 1<<30), undone)
			case 3:
				listed, err := collect(w.Attachments(ctx, id, store.AttachmentFilter{}))
				if err != nil || len(listed) == 0 {
					return err
				}
				return w.DeleteAttachment(ctx, id, listed[chance.IntN(len(listed))].ID)
			case 4:
				_, err := w.Purge(ctx, s.clock.Now(), 1)
				return err
			}
			return w.AddAttachment(ctx, &store.Attachment{Account: id, Name: "x"}, strings.NewReader(random(size)), 1<<30)
		})
		if err != nil && !errors.Is(err, undone) {
			s.t.Fatal(err)
		}
	}
	want := map[string]int64{"attachment": 0, "content": 0, "chunk": 0}
	seen := map[[2]string]bool{}
	for id, h := range s.everything() {
		for _, a := range h.Extras.Attachments {
			want["attachment"]++
			if key := [2]string{id, a.Hash}; !seen[key] {
				seen[key] = true
				want["content"]++
				want["chunk"] += (a.Size + chunk - 1) / chunk
			}
		}
	}
	s.same(want, s.rows("attachment", "content", "chunk"), "rows")
	s.queue(queued("a", "1"), queued("b", "1"))
	s.setProperties([]store.PropertyPlace{{Account: "a"}, {Account: "b", Calendar: store.DefaultCalendar}})
	s.update(func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.DeleteAccount(ctx, "a"), w.DeleteAccount(ctx, "b"))
	})
	s.purge()
	tables := []string{"account", "collection", "component", "trash", "attachment", "content", "chunk", "outgoing"}
	none := map[string]int64{}
	for _, table := range tables {
		none[table] = 0
	}
	s.same(none, s.rows(tables...), "rows after the accounts were purged")
}

// CheckLargeContent checks that an engine holds only a small part of large content in
// memory. No other test may run in the process.
func CheckLargeContent(t *testing.T, s store.Store) {
	t.Helper()
	const most = 40 << 20 // more than before
	size := int64(tier.Rounds(t, 96, 1024)) << 20
	ctx, began := t.Context(), time.Now()
	base, peak := heap(), uint64(0)
	watch := func() { peak = max(peak, heap()) }
	a := store.Attachment{Account: "a", Name: "large"}
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := w.CreateAccount(ctx, person("a")); err != nil {
			return err
		}
		a = store.Attachment{Account: "a", Name: "large"}
		return w.AddAttachment(ctx, &a, io.TeeReader(io.LimitReader(&counting{}, size), every(watch)), size)
	})
	if err != nil {
		t.Fatal(err)
	}
	wrote := time.Now()
	err = s.View(ctx, func(ctx context.Context, r store.Reader) error {
		_, content, err := r.AttachmentContent(ctx, "a", a.ID)
		if err != nil {
			return err
		}
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(sum, every(watch)), content)
		if hash := hex.EncodeToString(sum.Sum(nil)); err == nil && (n != size || hash != a.Hash) {
			err = fmt.Errorf("read %d bytes with the hash %s of %+v", n, hash, a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB: written in %v, read in %v, at most %d MiB of memory more", size>>20, wrote.Sub(began), time.Since(wrote), (max(peak, base)-base)>>20)
	if peak > base+most {
		t.Errorf("%d MiB of content need %d MiB of memory", size>>20, (peak-base)>>20)
	}
}

// heap returns the memory of the Go program that is in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// every returns a Writer that calls fn for each 4 MiB.
func every(fn func()) io.Writer { return &ticker{fn: fn} }

type ticker struct {
	n  int
	fn func()
}

func (t *ticker) Write(p []byte) (int, error) {
	if t.n += len(p); t.n >= 4<<20 {
		t.n = 0
		t.fn()
	}
	return len(p), nil
}

// counting is endless content without two equal chunks.
type counting struct{ n uint64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		if i%64 == 0 {
			c.n++
		}
		p[i] = byte(c.n >> (8 * (i % 8)))
	}
	return len(p), nil
}
