package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
)

// ErrLost is returned if the journal is missing or empty although records were written:
// what is not there is not known to be nothing.
var ErrLost = errors.New("the journal was removed or emptied; restore it from a backup")

// lastRecord identifies the newest record of a journal. It is kept in a file of its own,
// so that a journal which was cut at its end, whose hash chain is intact, is found.
type lastRecord struct {
	Seq    int64  `json:"seq"`
	Change int64  `json:"change"`
	Hash   string `json:"hash"`
}

// maxLast limits the size of the file of the last record.
const maxLast = 4096

func (j *Journal) lastFile() string { return filepath.Join(j.dir, "journal.last") }

// readLast returns the last record that was written, as of the end of the newest session
// that was not killed. It returns nil if that is unknown: before the first session, and
// in journals of earlier versions. The error wraps ErrDamaged if the file is invalid.
func (j *Journal) readLast() (*lastRecord, error) {
	b, _, err := fsx.ReadLimited(j.lastFile(), maxLast)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &lastRecord{}
	if err := json.Unmarshal(b, l); err != nil || l.Seq < 0 || l.Change < 0 || l.Seq > 0 && !isSHA256(l.Hash) {
		return nil, fmt.Errorf("%s: %w", j.lastFile(), ErrDamaged)
	}
	return l, nil
}

func (j *Journal) writeLast(ctx context.Context, l lastRecord) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return fsx.Replace(ctx, j.lastFile(), append(b, '\n'), fsx.ReplaceOptions{Hook: j.opts.Hook, Private: true, OwnerFrom: j.dir})
}

// lost returns ErrLost if records were written to a journal that contains none.
func (j *Journal) lost() error {
	last, err := j.readLast()
	if err != nil {
		return err
	}
	if last != nil && last.Seq > 0 {
		return fmt.Errorf("%s: %w (it had %d records)", j.file(), ErrLost, last.Seq)
	}
	if last != nil {
		return nil // a run that was killed before its first record may have saved a version
	}
	kept, err := j.kept()
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		return fmt.Errorf("%s: %w (%d of the versions that it named are kept)", j.file(), ErrLost, len(kept))
	}
	return nil
}

// checkLast compares the end of the journal with the record that was written last. If
// the journal was cut, a record says so, and the numbers of the lost changes are not
// used again: undo files have the number of their change.
func (s *Session) checkLast(ctx context.Context, t *tail) error {
	w, err := s.j.readLast()
	if errors.Is(err, ErrDamaged) {
		s.note(err.Error()+"; it is written again", ErrDamaged)
		return nil
	}
	if err != nil {
		return err
	}
	if w == nil {
		if t.size > 0 {
			return nil // of an earlier version; Close writes it
		}
		kept, err := s.j.kept()
		if err != nil {
			return err
		}
		if len(kept) == 0 {
			return s.j.writeLast(ctx, lastRecord{})
		}
		w = &lastRecord{}
	} else if t.damaged || t.last != nil && (t.last.Seq > w.Seq || t.last.Seq == w.Seq && t.last.hash == w.Hash) || t.last == nil && w.Seq == 0 {
		return nil
	}
	var seq int64
	if t.last != nil {
		seq = t.last.Seq
	}
	detail := fmt.Sprintf("records of the journal are lost: it ended with record %d, but the last one was record %d, of change %d", seq, w.Seq, w.Change)
	if w.Seq == 0 {
		detail = "records of the journal are lost: it was empty, although it must have named versions that are kept"
	}
	s.note(detail, ErrDamaged)
	s.change = max(s.change, w.Change)
	if err := s.write(ctx, &Record{Kind: KindRepair, Change: s.change, Lost: true, Detail: detail}); err != nil {
		return err
	}
	return s.j.writeLast(ctx, s.lastRecord())
}

// saveLast records which record is the last one; other runs may have written it. An error
// is not one of the session: the records are on disk, an older number is a weaker check and
// not a wrong one, and the next session writes it again.
func (s *Session) saveLast(ctx context.Context) {
	if _, err := s.readTail(); err != nil || s.last == nil {
		return
	}
	w, err := s.j.readLast()
	if err == nil && w != nil && s.last.Seq <= w.Seq {
		return
	}
	_ = s.j.writeLast(ctx, s.lastRecord())
}

// lastRecord identifies the newest record that was seen.
func (s *Session) lastRecord() lastRecord {
	return lastRecord{Seq: s.last.Seq, Change: s.change, Hash: s.last.hash}
}
