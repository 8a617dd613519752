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

// State is how far a run has come.
type State string

// The states of a run.
const (
	Ready   State = "ready"   // all is written down, and nothing was changed
	Begun   State = "begun"   // changes were sent
	Stopped State = "stopped" // it was ended before all was tried
	Partly  State = "partly"  // all was tried, and some was refused
	Done    State = "done"    // all was changed
)

// Info is what is known of a run. It is kept in its directory.
type Info struct {
	ID       int64     `json:"run"`
	Undoes   int64     `json:"undoes,omitempty"` // the run that this one takes back
	State    State     `json:"state"`
	Plan     string    `json:"plan"`   // the file that it began with
	Digest   string    `json:"digest"` // of that file
	Server   string    `json:"server"`
	Guard    Guard     `json:"guard"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended,omitzero"`
	ToChange int       `json:"to_change"` // records that are tried
	Counts
	Detail string `json:"detail,omitempty"`

	Checked Counts `json:"checked"` // what the check found, before anything was tried

	settled Counts // up to the last group that is done: one that was stopped in is tried again
}

// Counts is what became of the records of a run.
type Counts struct {
	Changed   int `json:"changed"`
	Already   int `json:"already"`   // were so before, or were made so by a run that was stopped
	Conflicts int `json:"conflicts"` // are not as the plan expects
	Failed    int `json:"failed"`    // were refused by the server
}

func (c Counts) refused() int { return c.Conflicts + c.Failed }

// Names of the files in the directory of a run.
const (
	infoFile     = "run.json"
	todoFile     = "todo.ldif"     // what is changed, with all that is expected
	UndoFile     = "undo.ldif"     // what takes it back, in the order of the changes
	RejectFile   = "rejected.ldif" // what was not changed, and why
	progressFile = "progress"      // a line for each group of todoFile that is done
)

// ErrNoRun is returned for a run that there is not.
var ErrNoRun = errors.New("there is no such run")

// Runs is the directory that holds the directories of all runs.
type Runs struct{ Dir string }

// Path is the directory of a run.
func (r Runs) Path(id int64) string { return filepath.Join(r.Dir, strconv.FormatInt(id, 10)) }

// Load returns what is known of a run. The error wraps ErrNoRun where there is
// none.
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
		// It was killed, or is at work: the list of groups says how far it is.
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
			continue // it was stopped before it could begin
		}
		if err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

// Unfinished returns the run that applies the plan of a digest to a server and was
// stopped; ok is false where there is none that can be taken up again. One that was
// taken back since is none: what it has noted as done is done no more.
func (r Runs) Unfinished(digest, server string, undoes int64) (info Info, ok bool, err error) {
	all, err := r.List()
	takenBack := map[int64]bool{}
	for _, info := range all {
		if info.Digest == digest && info.Undoes == undoes && info.Server == server {
			stopped := info.State == Ready || info.State == Begun || info.State == Stopped
			return info, stopped && !takenBack[info.ID], nil
		}
		takenBack[info.Undoes] = true
	}
	return Info{}, false, err
}

// save writes what is known of a run, whole or not at all.
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

// progress is the list of the groups that are done.
type progress struct {
	f      *os.File
	torn   bool   // the last line was not written to its end
	done   int    // groups
	counts Counts // up to the end of the last one
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

// parseProgress reads the list as far as it is sound.
func parseProgress(text []byte) *progress {
	p := &progress{}
	for line := range strings.Lines(string(text)) {
		p.torn = !strings.HasSuffix(line, "\n")
		line = strings.TrimSuffix(line, "\n")
		var n int
		var c Counts
		// A torn line is that of a group whose end was not written.
		got, err := fmt.Sscanf(line, progressLine, &n, &c.Changed, &c.Already, &c.Conflicts, &c.Failed)
		if err == nil && got == 5 && n == p.done+1 && strings.HasSuffix(line, ".") {
			p.done, p.counts = n, c
		}
	}
	return p
}

// progressLine is a line of the list: the number of the group, and the counts up to
// its end.
const progressLine = "%d: %d %d %d %d."

// end notes that one more group is done.
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
