package ldapchange

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// blockRecords is the number of records of a plan that are in memory at once.
const blockRecords = 256

// Plan is a plan that was read to the end and is valid. It must not be used by
// several goroutines at once.
type Plan struct {
	Header   Header
	Verified bool // it has a header, and the digest matches
	Records  int
	// Implicit is how many records do not state an expectation for each attribute
	// that they change.
	Implicit int
	// Sum is the SHA-256, in hexadecimal, of all records as they are in the file.
	Sum string
	// Removes is how many records delete or replace existing values.
	Removes int
	// RemovesFrom are the attributes of these values, each once.
	RemovesFrom []string
	// AccessControl is how many records change attributes that control the access to
	// entries.
	AccessControl int

	path   string
	f      *os.File
	found  os.FileInfo // before it was read
	blocks []block
	name   []byte // buffer

	names      []uint64 // hashes of the DNs, sorted
	attributes []string // all that are changed, each once
}

// block is the position of a group of records in the file.
type block struct {
	from, to int64
	line     int // the number of the first line
}

// OpenPlan opens a plan and reads it to the end, so that any fault is found before
// the first change. LDIF from elsewhere is accepted as well if it contains only
// modifications. Errors wrap ErrPlan, ErrSecret or ErrDigest. Close closes the file.
func OpenPlan(path string) (*Plan, error) { return openPlanWith(path, os.Open) }

// openRunPlan is OpenPlan for a file of a run, which is never a pipe: reading one would wait
// for ever.
func openRunPlan(path string) (*Plan, error) { return openPlanWith(path, fsx.OpenRegular) }

// OpenUndo opens the undo file of a run.
func (r Runs) OpenUndo(id int64) (*Plan, error) {
	return openRunPlan(filepath.Join(r.Path(id), UndoFile))
}

func openPlanWith(path string, open func(string) (*os.File, error)) (*Plan, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	p := &Plan{path: path, f: f}
	if p.found, err = f.Stat(); err == nil {
		err = p.readThrough()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return p, nil
}

// Close closes the file.
func (p *Plan) Close() error { return p.f.Close() }

// Path returns the path of the file.
func (p *Plan) Path() string { return p.path }

// Attributes returns the attributes that the plan changes, each once.
func (p *Plan) Attributes() []string { return slices.Clone(p.attributes) }

// readThrough reads the header and all records, and notes the positions of the
// blocks.
func (p *Plan) readThrough() error {
	body, err := p.readHeader()
	if err != nil {
		return err
	}
	sum := sha256.New()
	r := ldif.NewReader(io.TeeReader(io.NewSectionReader(p.f, body.from, 1<<62), sum), ldif.Options{Name: p.path, Comments: true})
	at := body
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrPlan, err)
		}
		one, err := recordOf(rec)
		if err == nil {
			err = one.check()
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", rec.Line+body.line-1, err)
		}
		name, err := p.hashName(&one)
		if err != nil {
			return fmt.Errorf("line %d: %w", rec.Line+body.line-1, err)
		}
		p.names = append(p.names, name)
		p.count(&one)
		if p.Records%blockRecords == 0 {
			at.to = body.from + r.Bytes()
			p.blocks = append(p.blocks, at)
			at = block{from: at.to, line: body.line + r.Line() - 1}
		}
	}
	if at.to = body.from + r.Bytes(); p.Records%blockRecords != 0 {
		p.blocks = append(p.blocks, at)
	}
	slices.Sort(p.names)
	return errors.Join(p.verify(sum), checkRepeated(p.names))
}

// hashName returns the hash of a DN, to find entries with two records: a plan changes
// each entry once, so that the order does not matter. Whether a DN is valid is for the
// server to decide, entry by entry.
func (p *Plan) hashName(r *Record) (uint64, error) {
	var err error
	if p.name, err = directory.AppendNormalDN(p.name[:0], []byte(r.DN)); err != nil {
		p.name = directory.AppendFold(p.name[:0], []byte(r.DN))
	}
	if len(p.name) == 0 {
		return 0, fmt.Errorf("%w: a record changes the root of the directory", ErrPlan)
	}
	return hashOf(p.name), nil
}

// hashOf returns 64 bits of the SHA-256 of a name. If two names of a plan had the same
// hash, which is very unlikely, the plan would be refused for a repeated entry.
func hashOf(name []byte) uint64 {
	sum := sha256.Sum256(name)
	return binary.BigEndian.Uint64(sum[:])
}

