// Package plaintext keeps phrases that are not plain English out of everything that
// people read: messages, help, comments and documents. It contains only a test.
package plaintext

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const listName = "banned.txt"

// banned is a phrase of banned.txt.
type banned struct {
	phrase string
	re     *regexp.Regexp
	word   string // a word in lower case without which re matches nothing, or ""
}

// passage is text of a file, such as a comment, a string or a whole document.
type passage struct {
	line   int // of its first line
	text   string
	folded bool // a string whose line feeds are not lines of the file
}

// hit is a banned phrase in a file.
type hit struct {
	file   string
	line   int
	phrase string
	where  string // the text around it
}

func TestNoBannedPhrases(t *testing.T) {
	phrases := readBanned(t)
	root := moduleRoot(t)
	count, files := map[string]int{}, 0
	for _, file := range textFiles(t, root) {
		files++
		for _, h := range search(t, root, file, phrases) {
			t.Errorf("%s:%d: %q in …%s…", h.file, h.line, h.phrase, h.where)
			count[path.Dir(h.file)]++
		}
	}
	if files < 100 {
		t.Errorf("only %d files searched in %s", files, root)
	}
	for _, dir := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%5d in %s", count[dir], dir)
	}
	if len(count) > 0 {
		t.Log("use the words that internal/plaintext/banned.txt gives above each phrase")
	}
}

func readBanned(t *testing.T) []banned {
	t.Helper()
	f, err := os.Open(listName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := parseBanned(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func parseBanned(r io.Reader) ([]banned, error) {
	var list []banned
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		expr, word := expression(line)
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", listName, n, err)
		}
		list = append(list, banned{line, re, word})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", listName, err)
	}
	if list == nil {
		return nil, fmt.Errorf("%s contains no phrases", listName)
	}
	return list, nil
}

// expression returns the regular expression of a line of banned.txt, and a word that
// text must contain to match it: the search is much faster with one.
func expression(line string) (expr, word string) {
	if len(line) > 2 && line[0] == '/' && line[len(line)-1] == '/' {
		return "(?i:" + strings.ReplaceAll(line[1:len(line)-1], " ", `\s+`) + ")", ""
	}
	words := strings.Fields(line)
	for i, w := range words {
		if len(w) > len(word) {
			word = strings.ToLower(w)
		}
		words[i] = regexp.QuoteMeta(w)
	}
	return `(?i:\b` + strings.Join(words, `\s+`) + `\b)`, word
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}

// textFiles returns the files to search, relative to root: Go files, documents, the
// tables of pkg/config, stories and scripts. Directories named testdata stand for
// foreign input and are skipped, apart from the stories in testdata/script.
func textFiles(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		base := path.Base(rel)
		if d.IsDir() {
			if base[0] == '.' || base == "vendor" || base == "dist" || rel == "internal/plaintext" {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && wanted(rel) {
			out = append(out, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wanted(rel string) bool {
	if strings.Contains("/"+rel, "/testdata/") && !strings.Contains(rel, "testdata/script/") {
		return false
	}
	switch path.Ext(rel) {
	case ".go", ".md", ".txtar":
		return true
	case ".tsv":
		return strings.HasPrefix(rel, "pkg/config/")
	case "", ".sh", ".awk", ".py":
		return strings.HasPrefix(rel, "scripts/")
	}
	return false
}

func search(t *testing.T, root, file string, phrases []banned) []hit {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	passages := []passage{{line: 1, text: string(b)}}
	if path.Ext(file) == ".go" {
		if passages, err = goPassages(file, b); err != nil {
			t.Fatal(err)
		}
	}
	var out []hit
	for _, p := range passages {
		out = append(out, p.search(file, phrases)...)
	}
	slices.SortStableFunc(out, func(a, b hit) int { return a.line - b.line })
	return out
}

// search returns the phrases in a passage. Of those that overlap, the one that
// begins first and is longest counts.
func (p passage) search(file string, list []banned) []hit {
	lower := strings.ToLower(p.text)
	type match struct {
		from, to int
		phrase   string
	}
	var all []match
	for _, b := range list {
		if !strings.Contains(lower, b.word) {
			continue
		}
		for _, at := range b.re.FindAllStringIndex(p.text, -1) {
			all = append(all, match{at[0], at[1], b.phrase})
		}
	}
	slices.SortFunc(all, func(a, b match) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
	var out []hit
	end := 0
	for _, m := range all {
		if m.from < end {
			continue
		}
		end = m.to
		line := p.line
		if !p.folded {
			line += strings.Count(p.text[:m.from], "\n")
		}
		from, to := max(0, m.from-25), min(len(p.text), m.to+25)
		where := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(p.text[from:to], ""), func(r rune) bool { return r <= ' ' }), " ")
		out = append(out, hit{file, line, m.phrase, where})
	}
	return out
}

// goPassages returns the comments and the strings of a Go file, apart from import
// paths and struct tags.
func goPassages(name string, src []byte) ([]passage, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse Go file: %w", err)
	}
	var out []passage
	for _, group := range f.Comments {
		var lines []string
		for _, c := range group.List {
			for line := range strings.SplitSeq(c.Text, "\n") {
				lines = append(lines, strings.TrimLeft(line, "/* \t"))
			}
		}
		out = append(out, passage{line: fset.Position(group.Pos()).Line, text: strings.Join(lines, "\n")})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil { // the tag is the only string directly below a field
				ast.Inspect(n.Type, func(m ast.Node) bool { return collect(fset, m, &out) })
				return false
			}
		}
		return collect(fset, n, &out)
	})
	return out, nil
}

// collect adds the strings of a node, and reports whether to go deeper. Strings
// joined by + are one passage.
func collect(fset *token.FileSet, n ast.Node, out *[]passage) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		if p, ok := literal(fset, n); ok {
			*out = append(*out, p)
		}
	case *ast.BinaryExpr:
		if n.Op != token.ADD {
			return true
		}
		joined := passage{folded: true}
		for _, operand := range operands(n) {
			if lit, ok := operand.(*ast.BasicLit); ok {
				if p, ok := literal(fset, lit); ok {
					if joined.line == 0 {
						joined.line = p.line
					}
					joined.text += p.text
				}
				continue
			}
			joined.text += "\x00" // text that is not known
			ast.Inspect(operand, func(m ast.Node) bool { return collect(fset, m, out) })
		}
		if joined.line > 0 {
			*out = append(*out, joined)
		}
		return false
	}
	return true
}

