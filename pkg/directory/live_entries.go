package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Entries implements Source.
func (l *Live) Entries(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		r := liveRun{l: l, yield: yield}
		if err := r.run(ctx, q); err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped ends a run when the caller broke off the iteration.
var errStopped = errors.New("the iteration was broken off")

// liveRun is the state of one sequence of entries.
type liveRun struct {
	l     *Live
	plan  *livePlan
	yield func(*Entry, error) bool

	searches []liveSearch
	readAll  bool // the searches return all entries, and the reader selects
	reader   entryReader
	base     string // of the current search
	pos      uint64
	count    int // number of entries delivered, of all selections
	noted    map[string]bool

	classless   int     // entries that came without an object class
	example     []byte  // DN of the first one
	end         pageEnd // of the search that failed
	reconnected bool
}

func (r *liveRun) run(ctx context.Context, q Query) error {
	var err error
	if r.plan, err = r.prepare(ctx, q); err != nil {
		return err
	}
	s, _, err := r.l.get(ctx)
	if err != nil {
		return err
	}
	err = r.pass(ctx, s)
	for ctx.Err() == nil && r.adapt(err) {
		if s, err = r.restart(ctx, err); err != nil {
			break
		}
		err = r.pass(ctx, s)
	}
	if err == nil && r.classless > 0 {
		return r.hiddenClasses()
	}
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	code := ResultCode(err)
	if errors.Is(err, errNoPage) && r.noBase(ctx) {
		code = ldap.LDAPResultNoSuchObject
	}
	switch {
	case isLimit(err):
		err = r.l.limitError(err)
	case code == ldap.LDAPResultNoSuchObject:
		err = &BaseError{Base: r.base, From: r.l.dialer.o.BasesFrom, Contexts: r.l.root.NamingContexts, Err: err}
	}
	what := r.l.url + entriesBelow(r.base)
	return &IncompleteError{What: what, Entries: r.count, Code: code, Err: err}
}

// noBase reports whether the server says that the base does not exist.
func (r *liveRun) noBase(ctx context.Context) bool {
	exists, err := r.l.Exists(ctx, r.base)
	return err == nil && !exists
}

// hiddenClasses returns the error for entries without an object class. Each entry has one
// (RFC 4512 section 2.4.1), so the server hides it, and whether the query selects the entry
// is unknown.
func (r *liveRun) hiddenClasses() error {
	return &IncompleteError{
		What: fmt.Sprintf("%s: the entries below %q", r.l.url, r.base), Entries: r.count,
		Err: fmt.Errorf("the bind DN '%s' cannot read the objectClass of some entries (%d), such as '%s', so their kind is unknown; give it read access", r.l.dialer.o.BindDN, r.classless, r.example),
	}
}

// adapt reports whether the searches may succeed if they are done again, and changes what
// has to change for that.
func (r *liveRun) adapt(err error) bool {
	switch {
	case isLost(err):
		again := !r.reconnected && !r.l.dialer.o.NoRestart
		r.reconnected = true
		return again
	case !isLimit(err):
		return false
	case r.l.reducePage(err, r.end):
		return true
	case r.readAll && !r.plan.mustReadAll():
		// Entries that the query does not select count, too: a narrower search may stay
		// within the limit.
		r.searches, r.readAll = r.plan.searches(false, r.l.root.NamingContexts), false
		return true
	}
	return false
}

// isLimit reports whether a limit of the server ended a search: the time limit, the
// limit of entries returned, or the limit of entries examined.
func isLimit(err error) bool {
	switch ResultCode(err) {
	case ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		return true
	}
	return false
}

// prepare plans the searches.
func (r *liveRun) prepare(ctx context.Context, q Query) (*livePlan, error) {
	p, err := newLivePlan(q)
	if err != nil {
		return nil, err
	}
	if len(q.Bases) == 0 {
		if p.bases, err = reduceBases(r.l.root.NamingContexts, q.Scope); err != nil {
			return nil, fmt.Errorf("a naming context of %s: %w", r.l.url, err)
		}
		if len(p.bases) == 0 {
			return nil, fmt.Errorf("%s does not publish its naming contexts, so a base DN is required", r.l.url)
		}
	}
	r.readAll = !r.l.dialer.o.ByClass && p.canReadAll() && (p.mustReadAll() || r.mostlyWanted(ctx, p))
	r.searches = p.searches(r.readAll, r.l.root.NamingContexts)
	return p, nil
}

// mostlyWanted reads a sample of entries and reports whether the query selects most of
// them. The answer only affects the cost.
func (r *liveRun) mostlyWanted(ctx context.Context, p *livePlan) bool {
	const some = 500
	found, err := r.l.ask(ctx, &search{base: p.bases[0], scope: p.scope, filter: and(p.filter), attrs: []string{attrClass}, limit: some})
	if err != nil {
		return false
	}
	wanted := 0
	for _, f := range found {
		if slices.ContainsFunc(f.Attrs[strings.ToLower(attrClass)], func(c string) bool { n := p.classes.find([]byte(c)); return n >= 0 && n < p.classes.none }) {
			wanted++
		}
	}
	return len(found) < some || 2*wanted >= len(found)
}

// restart opens a new connection, and yields a *RestartError if anything was yielded
// before.
func (r *liveRun) restart(ctx context.Context, lost error) (*session, error) {
	s, err := r.l.dialer.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w; reconnecting failed: %w", lost, err)
	}
	again := &RestartError{Entries: r.count, Err: lost}
	if isLost(lost) {
		r.l.dialer.o.note("%s: %v", r.l.url, again)
	}
	if (r.pos > 0 || isLost(lost)) && !r.yield(nil, again) {
		s.close()
		return nil, errStopped
	}
	r.pos, r.count = 0, 0
	return s, nil
}

