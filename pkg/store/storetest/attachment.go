package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/iotest"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func attachmentTests() []test {
	return []test{
		{"Attachments", testAttachments},
		{"AttachmentSeek", testAttachmentSeek},
		{"AttachmentFails", testAttachmentFails},
		{"AttachmentRejected", testAttachmentRejected},
		{"AttachmentDelete", testAttachmentDelete},
		{"AttachmentFolders", testAttachmentFolders},
		{"AttachmentConcurrent", testAttachmentConcurrent},
		{"AttachmentPurgeConcurrent", testAttachmentPurgeConcurrent},
	}
}

// The engines store content in chunks of this size.
const chunk = 256 << 10

// attach adds an attachment in a transaction of its own and returns it.
func (s *env) attach(a store.Attachment, content string) *store.Attachment {
	s.t.Helper()
	var got store.Attachment
	s.update(func(ctx context.Context, w store.Writer) error {
		got = a
		return w.AddAttachment(ctx, &got, strings.NewReader(content), int64(len(content)))
	})
	return &got
}

// Content of any size is returned as it was, however it arrives.
func testAttachments(s *env) {
	s.create(withHome("a"), withHome("b"))
	sources := map[string]func(io.Reader) io.Reader{
		"all at once": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "data with the end": iotest.DataErrReader,
		"small": func(r io.Reader) io.Reader { return io.MultiReader(iotest.OneByteReader(io.LimitReader(r, 1000)), r) },
	}
	want := map[string]string{}
	var size int64
	for _, n := range []int{0, 1, 1000, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 7} {
		for how, source := range sources {
			content := random(n)
			a := store.Attachment{Account: "a", Name: fmt.Sprintf("%d %s ä'\"", n, how), ContentType: `text/plain; charset=utf-8; name="a;b"`}
			s.update(func(ctx context.Context, w store.Writer) error {
				return w.AddAttachment(ctx, &a, source(strings.NewReader(content)), int64(n))
			})
			sum := sha256.Sum256([]byte(content))
			if a.ID == "" || a.Hash != hex.EncodeToString(sum[:]) || a.Size != int64(n) || !a.Created.Equal(s.clock.stamp()) || !a.Deleted.IsZero() || want[a.ID] != "" {
				s.t.Errorf("%d bytes, %s: the attachment is %+v", n, how, a)
			}
			s.dated(a.Created, "the creation of an attachment")
			want[a.ID] = content
			size += int64(n)
		}
	}
	h := s.home("a")
	s.same(want, h.Extras.Contents, "contents")
	if u := h.Usage; u.Attachments != len(want) || u.AttachmentBytes != size {
		s.t.Errorf("the usage is %+v, want %d attachments with %d bytes", u, len(want), size)
	}
	s.same(store.Usage{Calendars: 4}, s.home("b").Usage, "usage of another account")
	s.view(func(ctx context.Context, r store.Reader) error {
		for id := range want {
			_, err := r.Attachment(ctx, "b", id)
			s.wantClass(err, store.ErrNotFound, "the attachment of another account")
			_, _, err = r.AttachmentContent(ctx, "b", id)
			s.wantClass(err, store.ErrNotFound, "the content of another account")
		}
		return nil
	})
}

// Content can be read from any position, also while other things are written.
func testAttachmentSeek(s *env) {
	s.create(withHome("a"))
	content := random(2*chunk + 100)
	a := s.attach(store.Attachment{Account: "a", Name: "x"}, content)
	s.update(func(ctx context.Context, w store.Writer) error {
		_, r, err := w.AttachmentContent(ctx, "a", a.ID)
		if err != nil {
			return err
		}
		for i, at := range []int64{0, chunk - 1, chunk, 2*chunk + 99, 5, 2*chunk + 100, 10 * chunk} {
			if _, err := r.Seek(at, io.SeekStart); err != nil {
				return err
			}
			if err := w.PutComponent(ctx, "a", store.DefaultCalendar, event(fmt.Sprintf("%d.ics", i)), store.Condition{}); err != nil {
				return err
			}
			got := make([]byte, 3)
			n, err := io.ReadFull(r, got)
			want := content[min(at, int64(len(content))):min(at+3, int64(len(content)))]
			if string(got[:n]) != want || (err == nil) != (len(want) == 3) {
				s.t.Errorf("at %d: got %q, want %q, error %v", at, got[:n], want, err)
			}
		}
		if end, err := r.Seek(-1, io.SeekEnd); end != int64(len(content))-1 || err != nil {
			s.t.Errorf("the position is %d, error %v", end, err)
		}
		if end, err := r.Seek(1, io.SeekCurrent); end != int64(len(content)) || err != nil {
			s.t.Errorf("the position is %d, error %v", end, err)
		}
		if _, err := r.Seek(-1, io.SeekStart); err == nil {
			s.t.Error("a position before the beginning is accepted")
		}
		if n, err := r.Read(nil); n != 0 || err != nil {
			s.t.Errorf("reading nothing: %d, %v", n, err)
		}
		return nil
	})
}

