package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

func vaultKind() fileKind {
	return fileKind{
		operation: "passfile", what: "the vault", path: vaultFile, mode: 0o600, optional: true,
		wordsOf: func(*config.Registry) words { return vaultWords{} },
	}
}

// vaultWords say how the content of a vault is shown: not at all.
type vaultWords struct{}

func (vaultWords) name(key string) string { return key }

// mask lets through what the journal says of the vault itself.
func (vaultWords) mask(key, value string) string {
	if key == opensWith || value == "" {
		return value
	}
	return "********"
}

func (vaultWords) unset(string) string { return "(not set)" }

func (vaultWords) restart(string) config.Restart { return config.RestartNo }

// passfileCommand is the operation 'passfile'. Without an action it lists.
func passfileCommand(f *Factory) *cobra.Command {
	o := &passList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, vaults: f.Vaults}
	cmd := &cobra.Command{
		Use:     "passfile [ACTION] [OPTIONS]",
		Short:   "keep the passwords that davadmin needs, encrypted",
		GroupID: groupWork,
		Long: `Works on config/davadmin.vault of the server home: the passwords that davadmin
needs for databases, directories and servers, encrypted with age. The vault is
opened by a key file, by a passphrase from the environment, or by one that is
typed. A password that is in it is not asked for, and needs no file in clear text.

A key file is for jobs that nobody watches. It opens the vault for everybody who
can read it: keep it out of the backups that hold the vault.

Without an action, 'passfile' is 'passfile list'.`,
		Example: `  davadmin passfile create -n ldap.ugldap
  davadmin passfile create --new-key -n store.defaultbackend --value-file /root/db.pw
  davadmin passfile
  davadmin passfile modify -n ldap.ugldap`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	k := vaultKind()
	cmd.AddCommand(passListCommand(f), passCreateCommand(f), passModifyCommand(f), passDeleteCommand(f), fileHistoryCommand(f, k), passRevertCommand(f))
	return cmd
}

// noPasswords refuses words that no option took. What may be a password is not
// repeated.
func noPasswords(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "help" || cmd.HasSubCommands() && didYouMean(cmd, args[0]) != "" {
		return noArguments(cmd, args)
	}
	return usagef("there is a word too many; a password is never taken from the command line, and FILE follows --new-key with an '=': '%s --help' tells more", cmd.CommandPath())
}

// passList is 'passfile list'.
type passList struct {
	console   *Console
	hints     *Hints
	homeFiles *HomeFiles
	vaults    *Vaults
	homeOptions
	names []string
	all   bool
}

func passListCommand(f *Factory) *cobra.Command {
	o := &passList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, vaults: f.Vaults}
	cmd := &cobra.Command{
		Use:   "list [-n NAME]... [-A]",
		Short: "print the names of the passwords in the vault, and when each was set",
		Long: `Prints the names of the passwords that the vault holds, and when each was set. A
password is shown nowhere. The vault must be opened for this: names are encrypted,
too.`,
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
	f.StringArrayVarP(&o.names, "name", "n", nil, "only the password with this `NAME` (repeatable)")
	f.BoolVarP(&o.all, "all", "A", false, "the names that are not in the vault, too")
	o.addVault(f)
	o.homeOptions.add(f)
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
}

