package configcmd

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configList is 'config list'.
type configList struct {
	console   *cmdutil.Console
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	cmdutil.HomeOptions

	names    []string
	modified bool
	all      bool
}

func newConfigList(f *cmdutil.Factory) *cobra.Command {
	o := &configList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:   "list [-o NAME|GLOB]... [-M] [-A]",
		Short: "print parameters as 'name: value'",
		Long: `Prints the parameters that are set. With -o, prints the named parameters; one
that is not set is printed with its default. Passwords are masked.`,
		Example: `  davadmin config list -o 'log.dav.*.loglevel'
  davadmin config list -M
  davadmin config list -A --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *configList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.names, "option", "o", nil, "parameter `NAME`, or a pattern with * and ? (repeatable)")
	f.BoolVarP(&o.modified, "modified", "M", false, "only parameters that are set and differ from their defaults")
	f.BoolVarP(&o.all, "all", "A", false, "all parameters; one that is not set is shown with its default")
	o.HomeOptions.Add(f)
	_ = cmd.RegisterFlagCompletionFunc("option", completeNames)
}

// listed is a parameter in the output.
type listed struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Set      bool   `json:"set"`
	Default  string `json:"default"`
	Known    bool   `json:"known"`
	Modified bool   `json:"modified"`
}

func (o *configList) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.OpenConfig(&o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return err
	}
	doc, err := c.File.Load(ctx)
	if err != nil {
		return o.homeFiles.ExplainLoad(ctx, err, c.File)
	}
	rows, err := o.collect(c.Registry, doc)
	if err != nil {
		return err
	}
	if len(rows) == 0 && len(o.names) == 0 {
		o.console.Notef("no parameter is set to a value other than its default; '%s' shows the defaults", o.hints.Line("config", "list", "-A"))
	}
	return parameterList().PrintAll(o.console, format, rows)
}

// collect returns the parameters to print, sorted by name.
func (o *configList) collect(registry *config.Registry, doc *config.Document) ([]listed, error) {
	byName := map[string]listed{}
	for key, value := range doc.All() {
		byName[key] = describeListed(registry, key, value, true)
	}
	if o.all || len(o.names) > 0 {
		for _, p := range registry.All() {
			if _, set := byName[p.Name]; !set && p.File == "" {
				byName[p.Name] = describeListed(registry, p.Name, p.Default, false)
			}
		}
	}
	selected := byName
	if len(o.names) > 0 {
		var err error
		if selected, err = o.match(registry, byName); err != nil {
			return nil, err
		}
	}
	rows := make([]listed, 0, len(selected))
	for _, r := range selected {
		if o.modified && !r.Modified {
			continue
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b listed) int { return cmp.Compare(a.Name, b.Name) })
	return rows, nil
}

// match returns the parameters that -o names. Each pattern must match at least one.
func (o *configList) match(registry *config.Registry, byName map[string]listed) (map[string]listed, error) {
	out := map[string]listed{}
	for _, name := range o.names {
		r, found := byName[name]
		pattern := strings.ContainsAny(name, "*?[") && !(found && r.Set)
		if p, ok := registry.Lookup(name); ok && !found && !pattern {
			r, found = describeListed(registry, name, p.Default, false), true
		}
		if found {
			out[name] = r
		}
		if !pattern {
			if !found {
				return nil, unknownParameter(o.hints, registry, name)
			}
			continue
		}
		for key, r := range byName {
			ok, err := path.Match(name, key)
			if err != nil {
				return nil, cmdutil.Usagef("-o %s: invalid pattern: %v", name, err)
			}
			if ok {
				out[key], found = r, true
			}
		}
		if !found {
			return nil, cmdutil.Usagef("no parameter matches '%s'; '%s' lists all parameters", name, o.hints.Line("config", "list", "-A"))
		}
	}
	return out, nil
}

// unknownParameter returns the error for a parameter that is not in the registry.
func unknownParameter(h *cmdutil.Hints, r *config.Registry, name string) error {
	if near, ok := r.Nearest(name); ok {
		return cmdutil.Usagef("%s is not a known parameter; did you mean %s?", name, near)
	}
	return cmdutil.Usagef("%s is not a known parameter; '%s' lists all parameters", name, h.Line("config", "list", "-A"))
}

func describeListed(r *config.Registry, name, value string, set bool) listed {
	p, known := r.Lookup(name)
	out := listed{Name: name, Value: value, Set: set, Known: known, Modified: set}
	if known {
		out.Value, out.Default = p.Mask(value), p.Mask(p.Default)
		out.Modified = set && value != p.Default
	} else {
		out.Value = r.Mask(name, value)
	}
	return out
}

// parameterList prints parameters, as 'name: value' in text and tables.
func parameterList() cmdutil.List[listed] {
	return cmdutil.List[listed]{
		Schema: "davadmin.config.list.1", Member: "parameters", Header: []string{"name", "value", "set", "default"},
		Record: func(r listed) []string { return []string{r.Name, r.Value, fmt.Sprint(r.Set), r.Default} },
		Plain:  func(r listed) string { return fmt.Sprintf("%s: %s\n", ui.Sanitize(r.Name), ui.Sanitize(r.Value)) },
	}
}
