package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Found is an entry found by Lookup, Find or Changer.Read.
type Found struct {
	DN    string
	Attrs map[string][]string // keyed by lower-case name, including options
}

// mostFound is the maximum total size in bytes of the entries that Lookup returns.
const mostFound = 64 << 20

// lookupPage is the number of entries in a page of Lookup, which requests pages only if
// there is no other way.
const lookupPage = 500

// Exists reports whether the server has an entry with that DN. Any other answer, such
// as a reference to another server, is an error.
func (l *Live) Exists(ctx context.Context, dn string) (bool, error) {
	found, err := l.ask(ctx, &search{base: dn, scope: BaseOnly, filter: anyEntry()})
	switch {
	case ResultCode(err) == ldap.LDAPResultNoSuchObject:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for %q: %w", dn, err)
	case len(found) == 0:
		// For a missing entry the server would return noSuchObject.
		return false, fmt.Errorf("looking for %q: %w", dn, ErrHidden)
	}
	return true, nil
}

// Matches reports whether the server takes the value for a value of one of the
// attributes of the entry dn. It compares as the server does, whatever that is.
func (l *Live) Matches(ctx context.Context, dn string, attributes []string, value []byte) (bool, error) {
	octets := func(s string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
	}
	either := ber.Encode(ber.ClassContext, ber.TypeConstructed, ldap.FilterOr, nil, "")
	for _, name := range attributes {
		equal := ber.Encode(ber.ClassContext, ber.TypeConstructed, ldap.FilterEqualityMatch, nil, "")
		equal.AppendChild(octets(name))
		equal.AppendChild(octets(string(value)))
		either.AppendChild(equal)
	}
	found, err := l.ask(ctx, &search{base: dn, scope: BaseOnly, filter: either, attrs: []string{"1.1"}})
	if err != nil {
		return false, fmt.Errorf("comparing a value of %q: %w", dn, err)
	}
	return len(found) > 0, nil
}

// Lookup returns the entries that a search with a small result finds, with the given
// attributes; nil requests all user attributes. limit is the maximum number of entries
// to return, 0 for all; it is not an error if there are more. References to other
// servers are ignored. The result is kept in memory, and Lookup fails if it exceeds
// 64 MiB.
func (l *Live) Lookup(ctx context.Context, base string, scope Scope, filter string, attrs []string, limit int) ([]Found, error) {
	f, err := ldap.CompileFilter(filter)
	if err != nil {
		return nil, fmt.Errorf("filter %q: %w", filter, err)
	}
	if attrs == nil {
		attrs = []string{"*"}
	}
	found, err := l.ask(ctx, &search{base: base, scope: scope, filter: f, attrs: attrs, limit: max(limit, 0)})
	if err != nil {
		return nil, fmt.Errorf("searching %q for %s: %w", base, filter, err)
	}
	return found, nil
}

// anyEntry returns the filter that matches all entries (RFC 4512 section 2.4.1).
func anyEntry() *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, ldap.FilterPresent, attrClass, "")
}

// ask does a search, after any other search of ask has ended. It retries once if a
// reused connection turns out to be lost.
func (l *Live) ask(ctx context.Context, q *search) ([]Found, error) {
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
	for {
		s, fresh, err := l.get(ctx)
		if err != nil {
			return nil, err
		}
		found, err := lookup(ctx, s, q)
		if ResultCode(err) == ldap.LDAPResultSizeLimitExceeded && q.limit == 0 && q.page == 0 && q.scope != BaseOnly && l.root.Paging {
			// Some servers apply the limit to each page.
			q.page = min(lookupPage, max(1, s.last.here/2))
			found, err = lookup(ctx, s, q)
		}
		if err == nil || ResultCode(err) != 0 && !isLost(err) {
			l.put(s)
			return found, err
		}
		s.close()
		if fresh || !isLost(err) {
			return nil, err
		}
	}
}

// lookupRoot reads the root DSE, in a limited time and up to a limited size: it is a part
// of connecting.
func lookupRoot(ctx context.Context, s *session, limit time.Duration) ([]Found, error) {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := collector{most: maxConnect}
	err := s.search(timed, &search{base: "", scope: BaseOnly, filter: anyEntry(), attrs: rootAttributes()}, &c)
	if timed.Err() != nil && ctx.Err() == nil && err != nil {
		return nil, &lostError{fmt.Errorf("no complete answer within %v", limit)}
	}
	if err != nil {
		return nil, err
	}
	return c.found, nil
}

// lookup does a search and returns the entries found.
func lookup(ctx context.Context, s *session, q *search) ([]Found, error) {
	c := collector{most: mostFound}
	err := s.search(ctx, q, &c)
	if ResultCode(err) == ldap.LDAPResultSizeLimitExceeded && q.limit > 0 && len(c.found) >= q.limit {
		return c.found[:q.limit], nil
	}
	if err != nil {
		return nil, err
	}
	return c.found, nil
}

// collector keeps the entries that a search finds.
type collector struct {
	found []Found
	bytes int // approximate memory use of found
	most  int // the maximum of bytes
}

// errTooMuch is returned by Lookup when the result is too large.
var errTooMuch = errors.New("the result is too large")

func (c *collector) entry(body []byte) error {
	dn, attrs, ok := openEntry(body)
	if !ok {
		return errMalformed
	}
	f := Found{DN: string(dn), Attrs: map[string][]string{}}
	c.bytes += len(dn) + 256
	for len(attrs) > 0 {
		var name, values []byte
		if name, values, attrs, ok = nextAttribute(attrs); !ok {
			return errMalformed
		}
		key := strings.ToLower(string(name))
		c.bytes += len(key) + 64
		for len(values) > 0 {
			var v []byte
			if v, values, ok = cutTag(values, tagOctets); !ok {
				return errMalformed
			}
			if c.bytes += len(v) + 32; c.bytes > c.most {
				return c.tooMuch()
			}
			f.Attrs[key] = append(f.Attrs[key], string(v))
		}
	}
	if c.bytes > c.most {
		return c.tooMuch()
	}
	c.found = append(c.found, f)
	return nil
}

func (c *collector) tooMuch() error {
	return fmt.Errorf("%w: the limit is %d MiB", errTooMuch, c.most>>20)
}

func (c *collector) reference([]byte) error { return nil }
