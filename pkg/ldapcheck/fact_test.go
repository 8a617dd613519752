package ldapcheck

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

func exampleFact() *fact {
	return &fact{
		rule: ruleMultivalued, severity: finding.Error, code: codeHasClass, kind: directory.Group, pos: 1 << 40, file: 3, line: 1 << 20, count: 2,
		dns: [][]byte{[]byte("uid=a,ou=People,o=isp"), []byte("uid=b,ou=People,o=isp")}, attr: roleID,
		value: []byte("426dfa81-3ec811e0-808bb160-e71a5247"), values: [][]byte{[]byte("one"), []byte("two")}, other: []byte("more"),
	}
}

func TestFactRoundTrip(t *testing.T) {
	want := exampleFact()
	record := want.append(nil)
	got, err := decodeFact(record)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(fact{})); diff != "" {
		t.Errorf("fact (-want +got):\n%s", diff)
	}
	for n := range record {
		if _, err := decodeFact(record[:n]); !errors.Is(err, spill.ErrDamaged) {
			t.Errorf("the first %d of %d bytes: %v", n, len(record), err)
		}
	}
}

func BenchmarkFactAppend(b *testing.B) {
	f, buf := exampleFact(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = f.append(buf[:0])
	}
}

func BenchmarkFactDecode(b *testing.B) {
	record := exampleFact().append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeFact(record); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHolder(b *testing.B) {
	s := &subject{entry: &directory.Entry{DN: []byte("uid=a,ou=People,o=isp"), Pos: 1 << 30, Line: 1 << 20}}
	ids, mails := [][]byte{[]byte("426dfa81-3ec811e0-808bb160-e71a5247")}, [][]byte{[]byte("a@example.com")}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendHolder(buf[:0], s, ids, mails)
		if _, err := decodeHolder(buf); err != nil {
			b.Fatal(err)
		}
	}
}
