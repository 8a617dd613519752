package fsx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Holder is what a lock file says of the run that holds the lock.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host,omitempty"`
	User    string    `json:"user,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Command []string  `json:"command,omitempty"`
}

// LockedError reports that another run holds a lock. It wraps ErrLocked.
type LockedError struct {
	// Holder is the run that holds the lock, or nil if that is unknown. If only its
	// process is known, the other fields are empty.
	Holder *Holder
	// Waited is how long the lock was waited for.
	Waited time.Duration
}

func (e *LockedError) Error() string {
	text := ErrLocked.Error()
	if e.Holder != nil {
		text += " (" + e.Holder.String() + ")"
	}
	if e.Waited > 0 {
		text += fmt.Sprintf("; waited %s", e.Waited)
	}
	return text
}

// Unwrap returns ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

// String describes the run: its command, process, user, host and when it began.
func (h *Holder) String() string {
	var parts []string
	if len(h.Command) > 0 {
		parts = append(parts, "'"+commandText(h.Command)+"'")
	}
	parts = append(parts, fmt.Sprintf("process %d", h.PID))
	switch {
	case h.User != "" && h.Host != "":
		parts = append(parts, fmt.Sprintf("user %s on %s", h.User, h.Host))
	case h.User != "":
		parts = append(parts, "user "+h.User)
	case h.Host != "":
		parts = append(parts, "on "+h.Host)
	}
	if !h.Since.IsZero() {
		parts = append(parts, "since "+h.Since.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

// commandText returns the words of a command. Words with blanks or characters that
// cannot be printed are quoted as in Go, as the file may contain anything.
func commandText(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsFunc(w, func(r rune) bool { return r == ' ' || r == '\'' || !unicode.IsPrint(r) }) {
			out[i] = strconv.Quote(w)
		}
	}
	return strings.Join(out, " ")
}

// Limits of what a lock file says.
const (
	maxHolder  = 8 << 10 // bytes of the file
	maxWord    = 200     // bytes of a word, a user and a host
	maxCommand = 1000    // bytes of all words
)

// sign writes to the lock file who holds it, and repairs its owner if a run as root was
// killed before it did so. Both are best effort: the lock is held either way. A file with
// a second name is left alone, since it may be another file that was linked here.
func (l *Lock) sign(mine fs.FileInfo, o LockOptions) {
	if links(mine) > 1 {
		return
	}
	f, err := os.OpenFile(l.fl.Path(), lockFlags, 0)
	if err != nil {
		return
	}
	if fi, err := f.Stat(); err != nil || !os.SameFile(fi, mine) {
		_ = f.Close()
		return
	}
	if own, give, err := ownerForNew(o.OwnerFrom); err == nil && give {
		_ = own.give(f, nil)
	}
	host, _ := os.Hostname()
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: shorten(host), User: shorten(o.User), Since: time.Now().UTC().Truncate(time.Second), Command: shortCommand(o.Command)})
	if err != nil {
		_ = f.Close()
		return
	}
	text = append(text, '\n')
	// The new line is terminated before the rest of an earlier, longer one is cut
	// off, so a reader never sees a mixture of both.
	_, _ = f.WriteAt(text, 0)
	_ = f.Truncate(int64(len(text)))
	l.note = f
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxWord {
		return s
	}
	return strings.ToValidUTF8(s[:maxWord], "") + "…"
}

// shortCommand returns as many words as are shown.
func shortCommand(words []string) []string {
	var out []string
	size := 0
	for _, w := range words {
		w = shorten(w)
		if size += len(w); size > maxCommand {
			return append(out, "…")
		}
		out = append(out, w)
	}
	return out
}

// lockedBy returns the error of a run that has waited for timeout.
func lockedBy(path string, timeout time.Duration) error {
	return &LockedError{Holder: holder(path), Waited: max(timeout, 0)}
}

// holder returns who holds the lock, or nil if that is unknown. The content of the file
// may be that of an earlier run that was killed: it is used only if the system says that
// its process holds the lock, or, where the system cannot say, if that may be true.
func holder(path string) *Holder {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil
	}
	h := readHolder(f)
	host, _ := os.Hostname()
	here := h != nil && h.Host == shorten(host)
	pid := lockingProcess(fi)
	switch {
	case pid > 0 && here && h.PID == pid:
		return h
	case pid > 0: // the content is that of an earlier run
		return &Holder{PID: pid}
	case here && !alive(h.PID):
		return nil
	}
	return h
}

// readHolder returns the first line of a lock file, or nil if a holder cannot have
// written it.
func readHolder(r io.Reader) *Holder {
	b, err := io.ReadAll(io.LimitReader(r, maxHolder))
	if err != nil {
		return nil
	}
	line, _, whole := strings.Cut(string(b), "\n")
	var h Holder
	if !whole || json.Unmarshal([]byte(line), &h) != nil || h.PID <= 0 {
		return nil
	}
	h.Command = shortCommand(h.Command)
	for _, s := range []*string{&h.Host, &h.User} {
		if *s = shorten(*s); strings.ContainsFunc(*s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return nil
		}
	}
	return &h
}

// alive reports whether a process of this host may exist.
func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
