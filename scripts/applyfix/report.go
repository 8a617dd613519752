package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// problem is a finding of the report.
type problem struct {
	Kind   string   `json:"kind"`
	Rule   string   `json:"rule"`
	DN     []string `json:"dn"`
	Detail string   `json:"detail"`
	Fix    string   `json:"fix"`
}

// String names a finding by its rule and its entries.
func (p *problem) String() string {
	switch n := len(p.DN); n {
	case 0:
		return p.Rule
	case 1:
		return p.Rule + ": " + p.DN[0]
	default:
		return fmt.Sprintf("%s: %s and %d more", p.Rule, p.DN[0], n-1)
	}
}

// eachFinding calls fn for each finding of a report, in order.
func eachFinding(r io.Reader, fn func(*problem) error) error {
	// Not line by line, because a line may be longer than a Scanner accepts.
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var p problem
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case errors.Is(err, io.EOF):
			// Even a report without findings has its rules and a summary.
			return errors.New("the report is empty")
		case err != nil:
			return fmt.Errorf("object %d of the report: %w", n, err)
		}
		if p.Kind != "finding" {
			continue
		}
		if err := fn(&p); err != nil {
			return err
		}
	}
}

// isRemark reports whether a line of a fix is for a person: a comment of LDIF, the
// shell or ics.conf.
func isRemark(line string) bool { return strings.HasPrefix(line, "#") || strings.HasPrefix(line, "!") }

// splitFix separates the remarks of a fix from the lines to carry out.
func splitFix(fix string) (remarks, body []string) {
	for line := range strings.SplitSeq(fix, "\n") {
		if isRemark(line) {
			remarks = append(remarks, line)
		} else {
			body = append(body, line)
		}
	}
	return remarks, body
}

// isLDIF reports whether a fix is LDIF, which its first line shows.
func isLDIF(body []string) bool {
	for _, line := range body {
		if line != "" {
			return len(line) > 3 && strings.EqualFold(line[:3], "dn:")
		}
	}
	return false
}
