package ldapsite

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// soon is how long before its end a certificate is reported.
const soon = 30 * 24 * time.Hour

func (t *Test) servers(_ context.Context, emit func(finding.Finding)) error {
	if len(t.o.Others) == 0 {
		return finding.NotApplicable("only one server is configured")
	}
	for _, s := range t.o.Others {
		if s.Err != nil {
			emit(finding.Finding{Value: s.URL, Detail: s.Err.Error()})
		}
	}
	return nil
}

func (t *Test) encryption(_ context.Context, emit func(finding.Finding)) error {
	if t.o.Directory.TLS() == nil && !t.o.Local {
		emit(finding.Finding{
			Detail: fmt.Sprintf("the connection to %s is not encrypted", t.o.Directory.Name()),
			Fix:    finding.Do(finding.FixCommand, finding.Task{Do: finding.EncryptConnection}),
		})
	}
	return nil
}

func (t *Test) certificate(_ context.Context, emit func(finding.Finding)) error {
	state := t.o.Directory.TLS()
	switch {
	case state == nil:
		return finding.NotApplicable("the connection is not encrypted")
	case t.o.Insecure:
		emit(finding.Finding{Detail: "the certificate was not verified, so any server can pretend to be this one" + subjectOf(state)})
		return nil
	case len(state.PeerCertificates) == 0:
		return nil
	}
	end, now := state.PeerCertificates[0].NotAfter, t.o.Now()
	if left := end.Sub(now); left < soon {
		emit(finding.Finding{Detail: fmt.Sprintf("the certificate ends on %s, in %d days%s", end.UTC().Format(time.DateOnly), int(left.Hours()/24), subjectOf(state))})
	}
	return nil
}

// subjectOf returns the subject and the issuer of the certificate for a message.
func subjectOf(state *tls.ConnectionState) string {
	if len(state.PeerCertificates) == 0 {
		return ""
	}
	c := state.PeerCertificates[0]
	return fmt.Sprintf(" (subject '%s', issuer '%s')", c.Subject, c.Issuer)
}

func (t *Test) identity(_ context.Context, emit func(finding.Finding)) error {
	if t.o.BindDN == "" && !t.o.External {
		emit(finding.Finding{Detail: "the bind is anonymous"})
	}
	return nil
}

func (t *Test) rootDSE(_ context.Context, emit func(finding.Finding)) error {
	root := t.o.Directory.RootDSE()
	var missing []string
	if len(root.NamingContexts) == 0 {
		missing = append(missing, "naming contexts (namingContexts)")
	}
	if len(root.Controls) == 0 {
		missing = append(missing, "controls (supportedControl)")
	}
	if len(missing) > 0 {
		emit(finding.Finding{Detail: "the root DSE shows no " + strings.Join(missing, " and no ")})
	}
	return nil
}

func (t *Test) baseDNs(ctx context.Context, emit func(finding.Finding)) error {
	contexts := t.o.Directory.RootDSE().NamingContexts
	bases := t.o.Bases
	if len(bases) == 0 {
		if len(contexts) == 0 {
			emit(finding.Finding{Detail: "no base DN is given, and the server does not show its naming contexts, so it is unknown what to read"})
			t.checked = true
			return nil
		}
		bases = contexts
	}
	for _, base := range bases {
		exists, err := t.o.Directory.Exists(ctx, base)
		switch {
		case err == nil && exists:
			t.bases = append(t.bases, base)
		case err == nil, isRefused(err):
			emit(finding.Finding{DN: []string{base}, Detail: t.missingBase(base, contexts, err)})
		default:
			return err
		}
	}
	t.checked = true
	return nil
}

// isRefused reports whether an error is an answer of the server, rather than the loss of
// the connection.
func isRefused(err error) bool { return err != nil && !directory.IsLost(err) }

// missingBase says that a base cannot be read, where it comes from, and what the server holds.
func (t *Test) missingBase(base string, contexts []string, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "the base '%s'", base)
	if t.o.BasesFrom != "" {
		fmt.Fprintf(&b, " (%s)", t.o.BasesFrom)
	}
	if err == nil {
		b.WriteString(" does not exist, or the bind DN may not know of it")
	} else {
		fmt.Fprintf(&b, " cannot be read: %v", err)
	}
	if len(contexts) > 0 && !slices.Contains(contexts, base) {
		fmt.Fprintf(&b, "; the server holds: '%s'", strings.Join(contexts, "', '"))
	}
	return b.String()
}

// needBase returns why a check about entries cannot run, nil if it can.
func (t *Test) needBase() error {
	if !t.checked || len(t.bases) == 0 {
		return finding.NotApplicable("no base DN can be read")
	}
	return nil
}
