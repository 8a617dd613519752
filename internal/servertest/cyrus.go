package servertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// CyrusServer is a running Cyrus, a calendar server that speaks iSchedule.
type CyrusServer struct {
	// URL is the http URL of iSchedule, without a slash at its end.
	URL string

	process *process
	dir     string
	ports   []int // of http and imap
	stop    func() error
}

// CyrusOptions describe a Cyrus server.
type CyrusOptions struct {
	// Users are the names of the users with a calendar. Their addresses are in
	// example.com, and their password is Password.
	Users []string
}

// The places of the programs of Cyrus in Debian.
const (
	cyrusMaster   = "/usr/lib/cyrus/bin/master"
	cyrusHTTPD    = "/usr/lib/cyrus/bin/httpd"
	cyrusPackages = "cyrus-caldav, cyrus-imapd"
)

// StartCyrus starts a Cyrus whose files are in a new directory below dir; "" means the
// default directory for temporary files. It requires no signature, and anyone on this
// host can send it requests. Started by root, it runs as the user cyrus, who must be
// able to reach the directory. If the server is killed, the processes that handle
// requests end a minute later.
func StartCyrus(ctx context.Context, dir string, o CyrusOptions) (*CyrusServer, error) {
	for _, program := range []string{cyrusMaster, cyrusHTTPD} {
		if _, err := lookPath(program, cyrusPackages); err != nil {
			return nil, err
		}
	}
	own, err := os.MkdirTemp(dir, "cyrus")
	if err != nil {
		return nil, fmt.Errorf("cannot create a directory for Cyrus: %w", err)
	}
	s := &CyrusServer{dir: own}
	s.stop = sync.OnceValue(s.end)
	if err := s.start(ctx, o); err != nil {
		_ = s.Stop()
		return nil, fmt.Errorf("cannot start Cyrus: %w", err)
	}
	return s, nil
}

// Cyrus starts a Cyrus that runs until the test ends, like Slapd.
func Cyrus(t testing.TB, o CyrusOptions) *CyrusServer {
	t.Helper()
	return start(t, func(ctx context.Context) (*CyrusServer, error) { return StartCyrus(ctx, "", o) })
}

// Stop ends the server, waits until it has ended, and removes its files. It returns an
// error if the server had ended before. Further calls do nothing and return the same.
func (s *CyrusServer) Stop() error { return s.stop() }

func (s *CyrusServer) end() error {
	var early error
	if s.process != nil {
		select {
		case <-s.process.done:
			early = s.process.end()
		default:
			s.process.stop()
			s.released()
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return errors.Join(early, fmt.Errorf("cannot remove the files of the server: %w", err))
	}
	return early
}

// released waits for the processes that handle requests, which the server has told to
// end: each of them holds a port.
func (s *CyrusServer) released() {
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if isFree(s.ports[0]) && isFree(s.ports[1]) {
			return
		}
	}
}

func (s *CyrusServer) path(name string) string { return filepath.Join(s.dir, name) }

func (s *CyrusServer) start(ctx context.Context, o CyrusOptions) error {
	for _, name := range []string{"conf", "spool", "sock"} {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			return fmt.Errorf("cannot create a directory: %w", err)
		}
	}
	for _, name := range append([]string{"cyrus"}, o.Users...) {
		if err := s.setPassword(ctx, name); err != nil {
			return err
		}
	}
	const most = 5
	for attempt := 1; ; attempt++ {
		err := s.launch(ctx)
		if err == nil {
			break
		}
		// Another program may have taken a port meanwhile.
		if attempt == most || ctx.Err() != nil || s.process == nil || isFree(s.ports[0]) && isFree(s.ports[1]) {
			return err
		}
		s.process.stop()
	}
	for _, name := range o.Users {
		if err := s.provision(ctx, name); err != nil {
			return fmt.Errorf("the user %s: %w", name, err)
		}
	}
	return nil
}

// setPassword adds a user to the database of the library that checks passwords.
func (s *CyrusServer) setPassword(ctx context.Context, name string) error {
	program, err := lookPath("saslpasswd2", "sasl2-bin")
	if err != nil {
		return err
	}
	const script = `printf %s "$1" | "$2" -p -c -f "$3" -u localhost "$4"`
	return run(ctx, s.path("load.log"), "/bin/sh", "-c", script, "sh", Password, program, s.path("conf/sasldb2"), name)
}

