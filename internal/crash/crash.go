// Package crash keeps a panic of one goroutine from ending the process: it becomes an
// error of the work, or a panic of the goroutine that waits for it, so that a run ends with
// a message and an exit code, and what it has begun can be recorded.
//
// All goroutines of davadmin are started by this package; a test ensures it. It cannot
// protect goroutines that libraries start.
package crash

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Error is a panic.
type Error struct {
	Value any    // of the panic
	Place string // the file and line that panicked; "" if unknown
}

func (e *Error) Error() string {
	text := fmt.Sprintf("internal error: %v", e.Value)
	if e.Place != "" {
		text += " (" + e.Place + ")"
	}
	return text
}

// Recovered returns the error for a value that recover returned in a deferred function:
// nil for nil. A panic that was passed on by Wait keeps its place.
func Recovered(value any) error {
	if value == nil {
		return nil
	}
	if err, ok := value.(error); ok {
		if e, ok := errors.AsType[*Error](err); ok {
			return e
		}
	}
	return &Error{Value: value, Place: place()}
}

// place returns the position of the code that panicked, for a caller below the deferred
// function that recovers.
func place() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicked && !inRuntime {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}

// Catch calls f and returns its error, or an *Error if it panics.
func Catch(f func() error) (err error) {
	defer func() {
		if e := Recovered(recover()); e != nil {
			err = e
		}
	}()
	return f()
}

// Go calls f in a goroutine of its own and then, in the same goroutine, ended with the
// error of f, or with an *Error if f panicked. ended must not panic.
func Go(f func() error, ended func(error)) {
	go func() { ended(Catch(f)) }()
}

// AfterFunc calls f after d in a goroutine of its own, as time.AfterFunc does. A panic ends
// f and nothing else.
func AfterFunc(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { _ = Catch(func() error { f(); return nil }) })
}

// Group is a group of goroutines, like a sync.WaitGroup. The zero value is an empty group.
// Go and Wait may be called by several goroutines.
type Group struct {
	running sync.WaitGroup
	mu      sync.Mutex
	failed  error
}

// Go calls f in a goroutine of its own.
func (g *Group) Go(f func()) {
	g.running.Add(1)
	Go(func() error { f(); return nil }, func(err error) {
		defer g.running.Done()
		if err == nil {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.failed == nil {
			g.failed = err
		}
	})
}

// Wait waits until all goroutines have ended. If one of them panicked, Wait panics with its
// *Error, so that the panic reaches the goroutine that depends on the work.
func (g *Group) Wait() {
	g.running.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed != nil {
		panic(g.failed)
	}
}
