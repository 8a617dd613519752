package configcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configDescribe is 'config describe'.
type configDescribe struct {
	console   *cmdutil.Console
	global    *cmdutil.Globals
	homeFiles *cmdutil.HomeFiles
	hints     *cmdutil.Hints
	homes     *cmdutil.Homes
	cmdutil.HomeOptions
}

func newConfigDescribe(f *cmdutil.Factory) *cobra.Command {
	o := &configDescribe{console: f.Console, global: f.Global, homeFiles: f.HomeFiles, hints: f.Hints, homes: f.Homes}
	cmd := &cobra.Command{
		Use:     "describe NAME...",
		Short:   "explain parameters: meaning, type, range, default, restart",
		Example: `  davadmin config describe davcore.uriinfo.subjectattributes`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmdutil.Usagef("missing parameter name; '%s' lists all parameters", f.Hints.Line("config", "list", "-A"))
			}
			return nil
		},
		ValidArgsFunction: completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

// described is a parameter in the JSON output.
type described struct {
	Name           string   `json:"name"`
	File           string   `json:"file,omitempty"`
	Meaning        string   `json:"meaning"`
	Type           string   `json:"type"`
	Unit           string   `json:"unit,omitempty"`
	Range          string   `json:"range,omitempty"`
	Choices        []string `json:"choices,omitempty"`
	Default        string   `json:"default"`
	List           bool     `json:"list"`
	Secret         bool     `json:"secret"`
	Restart        string   `json:"restart"`
	NameCertainty  string   `json:"name_certainty"`
	ValueCertainty string   `json:"values_certainty"`
	Deprecated     string   `json:"deprecated,omitempty"`
	Value          *string  `json:"value,omitempty"` // the value that is set, if a home was found

	typeNote       string
	restart        string
	nameCertainty  string
	valueCertainty string
}

func (o *configDescribe) run(ctx context.Context, names []string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	registry, err := config.NewRegistry()
	if err != nil {
		return err
	}
	doc, err := o.currentConfig(ctx)
	if err != nil {
		return err
	}
	rows := make([]described, 0, len(names))
	for _, name := range names {
		p, ok := registry.Lookup(name)
		if !ok {
			return unknownParameter(o.hints, registry, name)
		}
		rows = append(rows, describe(p, name, doc))
	}
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema     string      `json:"schema"`
			Parameters []described `json:"parameters"`
		}{"davadmin.config.describe.1", rows})
	}
	for i, d := range rows {
		if err := o.print(d, i > 0, format); err != nil {
			return err
		}
	}
	return nil
}

// currentConfig reads the configuration of the home. It returns nil without a home, which
// a description does not need.
func (o *configDescribe) currentConfig(ctx context.Context) (*config.Document, error) {
	home, err := o.homes.Find(&o.HomeOptions)
	var usage *cmdutil.UsageError
	if errors.As(err, &usage) && o.global.Home == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := o.homeFiles.ServerFile(home, 0).Load(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return doc, err
}

func describe(p *config.Parameter, name string, doc *config.Document) described {
	d := described{
		Name: name, File: p.File, Meaning: p.Meaning, Type: string(p.Type), Unit: p.Unit, Range: p.Range(), Choices: p.Choices,
		Default: p.Mask(p.Default), List: p.List, Secret: p.Secret(), Restart: string(p.Restart),
		NameCertainty: p.NameCertainty.String(), ValueCertainty: p.ValueCertainty.String(), Deprecated: p.Deprecated,
		typeNote: p.Type.Describe(), restart: cmdutil.RestartText(p.Restart),
		nameCertainty: certaintyText(p.NameCertainty), valueCertainty: certaintyText(p.ValueCertainty),
	}
	if doc != nil {
		if v, ok := doc.Get(name); ok {
			v = p.Mask(v)
			d.Value = &v
		}
	}
	return d
}

func (o *configDescribe) print(d described, separate bool, format ui.Format) error {
	width := 0
	if format == ui.Table {
		width = o.console.Streams.Width
	}
	var b strings.Builder
	if separate {
		b.WriteByte('\n')
	}
	field := func(name, value string) {
		if value != "" {
			b.WriteString(ui.Field(name+": ", ui.Sanitize(value), width))
		}
	}
	field("name", d.Name)
	field("meaning", d.Meaning)
	field("type", d.Type+", "+d.typeNote)
	field("unit", d.Unit)
	field("range", d.Range)
	field("choices", strings.Join(quoteAll(d.Choices), ", "))
	if d.Default == "" {
		field("default", "(none)")
	} else {
		field("default", d.Default)
	}
	if d.List {
		field("list", "yes, members separated by spaces; edit with --add and --remove")
	}
	if d.Secret {
		field("secret", "yes; never shown, never taken from the command line")
	}
	field("file", d.File)
	field("restart", d.restart)
	field("certainty", "the name is "+d.nameCertainty+"; the values are "+d.valueCertainty)
	field("deprecated", d.Deprecated)
	if d.Value != nil {
		field("set to", *d.Value)
	}
	_, err := fmt.Fprint(o.console.Streams.Out, b.String())
	return err
}

// certaintyText returns where a name or values come from, in words for people.
func certaintyText(c config.Certainty) string {
	switch c {
	case config.CertaintySeen:
		return "in the manual"
	case config.CertaintyRemembered:
		return "from memory, not checked against a manual"
	case config.CertaintyOurs:
		return "an addition of davadmin"
	}
	return "a guess"
}

func quoteAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "'" + w + "'"
	}
	return out
}
