package servertest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The schema covers everything in the directories of calendar deployments, and entries
// are read as they were loaded.
func TestEntriesRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string, begin func(*testing.T, Options) *Server) {
		s := begin(t, Options{LDIF: "testdata/isp.ldif", Reader: true, Indexes: []string{"davUniqueId eq,pres", "davStore eq"}, TLS: &TLSOptions{}})
		want := sorted(readLDIF(t, "testdata/isp.ldif"))
		for who, args := range map[string][]string{"manager": asManager(s), "reader": asReader(s)} {
			got, code := search(t, s, nil, with(args, "(!(cn=reader))")...)
			if diff := cmp.Diff(want, sorted(got)); diff != "" || code != 0 {
				t.Errorf("as %s: code %d (-want +got):\n%s", who, code, diff)
			}
		}
		if got, _ := search(t, s, nil, with(asManager(s), "(cn=reader)", "cn")...); len(got) != 1 || got[s.ReaderDN] == nil {
			t.Errorf("the reader is %v", got)
		}
		if got, code := search(t, s, nil, asNobody(s)...); len(got) > 0 {
			t.Errorf("an anonymous client reads %v (code %d)", got, code)
		}
		if got, code := search(t, s, nil, "-x", "-H", s.LDAPIURL, "-D", s.ReaderDN, "-w", Password, "(uid=jdoe)", "1.1"); len(got) != 1 || code != 0 {
			t.Errorf("over the socket: %v, code %d", got, code)
		}
		if _, code := search(t, s, nil, "-x", "-H", s.URL, "-D", s.ReaderDN, "-w", "wrong"); code != 49 {
			t.Errorf("a wrong password gives code %d", code)
		}
		requireTLS(t, s)
		if kind == "389" {
			requireIndexes(t, s)
		}
	})
}

// requireTLS reads over ldaps and with StartTLS, with a client that verifies.
func requireTLS(t *testing.T, s *Server) {
	t.Helper()
	trust := []string{"LDAPTLS_CACERT=" + s.CAFile, "LDAPTLS_REQCERT=demand"}
	for what, args := range map[string][]string{
		"ldaps":    {"-x", "-H", s.LDAPSURL, "-D", s.ReaderDN, "-w", Password},
		"StartTLS": with(asReader(s), "-ZZ"),
	} {
		if got, code := search(t, s, trust, with(args, "(uid=jdoe)", "1.1")...); len(got) != 1 || code != 0 {
			t.Errorf("over %s: %v, code %d", what, got, code)
		}
		if _, code := search(t, s, []string{"LDAPTLS_CACERT=/dev/null", "LDAPTLS_REQCERT=demand"}, with(args, "1.1")...); code == 0 {
			t.Errorf("over %s a client without trusted certificates gets an answer", what)
		}
	}
}

// requireIndexes checks the indexes of a 389 Directory Server: the requested ones, and
// one of its own.
func requireIndexes(t *testing.T, s *Server) {
	t.Helper()
	got, code := search(t, s, nil, with(asManager(s), "-b", dsIndexDN(0), "(|(cn=davUniqueId)(cn=davStore)(cn=uid))", "nsIndexType")...)
	want := map[string][]string{
		"cn=davUniqueId," + dsIndexDN(0): {"nsindextype: eq", "nsindextype: pres"},
		"cn=davStore," + dsIndexDN(0):    {"nsindextype: eq"},
		"cn=uid," + dsIndexDN(0):         {"nsindextype: eq"},
	}
	if diff := cmp.Diff(want, sorted(got)); diff != "" || code != 0 {
		t.Errorf("indexes: code %d (-want +got):\n%s", code, diff)
	}
}

func TestOtherTrees(t *testing.T) {
	onBoth(t, func(t *testing.T, _ string, begin func(*testing.T, Options) *Server) {
		s := begin(t, Options{Suffix: "dc=example,dc=com", MoreSuffixes: []string{"o=internet"}, AnonymousRead: true})
		for dn, lines := range map[string][]string{
			"dc=example,dc=com": {"dc: example", "objectclass: domain", "objectclass: top"},
			"o=internet":        {"o: internet", "objectclass: organization", "objectclass: top"},
		} {
			got, code := search(t, s, nil, with(asNobody(s), "-b", dn)...)
			if diff := cmp.Diff(map[string][]string{dn: lines}, sorted(got)); diff != "" || code != 0 || s.ReaderDN != "" {
				t.Errorf("%s: code %d, reader %q (-want +got):\n%s", dn, code, s.ReaderDN, diff)
			}
		}
	})
}

