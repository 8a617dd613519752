package ldif

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Error(args ...any)
	Fatalf(format string, args ...any)
}

// exactly reports whether err is want itself, not an error that wraps it.
func exactly(err, want error) bool { return any(err) == any(want) }

// show returns a record as a line of text, which tests compare.
func show(rec *Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %q", rec.Line, rec.Kind, rec.DN)
	for _, c := range rec.Controls {
		fmt.Fprintf(&b, " control=%q", c)
	}
	for _, a := range rec.Attributes {
		fmt.Fprintf(&b, " %s=%q", nameOf(a), a.Value)
	}
	for _, c := range rec.Changes {
		fmt.Fprintf(&b, " %s:%s%q", c.Op, c.Name, c.Values)
	}
	if rec.Kind == KindModDN {
		fmt.Fprintf(&b, " newrdn=%q delete=%v", rec.NewRDN, rec.DeleteOldRDN)
		if rec.NewSuperior != nil {
			fmt.Fprintf(&b, " superior=%q", rec.NewSuperior)
		}
	}
	return b.String()
}

func nameOf(a Attribute) string {
	if a.Options == nil {
		return string(a.Name)
	}
	return string(a.Name) + ";" + string(a.Options)
}

// readAll reads until r returns its final error, and returns all records as text.
func readAll(t failer, r *Reader) (got []string, last error) {
	t.Helper()
	for {
		rec, err := r.Next()
		var bad *RecordError
		switch {
		case err == nil:
			got = append(got, show(rec))
		case errors.As(err, &bad):
			got = append(got, showBroken(bad))
		default:
			if _, again := r.Next(); !exactly(again, err) {
				t.Fatalf("%v was followed by %v", err, again)
			}
			return got, err
		}
	}
}

func readString(t failer, file string, o Options) []string {
	t.Helper()
	got, err := readAll(t, NewReader(strings.NewReader(file), o))
	if !exactly(err, io.EOF) {
		t.Fatalf("%q: %v", file, err)
	}
	return got
}

// simpleRead is a simple implementation of a reader: the whole text in memory,
// strings, no limits. It returns what Reader must return, as far as it goes: it
// knows no change records, and reports an invalid record only as "broken", and one in
// which the file was cut off as "cut".
func simpleRead(file string) (got []string) {
	open := file != "" && !strings.HasSuffix(file, "\n") && !strings.HasSuffix(file, "\r")
	file = strings.TrimPrefix(file, "\ufeff")
	file = strings.ReplaceAll(strings.ReplaceAll(file, "\r\n", "\n"), "\r", "\n")
	type line struct {
		text   string
		number int
	}
	var record []line
	end := strings.Count(file, "\n")
	if open {
		end++
	}
	cut := false
	for i, text := range append(strings.Split(file, "\n"), "") {
		blank := text == "" || len(record) == 0 && strings.Trim(text, " \t") == ""
		switch {
		case !blank && len(record) > 0 && strings.ContainsAny(text[:1], " \t"):
			record[len(record)-1].text += text[1:]
			continue
		case !blank:
			record = append(record, line{text, i + 1})
			continue
		}
		var lines []line
		for _, l := range record {
			if !strings.HasPrefix(l.text, "#") {
				lines = append(lines, l)
			}
		}
		commented := len(record) > 0 && strings.HasPrefix(record[len(record)-1].text, "#")
		record = nil
		atEnd := len(lines) > 0 && i == end
		stated := false
		for len(lines) > 0 && !stated && isVersion([]byte(lines[0].text)) {
			if stated = strings.TrimSpace(lines[0].text[len("version:"):]) == "1"; !stated {
				got = append(got, "broken")
			}
			lines = lines[1:]
		}
		if len(lines) == 0 {
			if n := len(got); atEnd && open && !stated && !commented {
				got[n-1], cut = "cut", true
			}
			continue
		}
		out, broken := "", false
		for i, l := range lines {
			name, value, ok := strings.Cut(l.text, ":")
			if rest, is64 := strings.CutPrefix(value, ":"); is64 {
				v, err := base64.StdEncoding.DecodeString(strings.Trim(rest, " \t"))
				value, ok = string(v), ok && err == nil
			} else {
				ok = ok && !strings.HasPrefix(value, "<")
				value = strings.TrimLeft(value, " \t")
			}
			base, options, some := strings.Cut(name, ";")
			ok = ok && base != "" && strings.Trim(base, keyCharacters+".") == ""
			for _, c := range []byte(options) {
				ok = ok && c > ' ' && c <= '~'
			}
			switch {
			case strings.EqualFold(name, "dn") != (i == 0), some && i == 0, i > 0 && strings.EqualFold(base, "dn"):
				ok = false
			case i == 0:
				out = fmt.Sprintf("%d content %q", l.number, value)
			default:
				out += fmt.Sprintf(" %s=%q", name, value)
			}
			broken = broken || !ok
		}
		if broken {
			out = "broken"
		}
		if atEnd && (open || !broken && len(lines) == 1) {
			out, cut = "cut", true
		}
		got = append(got, out)
	}
	if open && !cut {
		got = append(got, "cut")
	}
	return got
}
