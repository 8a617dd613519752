package ui_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"testing"

	"github.com/davadmin/davadmin/internal/ui"
)

type item struct {
	A string   `json:"a"`
	B []string `json:"b,omitempty"`
}

func items(list []item, last error) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
		if last != nil {
			yield(nil, last)
		}
	}
}

// A document written in parts has the same bytes as one written at once.
func TestDocument(t *testing.T) {
	for _, list := range [][]item{{}, {{A: "<1>"}}, {{A: "x\u202e", B: []string{"p", "q"}}, {A: "y"}, {}}} {
		var whole, parts bytes.Buffer
		if err := ui.WriteJSON(&whole, struct {
			Schema string         `json:"schema"`
			List   []item         `json:"list"`
			Sum    map[string]int `json:"sum"`
		}{"s.1", list, map[string]int{"n": 1}}); err != nil {
			t.Fatal(err)
		}
		d := ui.NewDocument(&parts)
		d.Member("schema", "s.1")
		if err := d.List("list", items(list, nil)); err != nil {
			t.Error(err)
		}
		d.Member("sum", map[string]int{"n": 1})
		if err := d.Close(); err != nil || parts.String() != whole.String() {
			t.Errorf("%v\n%s\nwant\n%s", err, parts.String(), whole.String())
		}
	}
}

func TestDocumentReportsErrors(t *testing.T) {
	broken := errors.New("lost")
	var b bytes.Buffer
	d := ui.NewDocument(&b)
	if err := d.List("list", items([]item{{A: "x"}}, broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	d.Member("sum", 1)
	if err := d.Close(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	var got struct {
		List []item `json:"list"`
		Sum  int    `json:"sum"`
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || len(got.List) != 1 || got.Sum != 1 {
		t.Errorf("the document is %s, error %v", b.String(), err)
	}
	d = ui.NewDocument(fullDisk{})
	d.Member("a", 1)
	if err := d.Close(); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
