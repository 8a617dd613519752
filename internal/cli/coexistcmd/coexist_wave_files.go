package coexistcmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// Names of the files of a wave.
const (
	waveManifest  = "wave.json"
	waveForward   = "forward.ldif"  // sets the mark and the lock-out of the users
	waveBack      = "back.ldif"     // undoes forward.ldif
	waveOldServer = "old-server.sh" // deletes their calendars on the old server, after forward.ldif was applied
	wavePeople    = "people.txt"    // the addresses of the users
	waveChecks    = "checks.txt"    // the commands to run after 'coexist apply'
	waveEntries   = "people.jsonl"  // the users with their entries; waves of earlier versions lack it
)

// manifest describes a wave and its files.
type manifest struct {
	Schema  string            `json:"schema"`
	Made    time.Time         `json:"made"`
	By      string            `json:"by"`
	Source  string            `json:"source"`
	People  int               `json:"people"`
	Changes int               `json:"changes"`
	Files   map[string]string `json:"files"` // SHA-256 by name
}

const waveSchema = "davadmin.coexist.wave.1"

// waveFiles returns the names of the files whose digests the manifest records.
func waveFiles() []string {
	return []string{waveForward, waveBack, waveOldServer, wavePeople, waveChecks, waveEntries}
}

// maxWaveFile is the maximum size of a file of a wave.
const maxWaveFile = 1 << 30

// fileSum returns the SHA-256 digest of a file in hexadecimal.
func fileSum(path string) (string, error) {
	b, _, err := fsx.ReadLimited(path, maxWaveFile)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// save writes the manifest into the directory of the wave.
func (m *manifest) save(ctx context.Context, dir string, hook fsx.Hook) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return fsx.WriteOutput(ctx, filepath.Join(dir, waveManifest), fsx.OutputOptions{Hook: hook}, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// planLine returns the command that plans a wave.
func planLine(h *cmdutil.Hints) string {
	return h.Line("coexist", "plan", "--users", "FILE", "-O", "DIR")
}

// errNoWave returns the error for a missing --wave.
func errNoWave(h *cmdutil.Hints) error {
	return cmdutil.Usagef("the wave is missing; use --wave DIR ('%s' creates one)", planLine(h))
}

// wave is a wave with its files.
type wave struct {
	manifest
	record coexist.WaveRecord
	people []coexist.WavePerson // none if the wave lacks waveEntries
}

// loadWave reads a wave and checks that none of its files was changed since.
func loadWave(h *cmdutil.Hints, dir string) (*wave, error) {
	b, _, err := fsx.ReadLimited(filepath.Join(dir, waveManifest), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cmdutil.Usagef("'%s' does not contain a wave: it has no %s; '%s' creates one", dir, waveManifest, planLine(h))
	}
	if err != nil {
		return nil, err
	}
	w := &wave{}
	if err := json.Unmarshal(b, &w.manifest); err != nil || w.Schema != waveSchema {
		return nil, cmdutil.Usagef("%s is not the manifest of a wave", filepath.Join(dir, waveManifest))
	}
	for _, name := range waveFiles() {
		if name == waveEntries && w.Files[name] == "" {
			continue
		}
		sum, err := fileSum(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if sum != w.Files[name] {
			return nil, cmdutil.Usagef("%s was changed since the wave was planned; plan the wave again in a new directory", filepath.Join(dir, name))
		}
	}
	if w.Files[waveEntries] != "" {
		if err := w.readPeople(filepath.Join(dir, waveEntries)); err != nil {
			return nil, err
		}
	}
	w.record, err = w.describe(dir, b)
	return w, err
}

func (w *wave) readPeople(path string) error {
	f, err := fsx.OpenRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for p, err := range coexist.ReadWavePeople(f) {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		w.people = append(w.people, p)
	}
	return nil
}

// describe returns what the home records of the wave in dir, whose manifest has the content b.
func (m *manifest) describe(dir string, b []byte) (r coexist.WaveRecord, err error) {
	r = coexist.WaveRecord{
		ID: coexist.WaveID(b), Made: m.Made, By: m.By, Source: m.Source, People: m.People, Changes: m.Changes, Traced: m.Files[waveEntries] != "",
	}
	if r.Dir, err = filepath.Abs(dir); err != nil || m.Changes == 0 {
		return r, err
	}
	for name, sum := range map[string]*string{waveForward: &r.Forward, waveBack: &r.Back} {
		plan, err := ldapchange.OpenPlan(filepath.Join(dir, name))
		if err != nil {
			return r, err
		}
		*sum = plan.Sum
		_ = plan.Close()
	}
	return r, nil
}