// failsAfter returns a source with n bytes that then fails.
func failsAfter(n int, err error) io.Reader {
	return io.MultiReader(strings.NewReader(random(n)), iotest.ErrReader(err))
}

// An upload that fails leaves nothing, and the transaction can continue.
func testAttachmentFails(s *env) {
	s.create(withHome("a"))
	s.attach(store.Attachment{Account: "a", Name: "before"}, "before")
	broken := errors.New("broken")
	before := s.everything()
	for what, c := range map[string]struct {
		content io.Reader
		limit   int64
		want    error
	}{
		"fails at once":              {failsAfter(0, broken), 1 << 30, broken},
		"fails in the first chunk":   {failsAfter(10, broken), 1 << 30, broken},
		"fails in the third chunk":   {failsAfter(2*chunk+1, broken), 1 << 30, broken},
		"truncated":                  {failsAfter(10, io.ErrUnexpectedEOF), 1 << 30, io.ErrUnexpectedEOF},
		"truncated at a chunk":       {failsAfter(chunk, io.ErrUnexpectedEOF), 1 << 30, io.ErrUnexpectedEOF},
		"truncated, with EOF inside": {failsAfter(chunk+1, fmt.Errorf("cut: %w", io.EOF)), 1 << 30, io.EOF},
		"no progress":                {io.MultiReader(strings.NewReader(random(chunk+1)), stuck{}), 1 << 30, io.ErrNoProgress},
		"too long":                   {strings.NewReader(random(11)), 10, store.ErrInvalid},
		"too long, later":            {strings.NewReader(random(2*chunk + 1)), 2 * chunk, store.ErrInvalid},
		"too long, endless":          {endless{}, 5 * chunk, store.ErrInvalid},
		"longer than nothing":        {strings.NewReader("x"), 0, store.ErrInvalid},
		"negative limit":             {strings.NewReader(""), -1, store.ErrInvalid},
	} {
		s.update(func(ctx context.Context, w store.Writer) error {
			a := store.Attachment{Account: "a", Name: "x"}
			err := w.AddAttachment(ctx, &a, c.content, c.limit)
			if !errors.Is(err, c.want) || a.ID != "" {
				s.t.Errorf("%s: got error %v, id %s", what, err, a.ID)
			}
			var invalid *store.InvalidError
			if errors.Is(err, store.ErrInvalid) && (!errors.As(err, &invalid) || invalid.Field != "size") {
				s.t.Errorf("%s: got error %v, want an InvalidError about the size", what, err)
			}
			return w.CreateAccount(ctx, person(probePrefix+what))
		})
	}
	s.same(before, s.everything(), "after failed uploads")
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		source := io.MultiReader(strings.NewReader(random(chunk+1)), call(cancel), strings.NewReader(random(chunk)))
		_ = w.AddAttachment(ctx, &store.Attachment{Account: "a", Name: "x"}, source, 1<<30)
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		s.t.Errorf("a context that ends during an upload: got error %v", err)
	}
	s.same(before, s.everything(), "after a cancelled upload")
}

// stuck is a source that returns nothing, without an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// endless is a source that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// call is an empty source that calls a function.
type call func()

func (c call) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}