// checkRepeated returns an error if an entry has two records.
func checkRepeated(names []uint64) error {
	for i := range names {
		if i > 0 && names[i] == names[i-1] {
			return fmt.Errorf("%w: two records change the same entry; combine them into one", ErrPlan)
		}
	}
	return nil
}

func (p *Plan) count(r *Record) {
	p.Records++
	names := r.attributes()
	for _, name := range names {
		if !hasFold(p.attributes, name) {
			p.attributes = append(p.attributes, name)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.Expect, func(e Expectation) bool { return strings.EqualFold(e.Name, name) }) {
			p.Implicit++
			break
		}
	}
	removes := false
	for _, c := range r.Changes {
		if c.Op == ldif.OpAdd {
			continue
		}
		removes = true
		if !hasFold(p.RemovesFrom, c.Name) {
			p.RemovesFrom = append(p.RemovesFrom, c.Name)
		}
	}
	if removes {
		p.Removes++
	}
	if slices.ContainsFunc(names, IsAccessControl) {
		p.AccessControl++
	}
}

// verify compares the records that were read with the header.
func (p *Plan) verify(sum hash.Hash) error {
	p.Sum = hex.EncodeToString(sum.Sum(nil))
	switch {
	case p.Records == 0:
		return fmt.Errorf("%w: it contains no changes", ErrPlan)
	case !p.Verified:
		return nil
	case p.Header.Digest != p.Sum:
		return fmt.Errorf("%w%s", ErrDigest, digestHint())
	case p.Header.Changes != p.Records:
		return fmt.Errorf("%w: it contains %d changes, but its header says %d", ErrDigest, p.Records, p.Header.Changes)
	}
	return nil
}

// digestHint returns what to do about a plan with a wrong digest.
func digestHint() string {
	return fmt.Sprintf("; create the plan again, or, to apply an edited plan, delete the lines that begin with '%s' and '%s'", strings.TrimSpace(planAnyMark), strings.TrimSpace(planDigest))
}

// readHeader reads the header, if there is one, and returns the position of the first
// record. LDIF from elsewhere has none; its records begin with the file.
func (p *Plan) readHeader() (block, error) {
	in := bufio.NewReader(p.f)
	at := block{line: 1}
	first, mark := "", false
	for n := 1; n <= 9; n++ {
		line, err := in.ReadString('\n')
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return at, err
		}
		at.to += int64(len(line))
		text := strings.TrimRight(line, "\r\n")
		switch {
		case n == 1:
			first = strings.TrimPrefix(text, "\ufeff")
			if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
				return at, fmt.Errorf("%w: it is UTF-16 text, but LDIF is UTF-8: convert it first", ErrPlan)
			}
		case text == planMark && first == "version: 1":
			mark = true
		case !mark && strings.HasPrefix(text, planAnyMark):
			return at, fmt.Errorf("%w: its header is not that of a plan which this version of davadmin can read: '%s'%s", ErrPlan, text, digestHint())
		case mark && p.Header.read(text):
			p.Verified = true
			return block{from: at.to, line: n + 1}, nil
		}
		if ended {
			break
		}
	}
	if mark {
		return at, fmt.Errorf("%w: the line that begins with '%s' is missing%s", ErrDigest, strings.TrimSpace(planDigest), digestHint())
	}
	return block{line: 1}, nil
}

// read reads a line of the header. It returns true for the last one.
func (h *Header) read(line string) (last bool) {
	if v, ok := strings.CutPrefix(line, planMade); ok {
		h.Made, _ = time.Parse(time.RFC3339, v)
	}
	if v, ok := strings.CutPrefix(line, planBy); ok {
		h.By = v
	}
	if v, ok := strings.CutPrefix(line, planSource); ok {
		h.Source = v
	}
	if v, ok := strings.CutPrefix(line, planEntries); ok {
		h.Entries, _ = strconv.Atoi(v)
	}
	if v, ok := strings.CutPrefix(line, planChanges); ok {
		h.Changes, _ = strconv.Atoi(v)
	}
	h.Digest, last = strings.CutPrefix(line, planDigest)
	return last
}

