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

// passAction is what is done to a vault.
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
	newKey string // where a new key file is made; "" for none
	rekey  bool
	all    bool
}

// defaultNewKey stands for the usual place of a key file.
const defaultNewKey = "config/davadmin.key of the home"

func (o *passEdit) add(f *pflag.FlagSet) {
	f.SortFlags = false
	switch o.action {
	case passDelete:
		f.VarP(&cmdutil.OrderedOption{Kind: "NAME", OnSet: o.names.name}, "name", "n", "`NAME` of a password to take out (repeatable)")
		f.BoolVar(&o.all, "all", false, "take away the vault, with all that is in it")
	default:
		o.names.add(f)
		f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of 'name=value' lines, closed to others (- for standard input)")
		f.VarPF(&cmdutil.OrderedOption{Kind: "FILE", OnSet: o.setNewKey}, "new-key", "", "make a key file that opens the vault; --new-key=`FILE` says where").NoOptDefVal = defaultNewKey
	}
	if o.action == passModify {
		f.BoolVar(&o.rekey, "rekey", false, "close the vault with a new passphrase ("+cmdutil.EnvNewPassphrase+", or it is asked for), or with --new-key")
	}
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.AddVault(f)
	o.lock.Add(f)
	o.HomeOptions.Add(f)
}

func (o *passEdit) setNewKey(path string) error {
	if path == "" {
		return errors.New("a key file needs a name")
	}
	o.newKey = path
	return nil
}

const passBatchHelp = `

A batch file (-f) has a line 'name=value' for each password; blank lines and lines
that begin with # pass; blanks around name and value do not count. A password is
never taken from the command line.`

func newPassCreate(f *cmdutil.Factory) *cobra.Command {
	o := &passEdit{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, input: f.Input, journals: f.Journals, now: f.Now, vaults: f.Vaults, action: passCreate}
	cmd := &cobra.Command{
		Use:   "create [--new-key[=FILE]] [-n NAME [--value-file FILE]]... [-f FILE]",
		Short: "make the vault, or put passwords into it",
		Long: `Makes the vault when there is none, and puts passwords in that are not there yet,
all or none.

A new vault is closed with the key that --new-key makes, or that --vault-key or
DAVADMIN_VAULT_KEY names, or that is config/davadmin.key of the home already; else
with the passphrase in DAVADMIN_VAULT_PASSPHRASE, or one that is typed twice. A
passphrase that is forgotten is gone, and the passwords with it.` + passBatchHelp,
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
	o := &passEdit{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, input: f.Input, journals: f.Journals, now: f.Now, vaults: f.Vaults, action: passModify}
	cmd := &cobra.Command{
		Use:   "modify [--rekey [--new-key[=FILE]]] [-n NAME [--value-file FILE]]... [-f FILE]",
		Short: "change passwords in the vault, or what opens it",
		Long: `Changes passwords that are in the vault, all or none.

With --rekey the vault is encrypted with another passphrase, or with --new-key to a new
key. Versions of the vault in the history can still be opened with the old one.` + passBatchHelp,
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
	o := &passEdit{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, input: f.Input, journals: f.Journals, now: f.Now, vaults: f.Vaults, action: passDelete}
	cmd := &cobra.Command{
		Use:   "delete -n NAME... | --all",
		Short: "take passwords out of the vault, or the vault away",
		Long: `Takes passwords out of the vault, all that the command names or none, after asking.
With --all the vault itself is taken away; that needs no passphrase. A key file
stays where it is.`,
		Example: `  davadmin passfile delete -n migrationadmin
  davadmin passfile delete --all`,
		Args: noPasswords,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("name", completeSecrets(o.homeFiles))
	return cmd
}

// check refuses options that do not go together.
func (o *passEdit) check() error {
	nothing := len(o.names.items) == 0 && o.batch == ""
	switch {
	case o.action == passDelete && o.all && !nothing:
		return cmdutil.Usagef("--all takes everything away; leave -n out")
	case o.action == passDelete && !o.all && nothing:
		return cmdutil.Usagef("which password? Give -n NAME, or --all for the vault with all of them")
	case o.action == passModify && !o.rekey && o.newKey != "":
		return cmdutil.Usagef("--new-key changes what opens the vault: give --rekey, too")
	case o.action == passModify && !o.rekey && nothing:
		return cmdutil.Usagef("what is to be changed? Give -n NAME, -f FILE, or --rekey")
	case o.action == passCreate && o.newKey != "" && o.VaultKey != "":
		return cmdutil.Usagef("--new-key makes a key, and --vault-key names one that is there; give one of them")
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
	o.journals.WarnNotes(outcome.Notes)
	return o.homeFiles.ReportError(h.HomeFile, outcome, o.showVault(format, p, outcome))
}

// vaultConflict words what somebody else did in the meantime.
func vaultConflict(err error) error {
	if errors.Is(err, config.ErrConflict) || errors.Is(err, secret.ErrWrongKey) {
		return &cmdutil.ConflictError{Text: "somebody else changed the vault in the meantime; nothing was changed; run the command again"}
	}
	return err
}
