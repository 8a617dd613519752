package directory

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"
)

// octets, and with it all that is made for these tests, comes from go-asn1-ber.
func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func sequence(parts ...*ber.Packet) *ber.Packet {
	p := ber.NewSequence("")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}

func application(tag ber.Tag, parts ...*ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}

func integer(tag ber.Tag, v int) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, v, "")
}

func messageOf(id int, op *ber.Packet, controls ...*ber.Packet) []byte {
	p := sequence(integer(ber.TagInteger, id), op)
	if len(controls) > 0 {
		c := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, one := range controls {
			c.AppendChild(one)
		}
		p.AppendChild(c)
	}
	return p.Bytes()
}

// wireEntry is an entry as it appears in a message.
type wireEntry struct {
	dn    string
	attrs []wireAttr
}

type wireAttr struct {
	name   string
	values []string
}

func (e wireEntry) packet() *ber.Packet {
	attrs := sequence()
	for _, a := range e.attrs {
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.values {
			set.AppendChild(octets(v))
		}
		attrs.AppendChild(sequence(octets(a.name), set))
	}
	return application(ldap.ApplicationSearchResultEntry, octets(e.dn), attrs)
}

// walk parses the body of an entry with the functions under test.
func walk(body []byte) (e wireEntry, ok bool) {
	dn, attrs, ok := openEntry(body)
	e.dn = string(dn)
	for ok && len(attrs) > 0 {
		var name, values []byte
		if name, values, attrs, ok = nextAttribute(attrs); !ok {
			break
		}
		a := wireAttr{name: string(name)}
		for ok && len(values) > 0 {
			var v []byte
			if v, values, ok = cutTag(values, tagOctets); ok {
				a.values = append(a.values, string(v))
			}
		}
		e.attrs = append(e.attrs, a)
	}
	return e, ok
}

func drawWireEntry(t *rapid.T) wireEntry {
	text := rapid.OneOf(rapid.StringN(0, 40, 200), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }))
	e := wireEntry{dn: text.Draw(t, "dn")}
	for range rapid.IntRange(0, 6).Draw(t, "attributes") {
		a := wireAttr{name: text.Draw(t, "name")}
		for range rapid.IntRange(0, 5).Draw(t, "values") {
			a.values = append(a.values, text.Draw(t, "value"))
		}
		e.attrs = append(e.attrs, a)
	}
	return e
}

// TestWalkReadsWhatWasWritten checks that entries written by go-asn1-ber are parsed
// correctly.
func TestWalkReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawWireEntry(t)
		id := rapid.IntRange(0, 1<<31-1).Draw(t, "id")
		b := messageOf(id, want.packet())
		more := rapid.SliceOf(rapid.Byte()).Draw(t, "more")
		if size, err := messageSize(append(bytes.Clone(b), more...)); size != len(b) || err != nil {
			t.Fatalf("a message of %d bytes has size %d, %v", len(b), size, err)
		}
		m, ok := parseMessage(b)
		if !ok || m.id != id || m.op != opEntry || len(m.controls) > 0 {
			t.Fatalf("%+v, %v", m, ok)
		}
		if got, ok := walk(m.body); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\n%q\n%q", ok, got, want)
		}
		// A part of a message is not a valid message.
		cutAt := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if size, err := messageSize(b[:cutAt]); err != nil || size > 0 && size <= cutAt {
			t.Fatalf("the first %d bytes have size %d, %v", cutAt, size, err)
		}
		if _, ok := parseMessage(b[:cutAt]); ok {
			t.Fatalf("the first %d bytes are accepted", cutAt)
		}
	})
}

func TestResultsAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 200)
		want := resultFields{code: rapid.IntRange(0, 1<<31-1).Draw(t, "code"), matched: []byte(text.Draw(t, "matched")), message: []byte(text.Draw(t, "message"))}
		op := application(ldap.ApplicationSearchResultDone, integer(ber.TagEnumerated, want.code), octets(string(want.matched)), octets(string(want.message)))
		if rapid.Bool().Draw(t, "referral") {
			referral := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
			for range rapid.IntRange(1, 3).Draw(t, "urls") {
				want.referral = append(want.referral, text.Draw(t, "url"))
				referral.AppendChild(octets(want.referral[len(want.referral)-1]))
			}
			op.AppendChild(referral)
		}
		if rapid.Bool().Draw(t, "extension") {
			op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, "1.2.3", ""))
		}
		cookie, size := text.Draw(t, "cookie"), rapid.IntRange(0, 1<<30).Draw(t, "size")
		paging := ldap.NewControlPaging(uint32(size))
		paging.SetCookie([]byte(cookie))
		controls := []*ber.Packet{ldap.NewControlManageDsaIT(true).Encode(), paging.Encode()}
		if rapid.Bool().Draw(t, "criticality") {
			controls[1] = pagingControls(size, []byte(cookie)).Children[0]
		}
		m, ok := parseMessage(messageOf(1, op, controls...))
		if !ok || m.op != opSearchDone {
			t.Fatalf("%+v, %v", m, ok)
		}
		if got, ok := parseResult(m.body); !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %+v, want %+v", ok, got, want)
		}
		if got, found, ok := parsePaging(m.controls); !ok || !found || string(got) != cookie {
			t.Fatalf("%q, %v, %v", got, found, ok)
		}
		m, ok = parseMessage(messageOf(1, op, controls[0]))
		if _, found, good := parsePaging(m.controls); found || !good || !ok {
			t.Fatal("found a control that does not exist")
		}
	})
}

