// Command gendocs generates the reference pages and man pages from the command tree,
// the parameter registry and the rule catalogues, so that nothing has to be written
// twice.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldapsite"
)

func main() {
	reference := flag.String("reference", "docs/reference", "write the reference pages to `DIRECTORY`")
	man := flag.String("man", "docs/man", "write the man pages to `DIRECTORY`")
	flag.Parse()
	if err := run(*reference, *man); err != nil {
		log.Fatal("gendocs: ", err)
	}
}

func run(reference, man string) error {
	for _, dir := range []string{reference, man} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	env := &cli.Environment{Streams: &ui.Streams{}, Getenv: func(string) string { return "" }}
	if err := writeMan(cli.Tree(env), man); err != nil {
		return err
	}
	parameters, err := parameterPage()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"commands.md":   commandPage(cli.Tree(env)),
		"parameters.md": parameters,
		"rules.md":      rulePage(),
	} {
		if err := os.WriteFile(filepath.Join(reference, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeMan writes a man page for each command of a tree, whose long texts it changes to
// Markdown. The date is fixed, because the pages must not change from day to day.
func writeMan(root *cobra.Command, dir string) error {
	eachCommand(root, func(c *cobra.Command) { c.Long = markdown(c.Long) })
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	return doc.GenManTree(root, &doc.GenManHeader{
		Title: "DAVADMIN", Section: "8", Source: "davadmin", Manual: "davadmin manual", Date: &date,
	}, dir)
}

// commandPage describes all commands on one page, so that it can be searched.
func commandPage(root *cobra.Command) string {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nGenerated from the program by `scripts/generate`.\n\n## Options with the same meaning in every command\n\n")
	optionTable(&b, root.PersistentFlags())
	eachCommand(root, func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.CommandPath(), markdown(strings.TrimSpace(orElse(c.Long, c.Short))))
		if c.Runnable() {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", c.UseLine())
		}
		if c.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```\n%s\n```\n", unindent(c.Example))
		}
		if own := c.LocalNonPersistentFlags(); own.HasAvailableFlags() {
			b.WriteString("\n")
			optionTable(&b, own)
		}
	})
	return b.String()
}

// markdown returns the long text of a command as Markdown: lines that are indented, such
// as those of a list, are code, which keeps its line breaks.
func markdown(long string) string {
	var b strings.Builder
	inCode := false
	for line := range strings.Lines(long) {
		text := strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(text, " ")
		if indented != inCode && text != "" {
			if !strings.HasSuffix(b.String(), "\n\n") {
				b.WriteString("\n")
			}
			inCode = indented
		}
		if indented {
			const indent = "    "
			text = indent + strings.ReplaceAll(ui.Wrap(text, ui.DefaultWidth), "\n", "\n"+indent)
		}
		b.WriteString(text + "\n")
	}
	return strings.TrimSpace(b.String())
}

// eachCommand calls fn for each visible command below c, parents first.
func eachCommand(c *cobra.Command, fn func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		fn(sub)
		eachCommand(sub, fn)
	}
}

// optionTable writes a table of the visible options.
func optionTable(b *bytes.Buffer, flags *pflag.FlagSet) {
	b.WriteString("| option | meaning |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, meaning := cli.DescribeOption(f)
		name := "`--" + f.Name
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		fmt.Fprintf(b, "| %s%s` | %s |\n", name, value, cell(meaning))
	})
}

// parameterPage describes every configuration parameter.
func parameterPage() (string, error) {
	r, err := config.NewRegistry()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	b.WriteString("# Configuration parameters\n\nGenerated from the registry by `scripts/generate`; `davadmin config describe NAME` prints the same.\n\n" +
		"A `*` in a name stands for one component, such as the name of a back end. The last column shows how certain the name and the values " +
		"(default, range, choices) are: seen in a manual (S), remembered (M), guessed (G), or our own (O). A value outside a guessed range " +
		"causes a warning, never an error.\n\n## Types\n\n| type | accepted values |\n|---|---|\n")
	for _, t := range config.Types() {
		fmt.Fprintf(&b, "| %s | %s |\n", t, cell(t.Describe()))
	}
	family := ""
	for _, p := range r.All() {
		if f := familyOf(p.Name); f != family {
			family = f
			fmt.Fprintf(&b, "\n## %s\n\n| name | type | default | range or values | restart | meaning | certainty |\n|---|---|---|---|---|---|---|\n", family)
		}
		limits := p.Range()
		if v := p.Choices; len(v) > 0 {
			limits = "'" + strings.Join(v, "', '") + "'"
		}
		if p.Unit != "" {
			limits = strings.TrimSpace(limits + " " + p.Unit)
		}
		kind := string(p.Type)
		if p.List {
			kind += ", list"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %c/%c |\n", code(p.Name), kind, code(p.Default), cell(limits), p.Restart,
			cell(p.Meaning), p.NameCertainty, p.ValueCertainty)
	}
	return b.String(), nil
}

// familyOf returns the heading under which a parameter is listed: the first two
// components of its name, or its file.
func familyOf(name string) string {
	if file, _, ok := strings.Cut(name, ":"); ok {
		return file + ".properties"
	}
	parts := strings.SplitN(name, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// rulePage describes the rules of every check.
func rulePage() string {
	var b bytes.Buffer
	b.WriteString("# Rules of the checks\n\nGenerated from the catalogues by `scripts/generate`.\n")
	for _, part := range []struct {
		command string
		rules   []finding.Rule
	}{
		{"davadmin config check", append(config.CheckRules(), finding.CheckNotRun())},
		{"davadmin domainmap check", append(config.DomainMapRules(), finding.CheckNotRun())},
		{"davadmin ldap test", ldapsite.Rules()},
		{"davadmin ldap audit", ldapcheck.Rules()},
		{"davadmin coexist check", coexist.Rules()},
		{"davadmin doctor", cli.DoctorRules()},
	} {
		fmt.Fprintf(&b, "\n## %s\n", part.command)
		for _, r := range part.rules {
			fmt.Fprintf(&b, "\n### %s\n\nSeverity: %s. It passes when %s.\n\n- Why it matters: %s.\n- What to do: %s.\n",
				r.ID, r.Severity, r.Title, r.Why, cli.Remedy(r))
		}
	}
	return b.String()
}

// cell escapes text for a cell of a Markdown table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// code returns text as code in a cell of a Markdown table; empty text stays empty.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// orElse returns a, or b if a is empty.
func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// unindent removes two spaces from the start of each line.
func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
