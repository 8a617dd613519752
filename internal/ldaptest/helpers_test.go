package ldaptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// people returns a small directory: o=isp, ou=people,o=isp and n persons below it.
func people(n int) []Entry {
	out := []Entry{
		NewEntry("o=isp", "objectClass", "top", "objectClass", "organization", "o", "isp"),
		NewEntry("ou=people,o=isp", "objectClass", "organizationalUnit", "ou", "people"),
	}
	for i := range n {
		out = append(out, person(i))
	}
	return out
}

func person(i int) Entry {
	uid := fmt.Sprintf("u%06d", i)
	return NewEntry("uid="+uid+",ou=people,o=isp",
		"objectClass", "top", "objectClass", "inetOrgPerson", "objectClass", "davEntity",
		"uid", uid, "cn", "Person "+uid, "sn", uid, "mail", uid+"@example.org",
		"davUniqueId", fmt.Sprintf("%08x-11111111-22222222-33333333", i), "entryUUID", fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
}

func dial(t *testing.T, url string, opts ...ldap.DialOpt) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func request(base string, scope int, filter string, attributes ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attributes, nil)
}

func everybody(attributes ...string) *ldap.SearchRequest {
	return request("ou=people,o=isp", ldap.ScopeSingleLevel, "(uid=*)", attributes...)
}

func dns(res *ldap.SearchResult) []string {
	out := []string{}
	for _, e := range res.Entries {
		out = append(out, e.DN)
	}
	return out
}

func ask(t *testing.T, c *ldap.Conn, req *ldap.SearchRequest) *ldap.SearchResult {
	t.Helper()
	res, err := c.Search(req)
	if err != nil {
		t.Fatalf("%s: %v", req.Filter, err)
	}
	return res
}

// async reads a stream to its end like a careless client.
func async(ctx context.Context, c *ldap.Conn, req *ldap.SearchRequest) (entries int, err error) {
	r := c.SearchAsync(ctx, req, 0)
	for r.Next() {
		if r.Entry() != nil {
			entries++
		}
	}
	return entries, r.Err()
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%q", got), fmt.Sprintf("%q", want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func code(t *testing.T, what string, err error, want uint16) {
	t.Helper()
	if !ldap.IsErrorWithCode(err, want) {
		t.Errorf("%s: got %v, want result code %d", what, err, want)
	}
}

// eventually waits for a condition that another goroutine establishes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s did not happen", what)
}

// within fails the test if f does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s hangs", what)
	}
}

// needs returns the path of a program of a Debian package, which scripts/test installs.
func needs(t *testing.T, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if testing.Short() {
		t.Skipf("%s is not installed (Debian package %s)", program, debian)
	}
	t.Fatalf("%s is not installed (Debian package %s)", program, debian)
	return ""
}

// answer is the result of ldapsearch.
type answer struct {
	dns    []string
	out    string
	stderr string
	code   int
}

func ldapsearch(t *testing.T, env []string, args ...string) answer {
	t.Helper()
	path := needs(t, "ldapsearch", "ldap-utils")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-LLL", "-o", "ldif-wrap=no"}, args...)...)
	var out, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("ldapsearch: %v", err)
	}
	a := answer{out: out.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode(), dns: []string{}}
	for line := range strings.Lines(a.out) {
		line = strings.TrimSuffix(line, "\n")
		if dn, ok := strings.CutPrefix(line, "dn: "); ok {
			a.dns = append(a.dns, dn)
		} else if encoded, ok := strings.CutPrefix(line, "dn:: "); ok {
			dn, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			a.dns = append(a.dns, string(dn))
		}
	}
	return a
}

// clientTLS returns a TLS configuration that trusts only the server.
func clientTLS(s *Server) *tls.Config {
	return &tls.Config{RootCAs: s.CertPool(), ServerName: "127.0.0.1"}
}

func values(e *ldap.Entry) map[string][]string {
	out := map[string][]string{}
	for _, a := range e.Attributes {
		out[a.Name] = a.Values
	}
	return out
}

func names(e *ldap.Entry) []string {
	out := []string{}
	for _, a := range e.Attributes {
		out = append(out, a.Name)
	}
	slices.Sort(out)
	return out
}
