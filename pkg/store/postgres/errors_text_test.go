package postgres

import (
	"errors"
	"testing"
)

// The text of a failed connection names each address once, and says only what happened.
func TestConnectText(t *testing.T) {
	for in, want := range map[string]string{
		"failed to connect to `user=u database=x`:\n\t127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused\n\t127.0.0.1:1 (127.0.0.1): dial error: dial tcp 127.0.0.1:1: connect: connection refused": "127.0.0.1:1: connection refused",
		"failed to connect to `user=u`:\n\t192.0.2.1:1 (db1): x\n\t[::1]:1 (::1): y":                                                                         "192.0.2.1:1 (db1): x; [::1]:1: y",
		"failed to connect to `user=u database=x`: /run/.s.PGSQL.5432 (/run): dial error: dial unix /run/.s.PGSQL.5432: connect: no such file or directory":  "/run/.s.PGSQL.5432: no such file or directory",
		"failed to connect to `user=u`: /tmp/a (b)/.s.PGSQL.1 (/tmp/a (b)): dial error: dial unix /tmp/a (b)/.s.PGSQL.1: connect: no such file or directory": "/tmp/a (b)/.s.PGSQL.1: no such file or directory",
		"failed to connect to `user=u`: /run/.s.PGSQL.5432 (/run/): dial error: dial unix /run/.s.PGSQL.5432: connect: permission denied":                    "/run/.s.PGSQL.5432: permission denied",
		"failed to connect to `user=u`: /run/.s.PGSQL.5432 (db1): x":                                                                                         "/run/.s.PGSQL.5432 (db1): x",
		"failed to connect to `user=u database=x`: hostname resolving error: lookup h.invalid on 192.0.2.1:53: no such host":                                 "the host name h.invalid cannot be resolved: no such host",
		"failed to connect to `user=u database=x`: hostname resolving error: lookup a.invalid on 192.0.2.1:53: no such host\nlookup b.invalid: no such host": "the host name a.invalid cannot be resolved: no such host; the host name b.invalid cannot be resolved: no such host",
		"unexpected EOF": "unexpected EOF",
		"a\n\tb":         "a; b",
	} {
		if got := oneLine(errors.New(in)); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// The scheme of a URL is in any case (RFC 3986, 3.1), as for the check of the configuration.
func TestSchemeOfURL(t *testing.T) {
	for text, valid := range map[string]bool{
		"postgres://localhost/x": true, "POSTGRES://localhost/x": true, "PostgreSQL://localhost/x": true,
		"mysql://localhost/x": false, "postgres:/localhost/x": false, "host=localhost": false, "": false,
	} {
		if err := CheckURL(text); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
