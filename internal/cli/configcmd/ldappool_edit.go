package configcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// poolAction is an action that changes pools.
type poolAction string

const (
	poolCreate poolAction = "create"
	poolModify poolAction = "modify"
	poolDelete poolAction = "delete"
)

// poolEdit is 'ldappool create', 'modify' or 'delete'.
type poolEdit struct {
	console   *cmdutil.Console
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	input     *cmdutil.Input
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
		f.VarP(&cmdutil.OrderedOption{Kind: "PROPS", OnSet: o.pools.properties}, "property", "y", "properties `PROP=VALUE,...` of the pool before it: "+
			strings.Join(poolProperties(), ", ")+" (repeatable)")
	}
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of '"+line+"' lines (- for standard input)")
	f.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
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

Hosts are separated by spaces. Properties are separated by commas. In a value,
\, is a comma and \\ a backslash; any other backslash stands for itself. A comma
without a backslash, as in a DN, ends a value only if PROP= of a known property
follows. Write a comma inside a name of a DN as \2C. Bind passwords are stored in the
vault, with 'davadmin passfile create -n ldap.POOL'.

A batch file (-f) has a line 'pool:prop=value,...' for each pool. Blank lines
and lines that begin with # are ignored.`

func newPoolCreate(f *cmdutil.Factory) *cobra.Command {
	o := &poolEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: poolCreate}
	cmd := &cobra.Command{
		Use:   "create (-n POOL -y PROP=VALUE,...)... | -f FILE",
		Short: "add pools, all or none",
		Long: `Adds all the named LDAP pools to the configuration, or none. A pool requires
ldaphost; the other properties have defaults.` + poolLineHelp,
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
	o := &poolEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: poolModify}
	cmd := &cobra.Command{
		Use:   "modify (-n POOL -y PROP=VALUE,...)... | -f FILE",
		Short: "change properties of pools, all or none",
		Long: `Changes properties of all the named LDAP pools, or of none. An empty value
restores the default of a property.` + poolLineHelp,
		Example: `  davadmin ldappool modify -n ugldap -y ldappoolsize=20,ldaptimeout=30
  davadmin ldappool modify -n partner -y ldapport=`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "pool:prop=value,...")
	return cmd
}

