package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/journal"
)

// ErrForeignVersion is returned by File.Change for a version that someone else wrote.
var ErrForeignVersion = errors.New("that version was not written by a recorded change")

// Change returns the content of the file before and after a change; nil where there was no
// file. The error wraps ErrNoRevision for a number that is not a change of the file or was
// not carried out, ErrForeignVersion for a version that someone else wrote, and
// journal.ErrNoVersion for content that was pruned.
func (f *File) Change(ctx context.Context, change int64) (before, after []byte, err error) {
	entries, err := f.History(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if e.Change != change {
			continue
		}
		left, ok := e.Left()
		switch {
		case e.Kind == journal.KindFound:
			return nil, nil, fmt.Errorf("change %d: %w", change, ErrForeignVersion)
		case !ok || e.Before == nil:
			return nil, nil, fmt.Errorf("change %d: %w: that change was not carried out (%s)", change, ErrNoRevision, e.Result)
		}
		if before, err = f.journal.Content(ctx, *e.Before); err != nil {
			return nil, nil, err
		}
		after, err = f.journal.Content(ctx, left)
		return before, after, err
	}
	return nil, nil, fmt.Errorf("change %d: %w", change, ErrNoRevision)
}

// ChangedSinceError is returned for a change that cannot be undone alone, because what it
// changed was changed again.
type ChangedSinceError struct {
	// Keys are the keys that were changed again. It is empty if no key tells the versions
	// apart, so that only the whole file could be restored.
	Keys []string
}

func (e *ChangedSinceError) Error() string {
	if len(e.Keys) == 0 {
		return "the file was changed since"
	}
	return strings.Join(e.Keys, ", ") + ": changed again since"
}

// Undo returns the current content of a file without the change that led from before to
// after. If nothing was changed since, that is before, byte for byte; otherwise, only the
// values of the keys that the change affected are restored, and everything else is kept. Nil
// stands for no file. The error wraps *ChangedSinceError if one of these keys has another
// value than the change gave it.
func Undo(current, before, after []byte) ([]byte, []Change, error) {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	if same(current, after) || same(current, before) {
		return before, differences(current, before), nil
	}
	was, err := Parse(before)
	if err != nil {
		return nil, nil, &ChangedSinceError{}
	}
	made, err := Parse(after)
	if err != nil {
		return nil, nil, &ChangedSinceError{}
	}
	doc, err := Parse(current)
	if err != nil {
		return nil, nil, err
	}
	changes := Compare(was, made)
	if len(changes) == 0 {
		return nil, nil, &ChangedSinceError{}
	}
	var again []string
	for _, c := range changes {
		value, set := doc.Get(c.Key)
		switch {
		case set == c.HadOld && value == c.Old: // already undone
		case set != c.HasNew || value != c.New:
			again = append(again, c.Key)
		case c.HadOld:
			doc.Set(c.Key, c.Old)
		default:
			doc.Unset(c.Key)
		}
	}
	if len(again) > 0 {
		return nil, nil, &ChangedSinceError{Keys: again}
	}
	undone := doc.Changes()
	if len(undone) == 0 {
		return current, nil, nil
	}
	next, err := doc.Render()
	if err != nil {
		return nil, nil, err
	}
	return next.Source(), undone, nil
}

// differences returns the differences of two texts; none if one of them cannot be parsed.
func differences(old, next []byte) []Change {
	a, err := Parse(old)
	if err != nil {
		return nil
	}
	b, err := Parse(next)
	if err != nil {
		return nil
	}
	return Compare(a, b)
}
