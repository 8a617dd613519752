// Package secretcmd contains the operation 'passfile', which keeps passwords in the
// encrypted vault of a home.
package secretcmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// vaultKind describes the vault as a file of a home.
func vaultKind() cmdutil.FileKind {
	return cmdutil.FileKind{
		Operation: "passfile", Title: "the vault", Path: cmdutil.VaultFile, Mode: 0o600, Optional: true, Area: journal.Vault,
		LabelsOf: func(*config.Registry) cmdutil.Labels { return vaultLabels{} },
	}
}

// vaultLabels shows the names of a vault, but none of its passwords.
type vaultLabels struct{}

func (vaultLabels) Name(key string) string { return key }

// Mask returns asterisks for a password. Only how the vault is opened is shown as it is.
func (vaultLabels) Mask(key, value string) string {
	if key == opensWith || value == "" {
		return value
	}
	return "********"
}

func (vaultLabels) Unset(string) string { return "(not set)" }

func (vaultLabels) Restart(string) config.Restart { return config.RestartNo }

// NewPassfile returns the operation 'passfile'. Without an action, it lists the passwords.
func NewPassfile(f *cmdutil.Factory) *cobra.Command {
	o := &passList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, vaults: f.Vaults}
	cmd := &cobra.Command{
		Use:     "passfile [ACTION] [OPTIONS]",
		Short:   "store the passwords that davadmin needs, encrypted",
		GroupID: cmdutil.GroupWork,
		Long: `Works on config/davadmin.vault of the server home, which contains the passwords that
davadmin needs for databases, directories and servers, encrypted with age. A key file
opens the vault, or a passphrase from the environment or from a prompt. davadmin does
not ask for passwords that are in the vault, and needs no files with them in clear text.

Use a key file for unattended jobs. Anyone who can read it can open the vault, so do not
keep it in the same backups as the vault.

Without an action, 'passfile' is 'passfile list'.`,
		Example: `  davadmin passfile create -n ldap.ugldap
  davadmin passfile create --new-key -n store.defaultbackend --value-file /root/db.pw
  davadmin passfile
  davadmin passfile modify -n ldap.ugldap`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	k := vaultKind()
	cmd.AddCommand(newPassList(f), newPassCreate(f), newPassModify(f), newPassDelete(f), cmdutil.NewFileHistory(f, k), newPassRevert(f))
	return cmd
}

// noPasswords refuses arguments that are not options. The message does not repeat them,
// because they may be passwords.
func noPasswords(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "help" || cmd.HasSubCommands() && cmdutil.DidYouMean(cmd, args[0]) != "" {
		return cmdutil.NoArguments(cmd, args)
	}
	return cmdutil.Usagef("unexpected argument; a password is never taken from the command line, and --new-key takes its FILE after a '=' (see '%s --help')", cmd.CommandPath())
}

// passList is 'passfile list'.
type passList struct {
	console   *cmdutil.Console
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	vaults    *cmdutil.Vaults
	cmdutil.HomeOptions
	names []string
	all   bool
}

func newPassList(f *cmdutil.Factory) *cobra.Command {
	o := &passList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, vaults: f.Vaults}
	cmd := &cobra.Command{
		Use:   "list [-n NAME]... [-A]",
		Short: "list the names of the passwords in the vault, and when each was set",
		Long: `Lists the names of the passwords in the vault, and when each was set. The passwords
themselves are never shown. The names are encrypted as well, so this opens the vault.`,
		Example: `  davadmin passfile list
  davadmin passfile list -A --output json`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *passList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.names, "name", "n", nil, "list only the password with this `NAME`; may be repeated")
	f.BoolVarP(&o.all, "all", "A", false, "also list names of passwords that are not in the vault")
	o.AddVault(f)
	o.HomeOptions.Add(f)
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
}

