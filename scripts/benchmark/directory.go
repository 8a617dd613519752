package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
)

const (
	million       = 1_000_000
	directoryRuns = 5
	dsEntries     = 100_000
	mib           = 1 << 20
)

// idRules are the rules about unique ids; the rivals answer a part of them.
const idRules = "uniqueid-missing,uniqueid-empty,uniqueid-multivalued,uniqueid-duplicate,uniqueid-case-collision,uniqueid-malformed"

// auditAttributes are the attributes that all rules together request from a server.
var auditAttributes = []string{"davUniqueId", "davStore", "mail", "mailAlternateAddress", "uid", "icsStatus", "inetUserStatus",
	"inetResourceStatus", "icsAllowedServiceAccess", "owner", "uniqueMember", "objectClass"}

// The rivals count missing and repeated ids, and nothing else. They do not unfold
// lines or decode base64, which is correct only for this data.
const (
	mawkLDIF = `BEGIN{RS="";FS="\n"}{id="";for(i=1;i<=NF;i++)if(substr($i,1,12)=="davUniqueId:"){id=$i;break}if(id=="")m++;else if(s[id]++)d++}END{print m+0,d+0}`
	perlLDIF = `if(/^davUniqueId: (.*)$/m){$d++ if $s{$1}++}else{$m++}END{print "$m $d\n"}`
)

// audit returns a run of the audit. Exit code 3 means findings, which these
// directories have.
func (b *bench) audit(name string, args ...string) contender {
	return contender{name: name, args: append([]string{b.davadmin, "ldap", "audit", "--output", "table"}, args...), codes: []int{0, 3}}
}

func shell(name, line string) contender {
	return contender{name: name, args: []string{"sh", "-c", line}}
}

