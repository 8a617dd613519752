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
	offsetBits = 44 // of Entry.Pos; the file number has the rest
	maxFiles   = 1 << (64 - offsetBits)
)

// FilesOptions say what a Files source reads.
type FilesOptions struct {
	// Paths are the files, read in this order, 1,048,576 of them at most. "-" is
	// standard input and may stand there once.
	Paths []string
	// Stdin is what "-" reads. It is not closed.
	Stdin io.Reader

	// FileURLs allows values that are read from other files of this host,
	// "name:< file:///path". While it is off such a record is a broken one.
	FileURLs bool

	// MaxLine and MaxEntry limit an unfolded line and a record, in bytes; a
	// record over them is a broken one. 0 means the limits of ldif.Options.
	MaxLine, MaxEntry int
}

// Files is a Source that reads LDIF: files as servers and ldapsearch write
// them, plain or packed with gzip or zstd, which is told by their first bytes.
//
// Of a record it delivers the values of the attributes asked for, those with
// options as values of the attribute itself. What the export of a replica marks
// as deleted is left out, as a search would: values with the option "deleted",
// and tombstone entries. The schema is not known, so only those object classes
// tell a kind that the entry names itself, and a file without any has only
// entries of kind Other. Query.Filter is evaluated in the way of caseIgnoreMatch
// for all attributes.
//
// Change records, additions too, broken records, and entries of the class referral are a *Problem. So is an
// entry of which Query.Bases ask where it lies, and whose DN cannot be read.
//
// A file can say itself that it is not all: ldapsearch wrote a result other than
// success, or none. The other files are read all the same, and then the last
// word is an *IncompleteError. After a read error, and after packed data that
// ends too early, no more is read.
//
// Pos is the number of the file, from 0, times 2^44, plus the offset of the dn:
// line in its text; a file can have 16 TiB of that.
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

// FileName returns what a person calls the file with the number that an Entry or
// a Problem has.
func (f *Files) FileName(i int) string {
	if f.o.Paths[i] == stdinPath {
		return "standard input"
	}
	return f.o.Paths[i]
}

// Progress counts the bytes of the files as they are on the disk, packed or not,
// from the beginning of the last sequence on. The total is not known before
// that, nor where a pipe is among the files.
func (f *Files) Progress() Progress {
	p := Progress{Done: f.done.Load(), Total: f.total.Load()}
	if p.Total > 0 {
		p.Total = max(p.Total, p.Done) // a file can grow
	}
	return p
}

// Entries is described at Source.
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

var errEnough = errors.New("the caller has enough")

// Scan is described at Scanner.
func (f *Files) Scan(ctx context.Context, q Query, workers int, fn func(worker int, e *Entry, p *Problem) error) error {
	return f.run(ctx, q, max(1, workers), fn)
}

// filesRun is one reading of all files.
type filesRun struct {
	*Files
	ctx        context.Context
	inputs     []fileInput
	converters []*converter // one for each worker
	parallel   bool
	short      *IncompleteError // what the files say themselves
}

// run reads all files with several workers, or with none.
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
		r.converters = append(r.converters, newConverter(plan, func(e *Entry, p *Problem) error { return fn(i, e, p) }))
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

// inspectAll finds what cannot be read before anything is.
func (f *Files) inspectAll() ([]fileInput, error) {
	switch n := len(f.o.Paths); {
	case n == 0:
		return nil, errors.New("no files to read")
	case n > maxFiles:
		return nil, fmt.Errorf("%d files are more than can be read at once: %d", n, maxFiles)
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

// file reads one file. An error is the last word.
func (r *filesRun) file(i int) error {
	in, err := r.inputs[i].open(r.ctx, &r.done)
	if err != nil {
		return r.ended(i, err)
	}
	defer in.Close()
	for _, c := range r.converters {
		c.file = i
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
	if own, ok := errors.AsType[*callersError](err); ok {
		return own.err
	}
	if err != nil && r.ctx.Err() != nil {
		return r.ended(i, contextError(r.ctx))
	}
	if n := search.References; n > 0 {
		c := r.converters[0]
		if err := c.fn(nil, &Problem{
			Kind: Referral, Pos: c.pos(size), File: i,
			Detail: fmt.Sprintf("the search that wrote the file met %d references to other servers: what they hold is not in it", n),
		}); err != nil {
			return err
		}
	}
	if err != nil {
		return r.ended(i, err)
	}
	r.believe(i, search)
	return nil
}

// readAll reads without workers.
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

// believe notes when a file says itself that it is not all.
func (r *filesRun) believe(file int, s ldif.Search) {
	var err error
	switch {
	case s.Code != 0:
		err = fmt.Errorf("line %d says that the search that wrote the file ended with code %d %q", s.Line, s.Code, s.Text)
	case s.ResultExpected && !s.HasResult:
		err = errors.New("it is the output of a search, and the result at its end is missing")
	default:
		return
	}
	if r.short == nil {
		r.short = &IncompleteError{What: r.FileName(file), Code: s.Code, Err: err}
		return
	}
	r.short.Err = fmt.Errorf("%w; %s: %w", r.short.Err, r.FileName(file), err)
}

// ended is the last word when err has ended the reading of a file.
func (r *filesRun) ended(file int, err error) error {
	out := &IncompleteError{What: r.FileName(file), Entries: r.entries(), Err: err}
	if r.short != nil {
		out.Code = r.short.Code
		out.Err = fmt.Errorf("%w; before it %s: %w", err, r.short.What, r.short.Err)
	}
	return out
}

// entries counts what was delivered.
func (r *filesRun) entries() int {
	n := 0
	for _, c := range r.converters {
		n += c.entries
	}
	return n
}

// contextError says why ctx has ended, as an error that is ctx.Err, too.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
