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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// blockRecords is how many records of a plan are in memory at once.
const blockRecords = 256

// Plan is a plan that was read through once and found in order. It is for one
// goroutine at a time.
type Plan struct {
	Header  Header
	Own     bool // it has a header, and its digest is right
	Records int
	// Unsaid is how many records do not say what they expect of each attribute.
	Unsaid int
	// Sum is the SHA-256, in hexadecimal, of all records as they stand in the file.
	Sum string
	// Removes is how many records remove or replace values that are there.
	Removes int

	path   string
	f      *os.File
	found  os.FileInfo // before it was read through
	blocks []block
	name   []byte // buffer

	names      []uint64 // hashes of the names of the entries, sorted
	attributes []string // that are changed anywhere, each once
}

// block is where some records stand in the file.
type block struct {
	from, to int64
	line     int // of the first line
}

// OpenPlan opens a plan, and reads it through: a fault anywhere is found before
// the first change. LDIF of others is taken too, as long as it holds nothing but
// modifications. Errors wrap ErrPlan, ErrSecret or ErrDigest. Close gives the
// file back.
func OpenPlan(path string) (*Plan, error) {
	f, err := os.Open(path)
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

// Close gives the file back.
func (p *Plan) Close() error { return p.f.Close() }

// Path is the file.
func (p *Plan) Path() string { return p.path }

// readThrough reads header and records, and notes where the blocks are.
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
	return errors.Join(p.verify(sum), twice(p.names))
}

// hashName tells entries apart: a plan changes each once, so that it does not
// matter which is changed first.
func (p *Plan) hashName(r *Record) (uint64, error) {
	var err error
	if p.name, err = directory.AppendNormalDN(p.name[:0], []byte(r.DN)); err != nil || len(p.name) == 0 {
		return 0, fmt.Errorf("%w: %q is no name of an entry", ErrPlan, r.DN)
	}
	return hashOf(p.name), nil
}

// hashOf shortens a name so that two of a plan are hardly ever the same: then they
// are taken for one entry that is there twice, and the plan is refused.
func hashOf(name []byte) uint64 {
	sum := sha256.Sum256(name)
	return binary.BigEndian.Uint64(sum[:])
}

// twice is the error for entries that have two records.
func twice(names []uint64) error {
	for i := range names {
		if i > 0 && names[i] == names[i-1] {
			return fmt.Errorf("%w: an entry is there twice; make one record of the two", ErrPlan)
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
			p.Unsaid++
			break
		}
	}
	if slices.ContainsFunc(r.Changes, func(c ldif.Modification) bool { return c.Op != ldif.OpAdd }) {
		p.Removes++
	}
}

// verify compares what was read with what the header says.
func (p *Plan) verify(sum hash.Hash) error {
	p.Sum = hex.EncodeToString(sum.Sum(nil))
	switch {
	case p.Records == 0:
		return fmt.Errorf("%w: it holds no changes", ErrPlan)
	case !p.Own:
		return nil
	case p.Header.Digest != p.Sum:
		return fmt.Errorf("%w; make it anew, or take the lines that begin with '# davadmin plan' and '# digest:' out of an edited plan", ErrDigest)
	case p.Header.Changes != p.Records:
		return fmt.Errorf("%w: it holds %d changes, and its header says %d", ErrDigest, p.Records, p.Header.Changes)
	}
	return nil
}

// readHeader reads the header of a plan of ours, and returns where the records
// begin. For LDIF of others that is the beginning.
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
			first = text
		case text == planMark && first == "version: 1":
			mark = true
		case mark && p.Header.read(text):
			p.Own = true
			return block{from: at.to, line: n + 1}, nil
		}
		if ended {
			break
		}
	}
	return block{line: 1}, nil
}

// read takes a line of the header; last tells that it is the last one.
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

// All yields the records in the order of the plan, or in the reverse order, in
// groups. What is yielded belongs to the caller. An error is the last word.
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

// unchanged makes sure that the file is still the one that was read through: a part
// of it that is gone would be a part of the plan that nobody misses.
func (p *Plan) unchanged() error {
	now, err := p.f.Stat()
	if err == nil && (now.Size() != p.found.Size() || !now.ModTime().Equal(p.found.ModTime())) {
		err = fmt.Errorf("%s has changed while it was read; what is left of it was not looked at", p.path)
	}
	return err
}

// block reads the records of a block.
func (p *Plan) block(i int) ([]Record, error) {
	if err := p.unchanged(); err != nil {
		return nil, err
	}
	b := p.blocks[i]
	r := ldif.NewReader(io.NewSectionReader(p.f, b.from, b.to-b.from), ldif.Options{Name: p.path, Comments: true})
	var out []Record
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s has changed while it was read: %w", p.path, err)
		}
		one, err := recordOf(rec)
		if err != nil {
			return nil, err
		}
		one.Line += b.line - 1
		out = append(out, one)
	}
}

// recordOf copies a record of LDIF, and reads what its comments expect.
func recordOf(rec *ldif.Record) (Record, error) {
	out := Record{DN: string(rec.DN), Line: rec.Line}
	switch {
	case rec.Kind != ldif.KindModify:
		return out, fmt.Errorf("%w: the record of %q is no modification (%s)", ErrPlan, rec.DN, rec.Kind)
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

// readExpectation takes a comment, if it is one of ours.
func (r *Record) readExpectation(comment string) error {
	text, ok := strings.CutPrefix(comment, "# expect-")
	if !ok {
		return nil
	}
	word, rest, _ := strings.Cut("expect-"+text, " ")
	need := Need(-1)
	for n := NeedAbsent; n <= NeedLacks; n++ {
		if n.word() == word {
			need = n
		}
	}
	name, value, valued := strings.Cut(rest, ":")
	if need < 0 || !isName(name) || valued == (need == NeedAbsent) {
		return fmt.Errorf("'%s' is no expectation", comment)
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

// isName tells whether text can name an attribute, with options.
func isName(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._;") == ""
}

// commentValue decodes what stands behind the first colon.
func commentValue(text string) ([]byte, error) {
	if encoded, ok := strings.CutPrefix(text, ": "); ok {
		v, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("'%s' is no base64", encoded)
		}
		return v, nil
	}
	return []byte(strings.TrimPrefix(text, " ")), nil
}
