// Package ldapsite tests whether a directory server is set up for this product: the
// connection and the bind, the base DNs, the limits of searches, the attributes that the
// bind DN can read, and those that it may change.
//
// It changes nothing. To find out whether the bind DN may change an attribute, it asks the
// server to delete a random value that no entry has. The server checks the right first,
// so the result code shows it. A finding says what to change on the server.
package ldapsite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Other is a further server with the same content, and the error of connecting to it; nil
// if it accepted the connection and the bind.
type Other struct {
	URL string
	Err error
}

// Options are what to test.
type Options struct {
	Directory *directory.Live
	Prove     *directory.Prover // asks about attributes that no entry shows
	// Changer opens a connection on which changes can be tried; nil to try none.
	Changer func(ctx context.Context) (*directory.Changer, error)

	Others   []Other // not Directory itself
	BindDN   string  // "" for an anonymous bind and for EXTERNAL
	External bool    // the identity is known only to the server
	Local    bool    // the connection does not leave this host
	Insecure bool    // the certificate of the server was not verified
	PageSize int     // the number of entries requested at a time; 0 for all at once

	Bases []string // none means everything on the server
	// BasesFrom says, for messages, where the bases come from.
	BasesFrom string
	Names     ldapcheck.Names
	Now       func() time.Time
	// Only contains the ids of the rules to run; all if it is empty. What others need to know
	// of the bases and the entries is read anyway, and if that finds something wrong, it is
	// reported: otherwise, a rule would pass although not everything was read.
	Only []string
}

// Test tests one server. It must not be used by several goroutines at once, except for
// Read.
type Test struct {
	o        Options
	bases    []string // those that exist
	checked  bool     // bases are known
	reading  reading
	tries    []attempt
	lastFail error
}

// New returns a test that has not run.
func New(o Options) *Test { return &Test{o: o} }

// Run runs all checks. A check that could not be completed is a finding of the rule
// check-not-run, and err is then the reason.
func (t *Test) Run(ctx context.Context) (r *finding.Report, err error) {
	var checks []finding.Check
	for _, c := range t.checks() {
		run := t.selected(c)
		checks = append(checks, finding.Check{Rule: c.Rule, Run: func(ctx context.Context, emit func(finding.Finding)) error {
			err := run(ctx, emit)
			if _, ok := err.(*finding.NotApplicableError); err != nil && !ok { //nolint:errorlint // Run takes it so, too
				t.lastFail = err
			}
			return err
		}})
	}
	r = finding.Run(ctx, checks)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	return r, t.lastFail
}

// selected returns the function that runs a check: that of the check itself, or one that
// does only what a selected rule needs.
func (t *Test) selected(c finding.Check) func(context.Context, func(finding.Finding)) error {
	switch {
	case len(t.o.Only) == 0 || slices.Contains(t.o.Only, c.Rule.ID):
		return c.Run
	case !slices.ContainsFunc(needing(c.Rule.ID), func(id string) bool { return slices.Contains(t.o.Only, id) }):
		return func(context.Context, func(finding.Finding)) error { return finding.NotSelected() }
	}
	return func(ctx context.Context, emit func(finding.Finding)) error {
		found := false
		err := c.Run(ctx, func(f finding.Finding) {
			found = true
			emit(f)
		})
		if _, ok := errors.AsType[*finding.NotApplicableError](err); ok || err == nil && !found {
			return finding.NotSelected()
		}
		return err
	}
}

// needing returns the rules that need what the check of a rule reads.
func needing(id string) []string {
	entries := []string{"page-size", "people-found", "attributes-readable", "attributes-seen", "changes-accepted", "attributes-writable"}
	switch id {
	case "search-complete":
		return entries
	case "base-exists":
		return append(entries, "search-complete")
	}
	return nil
}

// Read returns the number of entries read so far. It may be called by any goroutine.
func (t *Test) Read() int64 { return t.reading.count.Load() }

