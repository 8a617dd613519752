package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
)

const versionSuffix = ".gz"

func (j *Journal) versionFile(sha string) string {
	return filepath.Join(j.versions(), sha+versionSuffix)
}

// SaveVersion saves content and returns its version once it is on disk. Content that
// is already saved is not written again.
func (s *Session) SaveVersion(ctx context.Context, content []byte) (Version, error) {
	v := VersionOf(content)
	path := s.j.versionFile(v.SHA256)
	if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() && fi.Size() > 0 {
		return v, nil
	}
	if err := fsx.MkdirPrivate(ctx, s.j.versions(), s.j.dir, s.j.opts.Hook); err != nil {
		return v, err
	}
	var packed bytes.Buffer
	// The fastest level, because other runs wait for the lock meanwhile.
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return v, fmt.Errorf("compress the version: %w", err)
	}
	if _, err := z.Write(content); err != nil {
		return v, fmt.Errorf("compress the version: %w", err)
	}
	if err := z.Close(); err != nil {
		return v, fmt.Errorf("compress the version: %w", err)
	}
	err = fsx.WriteNew(ctx, path, packed.Bytes(), 0o600, s.j.dir, s.j.opts.Hook)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return v, fmt.Errorf("save the version: %w", err)
	}
	return v, nil
}

// NoVersionError is returned for content that is not kept. It wraps ErrNoVersion. Whether it
// was pruned or lost, Journal.Pruned finds out.
type NoVersionError struct{ SHA256 string }

// Error names the version.
func (e *NoVersionError) Error() string {
	return fmt.Sprintf("version %.12s: %v", e.SHA256, ErrNoVersion)
}

// Unwrap returns ErrNoVersion.
func (e *NoVersionError) Unwrap() error { return ErrNoVersion }

// Pruned reports whether a prune can have removed a version: one was made after the last
// record that names the version, which is not the newest one of a file.
func (j *Journal) Pruned(ctx context.Context, sha string) (bool, error) {
	newest, err := j.newest(ctx)
	if err != nil || newest[sha] {
		return false, err
	}
	named, pruned := 0, 0
	for l, err := range j.Lines(ctx) {
		if err != nil {
			return false, err
		}
		r := l.Record
		if r.Kind == KindIntent && r.Operation == pruneOperation {
			pruned = l.Number
		}
		for _, v := range []*Version{r.Before, r.After} {
			if v != nil && v.SHA256 == sha {
				named = l.Number
			}
		}
	}
	return pruned > named, nil
}

// VersionFile returns the path of the file with a version.
func (j *Journal) VersionFile(sha string) string { return j.versionFile(sha) }

// Content returns the content of v. The error wraps ErrNoVersion if it is not kept,
// and ErrDamaged if the kept content does not have the hash of v.
func (j *Journal) Content(ctx context.Context, v Version) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if v.Missing {
		return nil, nil
	}
	if !isSHA256(v.SHA256) {
		return nil, &NoVersionError{SHA256: clip(v.SHA256, 80)}
	}
	f, err := fsx.OpenRegular(j.versionFile(v.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NoVersionError{SHA256: v.SHA256}
	}
	if err != nil {
		return nil, fmt.Errorf("open version: %w", err)
	}
	defer f.Close()
	damaged := func(err error) error { return fmt.Errorf("%s: %w (%w)", f.Name(), ErrDamaged, err) }
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, damaged(err)
	}
	// The recorded size limits how far a damaged file can expand.
	content, err := io.ReadAll(io.LimitReader(z, v.Size+1))
	if err != nil {
		return nil, damaged(err)
	}
	if got := VersionOf(content); !got.Same(v) {
		return nil, damaged(fmt.Errorf("it contains %.12s", got.SHA256))
	}
	return content, nil
}

// isSHA256 validates hashes from a journal before they are used as file names.
func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && s == strings.ToLower(s)
}

// kept returns the hashes of all versions on disk.
func (j *Journal) kept() ([]string, error) {
	names, err := os.ReadDir(j.versions())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the kept versions: %w", err)
	}
	var out []string
	for _, n := range names {
		if sha, ok := strings.CutSuffix(n.Name(), versionSuffix); ok && isSHA256(sha) {
			out = append(out, sha)
		}
	}
	return out, nil
}
