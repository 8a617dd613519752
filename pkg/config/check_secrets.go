package config

import (
	"bytes"
	"context"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// secretChecks returns the checks of passwords in the file.
func secretChecks() []check {
	return []check{
		{newRule("password-in-clear", finding.Warning,
			"the file contains no password",
			"anyone who can read the file or a copy of it can read the password (an error where others can); it belongs in the server's credential store",
			"put the password into the server's credential store, then remove it from this file; change a password that others could read"),
			checkPasswords, false},
		{newRule("dburl-password", finding.Error,
			"no database URL contains a password",
			"URLs appear in logs and process lists, and the password with them",
			"remove the password from the URL and keep it in the credential store; change it if others could read the file"),
			checkDatabasePassword, false},
		{newRule("dburl-scheme", finding.Error,
			"every database URL names a PostgreSQL database",
			"without a PostgreSQL URL the back end cannot open its store; without a database name (a warning) it opens the database named like the user",
			"use a URL of the form postgres://HOST:PORT/DATABASE"),
			checkDatabaseURL, false},
		{newRule("dburl-unverified", finding.Warning,
			"every connection to a database on another host verifies the certificate of its server",
			"without sslmode=verify-full, someone on the network can pretend to be the database server, and read and change the calendars",
			"add sslmode=verify-full to the URL, and sslrootcert=FILE with the certificate of the CA unless the system trusts it"),
			checkDatabaseTLS, false},
	}
}

// holdsSecret reports whether the file contains a password, including in
// comments.
func (s *checkState) holdsSecret() bool {
	if s.doc == nil {
		return !bytes.Equal(s.reg.maskText(s.in.Text, nil), s.in.Text)
	}
	for i := range s.settings {
		if s.settings[i].secret() {
			return true
		}
	}
	for range s.commentedSecrets() {
		return true
	}
	return false
}

// secret reports whether the entry reveals a password.
func (st *setting) secret() bool {
	p := st.param
	if p == nil || st.Value == "" {
		return false
	}
	return p.Secret() || p.Type == URL && carriesPassword(st.Value)
}

// commentedSecrets yields the line and the name of each commented-out setting of a
// password.
func (s *checkState) commentedSecrets() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for l := range s.comments() {
			body := bytes.TrimLeft(l.text, "#!"+blanks)
			if !bytes.Contains(body, []byte("pass")) && !bytes.Contains(body, []byte("://")) {
				continue
			}
			d, err := Parse(body)
			if err != nil {
				continue
			}
			for e := range d.Entries() {
				st := setting{Entry: e}
				if p, ok := s.lookup(e.Key); ok {
					st.param = p
				}
				if st.secret() && !yield(l.number, e.Key) {
					return
				}
			}
		}
	}
}

func checkPasswords(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	open, extra := finding.Warning, ""
	if s.in.Info != nil && s.in.Info.Mode()&0o004 != 0 {
		open, extra = finding.Error, ", where all users of this host can read it"
	}
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		if st.param == nil || !st.param.Secret() || st.Value == "" {
			continue
		}
		f := s.of(st, st.Key+" is in the file in clear text"+extra+"; put it into the server's credential store first", s.fixDefault(st.Key))
		f.Severity = open
		emit(f)
	}
	for line, name := range s.commentedSecrets() {
		emit(finding.Finding{
			Severity: open, Parameter: name, Where: s.where(line),
			Detail: "a commented-out value of " + name + " contains a password in clear text" + extra + "; delete the comment",
		})
	}
	return nil
}

// DatabaseURL reports whether the value is the URL of a database.
func (p *Parameter) DatabaseURL() bool { return p.Type == URL && strings.Contains(p.Unit, "postgres") }

// databaseURLs returns the entries that set the URL of a database.
func (s *checkState) databaseURLs() []*setting {
	var out []*setting
	for i := range s.settings {
		if st := &s.settings[i]; st.param != nil && st.param.DatabaseURL() && st.Value != "" {
			out = append(out, st)
		}
	}
	return out
}

func noDatabaseURL() error {
	return finding.NotApplicable("no back end has a database URL: all use the embedded store")
}

