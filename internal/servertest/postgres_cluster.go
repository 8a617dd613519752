package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// What Debian calls the packages of PostgreSQL.
const postgresPackage = "postgresql"

// postgresPrograms returns the directory of the newest PostgreSQL that is
// installed. Debian installs the server programs outside of PATH.
func postgresPrograms() (string, error) {
	const pattern = "/usr/lib/postgresql/*/bin/initdb"
	found, _ := filepath.Glob(pattern) // the pattern is a good one
	version := func(path string) int {
		n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err != nil {
			return 0
		}
		return n
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	initdb, err := lookPath("initdb", postgresPackage)
	if err != nil {
		return "", err
	}
	if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
		return "", err
	}
	return filepath.Dir(initdb), nil
}

// makeCluster makes the data of a server that has no databases yet but its own.
func (s *PostgresServer) makeCluster(ctx context.Context, o PostgresOptions) error {
	if err := s.giveAway(); err != nil {
		return err
	}
	args := []string{
		"-D", s.path("data"), "-A", "trust", "-U", PostgresUser,
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
	}
	if o.Password != "" {
		// Only what the user of the server may read is of use to initdb.
		name := s.path("password")
		if err := s.writeFile(name, o.Password+"\n"); err != nil {
			return err
		}
		defer func() { _ = os.Remove(name) }()
		args = append(args, "--pwfile="+name)
	}
	return runAs(ctx, s.as, s.path("initdb.log"), filepath.Join(s.programs, "initdb"), args...)
}

// giveAway finds out as whom the server runs, and gives its directory to that
// user: PostgreSQL refuses root.
func (s *PostgresServer) giveAway() error {
	if os.Geteuid() != 0 {
		return nil
	}
	owner, err := user.Lookup(PostgresUser)
	if err != nil {
		return &NotInstalledError{Program: "the user postgres", Package: postgresPackage}
	}
	uid, err1 := strconv.Atoi(owner.Uid)
	gid, err2 := strconv.Atoi(owner.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("the user postgres: %w", err)
	}
	s.as = &identity{uid: uid, gid: gid}
	const mode = 0o755 // clients may run as other users
	return errors.Join(os.Chown(s.dir, uid, gid), os.Chmod(s.dir, mode))
}

// writeFile writes a file that belongs to the user of the server.
func (s *PostgresServer) writeFile(name, text string) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return err
	}
	if s.as == nil {
		return nil
	}
	return os.Chown(name, s.as.uid, s.as.gid)
}

// configure chooses where the server listens and writes its configuration.
func (s *PostgresServer) configure(o PostgresOptions) error {
	const usual = 5432 // without TCP only a part of the name of the socket
	s.Host, s.Port = s.dir, usual
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": `"` + strings.ReplaceAll(s.dir, `"`, `""`) + `"`,
		// Otherwise a crash leaves files in /dev/shm.
		"dynamic_shared_memory_type": "mmap",
	}
	if o.TCP || o.Password != "" {
		ports, err := freePorts(1)
		if err != nil {
			return err
		}
		s.Host, s.Port = loopback, ports[0]
		settings["listen_addresses"] = loopback
	}
	settings["port"] = strconv.Itoa(s.Port)
	const longest = 107
	if socket := s.path(".s.PGSQL." + settings["port"]); len(socket) > longest {
		return fmt.Errorf("the name of the directory is too long for a socket: %s", socket)
	}
	if !o.Fsync {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "off", "off", "off"
	}
	if o.TLS {
		files, err := s.addCertificate()
		if err != nil {
			return err
		}
		settings["ssl"], settings["ssl_cert_file"], settings["ssl_key_file"] = "on", files.cert, files.key
	}
	maps.Copy(settings, o.Settings)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&text, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	method := "trust"
	switch {
	case o.Password != "" && o.Method != "":
		method = o.Method
	case o.Password != "":
		method = "scram-sha-256"
	}
	access := fmt.Sprintf("local all,replication all trust\nhost all all %s/32 %s\n", loopback, method)
	return errors.Join(
		s.writeFile(s.path("data/postgresql.auto.conf"), text.String()),
		s.writeFile(s.path("data/pg_hba.conf"), access))
}

// addCertificate makes a certificate that the user of the server can read.
func (s *PostgresServer) addCertificate() (*certificateFiles, error) {
	files, err := makeCertificate(s.dir, &TLSOptions{})
	if err != nil || s.as == nil {
		return files, err
	}
	return files, errors.Join(os.Chown(files.cert, s.as.uid, s.as.gid), os.Chown(files.key, s.as.uid, s.as.gid))
}

// CreateDatabase creates an empty database.
func (s *PostgresServer) CreateDatabase(ctx context.Context, name string) error {
	_, err := s.Psql(ctx, "postgres", `CREATE DATABASE "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
	return err
}

// Psql runs SQL as PostgresUser over the Unix socket, and returns the rows that
// it gives, a line each, with '|' between the columns. Several statements are one
// transaction; the first that fails is an error.
func (s *PostgresServer) Psql(ctx context.Context, database, sql string) (string, error) {
	runtime.LockOSThread() // as in startProcess
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, "psql"), "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d", dsn(s.dir, s.Port, database), "-c", sql)
	// The environment may name another server of the user.
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") })
	cmd.SysProcAttr = (*identity)(nil).dieWithParent()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("psql: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