// elements that LDAP does not allow, or that end in the wrong place.
func TestMalformed(t *testing.T) {
	for _, c := range []struct {
		name string
		b    string
	}{
		{"indefinite length", "\x30\x80\x02\x01\x01\x64\x00\x00\x00"},
		{"reserved length", "\x30\xff\x02\x01\x01\x64\x00"},
		{"long length", "\x30\x89\x00\x00\x00\x00\x00\x00\x00\x00\x05\x02\x01\x01\x64\x00"},
		{"set", "\x31\x05\x02\x01\x01\x64\x00"},
		{"no id", "\x30\x02\x64\x00"},
		{"empty id", "\x30\x04\x02\x00\x64\x00"},
		{"negative id", "\x30\x05\x02\x01\xff\x64\x00"},
		{"large id", "\x30\x08\x02\x04\x80\x00\x00\x00\x64\x00"},
		{"large id", "\x30\x09\x02\x05\x00\x80\x00\x00\x00\x64\x00"},
		{"id in octets", "\x30\x05\x04\x01\x01\x64\x00"},
		{"no operation", "\x30\x03\x02\x01\x01"},
		{"long tag", "\x30\x06\x02\x01\x01\x7f\x21\x00"},
		{"operation beyond the message", "\x30\x05\x02\x01\x01\x64\x01\x00"},
		{"controls beyond the message", "\x30\x07\x02\x01\x01\x64\x00\xa0\x01"},
		{"incomplete control", "\x30\x09\x02\x01\x01\x64\x00\xa0\x02\x30\x01"},
		{"incomplete element at the end", "\x30\x06\x02\x01\x01\x64\x00\x04"},
		{"extra bytes at the end", "\x30\x05\x02\x01\x01\x64\x00\x00"},
	} {
		if m, ok := parseMessage([]byte(c.b)); ok {
			t.Errorf("%s: parsed as %+v", c.name, m)
		}
	}
	for _, b := range []string{"", "\x04\x00", "\x04\x01a", "\x04\x01a\x31\x00", "\x04\x01a\x30\x01", "\x04\x01a\x30\x00\x04", "\x24\x00\x30\x00",
		"\x04\x00\x30\x02\x04\x00", "\x04\x00\x30\x02\x30\x00", "\x04\x00\x30\x04\x30\x02\x04\x00", "\x04\x00\x30\x06\x30\x04\x04\x00\x30\x00",
		"\x04\x00\x30\x08\x30\x06\x04\x00\x31\x02\x30\x00", "\x04\x00\x30\x07\x30\x05\x04\x00\x31\x01\x04", "\x04\x00\x30\x07\x30\x05\x04\x00\x31\x00\x04"} {
		if e, ok := walk([]byte(b)); ok {
			t.Errorf("%q: parsed as %+v", b, e)
		}
	}
	for _, b := range []string{"", "\x0a\x01\x00", "\x0a\x01\x00\x04\x00", "\x02\x01\x00\x04\x00\x04\x00", "\x0a\x01\x80\x04\x00\x04\x00", "\x0a\x00\x04\x00\x04\x00",
		"\x0a\x01\x00\x04\x00\x04\x00\xa3\x02\x02\x00", "\x0a\x01\x00\x04\x00\x04\x00\xa3\x01\x04", "\x0a\x01\x00\x04\x00\x04\x00\x8a"} {
		if r, ok := parseResult([]byte(b)); ok {
			t.Errorf("%q: parsed as %+v", b, r)
		}
	}
	oid := "\x04\x16" + oidPaging
	element := func(tag byte, content string) string { return string([]byte{tag, byte(len(content))}) + content }
	for _, b := range []string{"\x04\x00", element(0x30, ""), element(0x30, oid), element(0x30, oid+"\x01\x01\xff"), element(0x30, oid+"\x04\x00"),
		element(0x30, oid+element(4, "\x30\x00")), element(0x30, oid+element(4, "\x30\x03\x02\x01\x00")), element(0x30, oid+element(4, "\x30\x05\x04\x00\x02\x01\x00")),
		element(0x30, oid+element(4, "\x30\x05\x02\x01\x00\x04\x00\x00")), element(0x30, oid+element(4, "\x30\x07\x02\x01\x00\x04\x00\x04\x00"))} {
		if cookie, _, ok := parsePaging([]byte(b)); ok {
			t.Errorf("%q: parsed as the cookie %q", b, cookie)
		}
	}
}

