// Package finding defines the common format of the results of all checks of
// davadmin: rules, what each rule found, and how each rule ended.
//
// No check can disappear silently: a rule ends as passed, failed or not-run, and a
// rule that should have run but could not is itself a finding (check-not-run). The
// package does not print, and it does not determine exit codes.
//
// Values are plain data and safe to copy. Nothing here is safe for concurrent
// modification.
package finding

import (
	"fmt"
	"strings"
)

// Severity is how serious a finding is. The zero value is Info.
type Severity int

// Severities, in ascending order.
const (
	Info    Severity = iota // worth knowing, nothing is wrong
	Warning                 // works today, or may be wrong
	Error                   // something does not or will not work
)

var severityNames = [...]string{Info: "info", Warning: "warning", Error: "error"}

// SeverityNames returns the names that ParseSeverity accepts, lowest first.
func SeverityNames() []string { return append([]string(nil), severityNames[:]...) }

// String returns the lower-case name, which is used in all output.
func (s Severity) String() string {
	if s < Info || s > Error {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityNames[s]
}

// MarshalText encodes a severity by its name, as in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *Severity) UnmarshalText(b []byte) error {
	v, err := ParseSeverity(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// ParseSeverity parses a severity name in any letter case.
func ParseSeverity(name string) (Severity, error) {
	for i, n := range severityNames {
		if strings.EqualFold(name, n) {
			return Severity(i), nil
		}
	}
	return Info, fmt.Errorf("'%s' is not a valid severity (%s)", name, strings.Join(severityNames[:], ", "))
}

// Rule describes one check. Reports, help and the reference pages print the same
// texts.
type Rule struct {
	ID       string   // stable, lower case, words joined by hyphens
	Severity Severity // of its findings, unless a finding says otherwise
	Title    string   // what holds when the rule passes, one line
	Why      string   // what goes wrong when it does not hold
	Remedy   string   // what to do in general
	// Task is what this product can do about it, with placeholders such as NAME
	// in capital letters; the zero Task for nothing. The command layer renders it.
	Task Task
}

// Where is a line of a file, counted from 1. Line 0 stands for the whole file.
type Where struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// Finding is one failure of one rule.
type Finding struct {
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	DN        []string `json:"dn,omitempty"`
	Attribute string   `json:"attribute,omitempty"`
	Parameter string   `json:"parameter,omitempty"`
	Value     string   `json:"value,omitempty"` // never a secret
	// ComparedBy is how values that are different octets were found to be equal:
	// "rfc4518", as that standard prepares them, or "directory", by asking it.
	ComparedBy string `json:"compared_by,omitempty"`
	Where      *Where `json:"where,omitempty"`
	Detail     string `json:"detail"`
	Fix        Fix    `json:"-"` // how to repair it; the command layer renders it
}

// Result is how a rule ended.
type Result string

// The three ways in which a rule ends.
const (
	Passed Result = "passed"
	Failed Result = "failed"
	NotRun Result = "not-run"
)

// Outcome is how one rule ended. A report contains one for every rule.
type Outcome struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Result   Result   `json:"result"`
	Count    int      `json:"count"`
	Reason   string   `json:"reason,omitempty"` // why it did not run
	Needs    []Need   `json:"-"`                // the facts with which it could run; the command layer renders them
}

// CheckNotRun returns the rule that fails if a check could not run.
func CheckNotRun() Rule {
	return Rule{
		ID:       "check-not-run",
		Severity: Error,
		Title:    "every check that should run could run",
		Why:      "a check that did not run proves nothing, and without this finding everything would look fine",
		Remedy:   "remove the cause named in the finding, and run the check again",
	}
}
