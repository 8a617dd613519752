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

// applier applies fixes one by one.
type applier struct {
	files     settings
	out       io.Writer
	path      string // PATH of the commands
	directory *directoryFile
	done      map[string]bool // lines that were already carried out
	left      []*problem
	actions   []action
	sleep     func(time.Duration)
}

// action is how to carry out one kind of line.
type action struct {
	form *regexp.Regexp
	once bool // several findings share such a line, which must be carried out only once
	do   func(ctx context.Context, line string, parts []string) error
}

func newApplier(s settings, out io.Writer, path string) *applier {
	a := &applier{files: s, out: out, path: path, done: map[string]bool{}, sleep: time.Sleep}
	a.actions = []action{
		{regexp.MustCompile(`^id=\$\(davadmin ldap newid.*\) && printf '.*' "\$id"$`), false, a.newID},
		{regexp.MustCompile(`^davadmin `), true, a.command},
		{regexp.MustCompile(`^chmod `), true, a.command},
		{regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]* = "[^"]*"$`), true, a.icsLine},
		{regexp.MustCompile(`^cscal delete -o (.+)$`), true, a.deleteCalendars},
		{regexp.MustCompile(`^sleep ([0-9]{1,6})$`), false, a.wait},
	}
	return a
}

// apply applies the fix of a finding.
func (a *applier) apply(ctx context.Context, p *problem) error {
	remarks, body := splitFix(p.Fix)
	todo := strings.TrimSpace(strings.Join(body, "")) != ""
	if !todo {
		// There are only remarks, which a person has to read.
		a.left = append(a.left, p)
	}
	if !todo && len(remarks) == 0 {
		return nil
	}
	a.say("", p.String())
	if err := a.fix(ctx, p.Fix); err != nil {
		return fmt.Errorf("%s: %w", p.Rule, err)
	}
	return nil
}

func (a *applier) fix(ctx context.Context, text string) error {
	if remarks, body := splitFix(text); isLDIF(body) {
		for _, r := range remarks {
			a.say("", r)
		}
		return a.modify(strings.NewReader(strings.Join(body, "\n")+"\n"), true)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if isRemark(line) {
			a.say("", line)
		} else if strings.TrimSpace(line) != "" {
			if err := a.line(ctx, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// line carries out one line of a fix that is not LDIF.
func (a *applier) line(ctx context.Context, line string) error {
	for _, act := range a.actions {
		parts := act.form.FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		if act.once && a.done[line] {
			a.say("# done above: ", line)
			return nil
		}
		a.done[line] = true
		return act.do(ctx, line, parts)
	}
	return fmt.Errorf("do not know how to carry out %q", line)
}

// say prints a line. Text from the directory may contain terminal control characters.
func (a *applier) say(mark, text string) { fmt.Fprintf(a.out, "%s%s\n", mark, ui.Sanitize(text)) }

// shell returns a command as the administrator would type it.
func (a *applier) shell(ctx context.Context, line string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Env = append(os.Environ(), "PATH="+a.path)
	return c
}

// command runs a command and prints its output.
func (a *applier) command(ctx context.Context, line string, _ []string) error {
	a.say("$ ", line)
	if err := a.flush(ctx); err != nil { // it may read the directory
		return err
	}
	text, err := a.shell(ctx, line).CombinedOutput()
	if len(text) > 0 {
		fmt.Fprintln(a.out, strings.TrimSuffix(ui.SanitizeLines(string(text)), "\n"))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// newID runs a command that prints LDIF with a new unique id. It does not print the
// id, so that the output of applyfix is the same each time.
func (a *applier) newID(ctx context.Context, line string, _ []string) error {
	a.say("$ ", line+" | ldapmodify")
	c := a.shell(ctx, line)
	var failed bytes.Buffer
	c.Stderr = &failed
	text, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(failed.String()))
	}
	return a.modify(bytes.NewReader(text), false)
}

// modify applies LDIF modify records to the directory.
func (a *applier) modify(r io.Reader, show bool) error {
	if err := a.openDirectory(); err != nil {
		return err
	}
	changes := ldif.NewReader(r, ldif.Options{Name: "fix"})
	for n := 0; ; n++ {
		rec, err := changes.Next()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("the fix contains no LDIF record")
		case err != nil:
			return err
		case rec.Kind != ldif.KindModify:
			return fmt.Errorf("the record of %q is not changetype: modify", rec.DN)
		}
		if show {
			a.say("$ ldapmodify   # ", shownChanges(rec))
		}
		if err := a.directory.modify(rec); err != nil {
			return fmt.Errorf("%s: dn %q: %w", a.files.ldif, rec.DN, err)
		}
	}
}

// shownChanges returns a modify record on one line.
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
func (a *applier) openDirectory() error {
	if a.directory != nil {
		return nil
	}
	if a.files.ldif == "" {
		return errors.New("the fix changes the directory; -ldif FILE is required")
	}
	var err error
	a.directory, err = readDirectory(a.files.ldif)
	return err
}

// flush writes the changes of the directory. It is called as rarely as possible,
// because directories are large and there are many fixes.
func (a *applier) flush(ctx context.Context) error {
	if a.directory == nil {
		return nil
	}
	return a.directory.write(ctx)
}

// icsLine appends a line to ics.conf, where the last line of a setting takes effect.
func (a *applier) icsLine(ctx context.Context, line string, _ []string) error {
	if a.files.ics == "" {
		return fmt.Errorf("%s: the line belongs in ics.conf; -ics FILE is required", line)
	}
	a.say("$ ", "printf '%s\\n' '"+strings.ReplaceAll(line, "'", `'\''`)+"' >>"+a.files.ics)
	return appendLine(ctx, a.files.ics, line)
}

// deleteCalendars removes the calendars of an owner from the list of the old server.
func (a *applier) deleteCalendars(ctx context.Context, line string, parts []string) error {
	a.say("$ ", line)
	owner, ok := unquote(parts[1])
	switch {
	case !ok:
		return fmt.Errorf("%s: the owner is not one word", line)
	case a.files.list == "":
		return fmt.Errorf("%s: this needs the list of calendars; -cs6 FILE is required", line)
	}
	n, err := removeOwner(ctx, a.files.list, owner)
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	a.say("", fmt.Sprintf("%d removed from the list", n))
	return nil
}

func (a *applier) wait(_ context.Context, line string, parts []string) error {
	a.say("$ ", line)
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	a.sleep(time.Duration(n) * time.Second)
	return nil
}