// pass reads everything once. It closes the session unless it succeeds.
func (r *liveRun) pass(ctx context.Context, s *session) error {
	done := false
	defer func() {
		if done {
			r.l.put(s)
		} else {
			s.close()
		}
	}()
	r.reader, r.classless = entryReader{plan: r.plan, unasked: r.noteUnasked}, 0
	for _, one := range r.searches {
		r.base, r.reader.everywhere = one.base, one.everywhere
		q := search{base: one.base, scope: one.scope, filter: one.filter, attrs: r.plan.attrs, long: true}
		if r.l.root.Paging {
			q.page = r.l.PageSize()
		}
		if err := s.search(ctx, &q, r); err != nil {
			r.end = s.last
			return err
		}
	}
	done = true
	return nil
}

func (r *liveRun) entry(body []byte) error {
	wanted, err := r.reader.read(body)
	if err == nil && r.reader.referral {
		// Most servers return a reference instead.
		return r.refer(&Problem{DN: bytes.Clone(r.reader.e.DN), Detail: "the entry is a referral: the entries below it are on another server"})
	}
	if err == nil && r.reader.classless {
		if r.classless++; r.classless == 1 {
			r.example = bytes.Clone(r.reader.e.DN)
		}
	}
	if err != nil || !wanted {
		return err
	}
	e := &r.reader.e
	e.Pos = r.pos
	r.pos++
	if e.Kind != Other {
		r.count++
		for _, name := range r.reader.ranged {
			if !r.yield(nil, moreValues(e, string(name))) {
				return errStopped
			}
		}
	}
	if !r.yield(e, nil) {
		return errStopped
	}
	return nil
}

func (r *liveRun) reference(body []byte) error {
	urls, ok := parseURLs(body)
	if !ok || len(urls) == 0 {
		return errMalformed
	}
	urls, more := clipURLs(urls)
	text := strings.Join(urls, " or ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return r.refer(&Problem{URLs: urls, Detail: fmt.Sprintf("a part of the tree below %q is on another server: %s", r.base, text)})
}

// refer yields a referral.
func (r *liveRun) refer(p *Problem) error {
	p.Kind, p.Pos = Referral, r.pos
	r.pos++
	if !r.yield(nil, p) {
		return errStopped
	}
	return nil
}

// mostNoted is the maximum number of unrequested attributes that are noted.
const mostNoted = 10

// noteUnasked notes an attribute that was not requested. It may be a requested
// attribute under another name, whose values are then missed.
func (r *liveRun) noteUnasked(name []byte) {
	if r.noted[string(name)] || len(r.noted) == mostNoted || len(name) > 200 {
		return
	}
	if r.noted == nil {
		r.noted = map[string]bool{}
	}
	r.noted[string(name)] = true
	r.l.dialer.o.note("the server sends the attribute %q, which was not requested; if it is another name of a configured attribute, configure this name", name)
}
