package configcmd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// poolAction is what is done to a pool.
type poolAction string

const (
	poolCreate poolAction = "create"
	poolModify poolAction = "modify"
	poolDelete poolAction = "delete"
)

// poolEdit is 'ldappool create', 'modify' or 'delete'.
type poolEdit struct {
	console   *cmdutil.Console
	global    *cmdutil.Globals
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	input     *cmdutil.Input
	journals  *cmdutil.Journals
	cmdutil.HomeOptions
	lock   cmdutil.LockOptions
	action poolAction
	pools  poolItems
	batch  string
	remark string
}

func (o *poolEdit) add(cmd *cobra.Command, line string) {
	f := cmd.Flags()
	f.SortFlags = false
	f.VarP(&cmdutil.OrderedOption{Kind: "POOL", OnSet: o.pools.name}, "name", "n", "the `POOL` to "+string(o.action)+" (repeatable)")
	if o.action != poolDelete {
		f.VarP(&cmdutil.OrderedOption{Kind: "PROPS", OnSet: o.pools.properties}, "property", "y", "`PROP=VALUE,...` of the pool before it: "+
			strings.Join(poolProperties(), ", ")+" (repeatable)")
	}
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of '"+line+"' lines (- for standard input)")
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.Add(f)
	o.HomeOptions.Add(f)
	if o.action != poolCreate {
		_ = cmd.RegisterFlagCompletionFunc("name", completePools(o.homeFiles))
	}
	if o.action != poolDelete {
		_ = cmd.RegisterFlagCompletionFunc("property", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			out := poolProperties()
			for i := range out {
				out[i] += "="
			}
			return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		})
	}
}

const poolLineHelp = `

Hosts are parted by blanks. A comma begins the next property; in binddn, only when a
property follows it. The bind password is kept in the vault: 'davadmin passfile
create -n ldap.POOL'.

A batch file (-f) has a line 'pool:prop=value,...' for each pool; blank lines and
lines that begin with # pass.`

