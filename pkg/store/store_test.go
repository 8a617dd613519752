package store_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
)

func TestToken(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		want := store.Token{
			Epoch: rapid.StringMatching(`[0-9a-zA-Z]{0,64}`).Draw(t, "epoch"), Timeline: rapid.StringMatching(`[0-9A-F]{0,8}`).Draw(t, "timeline"),
			Incarnation: rapid.Int64().Draw(t, "incarnation"), Revision: rapid.Int64Range(0, 1<<62).Draw(t, "revision"),
		}
		if rapid.Bool().Draw(t, "within a reading") {
			want.Began = rapid.Int64Range(want.Revision+1, math.MaxInt64).Draw(t, "began")
		}
		got, err := store.ParseToken(want.String())
		if err != nil || got != want {
			t.Fatalf("%v is parsed as %v, %v", want, got, err)
		}
	})
	for _, text := range []string{
		"", "-", "1", "1-2", "a-b-1", "a-b-1-", "a-b--1", "a-b-1--1", "a-b-1-2-2", "a-b-1-2-1", "a-b-1-2-03", "a-b-1-2-3-4", "a-b-01-2", "a-b-1-02", "a-b-1-+2", " a-b-1-2", "a-b-1-2\n", "a-b-1-x", "a-b-A-1",
		"a-b-10000000000000000-1", "a-b-1-9223372036854775808", "a.c-b-1-2", "\u00e9-b-1-2", strings.Repeat("a", 65) + "-b-1-2", "http://example.com/a-b-1-2",
	} {
		if got, err := store.ParseToken(text); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q is parsed as %v, %v", text, got, err)
		}
	}
}

// Folding changes only the ASCII letters of addresses and ids.
func TestFolding(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "abc": "abc", "ABC": "abc", "aBc@EXAMPLE.Com": "abc@example.com", "@[`{Z": "@[`{z", "\u00c4\u00d6": "\u00c4\u00d6", "\u0130\u212a": "\u0130\u212a", "\xffA": "\xffa", "A\x00B": "a\x00b",
	} {
		if a, i := store.FoldAddress(text), store.FoldID(text); a != want || i != want {
			t.Errorf("%q is folded to %q (address) and %q (id), want %q", text, a, i, want)
		}
	}
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		folded := store.FoldAddress(text)
		if store.FoldAddress(folded) != folded || len(folded) != len(text) || !strings.EqualFold(folded, text) {
			t.Fatalf("%q is folded to %q", text, folded)
		}
	})
}

func TestKinds(t *testing.T) {
	words := map[string]bool{}
	for _, k := range store.Kinds() {
		words[k.String()] = true
		for _, text := range []string{k.String(), strings.ToUpper(k.String())} {
			if got, err := store.ParseKind(text); err != nil || got != k {
				t.Errorf("%q is parsed as %v, %v", text, got, err)
			}
		}
	}
	if len(words) != 4 || !words["user"] || !words["group"] || !words["resource"] || !words["location"] {
		t.Errorf("got the kinds %v", words)
	}
	for _, text := range []string{"", "users", "kind(1)", "1", " user"} {
		if got, err := store.ParseKind(text); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q is parsed as %v, %v", text, got, err)
		}
	}
}

func TestETag(t *testing.T) {
	// The SHA-256 digest of "abc" in RFC 6234, truncated to half its length.
	if got, want := store.ETagOf([]byte("abc")), "ba7816bf8f01cfea414140de5dae2223"; got != want {
		t.Errorf("the ETag of abc is %s, want %s", got, want)
	}
	if store.ETagOf([]byte("a\r\n")) == store.ETagOf([]byte("a\n")) {
		t.Error("different texts have the same ETag")
	}
}