// launch writes the configuration, starts the server and waits until it answers.
func (s *CyrusServer) launch(ctx context.Context) error {
	var err error
	if s.ports, err = freePorts(2); err != nil {
		return err
	}
	fill := strings.NewReplacer("@DIR@", s.dir, "@HTTP@", address(s.ports[0]), "@IMAP@", address(s.ports[1]))
	for name, text := range map[string]string{"imapd.conf": cyrusImapdConf, "cyrus.conf": cyrusConf} {
		if err := os.WriteFile(s.path(name), []byte(fill.Replace(text)), 0o600); err != nil {
			return fmt.Errorf("cannot write the configuration: %w", err)
		}
	}
	as, err := s.identity()
	if err != nil {
		return err
	}
	args := append(as, "setsid", cyrusMaster, "-C", s.path("imapd.conf"), "-M", s.path("cyrus.conf"), "-p", s.path("master.pid"), "-D")
	// In its own session, because the server ends its whole process group.
	if s.process, err = startProcess(10*time.Second, s.path("master.log"), args[0], args[1:]...); err != nil {
		return err
	}
	s.URL = "http://" + address(s.ports[0]) + "/ischedule"
	return s.ready(ctx)
}

// identity gives the files to the user as whom the server runs, and returns the
// beginning of a command that switches to that user. Cyrus refuses to run as root.
func (s *CyrusServer) identity() ([]string, error) {
	if os.Geteuid() != 0 {
		self, err := user.Current()
		if err != nil {
			return nil, err
		}
		return []string{"/usr/bin/env", "CYRUS_USER=" + self.Username}, nil
	}
	owner, err := user.Lookup("cyrus")
	if err != nil {
		return nil, &NotInstalledError{Program: "the user cyrus", Package: cyrusPackages}
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(owner.Gid)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		return nil, err
	}
	setpriv, err := lookPath("setpriv", "util-linux")
	if err != nil {
		return nil, err
	}
	// With the change of user, the kernel forgets that the child ends with its parent.
	return []string{setpriv, "--reuid=" + owner.Uid, "--regid=" + owner.Gid, "--clear-groups", "--pdeathsig=KILL"}, nil
}

// ready waits until the server returns its capabilities.
func (s *CyrusServer) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := s.request(ctx, http.MethodGet, s.URL+"?action=capabilities", "")
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-s.process.done:
			return s.process.end()
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %w (status %d): %s", ctx.Err(), err, status, tail(s.path("master.log")))
		case <-tick.C:
		}
	}
}

// request sends a request, as a user unless as is "".
func (s *CyrusServer) request(ctx context.Context, method, at, as string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, at, http.NoBody)
	if err != nil {
		return 0, err
	}
	if as != "" {
		req.SetBasicAuth(as, Password)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, errors.Join(err, res.Body.Close())
}

// provision creates a mailbox and, by the first request for them, the calendars.
func (s *CyrusServer) provision(ctx context.Context, name string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address(s.ports[1]))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	in := bufio.NewReader(c)
	for _, command := range []string{"LOGIN cyrus " + Password, "CREATE user/" + name, "LOGOUT"} {
		if _, err := io.WriteString(c, "a "+command+"\r\n"); err != nil {
			return err
		}
		for line := ""; !strings.HasPrefix(line, "a "); {
			if line, err = in.ReadString('\n'); err != nil {
				return err
			}
			if strings.HasPrefix(line, "a ") && !strings.HasPrefix(line, "a OK") {
				return fmt.Errorf("IMAP: %s: %s", strings.Fields(command)[0], strings.TrimSpace(line))
			}
		}
	}
	at := strings.TrimSuffix(s.URL, "/ischedule") + "/dav/calendars/user/" + name + "/"
	status, err := s.request(ctx, "PROPFIND", at, name)
	if err == nil && status != http.StatusMultiStatus {
		err = fmt.Errorf("PROPFIND of the calendars returns status %d", status)
	}
	return err
}

const cyrusImapdConf = `configdirectory: @DIR@/conf
defaultpartition: default
partition-default: @DIR@/spool
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: @DIR@/conf/sasldb2
sasl_mech_list: PLAIN
unixhierarchysep: yes
altnamespace: yes
virtdomains: userid
defaultdomain: example.com
servername: localhost
httpmodules: caldav ischedule freebusy
calendar_user_address_set: example.com
caldav_create_default: yes
caldav_allowscheduling: on
ischedule_dkim_required: 0
autocreate_quota: -1
syslog_prefix: cyrus
lmtpsocket: @DIR@/sock/lmtp
idlesocket: @DIR@/sock/idle
notifysocket: @DIR@/sock/notify
tls_sessions_db_path: @DIR@/conf/tls_sessions.db
`

// A process of httpd handles one connection: version 3.6.1 crashes when a process gets
// a second request for the capabilities.
const cyrusConf = `START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C @DIR@/imapd.conf -r"
}
SERVICES {
  imap cmd="/usr/lib/cyrus/bin/imapd -C @DIR@/imapd.conf -U 30" listen="@IMAP@" prefork=0 maxchild=5
  http cmd="/usr/lib/cyrus/bin/httpd -C @DIR@/imapd.conf -U 1" listen="@HTTP@" prefork=0 maxchild=5
}
EVENTS {
}
`
