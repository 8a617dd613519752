package coexist

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Census counts the users of a directory by mail domain and side, and lists those of
// some sides. A Census can be run once.
type Census struct {
	audit  *ldapcheck.Audit
	counts *partition
}

// censusRule is the rule whose hits are the entries to list.
const censusRule = "census"

// NewCensus prepares a census. From o it uses names, bases, user lists and workers.
// sides are the sides to list, empty for none; domain is the mail domain of the
// users to list, in A-labels, "" for any. Errors are those of ldapcheck.New.
func NewCensus(o ldapcheck.Options, sides []Side, domain string) (*Census, error) {
	c := &Census{counts: newPartition(&o, nil)}
	list6 := o.CS6 != nil
	o.Rules, o.MarkedOnCS7, o.Times = []string{"listed-not-found"}, false, false
	o.Watch = c.counts.watch
	if len(sides) > 0 {
		o.Extras = []ldapcheck.Extra{{
			Rule:  finding.Rule{ID: censusRule, Severity: finding.Info},
			Kinds: []directory.Kind{directory.User, directory.Resource},
			Observe: func(a *ldapcheck.Account) (ldapcheck.Hit, bool) {
				side := SideOf(a, list6)
				if !slices.Contains(sides, side) {
					return ldapcheck.Hit{}, false
				}
				var buf [256]byte
				of := appendDomain(buf[:0], a.Mail)
				if domain != "" && string(of) != domain {
					return ldapcheck.Hit{}, false
				}
				calendars := 0
				if a.On6 != nil {
					calendars = a.On6.Calendars
				}
				return ldapcheck.Hit{Value: a.Mail, Other: fmt.Appendf(nil, "%s\x00%d\x00%s\x00%s", side, calendars, of, a.UID)}, true
			},
			Describe: func(ldapcheck.Fact) (string, finding.Fix) { return "", finding.Fix{} },
		}}
	}
	var err error
	c.audit, err = ldapcheck.New(o)
	return c, err
}

// Progress returns the progress of the run. It is safe for concurrent use.
func (c *Census) Progress() ldapcheck.Progress { return c.audit.Progress() }

// Run reads the directory. If the directory could not be read to its end, Run
// returns no error, and the result says so.
func (c *Census) Run(ctx context.Context, src directory.Source) (*CensusResult, error) {
	r, err := c.audit.Run(ctx, src)
	if err != nil {
		return nil, err
	}
	c.counts.collect(r.Watchers())
	out := &CensusResult{
		Domains: c.counts.domains(), Total: c.counts.sum(), TooMany: c.counts.tooMany(),
		Absence: r.Absence(), Complete: r.Complete, Ended: r.Ended, report: r,
	}
	for _, o := range r.Outcomes {
		switch o.Rule {
		case "listed-not-found":
			if o.Result != finding.NotRun {
				out.NotFound, out.Compared = o.Count, true
			}
		case "record-broken", "referral-not-followed":
			out.Unread += o.Count
		}
	}
	return out, nil
}

// CensusResult is the result of a Census. It is not safe for concurrent use.
type CensusResult struct {
	Domains []DomainCount // sorted by name; users without a domain come last, under ""
	Total   DomainCount
	TooMany bool // there are too many domains to count separately, and the rest is counted under ""

	// NotFound is the number of users on the lists without an entry. It is valid if
	// Compared is set.
	NotFound int
	Compared bool

	Absence  []directory.AttributeAbsence // as in an ldapcheck.Report
	Complete bool                         // everything was read; otherwise Ended is the reason
	Ended    error                        // nil if Complete
	Unread   int                          // number of records and parts of the tree that could not be read

	report *ldapcheck.Report
}

// CensusEntry is one of the listed users and resources.
type CensusEntry struct {
	DN        string
	Kind      directory.Kind
	Side      Side
	Mail, UID string // the first value; "" if absent
	Domain    string // of the mail address, in A-labels
	Calendars int    // on the old server, according to its list
	File      string // the file that contains the entry; "" for a live directory
	Line      int
}

// Entries yields the listed users and resources, in the order of the source. An
// error is the last element: then entries are missing.
func (r *CensusResult) Entries() iter.Seq2[CensusEntry, error] {
	return func(yield func(CensusEntry, error) bool) {
		for f, err := range r.report.Facts(censusRule) {
			if err != nil {
				yield(CensusEntry{}, err)
				return
			}
			p := CensusEntry{DN: string(f.DN), Kind: f.Kind, Mail: string(f.Value), File: f.File, Line: f.Line}
			side, rest, _ := bytes.Cut(f.Other, []byte{0})
			number, rest, _ := bytes.Cut(rest, []byte{0})
			domain, uid, _ := bytes.Cut(rest, []byte{0})
			p.Calendars, _ = strconv.Atoi(string(number))
			p.Side, p.Domain, p.UID = Side(side), string(domain), string(uid)
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Close removes the temporary files.
func (r *CensusResult) Close() error { return r.report.Close() }
