package configcmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/config"
)

// completeNames completes the names of parameters.
func completeNames(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	r, err := config.NewRegistry()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, p := range r.All() {
		if p.File == "" && strings.HasPrefix(p.Name, typed) {
			out = append(out, p.Name+"\t"+p.Meaning)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeValues completes the values of the parameter named by the last -o.
func completeValues(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	r, err := config.NewRegistry()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	f := cmd.Flags().Lookup("option")
	if f == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	edit, ok := f.Value.(*editFlag)
	if !ok || len(edit.e.Items) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, ok := r.Lookup(edit.e.Items[len(edit.e.Items)-1].Name)
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	values := p.Values()
	if values == nil && p.Default != "" {
		values = []string{p.Default + "\tthe default"}
	}
	return values, cobra.ShellCompDirectiveNoFileComp
}