// TestLiberties checks that lengths in more octets than needed, and elements after
// those that a client knows, are accepted.
func TestLiberties(t *testing.T) {
	long := func(tag byte, content string) string {
		return string([]byte{tag, 0x84, 0, 0, 0, byte(len(content))}) + content
	}
	entry := long(4, "cn=x") + long(0x30, long(0x30, long(4, "cn")+long(0x31, long(4, "x")+"\x04\x00")+"\x04\x01?")) + "\x80\x00"
	b := long(0x30, "\x02\x02\x00\x07"+long(opEntry, entry)+"\x8b\x00")
	if size, err := messageSize([]byte(b)); size != len(b) || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	m, ok := parseMessage([]byte(b))
	if !ok || m.id != 7 {
		t.Fatalf("%+v, %v", m, ok)
	}
	if got, ok := walk(m.body); !ok || !reflect.DeepEqual(got, wireEntry{"cn=x", []wireAttr{{"cn", []string{"x", ""}}}}) {
		t.Errorf("%q, %v", got, ok)
	}
	if size, err := messageSize([]byte("\x30\x88\x00\x00\x00\x00\x7f\xff\xff\xff")); size != math.MaxInt32 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	for _, b := range []string{"\x30\x84\x80\x00\x00\x00", "\x30\x88\x00\x00\x00\x01\x00\x00\x00\x00", "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if size, err := messageSize([]byte(b)); err == nil {
			t.Errorf("%q has size %d", b, size)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	e := wireEntry{dn: "uid=a,o=isp"}
	for i := range 9 {
		e.attrs = append(e.attrs, wireAttr{fmt.Sprintf("attribute%d", i), []string{"one", "two"}})
	}
	e.attrs = append(e.attrs, wireAttr{"objectClass", []string{"top", "Person"}})
	b := messageOf(5, e.packet())
	plan, err := newLivePlan(Query{
		Attributes: []string{"attribute3", "attribute1", "ATTRIBUTE8"},
		Selections: []Selection{{Kind: User, Classes: []string{"person"}, Attributes: 7}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := entryReader{plan: plan, unasked: func([]byte) {}}
	n := testing.AllocsPerRun(100, func() {
		m, ok := parseMessage(b)
		if ok {
			_, err = r.read(m.body)
		}
	})
	if n != 0 || err != nil || len(r.e.Values) != 6 {
		t.Errorf("%v allocations, %d values, %v", n, len(r.e.Values), err)
	}
}

// decoded parses an entry with go-asn1-ber, as go-ldap does.
func decoded(b []byte) (e wireEntry, ok bool) {
	p, err := ber.DecodePacketErr(b)
	if err != nil || len(p.Children) < 2 || p.Children[1].Tag != ldap.ApplicationSearchResultEntry || len(p.Children[1].Children) < 2 {
		return e, false
	}
	op := p.Children[1].Children
	e.dn = op[0].Data.String()
	for _, c := range op[1].Children {
		if len(c.Children) < 2 {
			return e, false
		}
		a := wireAttr{name: c.Children[0].Data.String()}
		for _, v := range c.Children[1].Children {
			a.values = append(a.values, v.Data.String())
		}
		e.attrs = append(e.attrs, a)
	}
	return e, true
}

// Whatever a server sends, nothing panics, and what is taken for an entry is the
// one that go-asn1-ber sees.
func FuzzMessage(f *testing.F) {
	f.Add(messageOf(3, wireEntry{"cn=x,o=isp", []wireAttr{{"cn", []string{"x"}}, {"sn;lang-en", nil}, {"mail", []string{"", "x@example.org"}}}}.packet()))
	f.Add(messageOf(1<<20, wireEntry{"", []wireAttr{{"description", []string{strings.Repeat("x", 300)}}}}.packet()))
	done := application(ldap.ApplicationSearchResultDone, integer(ber.TagEnumerated, 4), octets("o=isp"), octets("enough"))
	f.Add(messageOf(3, done))
	f.Add(messageOf(3, done, pagingControls(10, []byte("\x00cookie\xff")).Children[0]))
	f.Add(messageOf(3, application(ldap.ApplicationSearchResultReference, octets("ldap://a/"), octets("ldap://b/"))))
	f.Add(messageOf(0, application(ldap.ApplicationExtendedResponse, integer(ber.TagEnumerated, 52), octets(""), octets("bye"))))
	f.Add([]byte("\x30\x84\x7f\xff\xff\xf0"))
	f.Add([]byte("\x30\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := messageSize(b)
		m, ok := parseMessage(b)
		if ok && (size != len(b) || err != nil) {
			t.Fatalf("a message of %d bytes has size %d, %v", len(b), size, err)
		}
		if err == nil && size > 0 && size <= len(b) {
			b = b[:size:size]
			m, ok = parseMessage(b)
		}
		if !ok {
			return
		}
		_, _ = parseResult(m.body)
		_, _ = parseURLs(m.body)
		_, _, _ = parsePaging(m.controls)
		plan, err := newLivePlan(Query{Attributes: []string{"cn"}, Selections: []Selection{{Kind: User, Classes: []string{"person"}, Attributes: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		r := entryReader{plan: plan, unasked: func([]byte) {}}
		_, readErr := r.read(m.body)
		got, good := walk(m.body)
		if good != (readErr == nil) {
			t.Fatalf("walk returned %v, the reader returned %v", good, readErr)
		}
		if !good || m.op != opEntry {
			return
		}
		if want, ok := decoded(b); ok && fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
