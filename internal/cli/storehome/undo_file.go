package storehome

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/fsx"
)

// UndoFile is the undo file of a change of accounts: a batch for the command that
// undoes it. A run that is killed may leave an incomplete last line, which is for a
// change that was not made.
type UndoFile struct {
	path string
	head string // the command line that reads the file
	hook fsx.Hook
	size int64
}

// NewUndoFile returns the undo file of a change, which is created with its first line. command
// is the command that reads it, without the name of the program and -f.
func NewUndoFile(path string, command []string, hook fsx.Hook) *UndoFile {
	return &UndoFile{path: path, head: undoHead(command), hook: hook}
}

// Path returns where the file is.
func (u *UndoFile) Path() string { return u.path }

// UndoMark returns the first line of an undo file that a command reads.
func UndoMark(command []string) string { return undoMark + undoHead(command) }

func undoHead(command []string) string { return "davadmin " + strings.Join(command, " ") + undoInput }

// undoMark begins an undo file. The lines are in the order of the changes, and are
// run from the last one to the first, so that two changes of one account are undone
// one by one.
const undoMark = "# undo file" + undoOrder

// oldUndoMark returns what began the undo files of earlier versions, which are still
// read. Its title is not a term that is used anywhere else.
func oldUndoMark() string { return strings.Join([]string{"# the way", "back" + undoOrder}, " ") }

// undoOrder is what the first line of an undo file has between its title and the
// command that reads the file.
const undoOrder = ", read from its end: "

// undoInput ends the command in that line. It stands for the file itself.
const undoInput = " -f THIS-FILE"

// CutUndoMark returns the command that reads an undo file, without the -f and its value, if
// a batch line marks its file as one. Any other comment is one of the user, whose lines are
// run in their order.
func CutUndoMark(line string) (command []string, ok bool) {
	text, ok := strings.CutPrefix(line, undoMark)
	if !ok {
		text, ok = strings.CutPrefix(line, oldUndoMark())
	}
	if !ok {
		return nil, false
	}
	if text, ok = strings.CutPrefix(text, "davadmin "); !ok {
		return nil, false
	}
	text, _, _ = strings.Cut(text, " -f ")
	return strings.Fields(text), true
}

// undoOptions are the options of a command that decide which undo files it reads.
func undoOptions() []string { return []string{"undelete", "undo", "directory"} }

// UndoCommand returns a command as CutUndoMark does, without the times of its options.
func UndoCommand(cmd *cobra.Command) []string {
	words := []string{cmd.Parent().Name(), cmd.Name()}
	for _, name := range undoOptions() {
		if cmd.Flags().Changed(name) {
			words = append(words, "--"+name)
		}
	}
	return words
}

// WithoutTime returns a command of an undo file without the value of --undelete.
func WithoutTime(command []string) []string {
	return slices.DeleteFunc(slices.Clone(command), func(word string) bool { return word[0] >= '0' && word[0] <= '9' })
}

// Empty reports whether there is nothing to undo.
func (u *UndoFile) Empty() bool { return u == nil || u.size == 0 }

// Keep appends lines and syncs them to disk. It takes no context: what undoes a
// change is written and removed whatever ends the run.
func (u *UndoFile) Keep(lines []string) (forget func() error, err error) {
	had, ctx := u.size, context.Background()
	if err := u.append(ctx, lines); err != nil {
		return nil, fmt.Errorf("undo file: %w", err)
	}
	return func() error {
		if err := u.truncate(ctx, had); err != nil {
			return fmt.Errorf("undo file: %w", err)
		}
		return nil
	}, nil
}

func (u *UndoFile) append(ctx context.Context, lines []string) error {
	text := strings.Join(lines, "\n") + "\n"
	dir := filepath.Dir(u.path)
	if u.size == 0 {
		text = undoMark + u.head + "\n" + text
		if err := fsx.MkdirPrivate(ctx, dir, filepath.Dir(dir), u.hook); err != nil {
			return err
		}
		if _, err := os.Lstat(u.path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s already exists; it belongs to another change", u.path)
		}
	}
	// The owner of the home must be able to undo what root did.
	if err := fsx.Append(ctx, u.path, []byte(text), filepath.Dir(dir), u.hook); err != nil {
		return err
	}
	u.size += int64(len(text))
	return nil
}

// truncate removes the lines after size; without any, it removes the file.
func (u *UndoFile) truncate(ctx context.Context, size int64) error {
	u.size = size
	if size == 0 {
		return fsx.RemoveSynced(ctx, u.path, u.hook)
	}
	return fsx.Truncate(ctx, u.path, size, u.hook)
}