func testAttachmentRejected(s *env) {
	s.create(withHome("a"), withHome("gone"))
	a := s.attach(store.Attachment{Account: "a", Name: "x"}, "x")
	gone := s.attach(store.Attachment{Account: "gone", Name: "x"}, "x")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	add := func(a store.Attachment) change {
		return func(ctx context.Context, w store.Writer) error {
			return w.AddAttachment(ctx, &a, strings.NewReader("x"), 1)
		}
	}
	invalid := map[string]change{}
	for _, text := range []string{"", "a/b", "..", "\x00", "\n", "\xff", strings.Repeat("x", 256)} {
		invalid[fmt.Sprintf("name %q", text)] = add(store.Attachment{Account: "a", Name: text})
		if text != "" {
			invalid[fmt.Sprintf("folder %q", text)] = add(store.Attachment{Account: "a", Name: "x", Folder: text})
			invalid[fmt.Sprintf("type %q", text)] = add(store.Attachment{Account: "a", Name: "x", ContentType: text + "\r\n"})
		}
	}
	for _, text := range []string{"text", "text/plain; a", "text/plain\r\nX: y", "text/ä", "a/" + strings.Repeat("x", 254)} {
		invalid["type "+text] = add(store.Attachment{Account: "a", Name: "x", ContentType: text})
	}
	s.rejectsAll(store.ErrInvalid, invalid)
	missing := map[string]change{"no account": add(store.Attachment{Account: "none", Name: "x"}), "hostile account": add(store.Attachment{Account: "\x00", Name: "x"})}
	for _, id := range []string{"", "none", "\x00", "\xff", "'; --", strings.ToUpper(a.ID), gone.ID} {
		missing[fmt.Sprintf("deleting %q", id)] = func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, "a", id) }
		missing[fmt.Sprintf("restoring %q", id)] = func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", id) }
		missing[fmt.Sprintf("reading %q", id)] = func(ctx context.Context, w store.Writer) error { _, err := w.Attachment(ctx, "a", id); return err }
		missing[fmt.Sprintf("content of %q", id)] = func(ctx context.Context, w store.Writer) error {
			_, _, err := w.AttachmentContent(ctx, "a", id)
			return err
		}
	}
	missing["restoring what is not deleted"] = func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", a.ID) }
	s.rejectsAll(store.ErrNotFound, missing)
	s.rejectsAll(store.ErrDeleted, map[string]change{
		"adding":    add(store.Attachment{Account: "gone", Name: "y"}),
		"deleting":  func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, "gone", gone.ID) },
		"restoring": func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "gone", gone.ID) },
	})
	s.rejects(store.ErrListing, "while a listing is being read", func(ctx context.Context, w store.Writer) error {
		for _, err := range w.Attachments(ctx, "a", store.AttachmentFilter{}) {
			if err != nil {
				return err
			}
			return add(store.Attachment{Account: "a", Name: "y"})(ctx, w)
		}
		return nil
	})
}