// completeSecrets offers the names of passwords that the home has a use for.
func completeSecrets(files *HomeFiles) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := files.OpenConfig(&homeOptions{}, lockOptions{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		doc, err := c.file.Load(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return namesOf(knownSecrets(c.registry, doc)), cobra.ShellCompDirectiveNoFileComp
	}
}

// passHome is a home whose vault is worked on.
type passHome struct {
	*subject
	known []knownSecret
}

// openPass finds the home, and the names of passwords that it has a use for.
func openPass(ctx context.Context, files *HomeFiles, o *homeOptions, lock lockOptions) (*passHome, error) {
	c, err := files.Open(vaultKind(), o, lock)
	if err != nil {
		return nil, err
	}
	server := files.ServerFile(c.home, lock.timeout)
	doc, err := server.Load(ctx)
	if err != nil {
		return nil, files.ExplainLoad(ctx, err, server)
	}
	return &passHome{subject: c, known: knownSecrets(c.registry, doc)}, nil
}

// exists tells whether there is a vault, without opening it.
func (h *passHome) exists() (bool, error) {
	_, err := os.Lstat(h.file.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// listedSecret is one password in the output.
type listedSecret struct {
	Name string     `json:"name"`
	Set  *time.Time `json:"set"` // null for one that is not in the vault
	What string     `json:"what"`
}

func (o *passList) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	h, err := openPass(ctx, o.homeFiles, &o.homeOptions, lockOptions{})
	if err != nil {
		return err
	}
	v, err := o.vaults.Open(ctx, &o.homeOptions, h.home)
	if err != nil {
		return err
	}
	rows, err := o.choose(h, v)
	if err != nil {
		return err
	}
	switch {
	case v.vault == nil:
		o.console.Notef("there is no vault yet; '%s -n NAME' makes it", o.hints.WithHome("davadmin passfile create"))
	case len(rows) == 0:
		o.console.Notef("the vault is empty; '%s -n NAME' puts a password in", o.hints.WithHome("davadmin passfile create"))
	}
	return o.print(format, h, v, rows)
}

// choose lists what the vault holds, in the order of the names, or what -n names.
func (o *passList) choose(h *passHome, v *openedVault) ([]listedSecret, error) {
	rows := []listedSecret{}
	if v.vault != nil {
		for _, name := range v.vault.Names() {
			e, _ := v.vault.Get(name)
			rows = append(rows, listedSecret{Name: name, Set: &e.Set, What: whatIs(h.known, name)})
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

func (o *passList) find(h *passHome, rows []listedSecret, name string) (listedSecret, error) {
	for _, r := range rows {
		if r.Name == name {
			return r, nil
		}
	}
	if err := checkSecretName(h.known, name, ""); err != nil {
		return listedSecret{}, err
	}
	return listedSecret{}, usagef("%s is not in the vault; 'davadmin passfile create -n %s' puts it in", name, Quote(name))
}

func (o *passList) print(format ui.Format, h *passHome, v *openedVault, rows []listedSecret) error {
	out := o.console.Streams.Out
	cells := make([][]string, len(rows))
	for i, r := range rows {
		set := vaultWords{}.unset(r.Name)
		if r.Set != nil {
			set = r.Set.Format(time.RFC3339)
		}
		cells[i] = []string{r.Name, set, r.What}
	}
	switch format {
	case ui.JSON:
		kind := ""
		if v.vault != nil {
			kind = string(v.key.Kind())
		}
		return ui.WriteJSON(out, struct {
			Schema    string         `json:"schema"`
			Vault     string         `json:"vault"`
			Exists    bool           `json:"exists"`
			OpensWith string         `json:"opens_with,omitempty"`
			Secrets   []listedSecret `json:"secrets"`
		}{h.schema("list"), h.file.Path(), v.vault != nil, kind, rows})
	case ui.JSONL:
		for _, r := range rows {
			if err := ui.WriteJSONL(out, r); err != nil {
				return err
			}
		}
		return nil
	case ui.CSV:
		return ui.WriteCSV(out, []string{"name", "set", "what"}, cells)
	case ui.Table:
		if len(rows) == 0 {
			return nil
		}
		return ui.WriteTable(out, o.console.Streams.Width, []string{"name", "set", "what"}, cells)
	}
	for _, c := range cells {
		if _, err := fmt.Fprintf(out, "%s: %s\n", ui.Sanitize(c[0]), c[1]); err != nil {
			return err
		}
	}
	return nil
}

// addMissing adds the names that are known and not listed, in order.
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
		out = append(out, listedSecret{Name: k.Name, What: k.What})
	}
	return append(out, rows[i:]...)
}
