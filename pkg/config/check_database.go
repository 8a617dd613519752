package config

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// checkDatabaseTLS reports the databases on other hosts whose identity is not verified.
// How settings other than sslmode=verify-full protect a connection is in the
// PostgreSQL 15 manual, 34.19.3.
func checkDatabaseTLS(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	urls := s.databaseURLs()
	if len(urls) == 0 {
		return noDatabaseURL()
	}
	for _, st := range urls {
		if st.Shadowed || !postgresURL(st.Value) || carriesPassword(st.Value) || firstError(st.param.Check(st.Value)) != nil {
			continue // reported by other rules, or without effect
		}
		query := databaseQuery(st.Value)
		mode := asciiLower(query.Get("sslmode"))
		if mode == "verify-full" || query.Get("sslrootcert") == "system" || !onOtherHost(st.Value, query) {
			continue
		}
		if mode == "" {
			mode = "not set"
		}
		emit(s.of(st, st.Key+" names a database on another host, but sslmode is "+mode+
			"; add sslmode=verify-full, and sslrootcert=FILE unless the system trusts the CA of the database server", finding.Fix{}))
	}
	return nil
}

// databaseModes returns the values of sslmode (PostgreSQL 15 manual, 34.19.1).
func databaseModes() []string {
	return []string{"verify-full", "verify-ca", "require", "prefer", "allow", "disable"}
}

// validMode reports whether a database URL has a valid sslmode, or none.
func validMode(value string) bool {
	query := databaseQuery(value)
	return !query.Has("sslmode") || slices.Contains(databaseModes(), query.Get("sslmode"))
}

// databaseQuery returns the settings of a database URL; what cannot be read is left
// out.
func databaseQuery(value string) url.Values {
	_, rest, _ := strings.Cut(value, "://")
	_, after := cutAuthority(rest)
	_, query, _ := strings.Cut(after, "?")
	out, _ := url.ParseQuery(query)
	return out
}

// onOtherHost reports whether a database URL names a host other than this one. Without
// a host, it names the socket of this host.
func onOtherHost(value string, query url.Values) bool {
	_, rest, _ := strings.Cut(value, "://")
	hosts, _ := cutAuthority(rest)
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		hosts = hosts[i+1:]
	}
	if query.Has("host") {
		hosts = query.Get("host")
	}
	for one := range strings.SplitSeq(hosts, ",") {
		if text, err := url.PathUnescape(one); err == nil {
			one = text
		}
		host, _, err := net.SplitHostPort(one)
		if err != nil {
			host = strings.Trim(one, "[]")
		}
		ip := net.ParseIP(host)
		local := host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
		if !local {
			return true
		}
	}
	return false
}
