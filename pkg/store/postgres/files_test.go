package postgres

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

// requireRefused opens a store with each mode of a file, and expects an error about it if
// others can access it.
func requireRefused(t *testing.T, path string, kind FileKind, refused func(os.FileMode) bool, o Options) {
	t.Helper()
	for _, mode := range []os.FileMode{0o600, 0o400, 0o640, 0o604, 0o666, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), o)
		var open *PassFileError
		if !refused(mode) && !errors.Is(err, store.ErrNoSchema) || refused(mode) && (!errors.As(err, &open) || open.Kind != kind || open.Path != path || !errors.Is(err, store.ErrDenied)) {
			t.Errorf("mode %o: got error %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func byOthers(mode os.FileMode) bool { return mode&0o077 != 0 }

func never(os.FileMode) bool { return false }

// A service file may be public, unless it has a password that is used.
func TestServiceFile(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
	dir := t.TempDir()
	path, passFile := filepath.Join(dir, "services"), filepath.Join(dir, "pgpass")
	t.Setenv("PGPASSFILE", passFile)
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(passFile, "*:*:*:*:right\n")
	write(path, "[other]\npassword=wrong\n[cal]\npassword=right\n[open]\nconnect_timeout=5\n[named]\npassfile="+passFile+"\n")
	with := func(service string, c Client) Options {
		c.PassFile = passFile
		return Options{URL: s.URL("postgres") + "?service=" + service + "&servicefile=" + url.QueryEscape(path), Backend: "b", Client: c}
	}
	requireRefused(t, path, ServiceFile, byOthers, with("cal", Client{}))
	requireRefused(t, path, ServiceFile, byOthers, with("cal", Client{Password: true}))
	requireRefused(t, path, ServiceFile, never, with("open", Client{}))
	other := with("cal", Client{})
	other.Password = func(context.Context) ([]byte, error) { return []byte("right"), nil }
	requireRefused(t, path, ServiceFile, never, other)
	requireRefused(t, passFile, PassFile, byOthers, with("named", Client{}))
	requireRefused(t, passFile, PassFile, never, with("cal", Client{}))

	t.Setenv("PGSERVICE", "cal")
	t.Setenv("PGSERVICEFILE", path)
	requireRefused(t, path, ServiceFile, byOthers, Options{URL: s.URL("postgres"), Backend: "b", Client: Client{Service: "cal", ServiceFile: path}})
}

// A private key is checked as a password file is; the group may read a key of root.
func TestKeyFile(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, TLS: true})
	own := selfSigned(t)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := byOthers
	if os.Geteuid() == 0 {
		refused = func(mode os.FileMode) bool { return mode&0o037 != 0 }
	}
	requireRefused(t, keyFile, KeyFile, refused, atOtherHost(s.Port, url.Values{"sslcert": {certFile}, "sslkey": {keyFile}}.Encode()))
	// Not used without TLS.
	unused := atOtherHost(s.Port, url.Values{"sslcert": {certFile}, "sslkey": {keyFile}, "sslmode": {"disable"}, "require_auth": {"none"}}.Encode())
	requireRefused(t, keyFile, KeyFile, never, unused)

	t.Setenv("PGSSLCERT", certFile)
	t.Setenv("PGSSLKEY", keyFile)
	environment := atOtherHost(s.Port, "")
	environment.Client.Key = keyFile
	requireRefused(t, keyFile, KeyFile, refused, environment)
}
