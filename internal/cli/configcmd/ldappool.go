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

// Properties of a pool that are spoken of by name.
const (
	poolHost     = "ldaphost"
	poolBindDN   = "binddn"
	poolPassword = "bindpassword"
)

// poolProperties are the properties of a pool, in the order of the output.
func poolProperties() []string {
	return []string{poolHost, "ldapport", "ldapusessl", poolBindDN, "ldappoolsize", "ldaptimeout", "ldappoolrefreshinterval", "sslprotocols"}
}

// poolKind is the configuration as 'ldappool' works on it.
func poolKind() cmdutil.FileKind {
	k := cmdutil.ConfigKind()
	k.Operation, k.RevertsWith = "ldappool", k.Operation
	return k
}

// NewLDAPPool is the operation 'ldappool'. Without an action it lists.
func NewLDAPPool(f *cmdutil.Factory) *cobra.Command {
	o := &poolList{console: f.Console, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "ldappool [ACTION] [OPTIONS]",
		Short:   "the directories that the server binds to",
		GroupID: cmdutil.GroupWork,
		Long: `Works on the LDAP pools in config/davserver.properties of the server home, without
a running server: ugldap, in which the server looks people up, authldap, with
which it checks their passwords, and pools of your own for domains that are
authenticated elsewhere; the host part of an external-auth URL template is the
name of such a pool. A change can be undone with 'config revert'.

Bind passwords are kept in the vault: see 'davadmin passfile'.

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
	homeFiles *cmdutil.HomeFiles
	cmdutil.HomeOptions
	names []string
}

func newPoolList(f *cmdutil.Factory) *cobra.Command {
	o := &poolList{console: f.Console, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:   "list [-n POOL]...",
		Short: "print the pools with what is in force",
		Long: `Prints each pool with the values that the server works with: those of the file, and
defaults where it gives none.`,
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

// completePools offers the pools of the home that the environment names.
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

// listedPool is one pool in the output.
type listedPool struct {
	Pool       string            `json:"pool"`
	Builtin    bool              `json:"builtin"`
	Properties map[string]string `json:"properties"` // in force
	Set        []string          `json:"set"`        // those that the file gives
}

func (o *poolList) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
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
	chosen := pools
	if len(o.names) > 0 {
		chosen = o.names
	}
	rows := make([]listedPool, len(chosen))
	for i, name := range chosen {
		if !slices.Contains(pools, name) {
			return unknownPool(pools, name, "")
		}
		rows[i] = describePool(c.Registry, doc, name)
	}
	return o.print(format, rows)
}

func unknownPool(pools []string, name, where string) error {
	if where != "" {
		where += ": "
	}
	hint := "'davadmin ldappool list' lists them"
	if near, ok := config.NearestWord(name, pools); ok {
		hint = "did you mean " + near + "?"
	}
	return cmdutil.Usagef("%sthere is no pool '%s'; %s", where, ui.Clip(name, maxPoolName), hint)
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

func (o *poolList) print(format ui.Format, rows []listedPool) error {
	out := o.console.Streams.Out
	header := append([]string{"pool"}, poolProperties()...)
	switch format {
	case ui.JSON:
		return ui.WriteJSON(out, struct {
			Schema string       `json:"schema"`
			Pools  []listedPool `json:"pools"`
		}{poolKind().Schema("list"), rows})
	case ui.JSONL:
		for _, r := range rows {
			if err := ui.WriteJSONL(out, r); err != nil {
				return err
			}
		}
		return nil
	case ui.CSV:
		return ui.WriteCSV(out, header, poolCells(rows, poolProperties()))
	case ui.Table:
		short := poolProperties()[:5] // the others are the same nearly everywhere, and would not fit
		return ui.WriteTable(out, o.console.Streams.Width, append([]string{"pool"}, short...), poolCells(rows, short))
	}
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "pool: %s\n", ui.Sanitize(r.Pool))
		for _, property := range append(poolProperties(), poolPassword) {
			if value, ok := r.Properties[property]; ok {
				fmt.Fprintf(&b, "%s: %s\n", property, ui.Sanitize(value))
			}
		}
	}
	_, err := fmt.Fprint(out, b.String())
	return err
}

func poolCells(rows []listedPool, properties []string) [][]string {
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = []string{r.Pool}
		for _, property := range properties {
			cells[i] = append(cells[i], r.Properties[property])
		}
	}
	return cells
}

// maxPoolName bounds the name of a pool, in bytes.
const maxPoolName = 63

// checkPoolName refuses a new name that could not stand in the name of a parameter,
// or as the host of a URL.
func checkPoolName(name string) error {
	switch {
	case name == "":
		return errors.New("a pool needs a name")
	case cmdutil.IsBuiltinPool(name):
		return fmt.Errorf("every server has the pool %s already; use 'ldappool modify'", name)
	case len(name) > maxPoolName:
		return fmt.Errorf("the name of a pool has at most %d letters", maxPoolName)
	case strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}):
		return fmt.Errorf("'%s' is no name for a pool: letters, digits, '-' and '_' can stand in one", name)
	}
	return nil
}
