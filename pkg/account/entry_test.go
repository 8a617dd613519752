package account

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/directory"
)

func TestEntryRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		e := &Entry{DN: rapid.String().Draw(t, "dn"), Kind: rapid.SampledFrom(directory.Kinds()).Draw(t, "kind")}
		for _, f := range e.fields() {
			if values := rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "values"); len(values) > 0 {
				*f = values
			}
		}
		got, err := decodeEntry(e.encode())
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// A damaged spill file is an error, never a crash or a large allocation.
func FuzzDecodeEntry(f *testing.F) {
	f.Add((&Entry{DN: "uid=a", IDs: []string{"x"}, Mails: []string{"a@example.com", ""}}).encode())
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0, 0x80, 0x80, 0x80, 0x80, 0x10})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEntry(b)
		if err != nil {
			return
		}
		again, err := decodeEntry(e.encode())
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Errorf("%+v, %+v, %v", e, again, err)
		}
	})
}
