package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

func TestToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := store.Token{Number: rapid.Int64Min(0).Draw(t, "number"), Revision: rapid.Int64Min(0).Draw(t, "revision")}
		got, err := store.ParseToken(want.String())
		if err != nil || got != want {
			t.Fatalf("%v is read as %v, %v", want, got, err)
		}
	})
	for _, text := range []string{"", "-", "1", "1-", "-1", "-1-1", "1--1", "1-2-3", "01-2", "1-+2", " 1-2", "1-2\n", "1-x", "9223372036854775808-1", "0x1-1", "1_0-1", "http://example.com/1-2"} {
		if got, err := store.ParseToken(text); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

// Addresses and ids are compared in any letter case of a to z, and no other.
func TestFolding(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "abc": "abc", "ABC": "abc", "aBc@EXAMPLE.Com": "abc@example.com", "@[`{Z": "@[`{z", "\u00c4\u00d6": "\u00c4\u00d6", "\u0130\u212a": "\u0130\u212a", "\xffA": "\xffa", "A\x00B": "a\x00b",
	} {
		if a, i := store.FoldAddress(text), store.FoldID(text); a != want || i != want {
			t.Errorf("%q is folded to %q and %q, want %q", text, a, i, want)
		}
	}
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
				t.Errorf("%q is read as %v, %v", text, got, err)
			}
		}
	}
	if len(words) != 4 || !words["user"] || !words["group"] || !words["resource"] || !words["location"] {
		t.Errorf("the kinds are %v", words)
	}
	for _, text := range []string{"", "users", "kind(1)", "1", " user"} {
		if got, err := store.ParseKind(text); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

func TestETag(t *testing.T) {
	// RFC 6234's digest of "abc", cut in half.
	if got, want := store.ETagOf([]byte("abc")), "ba7816bf8f01cfea414140de5dae2223"; got != want {
		t.Errorf("the ETag of abc is %s, want %s", got, want)
	}
	if store.ETagOf([]byte("a\r\n")) == store.ETagOf([]byte("a\n")) {
		t.Error("texts that differ have the same ETag")
	}
}

func TestErrors(t *testing.T) {
	lost := errors.New("reset by peer")
	for _, c := range []struct {
		err   error
		class error
		says  string
	}{
		{&store.InvalidError{Field: "mail", Value: "x", Reason: "is no mail address"}, store.ErrInvalid, "mail: 'x' is no mail address"},
		{&store.InvalidError{Field: "mail", Reason: "is missing"}, store.ErrInvalid, "mail: is missing"},
		{&store.ExistsError{What: "account", Value: "1", Owner: "1"}, store.ErrExists, "account 1 is there already"},
		{&store.ExistsError{What: "address", Value: "a@b", Owner: "1"}, store.ErrExists, "address a@b belongs to the account 1 already"},
		{&store.CommitUnknown{Err: lost}, store.ErrUnavailable, "reset by peer"},
		{&store.CommitUnknown{Err: lost}, lost, "not known"},
	} {
		wrapped := fmt.Errorf("do something: %w", c.err)
		if !errors.Is(wrapped, c.class) || !strings.Contains(wrapped.Error(), c.says) {
			t.Errorf("%v, want it to wrap '%v' and to say '%s'", wrapped, c.class, c.says)
		}
	}
	long := &store.InvalidError{Field: "displayname", Value: strings.Repeat("x", 1<<20), Reason: "is long"}
	if n := len(long.Error()); n > 1000 {
		t.Errorf("a message of %d bytes", n)
	}
}

func TestSchemaState(t *testing.T) {
	for version, want := range map[int]error{0: store.ErrNoSchema, 1: store.ErrSchemaOlder, 2: nil, 3: store.ErrSchemaNewer} {
		if err := (store.SchemaState{Version: version, Known: 2}).Err(); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("version %d: %v, want %v", version, err, want)
		}
	}
}

// A clone shares no memory with what it is of, in any field, those to come
// included.
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
				t.Errorf("%s is not set, so nothing is known of it", name)
				continue
			}
			if f.Pointer() == is.Field(i).Pointer() || !reflect.DeepEqual(f.Interface(), is.Field(i).Interface()) {
				t.Errorf("%s is shared or lost", name)
			}
		}
	}
}

func TestPurged(t *testing.T) {
	var sum store.Purged
	if !sum.None() {
		t.Error("nothing is something")
	}
	sum.Add(store.Purged{Accounts: 1, Calendars: 2, Components: 3, Changes: 4})
	sum.Add(store.Purged{Accounts: 10, Calendars: 20, Components: 30, Changes: 40})
	if sum != (store.Purged{Accounts: 11, Calendars: 22, Components: 33, Changes: 44}) || sum.None() {
		t.Errorf("%+v", sum)
	}
}
