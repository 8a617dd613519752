package secretcmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// passAction is an action that changes a vault.
type passAction string

const (
	passCreate passAction = "create"
	passModify passAction = "modify"
	passDelete passAction = "delete"
)

// passEdit is 'passfile create', 'modify' or 'delete'.
type passEdit struct {
	console   *cmdutil.Console
	getenv    func(string) string
	global    *cmdutil.Globals
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	hook      fsx.Hook
	input     *cmdutil.Input
	journals  *cmdutil.Journals
	now       func() time.Time
	vaults    *cmdutil.Vaults
	cmdutil.HomeOptions
	lock   cmdutil.LockOptions
	action passAction
	names  passItems
	batch  string
	remark string
	newKey string // where to create a key file; "" to create none
	rekey  bool
	all    bool
}

// defaultNewKey is the value of --new-key without a FILE. It stands for the default path.
const defaultNewKey = "config/davadmin.key of the home"

func (o *passEdit) add(f *pflag.FlagSet) {
	f.SortFlags = false
	switch o.action {
	case passDelete:
		f.VarP(&cmdutil.OrderedOption{Kind: "NAME", OnSet: o.names.name}, "name", "n", "`NAME` of a password to remove; may be repeated")
		f.BoolVar(&o.all, "all", false, "remove the vault with all its passwords")
	default:
		o.names.add(f)
		f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of 'name=value' lines that others cannot read (- for standard input)")
		f.VarPF(&cmdutil.OrderedOption{Kind: "FILE", OnSet: o.setNewKey}, "new-key", "", "create a key file that opens the vault, as `FILE` if given (--new-key=FILE)").NoOptDefVal = defaultNewKey
	}
	if o.action == passModify {
		f.BoolVar(&o.rekey, "rekey", false, "encrypt the vault with a new passphrase ("+cmdutil.EnvNewPassphrase+", or a prompt), or with the key of --new-key")
	}
	f.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.AddVault(f)
	o.lock.Add(f)
	o.HomeOptions.Add(f)
}

func (o *passEdit) setNewKey(path string) error {
	if path == "" {
		return errors.New("the file name is empty")
	}
	o.newKey = path
	return nil
}

const passBatchHelp = `

A batch file (-f) has a line 'name=value' for each password. Blank lines, lines that
begin with #, and spaces around the name and the value are ignored. Passwords are never
taken from the command line.`

func newPassEdit(f *cmdutil.Factory, action passAction) *passEdit {
	return &passEdit{
		console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook,
		input: f.Input, journals: f.Journals, now: f.Now, vaults: f.Vaults, action: action,
	}
}

func newPassCreate(f *cmdutil.Factory) *cobra.Command {
	o := newPassEdit(f, passCreate)
	cmd := &cobra.Command{
		Use:   "create [--new-key[=FILE]] [-n NAME [--value-file FILE]]... [-f FILE]",
		Short: "create the vault, or add passwords to it",
		Long: `Adds passwords to the vault, all of them or none. Creates the vault if there is none.

A new vault is encrypted with a key if --new-key creates one, --vault-key or
DAVADMIN_VAULT_KEY names one, or config/davadmin.key exists in the home; otherwise with
the passphrase in DAVADMIN_VAULT_PASSPHRASE, or with one that you type twice. If the
passphrase is lost, so are the passwords.` + passBatchHelp,
		Example: `  davadmin passfile create -n ldap.ugldap -n store.defaultbackend
  davadmin passfile create --new-key -n ldap.ugldap --value-file /root/ldap.pw
  davadmin passfile create -f passwords.txt`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
	return cmd
}

func newPassModify(f *cmdutil.Factory) *cobra.Command {
	o := newPassEdit(f, passModify)
	cmd := &cobra.Command{
		Use:   "modify [--rekey [--new-key[=FILE]]] [-n NAME [--value-file FILE]]... [-f FILE]",
		Short: "change passwords in the vault, or what opens it",
		Long: `Changes passwords that are in the vault, all of them or none.

With --rekey, the vault is encrypted with another passphrase, or with a new key if
--new-key is given. Versions of the vault in the history can still be opened with the
old one.` + passBatchHelp,
		Example: `  davadmin passfile modify -n ldap.ugldap
  davadmin passfile modify --rekey --remark 'an administrator left'
  davadmin passfile modify --rekey --new-key=/etc/davadmin/vault.key`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
	return cmd
}

func newPassDelete(f *cmdutil.Factory) *cobra.Command {
	o := newPassEdit(f, passDelete)
	cmd := &cobra.Command{
		Use:   "delete -n NAME... | --all",
		Short: "remove passwords from the vault, or the whole vault",
		Long: `Removes the named passwords from the vault, all of them or none, after asking. With
--all, the vault itself is removed, which requires no passphrase. Key files are never
removed.`,
		Example: `  davadmin passfile delete -n migrationadmin
  davadmin passfile delete --all`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
	return cmd
}

// check returns an error for options that are missing or cannot be combined.
func (o *passEdit) check() error {
	unnamed := len(o.names.items) == 0 && o.batch == ""
	switch {
	case o.action == passDelete && o.all && !unnamed:
		return cmdutil.Usagef("--all removes the whole vault, so it cannot be combined with -n")
	case o.action == passDelete && !o.all && unnamed:
		return cmdutil.Usagef("no password given; use -n NAME, or --all to remove the whole vault")
	case o.action == passModify && !o.rekey && o.newKey != "":
		return cmdutil.Usagef("--new-key changes the key of the vault, so it requires --rekey")
	case o.action == passModify && !o.rekey && unnamed:
		return cmdutil.Usagef("nothing to change; use -n NAME, -f FILE or --rekey")
	case o.action == passCreate && o.newKey != "" && o.VaultKey != "":
		return cmdutil.Usagef("--new-key creates a key and --vault-key names an existing one; use only one of them")
	}
	return nil
}

func (o *passEdit) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	h, err := openPass(ctx, o.homeFiles, &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	p, err := o.plan(ctx, h)
	if err != nil {
		return err
	}
	if o.global.DryRun {
		return o.showVault(format, p, &config.Outcome{Changes: p.changes(p.before.Vault)})
	}
	if err := p.ask(ctx); err != nil {
		return err
	}
	outcome, err := p.apply(ctx)
	if err != nil {
		return vaultConflict(err)
	}
	return o.homeFiles.ReportError(h.HomeFile, outcome, o.showVault(format, p, outcome))
}

// vaultConflict replaces the errors that mean that another run changed the vault.
func vaultConflict(err error) error {
	if errors.Is(err, config.ErrConflict) || errors.Is(err, secret.ErrWrongKey) {
		return &cmdutil.ConflictError{Text: "another run has changed the vault in the meantime, so nothing was changed; run the command again"}
	}
	return err
}