func newPoolDelete(f *cmdutil.Factory) *cobra.Command {
	o := &poolEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: poolDelete}
	cmd := &cobra.Command{
		Use:   "delete -n POOL... | -f FILE",
		Short: "remove pools, all or none",
		Long: `Removes all the named LDAP pools with their properties from the configuration,
or none, after confirmation. The pools that every server has cannot be
removed. Users of domains whose external-auth URL template names a removed
pool can no longer log in.

A batch file (-f) has a pool on each line. Blank lines and lines that begin
with # are ignored.`,
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
	edit := cmdutil.FileEdit{
		File: c, Action: string(o.action), Remark: o.remark, Warnings: func() []config.Warning { return warnings }, After: func() { o.notePasswords(c, items) },
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
	if o.action == poolDelete {
		edit.Question = fmt.Sprintf("Remove %s from %s?", cmdutil.Plural(len(items), "pool"), ui.Sanitize(c.File.Path()))
	}
	return o.homeFiles.Edit(ctx, format, edit)
}

// edit changes the document, or returns an error.
func (o *poolEdit) edit(r *config.Registry, d *config.Document, items []poolItem) ([]config.Warning, error) {
	pools := cmdutil.LDAPPools(r, d)
	for _, it := range items {
		exists := slices.Contains(pools, it.pool)
		switch {
		case o.action == poolCreate && exists:
			return nil, cmdutil.Usagef("%sthe pool %s already exists; use 'ldappool modify'", it.prefix(), it.pool)
		case o.action != poolCreate && !exists:
			return nil, unknownPool(o.hints, pools, it.pool, it.where)
		case o.action == poolDelete:
			removePool(d, it.pool)
		}
	}
	if o.action == poolDelete {
		return nil, nil
	}
	warnings, err := r.Modify(d, requestsOf(items), config.ModifyOptions{})
	if err != nil {
		return nil, err
	}
	remaining := cmdutil.LDAPPools(r, d)
	for _, it := range items {
		if !slices.Contains(remaining, it.pool) {
			return nil, cmdutil.Usagef("%sthis would remove all properties of the pool %s; use '%s' to remove the pool", it.prefix(), it.pool, o.hints.Line("ldappool", "delete", "-n", it.pool))
		}
	}
	return warnings, nil
}

// removePool removes all parameters of a pool, known or not.
func removePool(d *config.Document, pool string) {
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

// notePasswords notes what is left to do about bind passwords.
func (o *poolEdit) notePasswords(c *cmdutil.HomeFile, items []poolItem) {
	_, err := os.Stat(filepath.Join(c.Home, filepath.FromSlash(cmdutil.VaultFile)))
	for _, it := range items {
		name := cmdutil.SecretLDAP + it.pool
		switch {
		case o.action == poolDelete && err == nil:
			o.console.Notef("if the vault contains its password: %s", o.hints.Line("passfile", "delete", "-n", name))
		case o.action != poolDelete && it.binds():
			o.console.Notef("store its bind password in the vault: %s", o.hints.Line("passfile", "create", "-n", name))
		}
	}
}

// items returns the pools of the options and the batch file.
func (o *poolEdit) items(ctx context.Context) ([]poolItem, error) {
	if o.pools.early != nil {
		return nil, cmdutil.Usagef("-y requires -n POOL")
	}
	out := slices.Clone(o.pools.items)
	if o.batch != "" {
		err := o.input.EachBatchLine(ctx, o.batch, o.form(), func(line, where string, _ fs.FileInfo) error {
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
			return nil, fmt.Errorf("%s contains no pools; nothing was changed", cmdutil.BatchName(o.batch))
		}
	}
	if len(out) == 0 {
		return nil, cmdutil.Usagef("missing pool: use -n or -f (see 'davadmin ldappool %s --help')", o.action)
	}
	seen := map[string]bool{}
	for _, it := range out {
		if seen[it.pool] {
			return nil, cmdutil.Usagef("%sthe pool '%s' is named twice", it.prefix(), ui.Clip(it.pool, maxPoolName))
		}
		seen[it.pool] = true
		if err := it.check(o.action, o.hints); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// form says what a record of CSV or of a list of pools means: its other columns are the
// properties of the pool.
func (o *poolEdit) form() cmdutil.BatchForm {
	f := cmdutil.PairForm([]string{"pool"}, nil, nil)
	if o.action == poolDelete {
		return f
	}
	name := f.Line
	f.Line = func(fields listfile.Fields) (string, error) {
		line, err := name(fields)
		if err != nil {
			return "", err
		}
		var set []string
		for _, column := range fields {
			if column.Name == "pool" || column.Value == "" {
				continue
			}
			if !slices.Contains(append(poolProperties(), poolPassword), column.Name) {
				if fields.Has("builtin") {
					continue // JSON by 'ldappool list' says more about a pool
				}
				return "", fmt.Errorf("the column '%s' is not a property of a pool", column.Title)
			}
			if strings.ContainsAny(column.Value, "\r\n") {
				return "", fmt.Errorf("the column '%s' contains a line end", column.Title)
			}
			if strings.Contains(column.Value, "…") {
				return "", fmt.Errorf("the value of '%s' was shortened; list it again with --output csv", column.Title)
			}
			if err := config.CheckUnmasked(column.Value); err != nil {
				return "", fmt.Errorf("the column '%s': %w", column.Title, err)
			}
			set = append(set, column.Title+"="+strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(column.Value))
		}
		if len(set) == 0 {
			return "", errors.New("no column of it is a property of a pool; list pools with --output csv")
		}
		return line + ":" + strings.Join(set, ","), nil
	}
	return f
}

// batchItem parses a line of a batch file. Given is false for a blank line and a comment.
func (o *poolEdit) batchItem(line, where string) (it poolItem, given bool, err error) {
	if line = cmdutil.TrimBatchLine(line); line == "" {
		return it, false, nil
	}
	if o.action == poolDelete {
		return poolItem{pool: line, where: where}, true, nil
	}
	pool, properties, ok := strings.Cut(line, ":")
	if !ok {
		return it, false, cmdutil.Usagef("%s: missing ':' between pool and properties; nothing was changed", where)
	}
	it = poolItem{pool: strings.TrimRight(pool, " \t"), where: where}
	if it.set, err = parsePoolProperties(strings.TrimLeft(properties, " \t")); err != nil {
		return it, false, cmdutil.Usagef("%s: %v; nothing was changed", where, err)
	}
	return it, true, nil
}
