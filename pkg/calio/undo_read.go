package calio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/davadmin/davadmin/pkg/store"
)

const (
	undoBlock = 256 << 10
	// maxUndoLine bounds a line of an undo file: the largest text in base64, and names.
	maxUndoLine = store.MaxComponent*4/3 + 1<<20
)

// ReadUndo yields the lines of an undo file of a size, from the last to the first, in bounded
// memory. Lines that begin with # are left out, and so is a last line without an end, which a
// run that was killed has left. An error ends it.
func ReadUndo(ctx context.Context, f io.ReaderAt, size int64) iter.Seq2[*UndoLine, error] {
	return func(yield func(*UndoLine, error) bool) {
		for text, err := range linesFromEnd(f, size) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(nil, fmt.Errorf("undo file: %w", err))
				return
			}
			if text = bytes.TrimSpace(text); len(text) == 0 || text[0] == '#' {
				continue
			}
			line, err := ParseUndoLine(text)
			if err != nil {
				err = fmt.Errorf("undo file: the line '%.60s': %w", text, err)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// linesFromEnd yields the complete lines of a file, the last one first, without their ends.
func linesFromEnd(f io.ReaderAt, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var parts [][]byte // of the line that is being read, the last part first
		length, complete := 0, false
		line := func() []byte {
			out := make([]byte, 0, length)
			for i := len(parts) - 1; i >= 0; i-- {
				out = append(out, parts[i]...)
			}
			parts, length = parts[:0], 0
			return out
		}
		for at := size; at > 0; {
			n := min(at, undoBlock)
			block := make([]byte, n)
			at -= n
			if _, err := f.ReadAt(block, at); err != nil {
				yield(nil, err)
				return
			}
			for {
				i := bytes.LastIndexByte(block, '\n')
				parts = append(parts, block[i+1:])
				if length += len(block) - i - 1; length > maxUndoLine {
					yield(nil, fmt.Errorf("a line is longer than %d bytes", maxUndoLine))
					return
				}
				if i < 0 {
					break
				}
				if text := line(); complete && !yield(text, nil) {
					return
				}
				complete, block = true, block[:i]
			}
		}
		if complete {
			yield(line(), nil)
		}
	}
}