// completeSecrets completes the names of the passwords that the home can use.
func completeSecrets(files *cmdutil.HomeFiles) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := files.OpenConfig(&cmdutil.HomeOptions{}, cmdutil.LockOptions{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		doc, err := c.File.Load(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return namesOf(knownSecrets(c.Registry, doc)), cobra.ShellCompDirectiveNoFileComp
	}
}

// passHome is a home with a vault.
type passHome struct {
	*cmdutil.HomeFile
	known []knownSecret
}

// openPass finds the home, and the names of the passwords that it can use.
func openPass(ctx context.Context, files *cmdutil.HomeFiles, o *cmdutil.HomeOptions, lock cmdutil.LockOptions) (*passHome, error) {
	c, err := files.Open(vaultKind(), o, lock)
	if err != nil {
		return nil, err
	}
	server := files.ServerFile(c.Home, lock.Timeout)
	doc, err := server.Load(ctx)
	if err != nil {
		return nil, files.ExplainLoad(ctx, err, server)
	}
	return &passHome{HomeFile: c, known: knownSecrets(c.Registry, doc)}, nil
}

// exists reports whether the home has a vault, without opening it.
func (h *passHome) exists() (bool, error) {
	_, err := os.Lstat(h.File.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// listedSecret is one password in the output.
type listedSecret struct {
	Name string     `json:"name"`
	Set  *time.Time `json:"set"`  // null if it is not in the vault
	What string     `json:"what"` // what it is for
}

func (o *passList) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	h, err := openPass(ctx, o.homeFiles, &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return err
	}
	v, err := o.vaults.Open(ctx, &o.HomeOptions, h.Home)
	if err != nil {
		return err
	}
	if v.Vault == nil {
		if err := o.homeFiles.Lost(ctx, h.HomeFile); err != nil {
			return err
		}
	}
	rows, err := o.rows(h, v)
	if err != nil {
		return err
	}
	switch {
	case v.Vault == nil:
		o.console.Notef("there is no vault yet; '%s' creates it", o.hints.Line("passfile", "create", "-n", "NAME"))
	case len(rows) == 0:
		o.console.Notef("the vault is empty; '%s' adds a password", o.hints.Line("passfile", "create", "-n", "NAME"))
	}
	return o.print(format, h, v, rows)
}

// rows returns the passwords to list: those that -n names, or else all, by name.
func (o *passList) rows(h *passHome, v *cmdutil.OpenVault) ([]listedSecret, error) {
	rows := []listedSecret{}
	if v.Vault != nil {
		for _, name := range v.Vault.Names() {
			e, _ := v.Vault.Get(name)
			rows = append(rows, listedSecret{Name: name, Set: &e.Set, What: purposeOf(h.known, name)})
		}
	}
	if o.all {
		rows = addMissing(rows, h.known)
	}
	if len(o.names) == 0 {
		return rows, nil
	}
	var out []listedSecret
	for _, name := range o.names {
		row, err := o.find(h, rows, name)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// find returns the row of a name, and a usage error if absent.
func (o *passList) find(h *passHome, rows []listedSecret, name string) (listedSecret, error) {
	for _, r := range rows {
		if r.Name == name {
			return r, nil
		}
	}
	if err := checkSecretName(o.hints, h.known, name, ""); err != nil {
		return listedSecret{}, err
	}
	return listedSecret{}, cmdutil.Usagef("%s is not in the vault; '%s' adds it", name, o.hints.Line("passfile", "create", "-n", name))
}

// print prints the passwords. JSON describes the vault as well.
func (o *passList) print(format ui.Format, h *passHome, v *cmdutil.OpenVault, rows []listedSecret) error {
	if format != ui.JSON {
		return secretList().PrintAll(o.console, format, rows)
	}
	kind := ""
	if v.Vault != nil {
		kind = string(v.Key.Kind())
	}
	return ui.WriteJSON(o.console.Streams.Out, struct {
		Schema    string         `json:"schema"`
		Vault     string         `json:"vault"`
		Exists    bool           `json:"exists"`
		OpensWith string         `json:"opens_with,omitempty"`
		Secrets   []listedSecret `json:"secrets"`
	}{h.Schema("list"), h.File.Path(), v.Vault != nil, kind, rows})
}

// secretList returns the layout of a list of passwords in every format but JSON.
func secretList() cmdutil.List[listedSecret] {
	return cmdutil.List[listedSecret]{
		Header:  []string{"name", "set", "what"},
		Record:  func(r listedSecret) []string { return []string{r.Name, r.setText(), r.What} },
		Columns: []ui.Column{{Title: "name", Key: true}, {Title: "set", Priority: 1}, {Title: "what"}},
		Plain:   func(r listedSecret) string { return ui.Sanitize(r.Name) + ": " + r.setText() + "\n" },
	}
}

// setText returns when the password was set, for people.
func (r listedSecret) setText() string {
	if r.Set == nil {
		return vaultLabels{}.Unset(r.Name)
	}
	return r.Set.Format(time.RFC3339)
}

// addMissing returns rows with the known names that it lacks, by name.
func addMissing(rows []listedSecret, known []knownSecret) []listedSecret {
	out := make([]listedSecret, 0, len(rows)+len(known))
	i := 0
	for _, k := range known {
		for ; i < len(rows) && rows[i].Name < k.Name; i++ {
			out = append(out, rows[i])
		}
		if i < len(rows) && rows[i].Name == k.Name {
			out = append(out, rows[i])
			i++
			continue
		}
		out = append(out, listedSecret{Name: k.Name, What: k.Purpose})
	}
	return append(out, rows[i:]...)
}
