package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
)

func parseEdits(args ...string) (*configcmd.EditOptions, error) {
	e := &configcmd.EditOptions{}
	f := pflag.NewFlagSet("modify", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	e.Add(f)
	err := f.Parse(args)
	if err == nil {
		err = e.Check()
	}
	return e, err
}

func TestEditOptionsBelongToTheOptionBefore(t *testing.T) {
	for _, c := range []struct {
		line string
		want []configcmd.EditItem
	}{
		{"", nil},
		{"-o a", []configcmd.EditItem{{Name: "a"}}},
		{"-o a -v 1", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "1"}}},
		{"-v 1 -o a", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "1"}}},
		{"-o a -v 1 -o b -v 2", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "1"}, {Name: "b", Kind: configcmd.EditSet, Value: "2"}}},
		{"-o a -v -1", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "-1"}}},
		{"-o a --value=-o", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "-o"}}},
		{"-oa -v1", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditSet, Value: "1"}}},
		{"-o a --value-file f", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditFile, Value: "f"}}},
		{"-o a --add x --remove y --add z", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditMembers, Add: []string{"x", "z"}, Remove: []string{"y"}}}},
		{"--add x -o a --add y", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditMembers, Add: []string{"x", "y"}}}},
		{"-o a --default -o b", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditUnset}, {Name: "b"}}},
		{"-d -o a -o b -d", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditUnset}, {Name: "b", Kind: configcmd.EditUnset}}},
		{"-do a", []configcmd.EditItem{{Name: "a", Kind: configcmd.EditUnset}}},
	} {
		e, err := parseEdits(strings.Fields(c.line)...)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if diff := cmp.Diff(c.want, e.Items, cmp.AllowUnexported(configcmd.EditItem{})); diff != "" {
			t.Errorf("%s: %s", c.line, diff)
		}
	}
}

// An empty value is a value.
func TestEditOptionsEmptyValue(t *testing.T) {
	e, err := parseEdits("-o", "a", "-v", "")
	if err != nil || len(e.Items) != 1 || e.Items[0].Kind != configcmd.EditSet {
		t.Errorf("%+v, %v", e.Items, err)
	}
}

func TestEditOptionsRefuse(t *testing.T) {
	for _, line := range []string{
		"-v 1", "--add x", "--remove x", "--default", "--value-file f",
		"-o a -v 1 -v 2", "-o a -v 1 --default", "-o a --default -v 1", "-o a --default --default",
		"-o a --add x -v 1", "-o a -v 1 --remove x", "-o a --value-file f -v 1", "-o a --value-file f --value-file g",
		"-v 1 -o a -v 2", "-o a --default=false", "-o", "-o a -v",
	} {
		if e, err := parseEdits(strings.Fields(line)...); err == nil {
			t.Errorf("%s was read as %+v", line, e.Items)
		}
	}
}

func TestParseAge(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0d": 0, "0s": 0, "1d": 24 * time.Hour, "365d": 8760 * time.Hour, "8w": 56 * 24 * time.Hour,
		"12h": 12 * time.Hour, "90m": 90 * time.Minute, "30s": 30 * time.Second, "1h30m": 90 * time.Minute,
		"36500d": 36500 * 24 * time.Hour,
	} {
		got, err := cmdutil.ParseAge(s)
		if err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "w", "1", "-1d", "-1h", "+1d", "1.5d", "1y", "1 d", "1d ", "d1", "1d1h", "99999999999999999999d", "9999999999h", "20000w", "65535w"} {
		got, err := cmdutil.ParseAge(s)
		var usage *cmdutil.UsageError
		if !errors.As(err, &usage) {
			t.Errorf("parseAge(%q) = %v, %v", s, got, err)
		}
	}
}

