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

// The codes of facts, for rules with several kinds of findings.
const (
	codePlain     byte = iota
	codeHasClass       // the entry has the class that allows the unique id
	codeStatusSet      // icsStatus is set
	codeOutside        // the entry may exist outside what was read
	codeNoDN           // the value is not a valid DN
	codeApart          // the directory takes the values for different ones
	codeNoEntry        // the record is not an entry
	codeAddition       // the change record adds an entry
)

// quote formats directory text for a message. The result may contain control
// characters, which whoever prints it has to replace.
func quote(v []byte) string {
	const most = 200
	if len(v) > most {
		size := fmt.Sprint(len(v))
		if !isComplete(v) {
			size += " or more"
		}
		return fmt.Sprintf("'%s…' (%s bytes)", bytes.ToValidUTF8(v[:most], nil), size)
	}
	return "'" + string(v) + "'"
}

// quoteList is quote for several values.
func quoteList(values [][]byte) string {
	const most = 10
	var list []string
	for i, v := range values {
		if i == most {
			list = append(list, "and more")
			break
		}
		list = append(list, quote(v))
	}
	return strings.Join(list, ", ")
}

// secondOf returns the second of the values that are not blank. It returns nil if
// there is none or if some values may be missing.
func secondOf(values [][]byte) []byte {
	filled := slices.DeleteFunc(slices.Clone(values), isBlank)
	if len(filled) < 2 || len(values) == mostValues || !isComplete(filled[1]) {
		return nil
	}
	return filled[1]
}

// removeSecond is the fix for an attribute with two values. A person has to decide
// which one to keep.
func (a *Audit) removeSecond(f *fact, name, remark string) finding.Fix {
	second := secondOf(f.values)
	if second == nil {
		return finding.Fix{}
	}
	return withRemark(remark, a.modifyFix(f.dns[0], ldif.OpDelete, name, second))
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

// recordFix is the fix that makes the changes in one entry. It is empty when the
// DN was too long to be kept in full.
func (a *Audit) recordFix(dn []byte, changes []ldif.Modification) finding.Fix {
	return finding.Text(finding.FixLDIF, a.modifyRecord(dn, changes))
}

// modifyRecord returns a modify record, "" when the DN was too long to be kept in
// full.
func (a *Audit) modifyRecord(dn []byte, changes []ldif.Modification) string {
	if !isComplete(dn) {
		return ""
	}
	return a.fixes.modify(string(dn), changes)
}

// ModifyRecord returns a modify record as LDIF, with the blank line that ends it but
// without a version line. It returns "" for names that LDIF cannot represent.
func ModifyRecord(dn string, changes []ldif.Modification) string {
	var f fixWriter
	return f.modify(dn, changes)
}

// fixWriter writes single records, without a version line, that are harmless if they are
// pasted into a shell by mistake.
type fixWriter struct {
	buf bytes.Buffer
	w   *ldif.Writer
}

// modify returns a record with the blank line that ends it, "" for names that LDIF
// cannot represent.
func (f *fixWriter) modify(dn string, changes []ldif.Modification) string {
	if f.w == nil {
		f.w = ldif.NewWriter(&f.buf)
		f.w.Inert()
	}
	f.buf.Reset()
	if f.w.Modify(dn, changes) != nil || f.w.Flush() != nil {
		f.w = nil // a writer returns its first error for ever
		return ""
	}
	return strings.TrimPrefix(f.buf.String(), "version: 1\n")
}

// modifyFix is recordFix for one change of one value. A nil value means all values.
func (a *Audit) modifyFix(dn []byte, op ldif.Op, name string, value []byte) finding.Fix {
	if !isComplete(value) {
		return finding.Fix{}
	}
	c := ldif.Modification{Op: op, Name: name}
	if value != nil {
		c.Values = [][]byte{value}
	}
	return a.recordFix(dn, []ldif.Modification{c})
}

// newIDFix is the fix that gives an entry a new unique id, which is made when the fix is
// carried out.
func (a *Audit) newIDFix(dn []byte, op ldif.Op, hasClass bool) finding.Fix {
	const placeholder = "DAVADMIN-NEW-ID"
	changes := []ldif.Modification{{Op: op, Name: a.o.Names.UniqueID, Values: [][]byte{[]byte(placeholder)}}}
	if !hasClass && a.o.Names.UniqueIDClass != "" {
		changes = append([]ldif.Modification{{Op: ldif.OpAdd, Name: "objectClass", Values: [][]byte{[]byte(a.o.Names.UniqueIDClass)}}}, changes...)
	}
	record := a.modifyRecord(dn, changes)
	at := strings.LastIndex(record, placeholder)
	if at < 0 {
		return finding.Fix{} // there is no record
	}
	return finding.Do(finding.FixCommand, finding.Task{Do: finding.NewID, Before: record[:at], After: record[at+len(placeholder):]})
}

// mostInFix is the number of entries that share an id for which a fix is written.
const mostInFix = 3

// oneLine returns v as text for a comment of a shell script.
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
	steps := []finding.Step{{Remark: "one of the entries keeps its id; as written, that is the first one"}}
	known := f.other
	for i, dn := range f.dns {
		if i == mostInFix {
			steps = append(steps, finding.Step{Remark: fmt.Sprintf("and so on for %d more", f.count-mostInFix)})
			break
		}
		var step finding.Step
		text, rest := cutNUL(known)
		if known = []byte(rest); text != "" {
			step.Remark = oneLine(dn) + ": " + oneLine([]byte(text))
		}
		if fix := a.newIDFix(dn, ldif.OpReplace, true); !fix.IsZero() {
			step.Task, step.Template = fix.Steps[0].Task, i == 0
		}
		steps = append(steps, step)
	}
	return finding.Fix{Type: finding.FixCommand, Steps: steps}
}
