package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magiconair/properties"

	"github.com/davadmin/davadmin/pkg/config"
)

const (
	smallLines = 300
	bigKeys    = 1_000_000
)

// smallFile returns a configuration of the usual size, with comments and blank lines.
func smallFile() []byte {
	var b bytes.Buffer
	for i := range smallLines {
		switch i % 10 {
		case 0:
			fmt.Fprintf(&b, "# back end %d\n", i)
		case 5:
			b.WriteByte('\n')
		default:
			fmt.Fprintf(&b, "store.dav.backend%03d.dbdir=/var/db/%d\n", i, i)
		}
	}
	return b.Bytes()
}

// writeBigFile writes a file of bigKeys parameters without holding it in memory: a
// child process inherits the size of this one, so this one must stay small.
func writeBigFile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range bigKeys {
		fmt.Fprintf(w, "store.dav.b%07d.dbdir=/db/%07d\n", i, i)
	}
	return w.Flush()
}

// newHome creates a server home with a configuration file.
func (b *bench) newHome(name string, text []byte) (home, file string, err error) {
	home = filepath.Join(b.work, name)
	file = filepath.Join(home, filepath.FromSlash(config.ServerFile))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", "", err
	}
	return home, file, os.WriteFile(file, text, 0o644)
}

// configCommands measures reading and changing one parameter, as whole processes.
func (b *bench) configCommands() (string, error) {
	home, _, err := b.newHome("small", smallFile())
	if err != nil {
		return "", err
	}
	java, crud := filepath.Join(b.work, "java.properties"), filepath.Join(b.work, "crudini.properties")
	for _, path := range []string{java, crud} {
		if err := os.WriteFile(path, smallFile(), 0o644); err != nil {
			return "", err
		}
	}
	const key = "store.dav.backend007.dbdir"
	n := 0
	value := func() string { n++; return fmt.Sprintf("/new/%d", n) }
	modify := []contender{
		{name: "davadmin", args: []string{b.davadmin, "config", "modify", "-q", "--home", home, "-o", key, "-v", ""}},
		{name: "java", args: []string{"java", "-cp", b.javaClasses, "LoadStore", java, key, ""}},
		{name: "crudini", args: []string{"crudini", "--set", crud, "", key, ""}},
	}
	for i := range modify {
		c := &modify[i]
		c.prepare = func() error { c.args[len(c.args)-1] = value(); return nil }
	}
	changed, err := race(b.runs, modify)
	if err != nil {
		return "", err
	}
	read, err := race(b.runs, []contender{
		{name: "davadmin", args: []string{b.davadmin, "config", "--home", home, "-o", key}},
		{name: "java", args: []string{"java", "-cp", b.javaClasses, "LoadStore", java, key}},
		{name: "crudini", args: []string{"crudini", "--get", crud, "", key}},
	})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "## config on a file of %d lines: whole process, median of %d\n\n", smallLines, b.runs)
	out.WriteString("davadmin checks the value, saves both versions, journals intent and result, and syncs to disk after each;\n" +
		"java (compiled class, Properties load and store) and crudini rewrite the file.\n\n")
	out.WriteString("| task | davadmin | java | crudini | davadmin ÷ java | davadmin ÷ crudini | bound |\n|---|---|---|---|---|---|---|\n")
	row := func(task string, s []sample, bound time.Duration) {
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s | %s: %s |\n", task, ms(s[0].wall), ms(s[1].wall), ms(s[2].wall),
			ratio(s[0].wall, s[1].wall), ratio(s[0].wall, s[2].wall), ms(bound), met(s[0].wall <= bound))
	}
	row("change one parameter", changed, 15*time.Millisecond)
	row("read one parameter", read, 8*time.Millisecond)
	return out.String(), nil
}

// properties measures a change in a very large file, and then the parser.
func (b *bench) properties() (string, error) {
	home, file, err := b.newHome("big", nil)
	if err != nil {
		return "", err
	}
	javaFile := filepath.Join(b.work, "big.properties")
	for _, path := range []string{file, javaFile} {
		if err := writeBigFile(path); err != nil {
			return "", err
		}
	}
	const key = "store.dav.b0500000.dbdir"
	n := 0
	change := contender{name: "davadmin", args: []string{b.davadmin, "config", "modify", "-q", "--home", home, "-o", key, "-v", ""}}
	change.prepare = func() error { n++; change.args[len(change.args)-1] = fmt.Sprintf("/new/%d", n); return nil }
	big, err := race(5, []contender{change, {name: "java", args: []string{"java", "-cp", b.javaClasses, "LoadStore", javaFile, key, "/new"}}})
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
	ours := parseRate(text, func() error { _, err := config.Parse(text); return err })
	theirs := parseRate(text, func() error { _, err := loader.LoadBytes(text); return err })
	var out strings.Builder
	fmt.Fprintf(&out, "## A file of %d keys, %s\n\n", bigKeys, mb(int64(len(text))))
	out.WriteString("| task | davadmin | rival | ratio | bound |\n|---|---|---|---|---|\n")
	fmt.Fprintf(&out, "| parse | %.0f MB/s | magiconair/properties %.0f MB/s | %.1f | 200 MB/s: %s |\n",
		ours, theirs, ours/theirs, met(ours >= 200))
	fmt.Fprintf(&out, "| change one key, whole process, median of 5 | %s | java %s | %s | 1500.0 ms: %s |\n",
		ms(big[0].wall), ms(big[1].wall), ratio(big[0].wall, big[1].wall), met(big[0].wall < 1500*time.Millisecond))
	times := float64(big[0].rss) / float64(len(text))
	fmt.Fprintf(&out, "| peak memory | %s (%.1f × the file) | java %s | %.2f | 6 × the file: %s |\n",
		mb(big[0].rss), times, mb(big[1].rss), float64(big[0].rss)/float64(big[1].rss), met(times < 6))
	return out.String(), nil
}

// parseRate returns the speed of parse in MB/s.
func parseRate(text []byte, parse func() error) float64 {
	r := testing.Benchmark(func(t *testing.B) {
		for t.Loop() {
			if err := parse(); err != nil {
				t.Fatal(err)
			}
		}
	})
	return float64(len(text)) * float64(r.N) / r.T.Seconds() / 1e6
}