// Rules returns the rules, in the order of a report.
func Rules() []finding.Rule {
	var rules []finding.Rule
	for _, c := range New(Options{}).checks() {
		rules = append(rules, c.Rule)
	}
	return append(rules, finding.CheckNotRun())
}

// checks returns the rules with the functions that check them. Later ones use what the
// earlier ones found.
func (t *Test) checks() []finding.Check {
	check := func(id string, s finding.Severity, title, why, remedy string, run func(context.Context, func(finding.Finding)) error) finding.Check {
		return finding.Check{Rule: finding.Rule{ID: id, Severity: s, Title: title, Why: why, Remedy: remedy}, Run: run}
	}
	return []finding.Check{
		check("server-reachable", finding.Error, "every configured server accepts the connection and the bind",
			"when the first server fails, commands use the next one that answers: a server that never works is no replacement",
			"repair the server, or remove it from the list", t.servers),
		check("connection-encrypted", finding.Warning, "the connection is encrypted, or does not leave this host",
			"others on the network can read the password and everything that is read, and change it",
			"use StartTLS or LDAPS", t.encryption),
		check("certificate-valid", finding.Warning, "the certificate of the server was verified and is valid for 30 more days",
			"an unverified certificate does not show which server answers; after its end, nothing can connect",
			"verify the certificate with the CA of the directory, and renew it in time", t.certificate),
		check("bind-named", finding.Warning, "the bind is not anonymous",
			"servers show anonymous clients only some entries and attributes, and let them change nothing",
			"bind as a DN that is made for this purpose", t.identity),
		check("root-dse-readable", finding.Warning, "the server describes itself in its root DSE",
			"without it, naming contexts, paged results and the controls that protect changes are unknown",
			"let the bind DN read the root DSE (the entry with the empty DN)", t.rootDSE),
		check("base-exists", finding.Error, "every base DN exists and can be read",
			"nothing is found below a base that does not exist, or that is hidden from the bind DN",
			"name an entry of the directory, or let the bind DN read it", t.baseDNs),
		check("search-complete", finding.Error, "no limit of the server ends a search of everything below the bases",
			"an audit or a plan that does not cover everything is refused or incomplete",
			"remove the limits for this bind DN on the server", t.search),
		check("page-size", finding.Info, "the server accepts pages of the requested size",
			"each command first finds out how large a page may be, which costs a failed search",
			"request smaller pages, or raise the limit on the server", t.pages),
		check("people-found", finding.Error, "there are users below the bases",
			"without users there is nothing to work on: the base, the object classes or the read access are wrong",
			"check the base DNs, the configured object classes, and whether the bind DN may read the entries", t.people),
		check("schema-known", finding.Warning, "the schema has the attributes and object classes of the calendar servers",
			"entries cannot get attributes that the schema does not have",
			"add the schema of the calendar server to the directory (comm_dssetup.pl)", t.schema),
		check("attributes-readable", finding.Error, "no attribute is hidden from the bind DN",
			"a hidden attribute looks as if it were absent, and entries would get a second unique id",
			"let the bind DN read the attribute", t.hidden),
		check("attributes-seen", finding.Info, "an entry shows a value of every attribute",
			"if no entry shows an attribute, it is unknown whether the bind DN may read it",
			"check the access rules for these attributes, or ask as a second bind DN", t.unseen),
		check("changes-accepted", finding.Warning, "the server accepts changes",
			"a read-only server or a consumer of replication cannot carry out a plan",
			"use the server that is the master of these entries, or make the database writable", t.accepted),
		check("attributes-writable", finding.Warning, "the bind DN may change the attributes that plans change",
			"applying a plan would be refused at the first entry; a bind DN that only audits does not need the right",
			"let the bind DN write the attributes, or apply plans as another one", t.writable),
		check("changes-guarded", finding.Info, "the server supports the assertion or the pre-read control",
			"otherwise changes are guarded by reading before and after, which cannot exclude every overlap with others",
			"nothing, or use a server that supports one of the controls (RFC 4528, RFC 4527)", t.guarded),
	}
}
