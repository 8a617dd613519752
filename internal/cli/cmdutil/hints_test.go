package cmdutil

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ui"
)

// shellWords returns the words into which a shell splits a command line.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestHintLineQuotesEachWord(t *testing.T) {
	for _, word := range []string{
		"plain", "", "two words", "it's", `"quoted"`, "$(touch pwned)", "`id`", "a;b", "a&b", "a|b", "*", "~", "#", "a\\b", "!x", "-v", "ü", "a=b c",
	} {
		h := NewFactory(&Environment{}).Hints
		got := shellWords(t, h.Line("config", "modify", "-o", word))
		if diff := cmp.Diff([]string{"davadmin", "config", "modify", "-o", word}, got); diff != "" {
			t.Errorf("%q: %s", word, diff)
		}
	}
}

// A word that a shell or a terminal would interpret even in quotes is not suggested.
func TestHintLineWithoutUnsafeWords(t *testing.T) {
	h := NewFactory(&Environment{}).Hints
	for _, word := range []string{"a\nb", "\x1b[2J", "a\x00b", "\u202e"} {
		if got, want := h.Line("history", "show", word), `davadmin history show "..."`; got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// Messages put command lines in single quotes, so words are in double quotes if possible.
func TestHintLineInSingleQuotes(t *testing.T) {
	h := NewFactory(&Environment{}).Hints
	if got, want := h.Line("ldap", "undo", "6", "-D", "cn=Directory Manager"), `davadmin ldap undo 6 -D "cn=Directory Manager"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHintLineNamesTheHome(t *testing.T) {
	f := NewFactory(&Environment{})
	f.Global.Home = "/srv/my home/it's"
	got := shellWords(t, f.Hints.Line("config", "revert", "3"))
	if diff := cmp.Diff([]string{"davadmin", "config", "revert", "--home", "/srv/my home/it's", "3"}, got); diff != "" {
		t.Error(diff)
	}
	if got, want := NewFactory(&Environment{}).Hints.Line("init", ""), "davadmin init"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A hint names the clifile of -F, which may hold more than the home.
func TestHintLineNamesTheClifile(t *testing.T) {
	dir := t.TempDir()
	clifile := filepath.Join(dir, "my clifile")
	if err := os.WriteFile(clifile, []byte("home="+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		env        map[string]string
		home, file string
		want       []string
	}{
		{"-F", nil, "", clifile, []string{"-F", clifile}},
		{"DAVADMIN_CLIFILE", map[string]string{"DAVADMIN_CLIFILE": clifile}, "", "", nil},
		{"DAVADMIN_HOME before -F", map[string]string{"DAVADMIN_HOME": dir}, "", clifile, []string{"-F", clifile}},
		{"--home before -F", nil, dir, clifile, []string{"--home", dir, "-F", clifile}},
	} {
		f := NewFactory(&Environment{Streams: &ui.Streams{}, Getenv: func(name string) string { return tt.env[name] }})
		f.Global.Home = tt.home
		if _, err := f.Homes.Find(&HomeOptions{clifile: tt.file}); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got := shellWords(t, f.Hints.Line("config", "list"))[3:]
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestHintAgainRepeatsTheCommandLine(t *testing.T) {
	h := NewFactory(&Environment{Args: []string{"ldap", "apply", "my plan", "--dry-run"}}).Hints
	if diff := cmp.Diff([]string{"davadmin", "ldap", "apply", "my plan", "--dry-run", "-B", "o=a b"}, shellWords(t, h.Again("-B", "o=a b"))); diff != "" {
		t.Error(diff)
	}
}
