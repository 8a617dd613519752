package cmdutil

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// RuleOptions is the option --rules of a check: the rules to run.
type RuleOptions struct {
	Patterns []string      // ids, or patterns of ids with '*' and '?'; all rules if there are none
	list     func() string // returns the command that lists the rules
}

// AddRules adds the option. The rules are those of an operation, whose action 'rules' lists
// them, with the given words if there are any.
func (o *RuleOptions) AddRules(cmd *cobra.Command, h *Hints, operation string, rules func() []finding.Rule, words ...string) {
	o.list = func() string { return h.Line(operation, "rules", words...) }
	cmd.Flags().Var(&ruleList{Value: stringSlice(&o.Patterns), list: o.list}, "rules", "run only these `RULES`, separated by commas; * and ? are wildcards")
	_ = cmd.RegisterFlagCompletionFunc("rules", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		for _, r := range rules() {
			ids = append(ids, r.ID)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
}

// stringSlice returns a flag value for a list separated by commas.
func stringSlice(to *[]string) pflag.Value {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.StringSliceVar(to, "rules", nil, "")
	return f.Lookup("rules").Value
}

// ruleList is the value of --rules.
type ruleList struct {
	pflag.Value
	list func() string
}

// Missing says what to do about an option without a value.
func (r *ruleList) Missing() string {
	return fmt.Sprintf("option --rules requires the rules to run; '%s' lists the rules", r.list())
}

// Set adds rules. An option in place of a list is an error: --rules alone once listed the
// rules.
func (r *ruleList) Set(value string) error {
	if value == "" || strings.HasPrefix(value, "-") {
		return errors.New(strings.TrimPrefix(r.Missing(), "option --rules "))
	}
	return r.Value.Set(value)
}

// Select returns the ids of the rules to run, in their order; nil for all. A pattern that
// matches none is a usage error.
func (o *RuleOptions) Select(rules []finding.Rule) ([]string, error) {
	if len(o.Patterns) == 0 {
		return nil, nil
	}
	chosen := make([]bool, len(rules))
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	for _, pattern := range o.Patterns {
		matched := false
		for i, id := range ids {
			ok, err := path.Match(pattern, id)
			if err != nil {
				return nil, Usagef("--rules: '%s': %v; '%s' lists the rules", pattern, err, o.list())
			}
			chosen[i] = chosen[i] || ok
			matched = matched || ok
		}
		if !matched {
			near := ""
			if word, ok := config.NearestWord(pattern, ids); ok {
				near = fmt.Sprintf(" (did you mean '%s'?)", word)
			}
			return nil, Usagef("--rules: no such rule: '%s'%s; '%s' lists the rules", pattern, near, o.list())
		}
	}
	var out []string
	for i, id := range ids {
		if chosen[i] {
			out = append(out, id)
		}
	}
	return slices.Clip(out), nil
}

// NewRules returns the action 'rules', which lists the rules of a check, such as
// 'config check'.
func NewRules(f *Factory, schema, check string, rules func() []finding.Rule) *cobra.Command {
	var home HomeOptions // a clifile may set --output
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "list the rules of '" + check + "'",
		Long: `Lists every rule of '` + check + `': its severity, the condition that it checks, what goes
wrong otherwise, and what to do. Only json and csv contain all of this. '--rules LIST' of
'` + check + `' runs only some of them.`,
		Args: NoArguments,
		RunE: func(*cobra.Command, []string) error { return f.Reports.PrintRules(schema, rules()) },
	}
	home.Add(cmd.Flags())
	return cmd
}