// A file with entries of several trees, in any order, is split by their DNs, which may
// be in base64, folded, or in another letter case.
func TestTreesOfOneFile(t *testing.T) {
	t.Parallel()
	const text = `version: 1

# the top
dn: o=isp
objectClass: organization
o: isp

dn: o=internet
objectClass: organization
o: internet

dn:: ZGM9Y29tLG89SW50ZXJuZXQ=
objectClass: domain
dc: com

dn: ou=people,
 o=isp
objectClass: organizationalUnit
ou: people
`
	s := Slapd(t, SlapdOptions{Options: Options{MoreSuffixes: []string{"o=internet"}, LDIF: writeLDIF(t, text), Reader: true}})
	for base, want := range map[string][]string{
		"o=isp":      {s.ReaderDN, "o=isp", "ou=people,o=isp"},
		"o=internet": {"dc=com,o=internet", "o=internet"},
	} {
		for who, args := range map[string][]string{"manager": asManager(s), "reader": asReader(s)} {
			got, code := search(t, s, nil, with(args, "-b", base, "1.1")...)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" || code != 0 {
				t.Errorf("%s as %s: code %d (-want +got):\n%s", base, who, code, diff)
			}
		}
	}
	_, err := StartSlapd(t.Context(), t.TempDir(), SlapdOptions{Options: Options{MoreSuffixes: []string{"o=other"}, LDIF: writeLDIF(t, text)}})
	if err == nil || !strings.Contains(err.Error(), "none of the trees") {
		t.Errorf("an entry of another tree: %v", err)
	}
}

func TestSlapdConfigCanBeRead(t *testing.T) {
	t.Parallel()
	s := Slapd(t, SlapdOptions{Options: Options{Reader: true, Indexes: []string{"davUniqueId eq,pres", "mail,uid eq"}}, ConfigReadable: true})
	got, code := search(t, s, nil, with(asManager(s), "-b", "cn=config", "(olcDbIndex=*)", "olcDbIndex")...)
	want := map[string][]string{"olcDatabase={1}mdb,cn=config": {"olcdbindex: davUniqueId pres,eq", "olcdbindex: mail eq", "olcdbindex: uid eq"}}
	if diff := cmp.Diff(want, sorted(got)); diff != "" || code != 0 {
		t.Errorf("code %d (-want +got):\n%s", code, diff)
	}
	if got, _ := search(t, s, nil, with(asReader(s), "-b", "cn=config")...); len(got) > 0 {
		t.Errorf("the reader sees the configuration: %v", got)
	}
}

// A server with old TLS does not work with current clients.
func TestOldTLS(t *testing.T) {
	onBoth(t, func(t *testing.T, _ string, begin func(*testing.T, Options) *Server) {
		s := begin(t, Options{TLS: &TLSOptions{Min: tls.VersionTLS10, Max: tls.VersionTLS10, RSAKeyExchange: true}})
		ca, err := os.ReadFile(s.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		trusted := x509.NewCertPool()
		if !trusted.AppendCertsFromPEM(ca) {
			t.Fatal("no certificate in the file")
		}
		for name, c := range map[string]struct {
			min     uint16
			ciphers []uint16
			works   bool
		}{
			"today":                  {tls.VersionTLS12, nil, false},
			"old":                    {tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, true},
			"with forward secrecy":   {tls.VersionTLS10, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}, false},
			"between: TLS 1.1 alone": {tls.VersionTLS11, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, false},
		} {
			err := readOverTLS(t, s, &tls.Config{RootCAs: trusted, MinVersion: c.min, CipherSuites: c.ciphers}) //nolint:gosec // that is the question
			if works := err == nil; works != c.works {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// readOverTLS reads the root entry over ldaps.
func readOverTLS(t *testing.T, s *Server, config *tls.Config) error {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.LDAPSURL, "ldaps://"))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, rootEntryRequest); err != nil {
		return err
	}
	return expectEntry(bufio.NewReader(c))
}

// Two servers do not interfere with each other, and Stop leaves nothing behind.
func TestStop(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string, _ func(*testing.T, Options) *Server) {
		dir, err := os.MkdirTemp("", "stop")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		var servers []*Server
		for _, suffix := range []string{"o=one", "o=two"} {
			s, err := kinds()[kind](t.Context(), dir, Options{Suffix: suffix, Reader: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop() })
			servers = append(servers, s)
		}
		one, two := servers[0], servers[1]
		for _, s := range servers {
			if got, code := search(t, s, nil, with(asReader(s), "1.1")...); len(got) != 2 || code != 0 {
				t.Errorf("%s: %v, code %d", s.Suffix, got, code)
			}
		}
		for range 2 {
			if err := one.Stop(); err != nil {
				t.Error(err)
			}
		}
		if err := syscall.Kill(one.Pid(), 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("the process still exists: %v", err)
		}
		if _, err := os.Stat(one.Dir()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the files still exist: %v", err)
		}
		if got, code := search(t, two, nil, with(asReader(two), "1.1")...); len(got) != 2 || code != 0 {
			t.Errorf("the other server: %v, code %d", got, code)
		}
		if err := syscall.Kill(two.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-two.process.done
		if err := two.Stop(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("a server that was killed stops with: %v", err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	})
}

// A server ends with the process that started it, even if that is killed.
func TestServerEndsWithItsParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("nothing ends the children of a process that is killed")
	}
	for kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "parent")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			parent := exec.Command(os.Args[0])
			parent.Env = append(parent.Environ(), parentOf+"="+kind, parentDir+"="+dir)
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			said, err := bufio.NewReader(out).ReadString('\n')
			var address string
			var pid int
			if _, scanErr := fmt.Sscanf(said, "ldap://%s %d", &address, &pid); err != nil || scanErr != nil {
				t.Fatalf("the parent prints %q: %v", said, err)
			}
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = parent.Process.Kill()
			_ = parent.Wait()
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the server is still running: %v", err)
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			// A killed server leaves these behind, and its parent cannot remove them.
			left, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, own := range left {
				_ = os.Remove(semaphore(own))
			}
		})
	}
}

