package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// mender does fixes one by one.
type mender struct {
	files     settings
	out       io.Writer
	path      string // PATH of what is run
	directory *directoryFile
	done      map[string]bool // lines that several findings share
	left      []*problem
	actions   []action
	sleep     func(time.Duration)
}

// action is what a line of a fix can be.
type action struct {
	form *regexp.Regexp
	once bool // findings share such lines, and the second time there is nothing to do
	do   func(ctx context.Context, line string, parts []string) error
}

func newMender(s settings, out io.Writer, path string) *mender {
	m := &mender{files: s, out: out, path: path, done: map[string]bool{}, sleep: time.Sleep}
	m.actions = []action{
		{regexp.MustCompile(`^id=\$\(uuidgen\) && printf '.*' "\$id"$`), false, m.newID},
		{regexp.MustCompile(`^davadmin `), true, m.command},
		{regexp.MustCompile(`^chmod `), true, m.command},
		{regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]* = "[^"]*"$`), true, m.icsLine},
		{regexp.MustCompile(`^cscal delete -o (.+)$`), true, m.deleteCalendars},
		{regexp.MustCompile(`^sleep ([0-9]{1,6})$`), false, m.wait},
	}
	return m
}

// mend does the fix of a finding.
func (m *mender) mend(ctx context.Context, p *problem) error {
	remarks, body := splitFix(p.Fix)
	todo := strings.TrimSpace(strings.Join(body, "")) != ""
	if !todo {
		// Remarks alone are something to read, and nothing to do.
		m.left = append(m.left, p)
	}
	if !todo && len(remarks) == 0 {
		return nil
	}
	m.say("", p.String())
	if err := m.fix(ctx, p.Fix); err != nil {
		return fmt.Errorf("%s: %w", p.Rule, err)
	}
	return nil
}

func (m *mender) fix(ctx context.Context, text string) error {
	if remarks, body := splitFix(text); isLDIF(body) {
		for _, r := range remarks {
			m.say("", r)
		}
		return m.modify(strings.NewReader(strings.Join(body, "\n")), true)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if isRemark(line) {
			m.say("", line)
		} else if strings.TrimSpace(line) != "" {
			if err := m.line(ctx, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// line does one line of a fix that is not LDIF.
func (m *mender) line(ctx context.Context, line string) error {
	for _, a := range m.actions {
		parts := a.form.FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		if a.once && m.done[line] {
			m.say("# done above: ", line)
			return nil
		}
		m.done[line] = true
		return a.do(ctx, line, parts)
	}
	return fmt.Errorf("no way is known to do %q", line)
}

// say prints a line. Text of the directory may hold what acts on a terminal.
func (m *mender) say(mark, text string) { fmt.Fprintf(m.out, "%s%s\n", mark, ui.Sanitize(text)) }

// shell is a command as the administrator would type it.
func (m *mender) shell(ctx context.Context, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Env = append(os.Environ(), "PATH="+m.path)
	return c
}

// command runs a command and shows what it prints.
func (m *mender) command(ctx context.Context, line string, _ []string) error {
	m.say("$ ", line)
	if err := m.flush(ctx); err != nil { // it may read the directory
		return err
	}
	text, err := m.shell(ctx, line).CombinedOutput()
	if len(text) > 0 {
		fmt.Fprintln(m.out, strings.TrimSuffix(ui.SanitizeLines(string(text)), "\n"))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// newID runs a command that prints LDIF with a new unique id. The id itself is
// not shown, so that what mend prints is the same each time.
func (m *mender) newID(ctx context.Context, line string, _ []string) error {
	m.say("$ ", line+" | ldapmodify")
	c := m.shell(ctx, line)
	var failed bytes.Buffer
	c.Stderr = &failed
	text, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(failed.String()))
	}
	return m.modify(bytes.NewReader(text), false)
}

// modify applies LDIF modify records to the directory.
func (m *mender) modify(r io.Reader, show bool) error {
	if err := m.openDirectory(); err != nil {
		return err
	}
	changes := ldif.NewReader(r, ldif.Options{Name: "fix"})
	for n := 0; ; n++ {
		rec, err := changes.Next()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("the fix holds no LDIF record")
		case err != nil:
			return err
		case rec.Kind != ldif.KindModify:
			return fmt.Errorf("the record of %q is not changetype: modify", rec.DN)
		}
		if show {
			m.say("$ ldapmodify   # ", shownChanges(rec))
		}
		if err := m.directory.modify(rec); err != nil {
			return fmt.Errorf("%s: dn %q: %w", m.files.ldif, rec.DN, err)
		}
	}
}

// shownChanges puts a modify record on one line.
func shownChanges(rec *ldif.Record) string {
	const most = 200
	var parts []string
	for _, c := range rec.Changes {
		text := c.Op.String() + " " + c.Name
		for i, v := range c.Values {
			text += []string{": ", ", "}[min(i, 1)] + ui.Clip(string(v), most)
		}
		parts = append(parts, text)
	}
	return string(rec.DN) + ": " + strings.Join(parts, "; ")
}

// openDirectory reads the directory when the first fix needs it.
func (m *mender) openDirectory() error {
	if m.directory != nil {
		return nil
	}
	if m.files.ldif == "" {
		return errors.New("the fix changes the directory; -ldif FILE names it")
	}
	var err error
	m.directory, err = readDirectory(m.files.ldif)
	return err
}

// flush writes what changed in the directory. That is done as seldom as it can
// be: a directory is large, and fixes are many.
func (m *mender) flush(ctx context.Context) error {
	if m.directory == nil {
		return nil
	}
	return m.directory.write(ctx)
}

// icsLine adds a line to ics.conf; the last one for a setting counts.
func (m *mender) icsLine(ctx context.Context, line string, _ []string) error {
	if m.files.ics == "" {
		return fmt.Errorf("%s: the line is one of ics.conf; -ics FILE names it", line)
	}
	m.say("$ ", "printf '%s\\n' '"+strings.ReplaceAll(line, "'", `'\''`)+"' >>"+m.files.ics)
	return appendLine(ctx, m.files.ics, line)
}

// deleteCalendars takes somebody's calendars off the list of the old server.
func (m *mender) deleteCalendars(ctx context.Context, line string, parts []string) error {
	m.say("$ ", line)
	owner, ok := unquote(parts[1])
	switch {
	case !ok:
		return fmt.Errorf("%s: the owner is not one word", line)
	case m.files.list == "":
		return fmt.Errorf("%s: the list of calendars is needed; -cs6 FILE names it", line)
	}
	n, err := removeOwner(ctx, m.files.list, owner)
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	m.say("", fmt.Sprintf("%d off the list", n))
	return nil
}

func (m *mender) wait(_ context.Context, line string, parts []string) error {
	m.say("$ ", line)
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	m.sleep(time.Duration(n) * time.Second)
	return nil
}
