package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// stdinPath stands for standard input among paths.
const stdinPath = "-"

const (
	offsetBits = 44 // the low bits of Entry.Pos; the others are the file number
	maxFiles   = 1 << (64 - offsetBits)
)

// FilesOptions are the options of a Files source.
type FilesOptions struct {
	// Paths are the files, read in this order, at most 1,048,576 of them. "-" is
	// standard input and can be listed once.
	Paths []string
	// Stdin is the standard input for "-". It is not closed.
	Stdin io.Reader

	// FileURLs allows values that are read from other files of this host, "name:<
	// file:///path". Without it such a record is a BrokenRecord.
	FileURLs bool

	// Additions allows change records that add an entry (changetype: add), which are
	// then read as entries. Without it each is a ChangeRecord.
	Additions bool

	// MaxLine and MaxEntry are the maximum sizes of an unfolded line and of a record,
	// in bytes. A record over a limit is a BrokenRecord. 0 means the defaults of
	// ldif.Options.
	MaxLine, MaxEntry int
}

// Files is a Source that reads LDIF files as written by servers and ldapsearch, plain
// or compressed with gzip or zstd, which it recognizes by the first bytes.
//
// It delivers values with options as values of the attribute itself. Like a search,
// it omits what the export of a replica marks as deleted: values with the option
// "deleted", and tombstone entries. The kind of an entry depends only on the object
// classes listed in the entry itself, and in a file without object classes every entry
// has the kind Other.
//
// Query.Filter chooses the entries that a server would choose (RFC 4511 section
// 4.5.1.7): names, matching rules and class inheritance are those of the standard schema
// and of the calendar's. Attributes of the query that the schema does not define are
// compared as text. Where servers differ, it does as OpenLDAP does. What only the server
// can decide is an error: "~=" and some rules before anything is read, and a *FilterError
// for an entry whose operational attributes the file does not contain, or with an
// attribute or class that is not in the schema, where the answer depends on it.
//
// Change records, invalid records, and entries of the class referral are each a
// *Problem. So is an entry whose DN is not valid UTF-8 or does not have the form of RFC
// 4514 in the wider sense of AppendNormalDN.
//
// A file can show that it is incomplete: it ends within a line or directly after a DN
// (see ldif.Reader), or ldapsearch or a similar tool wrote a result other than success,
// none at all, or a last page cookie that is not empty. The record in which a file ends
// is not delivered. The other files are read nevertheless, and then the last error is
// an *IncompleteError. Reading ends after a read error, and after truncated compressed
// data.
//
// Pos is the number of the file, from 0, times 2^44, plus the offset of the dn: line
// in its uncompressed text, which can have up to 16 TiB.
type Files struct {
	o           FilesOptions
	done, total atomic.Int64
	stdinTaken  bool
}

// NewFiles returns a source that reads the files of o. Nothing is opened yet.
func NewFiles(o FilesOptions) *Files { return &Files{o: o} }

// Name returns the paths, with "standard input" for "-".
func (f *Files) Name() string {
	names := make([]string, len(f.o.Paths))
	for i := range names {
		names[i] = f.FileName(i)
	}
	return strings.Join(names, ", ")
}

// FileName returns the name, for messages, of the file with the number i, the File of
// an Entry or a Problem.
func (f *Files) FileName(i int) string {
	if f.o.Paths[i] == stdinPath {
		return "standard input"
	}
	return f.o.Paths[i]
}

// Progress counts the bytes of the files as they are on disk, compressed or not, since
// the beginning of the last sequence. The total is unknown before that, and when one
// of the files is a pipe.
func (f *Files) Progress() Progress {
	p := Progress{Done: f.done.Load(), Total: f.total.Load()}
	if p.Total > 0 {
		p.Total = max(p.Total, p.Done) // a file can grow
	}
	return p
}

