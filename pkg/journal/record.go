package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Kind is the kind of a record.
type Kind string

// The kinds of records.
const (
	// KindIntent precedes a change and describes it.
	KindIntent Kind = "intent"
	// KindResult ends the change with the same number.
	KindResult Kind = "result"
	// KindFound is a version of a file that someone else wrote, or that existed
	// before the journal. It has its own change number.
	KindFound Kind = "found"
	// KindRepair records that the torn end of the journal was removed, or that the
	// journal was found to have been cut.
	KindRepair Kind = "repair"
)

// Result is how a change ended.
type Result string

// Results.
const (
	// Done: the change was carried out.
	Done Result = "done"
	// NotDone: nothing was changed.
	NotDone Result = "not-done"
	// Unfinished: the run was interrupted, and the target has neither the old nor
	// the intended content.
	Unfinished Result = "unfinished"
	// Unknown: the connection to what was changed was lost before it was known whether the
	// change was carried out.
	Unknown Result = "unknown"
	// Pending means that only the intent is recorded, and no result.
	Pending Result = "pending"
)

// Version identifies the content of a file. For a file that does not exist, SHA256
// is empty and Missing is set.
type Version struct {
	SHA256  string `json:"sha256,omitempty"`
	Size    int64  `json:"size"`
	Missing bool   `json:"missing,omitempty"`
}

// Same reports whether both versions identify the same content.
func (v Version) Same(w Version) bool { return v.SHA256 == w.SHA256 && v.Missing == w.Missing }

// VersionOf returns the version of the content.
func VersionOf(content []byte) Version {
	sum := sha256.Sum256(content)
	return Version{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}
}

// VersionOfFile returns the version of a file, which need not exist.
func VersionOfFile(path string) (Version, error) {
	f, err := fsx.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Version{Missing: true}, nil
	}
	if err != nil {
		return Version{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return Version{}, err
	}
	return Version{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, nil
}

// Item is one setting that a change affects. The caller masks secrets.
type Item struct {
	Name   string `json:"name"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
	WasSet bool   `json:"was_set"`
	IsSet  bool   `json:"is_set"`
}

// maxItemText limits how many bytes of a value an item contains. The complete value
// is in the versions, and records must remain small enough to read.
const maxItemText = 1024

// Record is one line of the journal.
type Record struct {
	Seq       int64     `json:"seq"`
	Kind      Kind      `json:"kind"`
	Change    int64     `json:"change,omitempty"`
	Time      time.Time `json:"time"`
	Area      Area      `json:"area,omitempty"` // of an intent
	Actor     *Actor    `json:"actor,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Command   []string  `json:"command,omitempty"`
	Remark    string    `json:"remark,omitempty"`
	Target    string    `json:"target,omitempty"` // slash path relative to the home
	Before    *Version  `json:"before,omitempty"`
	After     *Version  `json:"after,omitempty"`
	Items     []Item    `json:"items,omitempty"`
	More      int       `json:"more_items,omitempty"` // number of items omitted
	Result    Result    `json:"result,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Lost      bool      `json:"lost,omitempty"`    // records before this one are lost
	Open      []int64   `json:"open,omitempty"`    // other changes that had no result yet
	Highest   int64     `json:"highest,omitempty"` // the highest change number, if it is not Change
	Prev      string    `json:"prev"`              // hash of the previous record, "" for the first

	hash string
}

// Hash returns the hash that the record carries.
func (r *Record) Hash() string { return r.hash }

const (
	hashMember = `,"hash":"`
	hashEnd    = `"}`
	hashTail   = len(hashMember) + 2*sha256.Size + len(hashEnd)
)

// encode returns the record as a line. The hash covers the line without the hash
// member, so that it can be checked without knowing the other members.
func (r *Record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode journal record: %w", err)
	}
	sum := sha256.Sum256(body)
	r.hash = hex.EncodeToString(sum[:])
	line := append(body[:len(body)-1], hashMember...)
	line = append(line, r.hash...)
	return append(line, hashEnd+"\n"...), nil
}

// decode parses a line without its line feed. For a damaged line it returns
// ErrDamaged and as much of the record as could be read.
func decode(line []byte) (*Record, error) {
	r := &Record{}
	if len(line) <= hashTail || !bytes.HasSuffix(line, []byte(hashEnd)) {
		return r, ErrDamaged
	}
	cut := len(line) - hashTail
	if !bytes.HasPrefix(line[cut:], []byte(hashMember)) {
		return r, ErrDamaged
	}
	r.hash = string(line[cut+len(hashMember) : len(line)-len(hashEnd)])
	body := append(append(make([]byte, 0, cut+1), line[:cut]...), '}')
	if err := json.Unmarshal(body, r); err != nil {
		return r, ErrDamaged
	}
	sum := sha256.Sum256(body)
	if hex.EncodeToString(sum[:]) != r.hash {
		return r, ErrDamaged
	}
	return r, nil
}

func clipItems(items []Item) []Item {
	out := make([]Item, len(items))
	for i, it := range items {
		it.Old, it.New = clip(it.Old, maxItemText), clip(it.New, maxItemText)
		out[i] = it
	}
	return out
}

// clip shortens text to n bytes and appends its original length.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes in all)", bytes.ToValidUTF8([]byte(s[:n]), nil), len(s))
}