func TestErrors(t *testing.T) {
	lost := errors.New("reset by peer")
	for _, c := range []struct {
		err   error
		class error
		says  string
	}{
		{&store.InvalidError{Field: "mail", Value: "x", Reason: "is not a valid mail address"}, store.ErrInvalid, "mail: 'x' is not a valid mail address"},
		{&store.InvalidError{Field: "mail", Reason: "is missing"}, store.ErrInvalid, "mail: is missing"},
		{&store.ExistsError{What: "account", Value: "1", Owner: "1"}, store.ErrExists, "account 1 already exists"},
		{&store.ExistsError{What: "address", Value: "a@b", Owner: "1"}, store.ErrExists, "address a@b already belongs to account 1"},
		{&store.ExistsError{What: "address", Value: "a@b"}, store.ErrExists, "address a@b already belongs to another account"},
		{&store.ExistsError{What: "uid", Value: "u", Type: "VEVENT", Resource: "1.ics"}, store.ErrExists, "another event in this calendar already has the UID u (resource 1.ics)"},
		{&store.ExistsError{What: "uid", Value: "u", Type: "VTODO", Resource: "1.ics"}, store.ErrExists, "another task in this calendar already has the UID u (resource 1.ics)"},
		{&store.ExistsError{What: "uid of resource", Value: "u", Resource: "1.ics"}, store.ErrExists, "resource 1.ics has the UID u, which cannot be changed"},
		{&store.CommitUnknown{Err: lost}, store.ErrUnavailable, "reset by peer"},
		{&store.CommitUnknown{Err: lost}, lost, "may or may not have been saved"},
	} {
		wrapped := fmt.Errorf("do something: %w", c.err)
		if !errors.Is(wrapped, c.class) || !strings.Contains(wrapped.Error(), c.says) {
			t.Errorf("got '%v', want an error that wraps '%v' and contains '%s'", wrapped, c.class, c.says)
		}
	}
	long := &store.InvalidError{Field: "displayname", Value: strings.Repeat("x", 1<<20), Reason: "is long"}
	if n := len(long.Error()); n > 1000 {
		t.Errorf("the message has %d bytes", n)
	}
}

func TestSchemaState(t *testing.T) {
	for version, want := range map[int]error{0: store.ErrNoSchema, 1: store.ErrSchemaOlder, 2: nil, 3: store.ErrSchemaNewer} {
		if err := (store.SchemaState{Version: version, Known: 2}).Err(); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("version %d: got %v, want %v", version, err, want)
		}
	}
}

// A clone shares no slice with the original, in any field, including fields that are
// added in the future.
func TestClones(t *testing.T) {
	list := store.ACL{everyone("r")}
	people := []store.Person{{ID: "1"}}
	a := &store.Account{Addresses: []string{"a"}, SchedulingACL: list, NotifyTo: []string{"a"}, DelegateNotifyTo: []string{"a"}, Delegates: people, Owners: people}
	c := &store.Calendar{Components: []string{"VEVENT"}, ACL: list}
	for _, pair := range [][2]any{{*a, *a.Clone()}, {*c, *c.Clone()}} {
		was, is := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range was.NumField() {
			f := was.Field(i)
			if f.Kind() != reflect.Slice {
				continue
			}
			name := was.Type().Field(i).Name
			if f.Len() == 0 {
				t.Errorf("the test does not set %s", name)
				continue
			}
			if f.Pointer() == is.Field(i).Pointer() || !reflect.DeepEqual(f.Interface(), is.Field(i).Interface()) {
				t.Errorf("%s is shared with the clone, or missing in it", name)
			}
		}
	}
}

func TestPurged(t *testing.T) {
	var sum store.Purged
	if !sum.None() {
		t.Error("the zero value removed something")
	}
	sum.Add(store.Purged{Accounts: 1, Calendars: 2, Components: 3, Traces: 4, Attachments: 5, Messages: 6})
	sum.Add(store.Purged{Accounts: 10, Calendars: 20, Components: 30, Traces: 40, Attachments: 50, Messages: 60})
	if sum != (store.Purged{Accounts: 11, Calendars: 22, Components: 33, Traces: 44, Attachments: 55, Messages: 66}) || sum.None() {
		t.Errorf("%+v", sum)
	}
}