// A deleted attachment can be restored until it is purged. Its content stays as long as
// another attachment has it.
func testAttachmentDelete(s *env) {
	s.create(withHome("a"), withHome("b"))
	content := random(chunk + 1)
	first, second := s.attach(store.Attachment{Account: "a", Name: "x"}, content), s.attach(store.Attachment{Account: "a", Name: "x"}, content)
	other := s.attach(store.Attachment{Account: "b", Name: "x"}, content)
	before := s.everything()
	remove := func(a *store.Attachment) change {
		return func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, a.Account, a.ID) }
	}
	s.update(remove(first))
	s.rejects(store.ErrNotFound, "deleting it again", remove(first))
	if u := s.home("a").Usage; u.Attachments != 1 || u.AttachmentBytes != int64(len(content)) {
		s.t.Errorf("the usage is %+v", u)
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", first.ID) })
	s.same(before, s.everything(), "after the restoration")
	s.update(remove(first))
	deleted := s.clock.stamp()
	s.same(store.Purged{}, s.purgeBefore(deleted, 1), "purged before the deletion")
	s.update(remove(other))
	s.same(store.Purged{Attachments: 2}, s.purge(), "purged")
	s.rejects(store.ErrNotFound, "restoring a purged attachment", func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", first.ID) })
	s.same(map[string]string{second.ID: content}, s.home("a").Extras.Contents, "what remains")
	if x := s.home("b").Extras; len(x.Attachments) > 0 {
		s.t.Errorf("the other account has %+v", x)
	}
	s.update(remove(second))
	again := s.attach(store.Attachment{Account: "a", Name: "y"}, content) // the content of a deleted one
	s.purge()
	s.same(map[string]string{again.ID: content}, s.home("a").Extras.Contents, "content of a purged attachment")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.same(store.Purged{Accounts: 1, Calendars: 4, Attachments: 1}, s.purge(), "purged with the account")
	s.create(withHome("a"))
	s.attach(store.Attachment{Account: "a", Name: "x"}, content)
	if u := s.home("a").Usage; u.Attachments != 1 {
		s.t.Errorf("the usage of the new account is %+v", u)
	}
}

// A folder has one file of a name, managed attachments may repeat.
func testAttachmentFolders(s *env) {
	s.create(withHome("a"))
	file := store.Attachment{Account: "a", Folder: "box", Name: "x"}
	first := s.attach(file, "1")
	s.rejects(store.ErrExists, "a second file", func(ctx context.Context, w store.Writer) error {
		a := file
		return w.AddAttachment(ctx, &a, strings.NewReader("2"), 10)
	})
	for _, a := range []store.Attachment{{Account: "a", Folder: "box", Name: "X"}, {Account: "a", Folder: "Box", Name: "x"}, {Account: "a", Name: "x"}, {Account: "a", Name: "x"}} {
		s.attach(a, "1")
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, "a", first.ID) })
	second := s.attach(file, "2")
	s.rejects(store.ErrExists, "restoring the first file", func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", first.ID) })
	s.view(func(ctx context.Context, r store.Reader) error {
		for _, c := range []struct {
			filter store.AttachmentFilter
			want   int
		}{
			{store.AttachmentFilter{}, 5}, {store.AttachmentFilter{Folder: "box"}, 2}, {store.AttachmentFilter{Folder: "box", State: store.AnyState}, 3},
			{store.AttachmentFilter{State: store.OnlyDeleted}, 1}, {store.AttachmentFilter{Folder: "\x00"}, 0}, {store.AttachmentFilter{Name: "\xff"}, 0}, {store.AttachmentFilter{Name: "x"}, 4},
		} {
			got, err := collect(r.Attachments(ctx, "a", c.filter))
			if err != nil || len(got) != c.want {
				s.t.Errorf("%+v: got %d attachments, error %v, want %d", c.filter, len(got), err, c.want)
			}
		}
		got, err := collect(r.Attachments(ctx, "a", store.AttachmentFilter{Folder: "box", Name: "x"}))
		s.same([]*store.Attachment{second}, got, "the file")
		return err
	})
}

// Writers that add the same content at once share it or keep their own; none fails.
func testAttachmentConcurrent(s *env) {
	const writers, times = 6, 4
	s.create(withHome("a"))
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	errs := concurrently(writers, func(i int) error {
		for n := range times {
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
				a := store.Attachment{Account: "a", Name: fmt.Sprint(i)}
				return w.AddAttachment(ctx, &a, bytes.NewReader([]byte(random(n*chunk+n))), 1<<30)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	h := s.home("a")
	if len(h.Extras.Contents) != writers*times {
		s.t.Errorf("found %d of %d attachments", len(h.Extras.Contents), writers*times)
	}
	hashes := map[string]bool{}
	for _, a := range h.Extras.Attachments {
		hashes[a.Hash] = true
	}
	if len(hashes) != times {
		s.t.Errorf("found %d contents, want %d", len(hashes), times)
	}
}

// Content that is added again while its last attachment is being purged is complete.
func testAttachmentPurgeConcurrent(s *env) {
	const rounds = 10
	s.create(withHome("a"))
	other, ctx := s.open(), s.t.Context()
	content := random(chunk + 1)
	for range rounds {
		a := s.attach(store.Attachment{Account: "a", Name: "x"}, content)
		s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, "a", a.ID) })
		s.clock.advance(time.Hour)
		before := s.clock.Now()
		errs := concurrently(2, func(i int) error {
			if i == 0 {
				return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
					_, err := w.Purge(ctx, before, 100)
					return err
				})
			}
			return other.Update(ctx, func(ctx context.Context, w store.Writer) error {
				return w.AddAttachment(ctx, &store.Attachment{Account: "a", Name: "y"}, strings.NewReader(content), 1<<30)
			})
		})
		if err := errors.Join(errs...); err != nil {
			s.t.Fatal(err)
		}
		x := s.home("a").Extras
		if len(x.Attachments) != 1 || x.Contents[x.Attachments[0].ID] != content {
			s.t.Fatalf("found %d attachments", len(x.Attachments))
		}
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.DeleteAttachment(ctx, "a", x.Attachments[0].ID)
		})
		s.purge()
	}
}