func checkDatabasePassword(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	urls := s.databaseURLs()
	if len(urls) == 0 {
		return noDatabaseURL()
	}
	for _, st := range urls {
		if !carriesPassword(st.Value) {
			continue
		}
		f := s.of(st, st.Key+" contains a password; remove it, and keep it in the credential store", finding.Fix{})
		if without := withoutPassword(st.Value); !st.Shadowed && without != "" {
			f.Fix = s.fixSet(st.Key, without)
		}
		emit(f)
	}
	return nil
}

func checkDatabaseURL(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	urls := s.databaseURLs()
	if len(urls) == 0 {
		return noDatabaseURL()
	}
	for _, st := range urls {
		switch {
		case st.Shadowed:
		case !postgresURL(st.Value):
			emit(s.of(st, st.Key+" does not begin with postgres:// or postgresql://, and only a PostgreSQL database can replace the embedded store",
				s.fixSet(st.Key, strings.TrimPrefix(st.Value, "jdbc:"))))
		case !validMode(st.Value) && !carriesPassword(st.Value):
			emit(s.of(st, st.Key+" has an sslmode that PostgreSQL does not know; use verify-full, or one of "+strings.Join(databaseModes()[1:], ", "), finding.Fix{}))
		case databaseName(st.Value) == "" && firstError(st.param.Check(st.Value)) == nil:
			f := s.of(st, st.Key+" names no database: the database server opens the one named like the user", finding.Fix{})
			f.Severity = finding.Warning
			emit(f)
		}
	}
	return nil
}

// postgresURL reports whether a URL has a scheme of PostgreSQL.
func postgresURL(value string) bool {
	scheme, _, found := strings.Cut(value, "://")
	scheme = asciiLower(strings.TrimLeft(scheme, blanks))
	return found && (scheme == "postgres" || scheme == "postgresql")
}

// carriesPassword reports whether a URL, or text that was meant to be one,
// contains a password: before the host, in the query, or as a keyword.
func carriesPassword(value string) bool {
	if strings.Contains(asciiLower(value), "password=") {
		return true
	}
	_, rest, found := strings.Cut(value, "://")
	if !found {
		colon, sign := strings.IndexByte(value, ':'), strings.LastIndexByte(value, '@')
		return colon >= 0 && colon < sign
	}
	authority, after := cutAuthority(rest)
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		return strings.Contains(authority[:i], ":")
	}
	// A password with an unescaped /, ? or #.
	return hostsFault(authority) != "" && strings.Contains(authority, ":") && strings.Contains(after, "@")
}

// cutAuthority splits the text after the :// of a URL at the end of the authority.
func cutAuthority(s string) (authority, after string) {
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		return s[:end], s[end:]
	}
	return s, ""
}

// withoutPassword returns a URL without its password, or an empty string if it is
// uncertain where the password begins and ends.
func withoutPassword(value string) string {
	scheme, rest, found := strings.Cut(value, "://")
	authority, after := cutAuthority(rest)
	if !found || strings.Contains(after, "@") {
		return ""
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, _, _ := strings.Cut(authority[:i], ":")
		authority = authority[i+1:]
		if user != "" {
			authority = user + "@" + authority
		}
	}
	path, query, _ := strings.Cut(after, "?")
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(asciiLower(part), "=")
		if part != "" && name != "password" && name != "sslpassword" {
			kept = append(kept, part)
		}
	}
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	out := scheme + "://" + authority + path
	if carriesPassword(out) {
		return ""
	}
	return out
}

// databaseName returns the database that a PostgreSQL URL names, or an empty
// string.
func databaseName(value string) string {
	_, rest, _ := strings.Cut(value, "://")
	_, after := cutAuthority(rest)
	path, query, _ := strings.Cut(after, "?")
	if name := strings.Trim(path, "/"); name != "" {
		return name
	}
	for part := range strings.SplitSeq(query, "&") {
		if key, name, _ := strings.Cut(part, "="); key == "dbname" || key == "database" {
			return name
		}
	}
	return ""
}
