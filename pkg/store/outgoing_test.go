package store_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/store"
)

func TestClipError(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "no answer": "no answer", " a\r\nb\x00\x1b ": "a  b", "\xffx\xed\xa0\x80": "\uFFFDx\uFFFD", strings.Repeat("x", 1000): strings.Repeat("x", 1000),
		strings.Repeat("x", 1001): strings.Repeat("x", 997) + "…", strings.Repeat("ä", 600): strings.Repeat("ä", 498) + "…",
	} {
		if got := store.ClipError(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, part := range []string{"👍", "ä", "\xff", "\x00", "ab"} {
		for n := range 5000 {
			if n%499 != 0 && n > 20 {
				continue
			}
			text := strings.Repeat("x", n%5) + strings.Repeat(part, n)
			if got := store.ClipError(text); len(got) > store.MaxOutgoingError || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
				t.Errorf("%d of %q: got %d bytes", n, part, len(got))
			}
		}
	}
}

func TestOutgoingCheck(t *testing.T) {
	for what, c := range map[string]struct {
		field  string
		change func(*store.Outgoing)
	}{
		"a minimal message":          {"", func(*store.Outgoing) {}},
		"an address of another kind": {"", func(m *store.Outgoing) { m.Recipient = "urn:uuid:1';--" }},
		"no sender":                  {"sender", func(m *store.Outgoing) { m.Sender = "" }},
		"a header in an address":     {"recipient", func(m *store.Outgoing) { m.Recipient = "mailto:x@example.com\r\nBcc:y@example.com" }},
		"a long address":             {"recipient", func(m *store.Outgoing) { m.Recipient = strings.Repeat("x", store.MaxCalendarAddress+1) }},
		"an address not in UTF-8":    {"sender", func(m *store.Outgoing) { m.Sender = "\xff" }},
		"no method":                  {"method", func(m *store.Outgoing) { m.Method = "" }},
		"a method in lower case":     {"method", func(m *store.Outgoing) { m.Method = "reply" }},
		"no UID":                     {"uid", func(m *store.Outgoing) { m.UID = "" }},
		"no text":                    {"text", func(m *store.Outgoing) { m.Text = nil }},
		"a long text":                {"text", func(m *store.Outgoing) { m.Text = make([]byte, store.MaxComponent+1) }},
	} {
		m := store.Outgoing{Sender: "mailto:a@example.com", Recipient: "mailto:b@example.com", Method: "REPLY", UID: "1", Text: []byte{0xff}}
		c.change(&m)
		wantInvalid(t, m.Check(), c.field, what)
	}
}

func TestItemState(t *testing.T) {
	for _, s := range store.ItemStates() {
		got, err := store.ParseItemState(strings.ToUpper(s.String()))
		if err != nil || got != s {
			t.Errorf("%v: got %v, error %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "state(3)", "unread ", "\xff"} {
		_, err := store.ParseItemState(bad)
		wantInvalid(t, err, "state", bad)
	}
	if got := store.ItemState(3).String(); got != "state(3)" {
		t.Errorf("got %s", got)
	}
}
