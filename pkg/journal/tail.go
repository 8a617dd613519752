package journal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/davadmin/davadmin/internal/fsx"
)

// tailBlock is how many bytes are read at a time from a journal.
const tailBlock = 64 << 10

// tail is the state at the end of a journal.
type tail struct {
	size    int64
	last    *Record // the last complete record
	change  int64   // the highest change number
	open    []int64 // the changes without a result, in ascending order
	torn    []byte  // bytes after the last line feed
	damaged bool    // the last record does not match its hash
}

// readTail reads the end of a journal without reading all of it.
func readTail(path string) (*tail, error) {
	t := &tail{}
	first := true
	err := linesBackwards(path, func(line []byte, whole bool) bool {
		if !whole {
			t.torn = bytes.Clone(line)
			return true
		}
		r, err := decode(line)
		if first {
			first = false
			t.last, t.damaged = r, err != nil
		}
		t.change = max(t.change, r.Change, r.Highest)
		if err != nil {
			return true
		}
		t.open = append(t.open, r.Open...)
		if r.Kind == KindIntent {
			t.open = append(t.open, r.Change)
		}
		// A repair is not part of a change: the change before it may have no result.
		return r.Kind == KindRepair
	}, &t.size)
	slices.Sort(t.open)
	t.open = slices.Compact(t.open)
	return t, err
}

// findIntents returns the intents of changes, oldest first, reading backwards. An intent
// that is missing or damaged is skipped.
func findIntents(path string, changes []int64) ([]*Record, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	var out []*Record
	err := linesBackwards(path, func(line []byte, whole bool) bool {
		r, err := decode(line)
		if !whole || err != nil {
			return true
		}
		if r.Kind == KindIntent && slices.Contains(changes, r.Change) {
			out = append(out, r)
		}
		return len(out) < len(changes)
	}, nil)
	slices.Reverse(out)
	return out, err
}

// lastVersion finds the version of target after the newest change or discovery,
// reading backwards. It skips changes that were not carried out, because they left
// the version of an earlier one.
func lastVersion(path, target string) (v Version, change int64, known bool, err error) {
	results := map[int64]Result{}
	err = linesBackwards(path, func(line []byte, whole bool) bool {
		r, derr := decode(line)
		if !whole || derr != nil {
			return true
		}
		switch {
		case r.Kind == KindResult:
			results[r.Change] = r.Result
		case r.Target != target:
		case r.After == nil:
		case r.Kind == KindFound, r.Kind == KindIntent && results[r.Change] == Done:
			v, change, known = *r.After, r.Change, true
		}
		return !known
	}, nil)
	return v, change, known, err
}

// linesBackwards calls fn with each line of the file from the last to the first,
// until fn returns false. In the first call, whole is false if the file does not
// end with a line feed. A file that does not exist has no lines.
func linesBackwards(path string, fn func(line []byte, whole bool) bool, size *int64) error {
	f, err := fsx.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size != nil {
		*size = at
	}
	var buf []byte // the part that precedes the lines passed to fn
	whole := false // whether the bytes at the end of buf end a line
	for {
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			if line := buf[i+1:]; whole || len(line) > 0 {
				if !fn(line, whole) {
					return nil
				}
			}
			buf, whole = buf[:i], true
			continue
		}
		if at == 0 {
			if whole || len(buf) > 0 {
				fn(buf, whole)
			}
			return nil
		}
		n := min(at, max(tailBlock, int64(len(buf))))
		at -= n
		block := make([]byte, int(n)+len(buf))
		if _, err := f.ReadAt(block[:n], at); err != nil {
			return err
		}
		copy(block[n:], buf)
		buf = block
	}
}
