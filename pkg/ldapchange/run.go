package ldapchange

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// State is the state of a run.
type State string

// The states of a run.
const (
	Ready   State = "ready"   // its files are written, nothing was changed
	Begun   State = "begun"   // changes were sent
	Stopped State = "stopped" // it ended before all records were tried
	Partly  State = "partly"  // all records were tried, some were not changed
	Done    State = "done"    // all records were changed
)

// Info describes a run. It is stored in the directory of the run.
type Info struct {
	ID       int64     `json:"run"`
	Undoes   int64     `json:"undoes,omitempty"` // the run that this one undoes
	State    State     `json:"state"`
	Plan     string    `json:"plan"`   // the path of the plan
	Digest   string    `json:"digest"` // of the plan
	Server   string    `json:"server"`
	Guard    Guard     `json:"guard"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	ToChange int       `json:"to_change"` // records that are tried
	Counts
	Detail string `json:"detail,omitempty"`

	Checked Counts `json:"checked"` // the result of the check, before the first change

	settled       Counts // up to the last finished group: an unfinished group is tried again
	changedBefore int    // Counts.Changed when the run was resumed
	foundChanged  int    // of the last batch: changes found to be made before the run was stopped
}

// Counts are the numbers of the records of a run by their outcome.
type Counts struct {
	Changed   int `json:"changed"`
	Already   int `json:"already"`   // already done, but not by this run before it was stopped
	Conflicts int `json:"conflicts"` // the entry does not have the expected values
	Failed    int `json:"failed"`    // refused by the server
}

func (c Counts) refused() int { return c.Conflicts + c.Failed }

// Names of the files in the directory of a run.
const (
	infoFile     = "run.json"
	todoFile     = "todo.ldif"     // the changes, with all expectations
	UndoFile     = "undo.ldif"     // the changes that undo them, in the same order
	RejectFile   = "rejected.ldif" // the records that were not changed, and why
	progressFile = "progress"      // one line for each finished group of todoFile
)

// maxInfo is the maximum size of infoFile.
const maxInfo = 1 << 20

// ErrNoRun is returned for a run that does not exist.
var ErrNoRun = errors.New("no such run")

// Runs is the directory that contains the directories of all runs.
type Runs struct{ Dir string }

// Path returns the directory of a run.
func (r Runs) Path(id int64) string { return filepath.Join(r.Dir, strconv.FormatInt(id, 10)) }

// Load returns the description of a run. The error wraps ErrNoRun if it does not
// exist.
func (r Runs) Load(id int64) (Info, error) {
	var info Info
	b, _, err := fsx.ReadLimited(filepath.Join(r.Path(id), infoFile), maxInfo)
	if errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("run %d: %w", id, ErrNoRun)
	}
	if err == nil {
		err = json.Unmarshal(b, &info)
	}
	if err == nil && info.State == Begun {
		// It was killed or is running: the list of finished groups shows its progress.
		var b []byte
		if b, err = readRunFile(filepath.Join(r.Path(id), progressFile)); errors.Is(err, fs.ErrNotExist) {
			err = nil // nothing was tried yet
		}
		if p := parseProgress(b); p.done > 0 {
			changed := info.Changed // before the run was resumed
			info.Counts = p.counts
			info.Changed = max(info.Changed, changed)
		}
	}
	if err != nil {
		return info, fmt.Errorf("run %d: %w", id, err)
	}
	return info, nil
}

// List returns all runs, the latest first.
func (r Runs) List() ([]Info, error) {
	entries, err := os.ReadDir(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, e := range entries {
		if id, err := strconv.ParseInt(e.Name(), 10, 64); err == nil && id > 0 && e.IsDir() {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Compare(b, a) })
	var out []Info
	for _, id := range ids {
		info, err := r.Load(id)
		if errors.Is(err, ErrNoRun) {
			continue // it was stopped before it was written
		}
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// save writes what is known of a run to its directory, completely or not at all.
func (i *Info) save(dir string, hook fsx.Hook) error {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	return writeRunFile(filepath.Join(dir, infoFile), hook, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// writeRunFile writes a file in the directory of a run, which nobody else can read.
// It takes no context: what a run has done is recorded whatever ended the run.
func writeRunFile(path string, hook fsx.Hook, write func(io.Writer) error) error {
	return fsx.ReplaceFunc(context.Background(), path, write, fsx.ReplaceOptions{Hook: hook, Private: true, OwnerFrom: filepath.Dir(path)})
}

// readRunFile reads a file in the directory of a run. It refuses anything but a regular file.
func readRunFile(path string) ([]byte, error) {
	f, err := fsx.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// appendRunFile appends to a file in the directory of a run, or creates it.
func appendRunFile(path string, hook fsx.Hook, text []byte) error {
	return fsx.Append(context.Background(), path, text, filepath.Dir(path), hook)
}

// progress is the list of the finished groups.
type progress struct {
	path   string
	hook   fsx.Hook
	torn   bool   // the last line is incomplete
	done   int    // the number of groups
	counts Counts // up to the end of the last group
}

func openProgress(dir string, hook fsx.Hook) (*progress, error) {
	path := filepath.Join(dir, progressFile)
	text, err := readRunFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p := parseProgress(text)
	p.path, p.hook = path, hook
	return p, nil
}

// parseProgress reads the list up to the first line that is damaged.
func parseProgress(text []byte) *progress {
	p := &progress{}
	for line := range strings.Lines(string(text)) {
		p.torn = !strings.HasSuffix(line, "\n")
		line = strings.TrimSuffix(line, "\n")
		var n int
		var c Counts
		// A torn line belongs to a group that does not count as finished.
		got, err := fmt.Sscanf(line, progressLine, &n, &c.Changed, &c.Already, &c.Conflicts, &c.Failed)
		if err == nil && got == 5 && n == p.done+1 && strings.HasSuffix(line, ".") {
			p.done, p.counts = n, c
		}
	}
	return p
}

// progressLine is the format of a line of the list: the number of the group, and the
// counts up to its end.
const progressLine = "%d: %d %d %d %d."

// end records that further groups are finished, with the counts up to the end of each.
func (p *progress) end(finished []Counts) error {
	var lines []byte
	if p.torn {
		lines = append(lines, '\n')
	}
	for i, c := range finished {
		lines = fmt.Appendf(lines, progressLine+"\n", p.done+1+i, c.Changed, c.Already, c.Conflicts, c.Failed)
	}
	if err := appendRunFile(p.path, p.hook, lines); err != nil {
		return err
	}
	p.done, p.torn = p.done+len(finished), false
	return nil
}