func operands(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return append(operands(b.X), operands(b.Y)...)
	}
	return []ast.Expr{e}
}

func literal(fset *token.FileSet, lit *ast.BasicLit) (passage, bool) {
	if lit.Kind != token.STRING {
		return passage{}, false
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return passage{}, false
	}
	return passage{line: fset.Position(lit.Pos()).Line, text: text, folded: lit.Value[0] == '"'}, true
}

func TestSearchGoFile(t *testing.T) {
	list, err := parseBanned(strings.NewReader("# nothing\n\nmend\nthe way back\nparted by\n/' is no [a-z]/\n"))
	if err != nil {
		t.Fatal(err)
	}
	src := `// Package x recommends amends.
package x

import _ "mend"

// Undo finds the way
// back.
type Undo struct {
	A string ` + "`mend:\"mend\"`" + `
}

var (
	a = "Mend it" + "\nparted " + "by commas"
	b = f("'%s' is " + "no number", ` + "`one\nparted  by`" + `) // mended
)
`
	passages, err := goPassages("x.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range passages {
		for _, h := range p.search("x.go", list) {
			got = append(got, fmt.Sprintf("%d %s", h.line, h.phrase))
		}
	}
	want := []string{"6 the way back", "13 mend", "13 parted by", "14 /' is no [a-z]/", "15 parted by"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseBannedReportsErrors(t *testing.T) {
	for _, list := range []string{"", "# only a comment\n", "mend\n/(/\n"} {
		if _, err := parseBanned(strings.NewReader(list)); err == nil {
			t.Errorf("%q is accepted", list)
		}
	}
}

func TestWanted(t *testing.T) {
	for name, want := range map[string]bool{
		"README.md": true, "pkg/ldif/ldif.go": true, "pkg/config/parameters.tsv": true, "scripts/test": true,
		"internal/cli/testdata/script/init.txtar": true, "docs/man/davadmin.8": false,
		"pkg/config/testdata/x.md": false, "pkg/ldif/testdata/x.ldif": false, "go.sum": false,
	} {
		if wanted(name) != want {
			t.Errorf("%s: wanted is %v", name, !want)
		}
	}
}