// The published codes; programs rely on them, so they may grow and never change.
func TestExitCodeTable(t *testing.T) {
	var codes []int
	for _, c := range cmdutil.ExitCodes() {
		codes = append(codes, c.Code)
		if strings.TrimSpace(c.Meaning) == "" {
			t.Errorf("code %d has no meaning", c.Code)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6, 129, 130, 143}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}

func TestExitOf(t *testing.T) {
	stopped := func(name string, code int) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(&cmdutil.StopError{Name: name, Code: code})
		return ctx
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		text string // in the message; "-" for none at all
	}{
		{"done", t.Context(), nil, 0, "-"},
		{"answered", t.Context(), cmdutil.ErrAnswered, 0, "-"},
		{"findings", t.Context(), cmdutil.ErrFindings, 3, "-"},
		{"usage", t.Context(), cmdutil.Usagef("no such thing"), 2, "no such thing"},
		{"usage inside", t.Context(), fmt.Errorf("line 3: %w", cmdutil.Usagef("no such thing")), 2, "line 3: no such thing"},
		{"failure", t.Context(), io.ErrUnexpectedEOF, 1, "unexpected EOF"},
		{"nobody there", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: "connect", Err: io.EOF}, 5, "ldap://a: connect: EOF"},
		{"several not there", t.Context(), errors.Join(&directory.ConnectError{URL: "ldap://a", Op: "TLS", Err: io.EOF}, &directory.ConnectError{URL: "ldap://b", Op: "bind", Err: io.EOF}), 5, "ldap://a: TLS: EOF; ldap://b: bind: EOF; an old directory may need --tls-min 1.0"},
		{"lost on the way", t.Context(), &directory.IncompleteError{What: "x", Err: &directory.ConnectError{URL: "ldap://a", Op: "connect", Err: io.EOF}}, 1, "incomplete after 0 entries"},
		{"no password", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: directory.OpPassword, Err: cmdutil.Usagef("none given")}, 2, "none given"},
		{"unreadable password", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: directory.OpPassword, Err: io.EOF}, 1, "EOF"},
		{"peers", t.Context(), &cmdutil.PeersError{Text: "2 of 3"}, 5, "2 of 3"},
		{"in clear", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: "bind", Err: directory.ErrPlaintext}, 2, "--plaintext"},
		{"locked", t.Context(), fmt.Errorf("cannot lock x: %w", fsx.ErrLocked), 6, "--lock-timeout"},
		{"conflict", t.Context(), fmt.Errorf("x: %w", config.ErrConflict), 6, "run the command again"},
		{"SIGINT", stopped("SIGINT", 130), fmt.Errorf("cannot lock x: %w", context.Canceled), 130, "cannot lock x: stopped by SIGINT"},
		{"SIGHUP", stopped("SIGHUP", 129), context.Canceled, 129, "stopped by SIGHUP"},
		{"SIGTERM", stopped("SIGTERM", 143), context.Canceled, 143, "stopped by SIGTERM"},
		// A run that got through before the signal is done, and one that failed for
		// another reason says that reason.
		{"too late", stopped("SIGINT", 130), nil, 0, "-"},
		{"other reason", stopped("SIGINT", 130), io.ErrUnexpectedEOF, 1, "unexpected EOF"},
		{"cancelled without a signal", ended, context.Canceled, 1, "canceled"},
	} {
		code, text := cmdutil.NewFactory(&Environment{}).Hints.ExitOf(c.ctx, c.err)
		if code != c.code || c.text == "-" && text != "" || c.text != "-" && !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %q, want %d with %q", c.name, code, text, c.code, c.text)
		}
	}
}

func TestBatchLine(t *testing.T) {
	for _, c := range []struct {
		line, name, value string
		given, wrong      bool
	}{
		{line: "a=1\n", name: "a", value: "1", given: true},
		{line: " \ta \t= \t1 2 \r\n", name: "a", value: "1 2", given: true},
		{line: "a==1=", name: "a", value: "=1=", given: true},
		{line: "a=", name: "a", given: true},
		{line: "a=#1", name: "a", value: "#1", given: true},
		{line: "\r\n"}, {line: ""}, {line: " # a=1\n"},
		{line: "a 1\n", wrong: true}, {line: "a:1\n", wrong: true},
	} {
		q, given, err := configcmd.BatchLine(c.line, "batch:7")
		if given != c.given || q.Name != c.name || q.Value != c.value || (err != nil) != c.wrong {
			t.Errorf("%q: %+v, %v, %v", c.line, q, given, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "batch:7: ") {
			t.Errorf("%q: %v", c.line, err)
		}
	}
}
