package ui_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want string
	}{
		{"nothing", "", ""},
		{"paragraphs", "one two three\nfour five six\n\nseven\n", "one two three four\nfive six\n\nseven\n"},
		{"long word", "see https://example.com/a/long/path now", "see\nhttps://example.com/a/long/path\nnow"},
		{"indented", "text:\n  kept   as it is\n   and this\nmore", "text:\n  kept   as it is\n   and this\nmore"},
		{"indented, too long", "  one two three four five", "  one two three four\n      five"},
		{"two columns", "  a   explains what it is", "  a   explains what\n      it is"},
		{"list", "- one two three four\n  five\n- six\n1. seven eight nine ten", "- one two three four\n  five\n- six\n1. seven eight nine\n   ten"},
		{"wide characters", "日本語 日本語 日本語 日本語", "日本語 日本語 日本語\n日本語"},
		{"tab", "\tx", "    x"},
	} {
		if got := ui.Wrap(c.in, 20); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	long := strings.Repeat("word ", 40)
	checkWidth(t, ui.Wrap(long, 0), ui.DefaultWidth)
}

// An example that is too long can be pasted as it is printed: it is broken outside
// of quotes only, and an option stays with its value.
func TestWrapCommands(t *testing.T) {
	got := ui.Wrap("  davadmin account create -n 'a b c' -y \"x y\" --dry-run\n  davadmin short\n  davadmin config list -A -e > file", 30)
	compare(t, got+"\n",
		`  davadmin account create \`,
		`      -n 'a b c' -y "x y" \`,
		`      --dry-run`,
		`  davadmin short`,
		`  davadmin config list -A -e \`,
		`      > file`,
	)
}

func TestWrapFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(20, 120).Draw(t, "width")
		line := rapid.OneOf(rapid.StringMatching(`( {0,6}|- )([a-z日é]{1,8} {1,3}){0,30}`), rapid.StringMatching(`  davadmin( -{0,2}[a-z]{1,10}){0,20}`))
		text := strings.Join(rapid.SliceOf(line).Draw(t, "lines"), "\n")
		got := ui.Wrap(text, width)
		checkWidth(t, got, width)
		words := strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " - ", " ")
		kept := strings.ReplaceAll(strings.Join(strings.Fields(strings.ReplaceAll(got, " \\\n", "\n")), " "), " - ", " ")
		if kept != words {
			t.Fatalf("got the words\n%q\nwant\n%q", kept, words)
		}
		if again := ui.Wrap(got, width); !strings.Contains(text, "davadmin") && !strings.Contains(text, "  ") && again != got {
			t.Fatalf("wrapped again:\n%s\nwas\n%s", again, got)
		}
	})
}

func TestWriteDefinitions(t *testing.T) {
	items := []ui.Definition{
		{"-f, --file FILE", "read the list from FILE, one item on each line"},
		{"    --force", "overwrite"},
		{"    --a-very-long-name-of-an-option NAME", "explained below"},
		{"-q", ""},
	}
	var b bytes.Buffer
	if err := ui.WriteDefinitions(&b, 50, items); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(),
		"  -f, --file FILE  read the list from FILE, one",
		"                   item on each line",
		"      --force      overwrite",
		"      --a-very-long-name-of-an-option NAME",
		"                   explained below",
		"  -q",
	)
	b.Reset()
	if err := ui.WriteDefinitions(&b, 30, items[:2]); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(),
		"  -f, --file FILE",
		"      read the list from FILE,",
		"      one item on each line",
		"      --force",
		"      overwrite",
	)
	if err := ui.WriteDefinitions(fullDisk{}, 80, items); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func TestWriteDefinitionsFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(20, 120).Draw(t, "width")
		words := rapid.StringMatching(`[a-z日-]{0,4}( [a-z日é]{1,4}){0,30}`)
		var items []ui.Definition
		for range rapid.IntRange(0, 6).Draw(t, "items") {
			items = append(items, ui.Definition{Term: strings.Repeat(" ", rapid.IntRange(0, 4).Draw(t, "indent")) + words.Draw(t, "term"), Text: words.Draw(t, "text")})
		}
		var b bytes.Buffer
		if err := ui.WriteDefinitions(&b, width, items); err != nil {
			t.Fatal(err)
		}
		checkWidth(t, b.String(), width)
	})
}

func TestField(t *testing.T) {
	const text = "one two three four five six seven eight nine ten eleven twelve"
	for _, c := range []struct {
		width int
		want  []string
	}{
		{0, []string{"  what: " + text}},
		{40, []string{"  what: one two three four five six", "        seven eight nine ten eleven", "        twelve"}},
		{20, []string{"  what: " + text}},
	} {
		compare(t, ui.Field("  what: ", text, c.width), c.want...)
	}
}
