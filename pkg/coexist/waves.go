package coexist

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// WavePerson is a user or resource of a wave.
type WavePerson struct {
	DN      string `json:"dn"`
	DNBytes []byte `json:"dn_base64,omitempty"` // DN if it is not valid UTF-8
	Address string `json:"address"`
	// Changed is set if the wave changes the entry. It does not if the user was already
	// marked and locked out when the wave was planned.
	Changed bool `json:"changed"`
}

// WriteWavePeople writes the people of a wave, one JSON object on each line.
func WriteWavePeople(w io.Writer, people []WavePerson) error {
	out := json.NewEncoder(w)
	for _, p := range people {
		if directory.DNBase64(p.DN) != "" {
			p.DN, p.DNBytes = "", []byte(p.DN)
		}
		if err := out.Encode(p); err != nil {
			return err
		}
	}
	return nil
}

// maxPersonLine is the maximum length of a line with a person.
const maxPersonLine = 1 << 20

// ReadWavePeople yields the people that WriteWavePeople wrote. An error is the last element.
func ReadWavePeople(r io.Reader) iter.Seq2[WavePerson, error] {
	return func(yield func(WavePerson, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxPersonLine)
		for n := 1; lines.Scan(); n++ {
			var p WavePerson
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				yield(p, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if p.DNBytes != nil {
				p.DN, p.DNBytes = string(p.DNBytes), nil
			}
			if !yield(p, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(WavePerson{}, err)
		}
	}
}

// WaveRecord is what a home has recorded of a wave.
type WaveRecord struct {
	ID      string    `json:"id"`
	Dir     string    `json:"dir"` // with the files of the wave: absolute, when it was planned or last applied
	Made    time.Time `json:"made"`
	By      string    `json:"by"`
	Source  string    `json:"source"`
	People  int       `json:"people"`
	Changes int       `json:"changes"` // entries that it changes
	// Forward and Back are the digests of the two plans; "" if the wave changes nothing.
	Forward string `json:"forward"`
	Back    string `json:"back"`
	// Traced is set if the people are recorded with their entries. Waves planned by earlier
	// versions did not list them.
	Traced bool `json:"traced"`
}

// Verification is the result of the last check of a wave after it was applied.
type Verification struct {
	Time      time.Time `json:"time"`
	Run       int64     `json:"run"` // the run that had applied the wave
	Errors    int       `json:"errors"`
	Complete  bool      `json:"complete"`  // the directory was read to its end
	Calendars bool      `json:"calendars"` // the list of the old server's calendars was compared
}

// Passed reports whether the check found no error.
func (v *Verification) Passed() bool { return v != nil && v.Complete && v.Errors == 0 }

// WaveID returns the identifier of the wave that a manifest describes.
func WaveID(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:8])
}

// Waves is the directory with the records of waves, and that of the runs that apply them.
// Its methods may be called by several processes at once.
type Waves struct {
	Dir  string // it need not exist
	Base string // a directory above it that exists, such as the home, whose owner owns the files
	Runs ldapchange.Runs
	Hook fsx.Hook
	Wait time.Duration // for the lock
}

// Names of the files of a record, after the identifier.
const (
	recordSuffix   = ".json"
	peopleSuffix   = ".people.jsonl"
	verifiedSuffix = ".verified.json"
	accountsSuffix = ".accounts.txt"
)

// maxRecord is the maximum size of a record.
const maxRecord = 1 << 20

func (w Waves) path(id, suffix string) string { return filepath.Join(w.Dir, id+suffix) }

// locked calls fn while no other process writes records.
func (w Waves) locked(ctx context.Context, fn func() error) (err error) {
	for _, dir := range []string{filepath.Dir(w.Dir), w.Dir} {
		if err := fsx.MkdirPrivate(ctx, dir, w.Base, w.Hook); err != nil {
			return err
		}
	}
	lock, err := fsx.AcquireLock(ctx, filepath.Join(w.Dir, "lock"), fsx.LockOptions{Timeout: w.Wait, OwnerFrom: w.Base})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	return fn()
}

func (w Waves) write(ctx context.Context, path string, write func(io.Writer) error) error {
	return fsx.ReplaceFunc(ctx, path, write, fsx.ReplaceOptions{Hook: w.Hook, Private: true, OwnerFrom: w.Dir})
}

func writeIndented(v any) func(io.Writer) error {
	return func(out io.Writer) error {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
}

// Record records a wave, or the new place of one that is recorded. A wave whose people are
// unknown has none.
func (w Waves) Record(ctx context.Context, r WaveRecord, people []WavePerson) error {
	return w.locked(ctx, func() error {
		err := w.write(ctx, w.path(r.ID, peopleSuffix), func(out io.Writer) error { return WriteWavePeople(out, people) })
		if err != nil {
			return err
		}
		return w.write(ctx, w.path(r.ID, recordSuffix), writeIndented(r))
	})
}

// RecordVerification records the result of a check of a wave that is recorded.
func (w Waves) RecordVerification(ctx context.Context, id string, v Verification) error {
	return w.locked(ctx, func() error { return w.write(ctx, w.path(id, verifiedSuffix), writeIndented(v)) })
}

// RecordAccounts writes a list of addresses of a wave and returns the path of the file.
func (w Waves) RecordAccounts(ctx context.Context, id string, addresses []string) (path string, err error) {
	path = w.path(id, accountsSuffix)
	return path, w.locked(ctx, func() error {
		return w.write(ctx, path, func(out io.Writer) error {
			_, err := io.WriteString(out, strings.Join(addresses, "\n")+"\n")
			return err
		})
	})
}

// People yields the recorded people of a wave. An error is the last element.
func (w Waves) People(id string) iter.Seq2[WavePerson, error] {
	return func(yield func(WavePerson, error) bool) {
		path := w.path(id, peopleSuffix)
		f, err := fsx.OpenRegular(path)
		if err != nil {
			yield(WavePerson{}, err)
			return
		}
		defer f.Close()
		for p, err := range ReadWavePeople(f) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// Load reads all records and the runs, the oldest wave first. extra, unless nil, is added if
// it is not recorded.
func (w Waves) Load(extra *WaveRecord) (*WaveBook, error) {
	entries, err := os.ReadDir(w.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b := &WaveBook{waves: w}
	for _, e := range entries {
		name := e.Name()
		id, ok := strings.CutSuffix(name, recordSuffix)
		if !ok || strings.HasSuffix(name, verifiedSuffix) || strings.Contains(id, ".") {
			continue
		}
		s := &WaveStatus{}
		if err := readRecord(w.path(id, recordSuffix), &s.WaveRecord); err != nil {
			return nil, err
		}
		if s.ID != id {
			return nil, fmt.Errorf("%s: it describes another wave, %q", w.path(id, recordSuffix), s.ID)
		}
		v := &Verification{}
		switch err := readRecord(w.path(id, verifiedSuffix), v); {
		case err == nil:
			s.Verified = v
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		b.Waves = append(b.Waves, s)
	}
	if extra != nil && b.OfID(extra.ID) == nil {
		b.Waves = append(b.Waves, &WaveStatus{WaveRecord: *extra})
	}
	slices.SortFunc(b.Waves, func(x, y *WaveStatus) int {
		return cmp.Or(x.Made.Compare(y.Made), cmp.Compare(x.Dir, y.Dir), cmp.Compare(x.ID, y.ID))
	})
	if b.runs, err = w.Runs.List(); err != nil {
		return nil, err
	}
	b.follow()
	return b, nil
}

func readRecord(path string, v any) error {
	b, _, err := fsx.ReadLimited(path, maxRecord)
	if err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
