package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// liveOutput is the output of a process that can be read while it runs.
type liveOutput struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *liveOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *liveOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// forward passes connections to an address on to a server, until the end of the test.
func forward(t *testing.T, address, server string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				_ = c.Close()
				return
			}
			go func() { _, _ = io.Copy(s, c); _ = s.Close() }()
			go func() { _, _ = io.Copy(c, s); _ = c.Close() }()
		}
	}()
}

// A run that starts while the server is down waits for it, and says how long it waited in
// vain.
func TestApplyWhenServerIsDownAtTheStart(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 20, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	_, with := changes(t, p, "ldap://"+address, s.ManagerDN)
	plan := writePlan(t, fmt.Sprintf("dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", names(t, p, 1)[0]))
	began := time.Now()
	a := davadminRun(t, nil, with("ldap", "apply", plan, "--retry-for", "1s")...)
	if took := time.Since(began); a.code != 5 || took < time.Second || !strings.Contains(a.notes, "gave up after 1s: ") || !strings.Contains(a.notes, "trying again for 1s") {
		t.Errorf("code %d after %s: %s%s", a.code, took, a.out, a.notes)
	}
	var out liveOutput
	cmd := background(t, &out, with("ldap", "apply", plan)...)
	waitFor(t, "the start of the wait", func() bool { return strings.Contains(out.String(), "trying again for 1m0s") })
	forward(t, address, strings.TrimPrefix(s.URL, "ldap://"))
	if err := cmd.Wait(); err != nil || populated(t, p, s) != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
}
