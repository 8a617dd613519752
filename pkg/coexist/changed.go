package coexist

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// mostChanges is how many seconds with changes are told apart; older ones are
// forgotten first.
const mostChanges = 10_000

// time notes when an entry was changed.
func (c *counter) time(a *ldapcheck.Account) {
	t, ok := parseGeneralizedTime(a.Modified)
	if !ok {
		return
	}
	c.timed++
	if t.After(c.newest) {
		c.newest, c.newestDN = t, string(a.Entry.DN)
	}
	c.changes[t.Unix()]++
	if len(c.changes) > mostChanges {
		c.forget()
	}
}

// forget keeps the changes of the last hour before the newest: no cache is
// thought to live longer, and what is older than that cannot matter.
func (c *counter) forget() {
	from := c.newest.Add(-time.Hour).Unix()
	for second := range c.changes {
		if second < from {
			delete(c.changes, second)
		}
	}
}

func (c *counter) addTimes(o *counter) {
	c.timed += o.timed
	if o.newest.After(c.newest) {
		c.newest, c.newestDN = o.newest, o.newestDN
	}
	for second, n := range o.changes {
		c.changes[second] += n
	}
}

// parseGeneralizedTime reads modifyTimestamp as directories write it: RFC 4517,
// section 3.3.13, in UTC.
func parseGeneralizedTime(v []byte) (time.Time, bool) {
	const form = "20060102150405Z"
	s := string(v)
	if len(s) > len(form) && s[14] == '.' {
		end := 15
		for end < len(s) && '0' <= s[end] && s[end] <= '9' {
			end++
		}
		s = s[:14] + s[end:]
	}
	t, err := time.Parse(form, s)
	return t, err == nil
}

// checkChanged is about caches: it takes the clock of the directory for ours.
func checkChanged(_ context.Context, c *Check, emit emitter) error {
	if c.o.NoDirectory != "" {
		return c.whole()
	}
	counted := c.counts.total
	if counted.timed == 0 {
		return finding.NotApplicable("no entry shows when it was changed; an export shows it when modifyTimestamp was asked for")
	}
	lasts, from := 60, "the default of "+paramSubjectTTL
	if s := c.o.Server; s != nil {
		lasts, from = s.seconds(paramSubjectTTL, lasts), paramSubjectTTL
		if n := s.seconds(paramURITTL, 60); n > lasts {
			lasts, from = n, paramURITTL
		}
	}
	now := c.o.Now()
	lifetime := time.Duration(lasts) * time.Second
	n, newest := 0, int64(0)
	for second, count := range counted.changes {
		// A clock that is far ahead says nothing about now.
		if at := time.Unix(second, 0); at.After(now.Add(-lifetime)) && at.Before(now.Add(lifetime)) {
			n += count
			newest = max(newest, second)
		}
	}
	if n == 0 {
		return c.whole()
	}
	last := time.Unix(newest, 0)
	ready := last.Add(lifetime)
	f := finding.Finding{
		Attribute: "modifyTimestamp", Value: last.UTC().Format(time.RFC3339),
		Detail: fmt.Sprintf("entries changed less than %d seconds ago: %d; until %s the new server may go by what they were (%s)", lasts, n, ready.UTC().Format(time.RFC3339), from),
		Fix:    finding.Text(finding.FixCommand, fmt.Sprintf("sleep %d", max(1, int(ready.Sub(now).Round(time.Second)/time.Second)))),
	}
	if counted.newest.Unix() == newest {
		f.DN = []string{counted.newestDN}
	}
	emit(f)
	return nil
}
