package ldapcheck

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Codes of facts, where a rule knows several things.
const (
	codePlain     byte = iota
	codeHasClass       // the entry has the class that allows the unique id
	codeStatusSet      // icsStatus is set
	codeOutside        // it is not known whether it exists
	codeNoDN           // it is no name of an entry
)

// shown puts directory text into a message. Whoever prints it still has to
// take out what acts on a terminal.
func shown(v []byte) string {
	const most = 200
	if len(v) > most {
		size := fmt.Sprint(len(v))
		if !whole(v) {
			size += " or more"
		}
		return fmt.Sprintf("'%s…' (%s bytes)", bytes.ToValidUTF8(v[:most], nil), size)
	}
	return "'" + string(v) + "'"
}

// shownList is shown for several values.
func shownList(values [][]byte) string {
	const most = 10
	var list []string
	for i, v := range values {
		if i == most {
			list = append(list, "and more")
			break
		}
		list = append(list, shown(v))
	}
	return strings.Join(list, ", ")
}

// secondOf returns the second of the values that hold more than blanks, nil
// where there is none, or not all of them was kept.
func secondOf(values [][]byte) []byte {
	filled := slices.DeleteFunc(slices.Clone(values), isBlank)
	if len(filled) < 2 || len(values) == mostValues || !whole(filled[1]) {
		return nil
	}
	return filled[1]
}

// removeSecond is the fix for an attribute with two values, of which a person
// has to say which one stays.
func (a *Audit) removeSecond(f *fact, name, remark string) finding.Fix {
	second := secondOf(f.values)
	if second == nil {
		return finding.Fix{}
	}
	return withRemark(remark, a.modifyFix(f.dns[0], "delete", name, second))
}

func cutNUL(v []byte) (before, after string) {
	b, a, _ := bytes.Cut(v, []byte{0})
	return string(b), string(a)
}

// withRemark puts a remark above the first step of a fix, unless the fix is empty.
func withRemark(remark string, fix finding.Fix) finding.Fix {
	if !fix.IsZero() {
		fix.Steps[0].Remark = remark
	}
	return fix
}

// change is one part of a modify record.
type change struct {
	op     string // add, delete or replace
	name   string
	values [][]byte
}

// recordFix is the fix that makes the changes in one entry. It is empty when the
// DN was too long to be kept in full.
func (a *Audit) recordFix(dn []byte, changes []change) finding.Fix {
	return finding.Text(finding.FixLDIF, a.modifyRecord(dn, changes))
}

// modifyRecord returns a modify record, "" when the DN was too long to be kept in
// full.
func (a *Audit) modifyRecord(dn []byte, changes []change) string {
	if !whole(dn) {
		return ""
	}
	ops := map[string]ldif.Op{"add": ldif.OpAdd, "delete": ldif.OpDelete, "replace": ldif.OpReplace}
	list := make([]ldif.Change, len(changes))
	for i, c := range changes {
		list[i] = ldif.Change{Op: ops[c.op], Name: c.name, Values: c.values}
	}
	return a.fixes.modify(string(dn), list)
}

// ModifyRecord writes a modify record of LDIF with the blank line that ends it,
// without the line that begins a file; "" for what no directory has.
func ModifyRecord(dn string, changes []ldif.Change) string {
	var f fixWriter
	return f.modify(dn, changes)
}

// fixWriter writes records one by one, without the line that begins a file.
type fixWriter struct {
	buf bytes.Buffer
	w   *ldif.Writer
}

// modify returns a record with the blank line that ends it; "" for what no
// directory has.
func (f *fixWriter) modify(dn string, changes []ldif.Change) string {
	if f.w == nil {
		f.w = ldif.NewWriter(&f.buf)
	}
	f.buf.Reset()
	if f.w.Modify(dn, changes) != nil || f.w.Flush() != nil {
		f.w = nil // its first error stays with it
		return ""
	}
	return strings.TrimPrefix(f.buf.String(), "version: 1\n")
}

// modifyFix is recordFix for one change of one value; nil is every value.
func (a *Audit) modifyFix(dn []byte, op, name string, value []byte) finding.Fix {
	if !whole(value) {
		return finding.Fix{}
	}
	c := change{op: op, name: name}
	if value != nil {
		c.values = [][]byte{value}
	}
	return a.recordFix(dn, []change{c})
}

// newIDFix writes the shell command that prints the LDIF which gives an entry a
// new unique id. A fixed value in a report would be given to two entries sooner
// or later.
func (a *Audit) newIDFix(dn []byte, op string, hasClass bool) finding.Fix {
	const here = "DAVADMIN-NEW-ID"
	changes := []change{{op, a.o.Names.UniqueID, [][]byte{[]byte(here)}}}
	if !hasClass && a.o.Names.UniqueIDClass != "" {
		changes = append([]change{{"add", "objectClass", [][]byte{[]byte(a.o.Names.UniqueIDClass)}}}, changes...)
	}
	record := a.modifyRecord(dn, changes)
	if record == "" {
		return finding.Fix{}
	}
	at := strings.LastIndex(record, here)
	if at < 0 {
		return finding.Fix{} // the line was folded after an attribute name of impossible length
	}
	command := "id=$(uuidgen) && printf '" + printfText(record[:at]) + "%s" + printfText(record[at+len(here):]) + `' "$id"`
	return finding.Text(finding.FixCommand, command)
}

// printfText makes text, which is printable ASCII and line feeds, the part of a
// format of printf in single quotes.
func printfText(s string) string { return printfReplacer.Replace(s) }

var printfReplacer = strings.NewReplacer(`\`, `\\`, "%", "%%", "\n", `\n`, "'", `'\''`)

// mostDecided is for how many of the entries that share an id a fix is written.
const mostDecided = 3

// oneLine is text for a comment of a shell script.
func oneLine(v []byte) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(string(v), "?"))
}

// decideFix is the fix for entries that share an id: one of them keeps it, and a
// person has to decide which. The step for the first one is a template, so that
// pasting the whole fix leaves one entry with its id.
func (a *Audit) decideFix(f *fact) finding.Fix {
	steps := []finding.Step{{Remark: "one of the entries keeps its id; as it stands the first one does"}}
	known := f.other
	for i, dn := range f.dns {
		if i == mostDecided {
			steps = append(steps, finding.Step{Remark: fmt.Sprintf("and so on for %d more", f.count-mostDecided)})
			break
		}
		var step finding.Step
		text, rest := cutNUL(known)
		if known = []byte(rest); text != "" {
			step.Remark = oneLine(dn) + ": " + oneLine([]byte(text))
		}
		if fix := a.newIDFix(dn, "replace", true); !fix.IsZero() {
			step.Text, step.Template = fix.Steps[0].Text, i == 0
		}
		steps = append(steps, step)
	}
	return finding.Fix{Type: finding.FixCommand, Steps: steps}
}
