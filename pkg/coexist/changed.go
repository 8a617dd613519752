package coexist

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// mostChanges is the maximum number of seconds for which changes are counted; the
// oldest are dropped first.
const mostChanges = 10_000

// time records when an entry was changed.
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
		c.dropOld()
	}
}

// dropOld keeps only the changes of the last hour before the newest one: older ones
// do not matter, on the assumption that no cache keeps entries longer than that.
func (c *counter) dropOld() {
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

// parseGeneralizedTime parses a modifyTimestamp in the form that directories write:
// RFC 4517, section 3.3.13, in UTC.
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

// checkChanged is about the caches of the new server. It assumes that the clock of
// the directory agrees with the local clock.
func checkChanged(_ context.Context, c *Check, emit emitter) error {
	if c.o.NoDirectory != "" {
		return c.complete()
	}
	counted := c.counts.total
	if counted.timed == 0 {
		return finding.NotApplicable("no entry has a modifyTimestamp; an export contains it only if the attribute was requested")
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
		// A time stamp far in the future comes from a wrong clock.
		if at := time.Unix(second, 0); at.After(now.Add(-lifetime)) && at.Before(now.Add(lifetime)) {
			n += count
			newest = max(newest, second)
		}
	}
	if n == 0 {
		return c.complete()
	}
	last := time.Unix(newest, 0)
	ready := last.Add(lifetime)
	f := finding.Finding{
		Attribute: "modifyTimestamp", Value: last.UTC().Format(time.RFC3339),
		Detail: fmt.Sprintf("entries changed less than %d seconds ago: %d; until %s the new server may use their old values (%s)", lasts, n, ready.UTC().Format(time.RFC3339), from),
		Fix:    finding.Text(finding.FixCommand, fmt.Sprintf("sleep %d", max(1, int(ready.Sub(now).Round(time.Second)/time.Second)))),
	}
	if counted.newest.Unix() == newest {
		f.DN = []string{counted.newestDN}
	}
	emit(f)
	return nil
}