// If another program takes the port in between, the start is repeated, and the other
// program is not mistaken for the server.
func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	s := Slapd(t, SlapdOptions{Options: Options{Reader: true}})
	slapd, err := lookPath("slapd", "slapd")
	if err != nil {
		t.Fatal(err)
	}
	s.process.stop()
	var tried []int
	err = s.launch(t.Context(), &Options{}, func(ldap, _ int) (*process, error) {
		tried = append(tried, ldap)
		if len(tried) == 1 {
			l, err := net.Listen("tcp", address(ldap))
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = l.Close() })
		}
		return startProcess(time.Second, s.path("slapd.log"), slapd, "-d", "0", "-f", s.path("slapd.conf"), "-h", "ldap://"+address(ldap)+"/ "+s.LDAPIURL)
	})
	if err != nil || len(tried) != 2 || s.URL != "ldap://"+address(tried[1]) {
		t.Fatalf("tried %v, it is at %s: %v", tried, s.URL, err)
	}
	if got, code := search(t, s, nil, with(asReader(s), "1.1")...); len(got) != 2 || code != 0 {
		t.Errorf("%v, code %d", got, code)
	}
}

func TestMissingProgram(t *testing.T) {
	_, err := lookPath("no-such-server", "no-such-package")
	var missing *NotInstalledError
	if !errors.As(err, &missing) || missing.Program != "no-such-server" || missing.Package != "no-such-package" {
		t.Errorf("%v", err)
	}
	if path, err := lookPath("sh", "dash"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("%q, %v", path, err)
	}
}

func TestStartThatFails(t *testing.T) {
	onBoth(t, func(t *testing.T, kind string, _ func(*testing.T, Options) *Server) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, c := range map[string]struct {
			ctx  context.Context
			o    Options
			want string
		}{
			"no file":         {t.Context(), Options{LDIF: "none.ldif"}, "none.ldif"},
			"no LDIF":         {t.Context(), Options{LDIF: "servertest_test.go"}, "servertest_test.go"},
			"no such suffix":  {t.Context(), Options{Suffix: "x=y"}, "neither o, ou nor dc"},
			"a bad suffix":    {t.Context(), Options{Suffix: `o="isp"`}, "not supported"},
			"another suffix":  {t.Context(), Options{Suffix: "o=other", LDIF: "testdata/isp.ldif"}, "o=other"},
			"given up before": {ended, Options{}, context.Canceled.Error()},
		} {
			t.Run(name, func(t *testing.T) {
				dir, err := os.MkdirTemp("", "fails")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				if _, err := kinds()[kind](c.ctx, dir, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("it starts with %v, want %q", err, c.want)
				}
				if left, _ := os.ReadDir(dir); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
			})
		}
	})
}
