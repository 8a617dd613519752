package ldapchange

import (
	"cmp"
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

	settled Counts // up to the last finished group: an unfinished group is tried again
}

// Counts are the numbers of the records of a run by their outcome.
type Counts struct {
	Changed   int `json:"changed"`
	Already   int `json:"already"`   // already done, possibly by a run that was stopped
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
	b, err := os.ReadFile(filepath.Join(r.Path(id), infoFile))
	if errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("run %d: %w", id, ErrNoRun)
	}
	if err == nil {
		err = json.Unmarshal(b, &info)
	}
	if err == nil && info.State == Begun {
		// It was killed or is running: the list of finished groups shows its progress.
		var b []byte
		if b, err = os.ReadFile(filepath.Join(r.Path(id), progressFile)); errors.Is(err, fs.ErrNotExist) {
			err = nil // nothing was tried yet
		}
		if p := parseProgress(b); p.done > 0 {
			info.Counts = p.counts
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

// Unfinished returns the stopped run that applies the plan with a digest to a server.
// ok is false if there is no such run to resume. A run that was undone since cannot
// be resumed, because the changes that it recorded as done have been undone.
func (r Runs) Unfinished(digest, server string, undoes int64) (info Info, ok bool, err error) {
	all, err := r.List()
	undone := map[int64]bool{}
	for _, info := range all {
		if info.Digest == digest && info.Undoes == undoes && info.Server == server {
			stopped := info.State == Ready || info.State == Begun || info.State == Stopped
			return info, stopped && !undone[info.ID], nil
		}
		undone[info.Undoes] = true
	}
	return Info{}, false, err
}

// save writes the description of a run, completely or not at all.
func (i *Info) save(dir string) error {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, infoFile), func(f *os.File) error {
		_, err := f.Write(append(b, '\n'))
		return err
	})
}

// writeFile makes a file that nobody else can read, on disk before it takes its
// name.
func writeFile(path string, write func(*os.File) error) (err error) {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s was not written: %w", path, err), os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// progress is the list of the finished groups.
type progress struct {
	f      *os.File
	torn   bool   // the last line is incomplete
	done   int    // the number of groups
	counts Counts // up to the end of the last group
}

func openProgress(dir string) (*progress, error) {
	f, err := os.OpenFile(filepath.Join(dir, progressFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p := parseProgress(text)
	p.f = f
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

// end records that another group is finished.
func (p *progress) end(c Counts) error {
	p.done++
	if p.torn {
		if _, err := io.WriteString(p.f, "\n"); err != nil {
			return err
		}
		p.torn = false
	}
	if _, err := fmt.Fprintf(p.f, progressLine+"\n", p.done, c.Changed, c.Already, c.Conflicts, c.Failed); err != nil {
		return err
	}
	return p.f.Sync()
}

func (p *progress) close() error { return p.f.Close() }
