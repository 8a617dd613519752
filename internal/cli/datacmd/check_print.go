package datacmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

const checkSchema = "davadmin.calcomponent.check.1"

// errStopped ends a check whose report cannot be written.
var errStopped = errors.New("the report was stopped")

// tally counts what a report contains.
type tally struct {
	summary
	rules map[string]*finding.Outcome
	worst finding.Severity
}

func (t *tally) add(r record) {
	switch r := r.(type) {
	case *itemRecord:
		t.Items++
		if r.Result == resultValid {
			t.Valid++
		}
	case *instanceRecord:
		t.Instances++
	case *findingRecord:
		t.worst = max(t.worst, r.Severity)
		switch r.Severity {
		case finding.Error:
			t.Errors++
		case finding.Warning:
			t.Warnings++
		case finding.Info:
			t.Infos++
		}
		o := t.rules[r.Rule]
		if o == nil {
			o = &finding.Outcome{Rule: r.Rule, Result: finding.Failed}
			t.rules[r.Rule] = o
		}
		o.Severity = max(o.Severity, r.Severity)
		o.Count++
	}
}

// outcomes returns the rules that failed, sorted by name.
func (t *tally) outcomes() []finding.Outcome {
	out := []finding.Outcome{}
	for _, id := range slices.Sorted(maps.Keys(t.rules)) {
		out = append(out, *t.rules[id])
	}
	return out
}

// print writes the report, each record as soon as produce emits it, and then the summary,
// which finish completes.
func (o *check) print(format ui.Format, t *tally, produce func(emit func(record) error) error, finish func(error)) error {
	records := func(yield func(record, error) bool) {
		err := produce(func(r record) error {
			t.add(r)
			if !yield(r, nil) {
				return errStopped
			}
			return nil
		})
		finish(err)
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
	switch format {
	case ui.JSON:
		return o.printJSON(t, records)
	case ui.JSONL:
		return o.printJSONL(t, records)
	}
	list := cmdutil.List[record]{
		Schema: checkSchema, Header: csvHeader(), Record: record.csv, Columns: columns(), Row: record.row,
		Plain: func(r record) string { return cmdutil.TabLine(r.plain()) + "\n" },
	}
	err := list.Print(o.console, format, records)
	end := ""
	switch format {
	case ui.Plain:
		end = t.plain()
	case ui.Table:
		end = t.table()
	}
	if _, failed := fmt.Fprint(o.console.Streams.Out, end); err == nil {
		err = failed
	}
	return err
}

func (o *check) printJSONL(t *tally, records iter.Seq2[record, error]) error {
	var ended error
	for r, err := range records {
		if ended = err; err == nil {
			ended = ui.WriteJSONL(o.console.Streams.Out, r)
		}
		if ended != nil {
			break
		}
	}
	if ended == nil {
		for _, rule := range t.outcomes() {
			line := struct {
				Kind string `json:"kind"`
				finding.Outcome
			}{"rule", rule}
			if err := ui.WriteJSONL(o.console.Streams.Out, line); err != nil {
				return err
			}
		}
	}
	last := t.summary
	last.Kind, last.Schema = "summary", checkSchema
	return errors.Join(ended, ui.WriteJSONL(o.console.Streams.Out, last))
}

// printJSON writes one document. It keeps findings and instances in a temporary file until
// all items are written.
func (o *check) printJSON(t *tally, records iter.Seq2[record, error]) error {
	findings, instances := &later{log: spill.NewLog(o.tmp)}, &later{log: spill.NewLog(o.tmp)}
	defer func() { _ = findings.log.Close() }()
	defer func() { _ = instances.log.Close() }() // temporary files are removed anyway
	d := ui.NewDocument(o.console.Streams.Out)
	d.Member("schema", checkSchema)
	err := d.List("items", func(yield func(any, error) bool) {
		for r, err := range records {
			switch r.(type) {
			case *findingRecord:
				err = findings.add(r)
			case *instanceRecord:
				err = instances.add(r)
			default:
				if !yield(r, err) {
					return
				}
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	})
	err = errors.Join(err, d.List("findings", findings.all))
	if o.expand {
		err = errors.Join(err, d.List("instances", instances.all))
	}
	t.Complete = t.Complete && err == nil
	d.Member("rules", t.outcomes())
	d.Member("summary", t.summary)
	return errors.Join(err, d.Close())
}

// later keeps records for a later member of a document.
type later struct {
	log     *spill.Log
	offsets []int64
}

func (l *later) add(r record) error {
	var text bytes.Buffer
	if err := ui.WriteJSONL(&text, r); err != nil {
		return err
	}
	offset, err := l.log.Append(text.Bytes())
	l.offsets = append(l.offsets, offset)
	return err
}

func (l *later) all(yield func(any, error) bool) {
	for _, offset := range l.offsets {
		text, err := l.log.Read(nil, offset)
		if !yield(json.RawMessage(text), err) || err != nil {
			return
		}
	}
}
