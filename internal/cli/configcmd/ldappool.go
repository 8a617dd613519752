package configcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// Properties of a pool to which the code refers.
const (
	poolHost     = "ldaphost"
	poolBindDN   = "binddn"
	poolPassword = "bindpassword"
)

// poolProperties returns the properties of a pool, in the order of the output.
func poolProperties() []string {
	return []string{poolHost, "ldapport", "ldapusessl", poolBindDN, "ldappoolsize", "ldaptimeout", "ldappoolrefreshinterval", "sslprotocols"}
}

// poolKind describes davserver.properties for the operation 'ldappool'.
func poolKind() cmdutil.FileKind {
	k := cmdutil.ConfigKind()
	k.Operation, k.RevertsWith = "ldappool", k.Operation
	return k
}

// NewLDAPPool returns the operation 'ldappool'. Without an action it lists.
func NewLDAPPool(f *cmdutil.Factory) *cobra.Command {
	o := &poolList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "ldappool [ACTION] [OPTIONS]",
		Short:   "manage the LDAP pools of the server",
		GroupID: cmdutil.GroupWork,
		Long: `Manages the LDAP pools in config/davserver.properties of the server home. The
server does not need to be running. It looks up users in the pool ugldap and checks
their passwords in the pool authldap. You can add pools for domains with
another authentication directory: the host part of an external-auth URL
template is the name of a pool. A change can be undone with 'config revert'.

Bind passwords are stored in the vault: see 'davadmin passfile'.

Without an action, 'ldappool' is 'ldappool list'.`,
		Example: `  davadmin ldappool
  davadmin ldappool create -n partner -y ldaphost=ldap.partner.example,ldapport=636,ldapusessl=true
  davadmin ldappool modify -n ugldap -y ldappoolsize=20
  davadmin passfile create -n ldap.partner`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	cmd.AddCommand(newPoolList(f), newPoolCreate(f), newPoolModify(f), newPoolDelete(f))
	return cmd
}

// poolList is 'ldappool list'.
type poolList struct {
	console   *cmdutil.Console
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	cmdutil.HomeOptions
	names []string
}

func newPoolList(f *cmdutil.Factory) *cobra.Command {
	o := &poolList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:   "list [-n POOL]...",
		Short: "print the pools with their effective values",
		Long: `Prints each pool with its effective values: those that are set in the file,
and the defaults of the others.`,
		Example: `  davadmin ldappool list
  davadmin ldappool list -n ugldap --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *poolList) addOptions(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&o.names, "name", "n", nil, "only this `POOL` (repeatable)")
	o.HomeOptions.Add(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("name", completePools(o.homeFiles))
}

// completePools completes the pools of the home that the environment names.
func completePools(files *cmdutil.HomeFiles) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := files.OpenConfig(&cmdutil.HomeOptions{}, cmdutil.LockOptions{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		doc, err := c.File.Load(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return cmdutil.LDAPPools(c.Registry, doc), cobra.ShellCompDirectiveNoFileComp
	}
}

// listedPool is a pool in the output.
type listedPool struct {
	Pool       string            `json:"pool"`
	Builtin    bool              `json:"builtin"`
	Properties map[string]string `json:"properties"` // effective values
	Set        []string          `json:"set"`        // properties that are set in the file
}

func (o *poolList) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(poolKind(), &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return err
	}
	doc, err := c.File.Load(ctx)
	if err != nil {
		return o.homeFiles.ExplainLoad(ctx, err, c.File)
	}
	pools := cmdutil.LDAPPools(c.Registry, doc)
	selected := pools
	if len(o.names) > 0 {
		selected = o.names
	}
	rows := make([]listedPool, len(selected))
	for i, name := range selected {
		if !slices.Contains(pools, name) {
			return unknownPool(o.hints, pools, name, "")
		}
		rows[i] = describePool(c.Registry, doc, name)
	}
	return poolTable().PrintAll(o.console, format, rows)
}

// unknownPool returns the error for a pool that does not exist.
func unknownPool(h *cmdutil.Hints, pools []string, name, where string) error {
	if where != "" {
		where += ": "
	}
	hint := "'" + h.Line("ldappool", "list") + "' lists the pools"
	if near, ok := config.NearestWord(name, pools); ok {
		hint = "did you mean " + near + "?"
	}
	return cmdutil.Usagef("%sno such pool: '%s'; %s", where, ui.Clip(name, maxPoolName), hint)
}

func describePool(r *config.Registry, d *config.Document, name string) listedPool {
	p := listedPool{Pool: name, Builtin: cmdutil.IsBuiltinPool(name), Properties: map[string]string{}, Set: []string{}}
	prefix := cmdutil.PoolPrefix(name)
	for _, property := range append(poolProperties(), poolPassword) {
		_, set := d.Get(prefix + property)
		if set {
			p.Set = append(p.Set, property)
		}
		if set || property != poolPassword {
			p.Properties[property] = r.Mask(prefix+property, r.Effective(d, prefix+property))
		}
	}
	return p
}

// poolTable prints pools, as blocks of lines in text.
func poolTable() cmdutil.List[listedPool] {
	columns := []ui.Column{{Title: "pool", Key: true}}
	for i, property := range poolProperties() {
		number := property == "ldapport" || property == "ldappoolsize" || property == "ldaptimeout" || property == "ldappoolrefreshinterval"
		columns = append(columns, ui.Column{Title: property, Number: number, Priority: len(poolProperties()) - i})
	}
	return cmdutil.List[listedPool]{
		Schema: poolKind().Schema("list"), Member: "pools", Header: append([]string{"pool"}, poolProperties()...), Columns: columns, Blocks: true, None: "no pools are configured",
		Record: func(r listedPool) []string {
			cells := []string{r.Pool}
			for _, property := range poolProperties() {
				cells = append(cells, r.Properties[property])
			}
			return cells
		},
		Plain: func(r listedPool) string {
			var b strings.Builder
			fmt.Fprintf(&b, "pool: %s\n", ui.Sanitize(r.Pool))
			for _, property := range append(poolProperties(), poolPassword) {
				if value, ok := r.Properties[property]; ok {
					fmt.Fprintf(&b, "%s: %s\n", property, ui.Sanitize(value))
				}
			}
			return b.String()
		},
	}
}

// maxPoolName is the maximum length of the name of a pool, in bytes.
const maxPoolName = 63

// checkPoolName returns an error if a new name cannot be part of the name of a parameter,
// or the host of a URL.
func checkPoolName(name string) error {
	switch {
	case name == "":
		return errors.New("the name of the pool is empty")
	case cmdutil.IsBuiltinPool(name):
		return fmt.Errorf("every server already has the pool %s; use 'ldappool modify'", name)
	case len(name) > maxPoolName:
		return fmt.Errorf("the name of a pool can have at most %d characters", maxPoolName)
	case strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}):
		return fmt.Errorf("'%s' is not a valid pool name (use letters, digits, '-' and '_')", name)
	}
	return nil
}