// Entries implements Source.
func (f *Files) Entries(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		err := f.run(ctx, q, 0, func(_ int, e *Entry, p *Problem) error {
			var more bool
			if p != nil {
				more = yield(nil, p)
			} else {
				more = yield(e, nil)
			}
			if !more {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

var errEnough = errors.New("the iteration was broken off")

// Scan implements Scanner.
func (f *Files) Scan(ctx context.Context, q Query, workers int, fn func(worker int, e *Entry, p *Problem) error) error {
	return f.run(ctx, q, max(1, workers), fn)
}

// filesRun is the state of reading all files once.
type filesRun struct {
	*Files
	ctx        context.Context
	inputs     []fileInput
	converters []*converter // one for each worker
	parallel   bool
	short      *IncompleteError // from files that show that they are incomplete
}

// run reads all files with several workers, or without workers if workers is 0.
func (f *Files) run(ctx context.Context, q Query, workers int, fn func(worker int, e *Entry, p *Problem) error) error {
	plan, err := newFilesPlan(q)
	if err != nil {
		return err
	}
	inputs, err := f.inspectAll()
	if err != nil {
		return err
	}
	r := &filesRun{Files: f, ctx: ctx, inputs: inputs, parallel: workers > 0}
	for i := range max(1, workers) {
		c := newConverter(plan, func(e *Entry, p *Problem) error { return fn(i, e, p) })
		c.additions = f.o.Additions
		r.converters = append(r.converters, c)
	}
	for i := range inputs {
		if err := r.file(i); err != nil {
			return err
		}
	}
	if r.short != nil {
		r.short.Entries = r.entries()
		return r.short
	}
	return nil
}

// inspectAll checks all files before any of them is read.
func (f *Files) inspectAll() ([]fileInput, error) {
	switch n := len(f.o.Paths); {
	case n == 0:
		return nil, errors.New("no files to read")
	case n > maxFiles:
		return nil, fmt.Errorf("%d files are too many: at most %d can be read at once", n, maxFiles)
	}
	inputs := make([]fileInput, len(f.o.Paths))
	stdin, total, known := false, int64(0), true
	for i, path := range f.o.Paths {
		if path == stdinPath {
			switch {
			case f.o.Stdin == nil:
				return nil, errors.New("there is no standard input")
			case stdin || f.stdinTaken:
				return nil, errors.New("standard input cannot be read twice")
			}
			stdin = true
			inputs[i] = inspectStdin(f.o.Stdin)
		} else {
			in, err := inspect(path)
			if err != nil {
				return nil, err
			}
			inputs[i] = in
		}
		total += inputs[i].size
		known = known && inputs[i].regular
	}
	f.stdinTaken = f.stdinTaken || stdin
	if !known {
		total = 0
	}
	f.done.Store(0)
	f.total.Store(total)
	return inputs, nil
}

// file reads one file. Its error is the last error of the sequence.
func (r *filesRun) file(i int) error {
	in, err := r.inputs[i].open(r.ctx, &r.done)
	if err != nil {
		return r.ended(i, err)
	}
	defer in.Close()
	for _, c := range r.converters {
		c.file, c.cut = i, nil
	}
	o := ldif.Options{MaxLine: r.o.MaxLine, MaxEntry: r.o.MaxEntry, FileURLs: r.o.FileURLs}
	var search ldif.Search
	var size int64
	if r.parallel {
		var sum ldif.Summary
		sum, err = ldif.ScanParallel(r.ctx, in, o, len(r.converters), func(worker int, rec *ldif.Record, bad *ldif.RecordError) error {
			return r.converters[worker].take(rec, bad)
		})
		search, size = sum.Search, sum.Bytes
	} else {
		reader := ldif.NewReader(in, o)
		err = r.readAll(reader)
		search, size = reader.Search(), reader.Bytes()
	}
	if own, ok := errors.AsType[*callbackError](err); ok {
		return own.err
	}
	if err != nil && r.ctx.Err() != nil {
		return r.ended(i, contextError(r.ctx))
	}
	if n := search.References; n > 0 {
		c := r.converters[0]
		if err := c.fn(nil, &Problem{
			Kind: Referral, Pos: c.pos(size), File: i,
			Detail: fmt.Sprintf("the search that wrote the file returned %d references to other servers, whose entries are not in it", n),
		}); err != nil {
			return err
		}
	}
	if err != nil {
		return r.ended(i, err)
	}
	for _, c := range r.converters {
		if c.cut != nil {
			r.incomplete(i, 0, fmt.Errorf("the file was cut off: line %d: %s", c.cut.Line, c.cut.Detail))
		}
	}
	r.checkSearch(i, search)
	return nil
}

// readAll reads a file without workers.
func (r *filesRun) readAll(reader *ldif.Reader) error {
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		rec, err := reader.Next()
		if err == nil {
			err = r.converters[0].take(rec, nil)
		} else if bad, ok := errors.AsType[*ldif.RecordError](err); ok {
			err = r.converters[0].take(nil, bad)
		} else if errors.Is(err, io.EOF) {
			return nil // Next promises that nothing else is io.EOF
		}
		if err != nil {
			return err
		}
	}
}

// checkSearch records an IncompleteError when a file shows that it is incomplete.
func (r *filesRun) checkSearch(file int, s ldif.Search) {
	switch {
	case s.Code != 0:
		r.incomplete(file, s.Code, fmt.Errorf("the search that wrote the file ended with code %d %q (line %d)", s.Code, s.Text, s.Line))
	case s.MorePages:
		r.incomplete(file, 0, fmt.Errorf("the search that wrote the file stopped before its last page: the last page cookie is not empty (line %d)", s.PageLine))
	case s.ResultExpected && !s.HasResult, s.EndExpected && !s.HasEnd:
		r.incomplete(file, 0, errors.New("it is the output of ldapsearch, but the result at its end is missing"))
	}
}

// incomplete records that a file shows that it is incomplete.
func (r *filesRun) incomplete(file, code int, err error) {
	if r.short == nil {
		r.short = &IncompleteError{What: r.FileName(file), Code: code, Err: err}
		return
	}
	r.short.Err = fmt.Errorf("%w; %s: %w", r.short.Err, r.FileName(file), err)
}

// ended returns the last error of the sequence when err ended the reading of a file.
func (r *filesRun) ended(file int, err error) error {
	out := &IncompleteError{What: r.FileName(file), Entries: r.entries(), Err: err}
	if r.short != nil {
		out.Code = r.short.Code
		out.Err = fmt.Errorf("%w; before it %s: %w", err, r.short.What, r.short.Err)
	}
	return out
}

// entries returns the number of entries delivered.
func (r *filesRun) entries() int {
	n := 0
	for _, c := range r.converters {
		n += c.entries
	}
	return n
}

// contextError returns the cause of the end of ctx, as an error that wraps ctx.Err.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