func newPoolCreate(f *cmdutil.Factory) *cobra.Command {
	o := &poolEdit{console: f.Console, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: poolCreate}
	cmd := &cobra.Command{
		Use:   "create (-n POOL -y PROP=VALUE,...)... | -f FILE",
		Short: "add pools, all or none",
		Long: `Adds LDAP pools to the configuration, all that the command names or none. A pool
needs its ldaphost; for the rest there are defaults.` + poolLineHelp,
		Example: `  davadmin ldappool create -n partner -y ldaphost=ldap.partner.example,ldapport=636,ldapusessl=true
  davadmin ldappool create -n partner -y 'ldaphost=a.example b.example,binddn=cn=davadmin,o=partner'
  davadmin ldappool create -f pools.txt --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "pool:prop=value,...")
	return cmd
}

func newPoolModify(f *cmdutil.Factory) *cobra.Command {
	o := &poolEdit{console: f.Console, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: poolModify}
	cmd := &cobra.Command{
		Use:   "modify (-n POOL -y PROP=VALUE,...)... | -f FILE",
		Short: "change properties of pools, all or none",
		Long: `Changes properties of LDAP pools, all that the command names or none. A property
with nothing behind its = goes back to its default.` + poolLineHelp,
		Example: `  davadmin ldappool modify -n ugldap -y ldappoolsize=20,ldaptimeout=30
  davadmin ldappool modify -n partner -y ldapport=`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "pool:prop=value,...")
	return cmd
}

func newPoolDelete(f *cmdutil.Factory) *cobra.Command {
	o := &poolEdit{console: f.Console, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: poolDelete}
	cmd := &cobra.Command{
		Use:   "delete -n POOL... | -f FILE",
		Short: "take pools out, all or none",
		Long: `Takes LDAP pools with all their properties out of the configuration, all that the
command names or none, after asking. The pools that every server has stay. Domains
whose external-auth URL template names the pool cannot log in any more.

A batch file (-f) has a pool on each line; blank lines and lines that begin with #
pass.`,
		Example: `  davadmin ldappool delete -n partner`,
		Args:    cmdutil.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "pool")
	return cmd
}

func (o *poolEdit) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(poolKind(), &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	items, err := o.items(ctx)
	if err != nil {
		return err
	}
	if err := c.Registry.Validate(requestsOf(items), config.ModifyOptions{}); err != nil {
		return o.hints.RefusedUsage(err)
	}
	var warnings []config.Warning
	edit := config.Edit{
		Operation: "ldappool " + string(o.action), Command: o.journals.Command(), Remark: o.remark, Mask: c.Labels.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			doc, err := config.Parse(current)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.File.Path(), err)
			}
			if warnings, err = o.edit(c.Registry, doc, items); err != nil {
				return nil, nil, err
			}
			changes := doc.Changes()
			after, err := doc.Render()
			if err != nil {
				return nil, nil, err
			}
			return after.Source(), changes, nil
		},
	}
	// A look first: what is refused shall leave no trace, and nobody shall be
	// asked about it.
	if _, err := c.File.Preview(ctx, edit); err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainLoad(ctx, err, c.File))
	}
	if o.action == poolDelete && !o.global.DryRun {
		if err := o.console.Confirm(ctx, fmt.Sprintf("Take %s out of %s?", cmdutil.Plural(len(items), "pool"), ui.Sanitize(c.File.Path()))); err != nil {
			return err
		}
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainLoad(ctx, err, c.File))
	}
	for _, w := range warnings {
		o.console.Warnf("%s: %s", w.Name, w.Text)
	}
	err = o.homeFiles.ShowChange(format, string(o.action), c, outcome)
	if err == nil && outcome.Revision != 0 {
		o.notePasswords(c, items)
	}
	return o.homeFiles.ReportError(c, outcome, err)
}

// edit makes the changes in the document, or refuses them.
func (o *poolEdit) edit(r *config.Registry, d *config.Document, items []poolItem) ([]config.Warning, error) {
	pools := cmdutil.LDAPPools(r, d)
	for _, it := range items {
		there := slices.Contains(pools, it.pool)
		switch {
		case o.action == poolCreate && there:
			return nil, cmdutil.Usagef("%sthere is a pool %s already; use 'ldappool modify'", it.place(), it.pool)
		case o.action != poolCreate && !there:
			return nil, unknownPool(pools, it.pool, it.where)
		case o.action == poolDelete:
			takeOutPool(d, it.pool)
		}
	}
	if o.action == poolDelete {
		return nil, nil
	}
	warnings, err := r.Modify(d, requestsOf(items), config.ModifyOptions{})
	if err != nil {
		return nil, err
	}
	left := cmdutil.LDAPPools(r, d)
	for _, it := range items {
		if !slices.Contains(left, it.pool) {
			return nil, cmdutil.Usagef("%snothing would be left of the pool %s; '%s' takes it out", it.place(), it.pool, o.hints.Line("ldappool", "delete", "-n", it.pool))
		}
	}
	return warnings, nil
}

// takeOutPool takes all parameters of a pool out, known or not.
func takeOutPool(d *config.Document, pool string) {
	var keys []string
	for key := range d.All() {
		if strings.HasPrefix(key, cmdutil.PoolPrefix(pool)) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		d.Unset(key)
	}
}

// notePasswords says what is still to be done about bind passwords.
func (o *poolEdit) notePasswords(c *cmdutil.HomeFile, items []poolItem) {
	_, err := os.Stat(filepath.Join(c.Home, filepath.FromSlash(cmdutil.VaultFile)))
	for _, it := range items {
		name := cmdutil.SecretLDAP + it.pool
		switch {
		case o.action == poolDelete && err == nil:
			o.console.Notef("if the vault has its password: %s", o.hints.Line("passfile", "delete", "-n", name))
		case o.action != poolDelete && it.binds():
			o.console.Notef("its bind password belongs in the vault: %s", o.hints.Line("passfile", "create", "-n", name))
		}
	}
}

// items reads the options and the batch.
func (o *poolEdit) items(ctx context.Context) ([]poolItem, error) {
	if o.pools.early != nil {
		return nil, cmdutil.Usagef("-y needs an -n POOL before it")
	}
	out := slices.Clone(o.pools.items)
	if o.batch != "" {
		err := o.input.EachBatchLine(ctx, o.batch, func(line, where string, _ fs.FileInfo) error {
			it, given, err := o.batchItem(line, where)
			if given {
				out = append(out, it)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(out) == 0 {
			o.console.Warnf("%s names no pool; nothing was changed", cmdutil.BatchName(o.batch))
			return nil, cmdutil.ErrAnswered
		}
	}
	if len(out) == 0 {
		return nil, cmdutil.Usagef("which pool? '%s' takes -n or -f; 'davadmin ldappool %s --help' tells more", o.action, o.action)
	}
	seen := map[string]bool{}
	for _, it := range out {
		if seen[it.pool] {
			return nil, cmdutil.Usagef("%sthe pool '%s' is named twice; give each pool once", it.place(), ui.Clip(it.pool, maxPoolName))
		}
		seen[it.pool] = true
		if err := it.check(o.action); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// batchItem reads one line; given is false for a blank one and a comment.
func (o *poolEdit) batchItem(line, where string) (it poolItem, given bool, err error) {
	if line = cmdutil.TrimBatchLine(line); line == "" {
		return it, false, nil
	}
	if o.action == poolDelete {
		return poolItem{pool: line, where: where}, true, nil
	}
	pool, properties, ok := strings.Cut(line, ":")
	if !ok {
		return it, false, cmdutil.Usagef("%s: no ':' between pool and properties; nothing was changed", where)
	}
	it = poolItem{pool: strings.TrimRight(pool, " \t"), where: where}
	if it.set, err = parsePoolProperties(strings.TrimLeft(properties, " \t")); err != nil {
		return it, false, cmdutil.Usagef("%s: %v; nothing was changed", where, err)
	}
	return it, true, nil
}
