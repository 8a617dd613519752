package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/davadmin/davadmin/pkg/store"
)

func endedTests() []test {
	return []test{
		{"EndedListing", testEndedListing},
		{"EndedReader", testEndedReader},
		{"Panics", testPanics},
	}
}

// transactions calls fn in a View and in an Update, and ended after each.
func (s *env) transactions(fn func(ctx context.Context, r store.Reader) error, ended func(what string)) {
	s.t.Helper()
	s.view(fn)
	ended("View")
	s.update(func(ctx context.Context, w store.Writer) error { return fn(ctx, w) })
	ended("Update")
}

// A listing that is continued after its transaction does not look complete, and disturbs
// nobody.
func testEndedListing(s *env) {
	s.create(withHome("a"))
	s.put("1", "2", "3")
	for i := range 40 { // more than one chunk
		s.create(person(fmt.Sprint("more ", i)))
	}
	var next func() (*store.Account, error, bool)
	var stop func()
	s.transactions(func(ctx context.Context, r store.Reader) error {
		next, stop = iter.Pull2(r.Accounts(ctx, store.AccountFilter{}))
		_, err, _ := next()
		return err
	}, func(what string) {
		n := 1
		var err error
		for ok := true; ok && err == nil; n++ {
			_, err, ok = next()
		}
		if err == nil {
			s.t.Errorf("a listing of a %s that has ended ends after %d accounts without an error", what, n)
		}
		stop()
	})
	s.put("4")
}

// A Reader that is used after its transaction returns errors.
func testEndedReader(s *env) {
	s.create(withHome("a"))
	file := &store.Attachment{Account: "a", Name: "f"}
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.AddAttachment(ctx, file, bytes.NewReader(make([]byte, 1000)), 1000)
	})
	var reader store.Reader
	var content io.Reader
	s.transactions(func(ctx context.Context, r store.Reader) (err error) {
		reader = r
		_, content, err = r.AttachmentContent(ctx, "a", file.ID)
		return err
	}, func(what string) {
		if _, err := reader.Account(s.t.Context(), "a"); err == nil {
			s.t.Errorf("the Reader of a %s that has ended returns an account", what)
		}
		if n, err := content.Read(make([]byte, 10)); err == nil || err == io.EOF || n > 0 {
			s.t.Errorf("content of a %s that has ended: read %d bytes, error %v", what, n, err)
		}
		if w, ok := reader.(store.Writer); ok {
			if err := w.DeleteAccount(s.t.Context(), "a"); err == nil {
				s.t.Errorf("the Writer of a %s that has ended deletes an account", what)
			}
		}
	})
	s.put("1")
}

// A function that panics changes nothing, and others can continue.
func testPanics(s *env) {
	s.create(withHome("a"))
	errs := concurrently(12, func(i int) (err error) {
		name := string(rune('a' + i))
		panics := i%3 == 0
		defer func() {
			if recover() != nil != panics {
				err = errors.Join(err, errors.New("the panic of "+name))
			}
		}()
		ctx := s.t.Context()
		return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
			err := w.PutComponent(ctx, "a", store.DefaultCalendar, event(name), store.Condition{})
			if panics {
				panic("of a test")
			}
			return err
		})
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Error(err)
	}
	if n := len(s.home("a").Components[store.DefaultCalendar]); n != 8 {
		s.t.Errorf("%d components were put, want 8", n)
	}
	var once sync.Once
	func() {
		defer func() { _ = recover() }()
		s.view(func(context.Context, store.Reader) error { once.Do(func() { panic("of a test") }); return nil })
	}()
	s.put("last")
}
