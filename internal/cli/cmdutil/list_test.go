package cmdutil

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ui"
)

type record struct {
	Name  string `json:"name"`
	Count string `json:"count"`
}

func recordList() List[record] {
	return List[record]{
		Schema: "davadmin.test.list.1", Member: "records", Header: []string{"name", "count"},
		Record:  func(r record) []string { return []string{r.Name, r.Count} },
		Columns: []ui.Column{{Title: "name", Key: true}, {Title: "count", Number: true}},
	}
}

func printList(t *testing.T, l List[record], format ui.Format, records iter.Seq2[record, error]) (string, error) {
	t.Helper()
	var out bytes.Buffer
	f := NewFactory(&Environment{Streams: &ui.Streams{Out: &out}})
	err := l.Print(f.Console, format, records)
	return out.String(), err
}

func values(err error, records ...record) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(record{}, err)
		}
	}
}

func TestListFormats(t *testing.T) {
	blocks := recordList()
	blocks.Columns, blocks.Blocks = nil, true
	blocks.Plain = func(r record) string { return "name: " + r.Name + "\ncount: " + r.Count + "\n" }
	for _, tt := range []struct {
		name    string
		list    List[record]
		format  ui.Format
		records []record
		want    string
	}{
		{"table", recordList(), ui.Table, []record{{"a", "1"}, {"bcd", "200"}}, "name  count\na         1\nbcd     200\n"},
		{"empty table", recordList(), ui.Table, nil, ""},
		{"plain", recordList(), ui.Plain, []record{{"a\tb", "1"}, {"c", "2"}}, "a\\tb\t1\nc\t2\n"},
		{"blocks", blocks, ui.Plain, []record{{"a", "1"}, {"b", "2"}}, "name: a\ncount: 1\n\nname: b\ncount: 2\n"},
		{"table without columns", blocks, ui.Table, []record{{"a", "1"}}, "name: a\ncount: 1\n"},
		{"csv", recordList(), ui.CSV, []record{{"=a", "1"}}, "name,count\n'=a,1\n"},
		{"empty csv", recordList(), ui.CSV, nil, "name,count\n"},
		{"jsonl", recordList(), ui.JSONL, []record{{"a", "1"}, {"b", "2"}}, `{"name":"a","count":"1"}` + "\n" + `{"name":"b","count":"2"}` + "\n" + `{"kind":"summary","schema":"davadmin.test.list.1","complete":true}` + "\n"},
		{"empty jsonl", recordList(), ui.JSONL, nil, `{"kind":"summary","schema":"davadmin.test.list.1","complete":true}` + "\n"},
		{"json", recordList(), ui.JSON, []record{{"a", "1"}}, `{
  "schema": "davadmin.test.list.1",
  "records": [
    {
      "name": "a",
      "count": "1"
    }
  ],
  "complete": true
}
`},
		{"empty json", recordList(), ui.JSON, nil, "{\n  \"schema\": \"davadmin.test.list.1\",\n  \"records\": [],\n  \"complete\": true\n}\n"},
	} {
		got, err := printList(t, tt.list, tt.format, values(nil, tt.records...))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tt.name, err, diff)
		}
	}
}

// The records before an error are printed, and JSON says that it is incomplete.
func TestListStopsAtAnError(t *testing.T) {
	failure := errors.New("failure")
	for _, format := range ListFormats() {
		got, err := printList(t, recordList(), format, values(failure, record{"first", "1"}))
		if !errors.Is(err, failure) || !strings.Contains(got, "first") {
			t.Errorf("%s: %v, %q", format, err, got)
		}
		lines := strings.Split(strings.TrimSpace(got), "\n")
		last := lines[len(lines)-1]
		if format == ui.JSON {
			last = got
		}
		var end struct {
			Complete *bool `json:"complete"`
		}
		if format != ui.JSON && format != ui.JSONL {
			continue
		}
		if err := json.Unmarshal([]byte(last), &end); err != nil || end.Complete == nil || *end.Complete {
			t.Errorf("%s: %v, %q", format, err, got)
		}
	}
}

// A listing stops reading when nothing can be written any more.
func TestListStopsAtAWriteError(t *testing.T) {
	for _, format := range ListFormats() {
		n := 0
		endless := func(yield func(record, error) bool) {
			for n < 1_000_000 && yield(record{"a", "1"}, nil) {
				n++
			}
		}
		f := NewFactory(&Environment{Streams: &ui.Streams{Out: fullDevice{}}})
		if err := recordList().Print(f.Console, format, endless); err == nil || n > 10_000 {
			t.Errorf("%s: %v after %d records", format, err, n)
		}
	}
}

type fullDevice struct{}

func (fullDevice) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