// generate generates a directory, unless the file already exists.
func (b *bench) generate(name string, entries int, more ...string) (string, error) {
	path := filepath.Join(b.work, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	args := append([]string{"ldap", "generate", "--entries", fmt.Sprint(entries), "--seed", "1", "-O", path}, more...)
	if out, err := exec.Command(b.davadmin, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("generate: %w: %s", err, out)
	}
	return path, nil
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// met returns the word for whether a bound is met.
func met(ok bool) string {
	if ok {
		return "met"
	}
	return "**missed**"
}

// ldif measures the audit of files: a usual directory, and one in which no entry has
// an id yet.
func (b *bench) ldif() (string, error) {
	var out strings.Builder
	for _, part := range []struct {
		title, file string
		more        []string
	}{
		{"LDIF of 1,000,000 entries", "million.ldif", nil},
		{"The same before any preparation: no entry has an id", "dayone.ldif", []string{"--day-one"}},
	} {
		path, err := b.generate(part.file, b.some(million), part.more...)
		if err != nil {
			return "", err
		}
		samples, err := race(directoryRuns, []contender{
			b.audit("all rules", "--ldif", path),
			b.audit("unique-id rules", "--ldif", path, "--rules", "uniqueid-*"),
			{name: "mawk", args: []string{"mawk", mawkLDIF, path}},
			{name: "perl", args: []string{"perl", "-00", "-ne", perlLDIF, path}, env: []string{"LC_ALL=C"}},
		})
		if err != nil {
			return "", err
		}
		bytes := float64(size(path))
		rate := func(s sample) float64 { return bytes / 1e6 / s.wall.Seconds() }
		all, ids, mawk, perl := samples[0], samples[1], samples[2], samples[3]
		fmt.Fprintf(&out, "## %s, %.0f MB: whole process, median of %d\n\nmawk and perl run one-line programs that only count missing and repeated ids.\n\n", part.title, bytes/1e6, directoryRuns)
		out.WriteString("| | time | MB/s | memory |\n|---|---|---|---|\n")
		for i, name := range []string{"davadmin, all rules that apply to a file", "davadmin, unique-id rules", "mawk", "perl -00"} {
			fmt.Fprintf(&out, "| %s | %.2f s | %.0f | %s |\n", name, samples[i].wall.Seconds(), rate(samples[i]), mb(samples[i].rss))
		}
		fmt.Fprintf(&out, "\nBounds, all rules: at least 500 MB/s: %s. At least 2 × mawk (%.1f ×): %s. Faster than perl (%.1f ×): %s. At most 150 MiB: %s.\nUnique-id rules: %.1f × mawk, %.1f × perl.\n\n",
			met(rate(all) >= 500), rate(all)/rate(mawk), met(rate(all) >= 2*rate(mawk)), rate(all)/rate(perl), met(all.wall < perl.wall), met(all.rss <= 150*mib),
			rate(ids)/rate(mawk), rate(ids)/rate(perl))
	}
	return strings.TrimSpace(out.String()) + "\n", nil
}

// pipe measures the audit of 1, 3 and 10 million entries read from a pipe.
func (b *bench) pipe() (string, error) {
	var out strings.Builder
	out.WriteString("## Through a pipe: `ldap generate | ldap audit --ldif - --rules 'uniqueid-*'`\n\n| entries | time | time per million | memory of the audit | bound 400 MiB |\n|---|---|---|---|---|\n")
	for _, n := range []int{million, 3 * million, 10 * million} {
		s, err := b.piped(n)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "| %d | %.2f s | %.2f s | %s | %s |\n", n, s.wall.Seconds(), s.wall.Seconds()*million/float64(n), mb(s.rss), met(s.rss <= 400*mib))
	}
	return out.String(), nil
}

func (b *bench) piped(entries int) (sample, error) {
	from := exec.Command(b.davadmin, "ldap", "generate", "--entries", fmt.Sprint(entries), "--seed", "1")
	to := exec.Command(b.davadmin, "ldap", "audit", "--ldif", "-", "--rules", "uniqueid-*", "--output", "table")
	pipe, err := from.StdoutPipe()
	if err != nil {
		return sample{}, err
	}
	to.Stdin = pipe
	start := time.Now()
	if err := errors.Join(from.Start(), to.Start()); err != nil {
		return sample{}, err
	}
	err = to.Wait()
	if to.ProcessState.ExitCode() != 3 {
		return sample{}, fmt.Errorf("audit of a pipe: %w", err)
	}
	if err := from.Wait(); err != nil {
		return sample{}, fmt.Errorf("generate: %w", err)
	}
	usage, _ := to.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{wall: time.Since(start), rss: usage.Maxrss * 1024}, nil
}

// live makes the commands that read a server: ours, and the rivals' shell commands.
type live struct {
	s        *servertest.Server
	url      string
	password string   // path of the file with the password
	from     []string // command that starts another one on another host; nil for this host
}

func (l live) ours(b *bench, name string, more ...string) contender {
	args := []string{"-H", l.url, "-D", l.s.ManagerDN, "--password-file", l.password, "-B", l.s.Suffix}
	if l.from != nil {
		args = append(args, "--plaintext")
	}
	c := b.audit(name, append(args, more...)...)
	c.args = append(slices.Clone(l.from), c.args...)
	return c
}

// shell returns a rival.
func (l live) shell(name, line string) contender {
	c := shell(name, line)
	c.args = append(slices.Clone(l.from), c.args...)
	return c
}

func (l live) search(filter string, attributes ...string) string {
	return fmt.Sprintf("ldapsearch -LLL -x -H %s -D '%s' -w %s -b '%s' '%s' %s", l.url, l.s.ManagerDN, servertest.Password, l.s.Suffix, filter, strings.Join(attributes, " "))
}

// openLive writes the password to a file for the audit.
func (b *bench) openLive(s *servertest.Server) (live, error) {
	path := filepath.Join(b.work, "password")
	return live{s: s, url: s.URL, password: path}, os.WriteFile(path, []byte(servertest.Password+"\n"), 0o600)
}

// ds measures the audit of 389 Directory Server.
func (b *bench) ds() (text string, err error) {
	path, err := b.generate("ds.ldif", dsEntries, "--for-server")
	if err != nil {
		return "", err
	}
	// The server reads the file as a different user.
	s, err := servertest.Start389(context.Background(), b.work, servertest.DSOptions{Options: servertest.Options{LDIF: path}})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	l, err := b.openLive(s)
	if err != nil {
		return "", err
	}
	samples, err := race(directoryRuns, []contender{
		l.ours(b, "all rules"),
		shell("ldapsearch", l.search("(objectClass=*)", auditAttributes...)+" >/dev/null"),
		l.ours(b, "unique-id rules", "--rules", idRules),
		shell("ldapsearch | mawk", l.search("(objectClass=*)", "davUniqueId")+" | mawk '"+mawkLDIF+"'"),
	})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## 389 Directory Server, 100,000 entries: whole process, median of %d\n\n| task | davadmin | memory | rival | davadmin ÷ rival | bound |\n|---|---|---|---|---|---|\n", directoryRuns)
	for i, task := range []string{"all rules", "unique-id rules"} {
		us, they := samples[2*i], samples[2*i+1]
		fmt.Fprintf(&out, "| %s | %.2f s | %s | %s %.2f s | %s | 1.2: %s |\n", task, us.wall.Seconds(), mb(us.rss), []string{"ldapsearch", "ldapsearch \\| mawk"}[i],
			they.wall.Seconds(), ratio(us.wall, they.wall), met(us.wall.Seconds() <= 1.2*they.wall.Seconds()))
	}
	return out.String(), nil
}