// All yields the records in groups, in the order of the plan or in the reverse
// order. The caller may keep them. An error ends the iteration.
func (p *Plan) All(reverse bool) iter.Seq2[[]Record, error] {
	return func(yield func([]Record, error) bool) {
		for i := range p.blocks {
			if reverse {
				i = len(p.blocks) - 1 - i
			}
			records, err := p.block(i)
			if reverse {
				slices.Reverse(records)
			}
			if !yield(records, err) || err != nil {
				return
			}
		}
	}
}

// unchanged returns an error if the file has changed since it was read: a part that
// was cut off would otherwise be a part of the plan that is silently not done.
func (p *Plan) unchanged() error {
	now, err := p.f.Stat()
	if err == nil && (now.Size() != p.found.Size() || !now.ModTime().Equal(p.found.ModTime())) {
		err = fmt.Errorf("%s changed while it was being read; the rest of it was not checked", p.path)
	}
	return err
}

// block reads the records of a block.
func (p *Plan) block(i int) ([]Record, error) {
	if err := p.unchanged(); err != nil {
		return nil, err
	}
	b := p.blocks[i]
	// The blank line after the last record is not in the block.
	text := io.MultiReader(io.NewSectionReader(p.f, b.from, b.to-b.from), strings.NewReader("\n"))
	r := ldif.NewReader(text, ldif.Options{Name: p.path, Comments: true})
	var out []Record
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			if r.Bytes() != b.to-b.from+1 {
				return nil, fmt.Errorf("%s changed while it was being read: a part of it is missing", p.path)
			}
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s changed while it was being read: %w", p.path, err)
		}
		one, err := recordOf(rec)
		if err != nil {
			return nil, err
		}
		one.Line += b.line - 1
		out = append(out, one)
	}
}

// recordOf copies a record of LDIF and reads the expectations from its comments.
func recordOf(rec *ldif.Record) (Record, error) {
	out := Record{DN: string(rec.DN), Line: rec.Line}
	switch {
	case rec.LacksChangeType():
		return out, fmt.Errorf("%w: the record of %q has no line \"changetype: modify\" after its DN", ErrPlan, rec.DN)
	case rec.Kind != ldif.KindModify:
		return out, fmt.Errorf("%w: the record of %q is not a modification (%s)", ErrPlan, rec.DN, rec.Kind)
	case len(rec.Controls) > 0:
		return out, fmt.Errorf("%w: the record of %q has controls, which are not sent", ErrPlan, rec.DN)
	}
	for _, c := range rec.Changes {
		own := ldif.Modification{Op: c.Op, Name: c.Name}
		for _, v := range c.Values {
			own.Values = append(own.Values, bytes.Clone(v))
		}
		out.Changes = append(out.Changes, own)
	}
	for _, line := range rec.Comments {
		if err := out.readExpectation(string(line)); err != nil {
			return out, fmt.Errorf("%w: the record of %q: %w", ErrPlan, rec.DN, err)
		}
	}
	return out, nil
}

// readExpectation reads a comment that states an expectation, and ignores all others.
func (r *Record) readExpectation(comment string) error {
	text, ok := strings.CutPrefix(comment, "# expect-")
	if !ok {
		return nil
	}
	word, rest, _ := strings.Cut("expect-"+text, " ")
	need := Need(-1)
	for n := NeedAbsent; n <= NeedLacks; n++ {
		if n.keyword() == word {
			need = n
		}
	}
	name, value, valued := strings.Cut(rest, ":")
	if need < 0 || !isName(name) || valued == (need == NeedAbsent) {
		return fmt.Errorf("'%s' is not a valid expectation", comment)
	}
	v, err := commentValue(value)
	if err != nil {
		return err
	}
	if n := len(r.Expect); n > 0 && r.Expect[n-1].Need == need && r.Expect[n-1].Name == name && valued {
		r.Expect[n-1].Values = append(r.Expect[n-1].Values, v)
		return nil
	}
	e := Expectation{Name: name, Need: need}
	if valued {
		e.Values = [][]byte{v}
	}
	r.Expect = append(r.Expect, e)
	return nil
}

// isName reports whether s can be the name of an attribute, with options.
func isName(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._;") == ""
}

// commentValue decodes the text after the first colon.
func commentValue(text string) ([]byte, error) {
	if encoded, ok := strings.CutPrefix(text, ": "); ok {
		v, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not valid base64", encoded)
		}
		return v, nil
	}
	return []byte(strings.TrimPrefix(text, " ")), nil
}
