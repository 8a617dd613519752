package secretcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// opensWith is the item of the journal that says what opens a vault.
const opensWith = "opens-with"

// passPlan is a planned change of a vault.
type passPlan struct {
	o      *passEdit
	home   *passHome
	before *cmdutil.OpenVault // Vault is nil if absent, and with --all
	items  []passItem

	// What opens the vault after the change.
	kind       secret.Kind
	key        *secret.Key // nil if it is asked for or generated later
	keyPath    string      // of a key file
	newKey     bool        // the key file is created
	keyWritten bool        // the new key file is on disk
}

// plan opens the vault and plans its change. It asks only for what opens the vault, and
// returns an error for what cannot be done.
func (o *passEdit) plan(ctx context.Context, h *passHome) (*passPlan, error) {
	p := &passPlan{o: o, home: h, before: &cmdutil.OpenVault{}}
	exists, err := h.exists()
	switch {
	case err != nil:
		return nil, fmt.Errorf("vault: %w", err)
	case !exists && o.action != passCreate:
		if err := o.homeFiles.Lost(ctx, h.HomeFile); err != nil {
			return nil, err
		}
		return nil, cmdutil.Usagef("there is no vault yet; '%s' creates it", o.hints.Line("passfile", "create", "-n", "NAME"))
	case exists && o.action == passCreate && o.newKey != "":
		return nil, cmdutil.Usagef("the vault already exists: %s; '%s' gives it a new key", h.File.Path(), o.hints.Line("passfile", "modify", "--rekey", "--new-key"))
	case exists && o.action == passCreate && len(o.names.items) == 0 && o.batch == "":
		return nil, cmdutil.Usagef("the vault already exists: %s; use -n NAME to add a password", h.File.Path())
	case o.all:
		return p, nil
	}
	if p.items, err = readItems(ctx, o.hints, o.input, &o.names, o.batch, p.checkName); err != nil {
		return nil, err
	}
	if exists {
		if p.before, err = o.vaults.Open(ctx, &o.HomeOptions, h.Home); err != nil {
			return nil, err
		}
		if p.before.Vault == nil {
			return nil, config.ErrConflict // removed in the meantime
		}
		p.key, p.kind = p.before.Key, p.before.Key.Kind()
	}
	if err := p.checkVault(p.before.Vault); err != nil {
		return nil, err
	}
	if !exists || o.rekey {
		return p, p.chooseKey()
	}
	return p, nil
}

// checkName returns an error for a name that the home does not use. Any password that is in
// the vault can be deleted.
func (p *passPlan) checkName(name, where string) error {
	if p.o.action == passDelete {
		return nil
	}
	return checkSecretName(p.o.hints, p.home.known, name, where)
}

// checkVault returns an error if a name to create is in the vault, or a name to modify or to
// delete is not.
func (p *passPlan) checkVault(v *secret.Vault) error {
	if v == nil {
		v = &secret.Vault{}
	}
	for _, it := range p.items {
		where := it.where
		if where != "" {
			where += ": "
		}
		_, found := v.Get(it.name)
		switch {
		case found && p.o.action == passCreate:
			return cmdutil.Usagef("%s%s is already in the vault; to change it: %s", where, it.name, p.o.hints.Line("passfile", "modify", "-n", it.name))
		case !found && p.o.action == passModify:
			return cmdutil.Usagef("%s%s is not in the vault; to add it: %s", where, it.name, p.o.hints.Line("passfile", "create", "-n", it.name))
		case !found && p.o.action == passDelete:
			hint := fmt.Sprintf("'%s' lists its passwords", p.o.hints.Line("passfile", "list"))
			if near, ok := config.NearestWord(it.name, v.Names()); ok {
				hint = "did you mean " + near + "?"
			}
			return cmdutil.Usagef("'%s' is not in the vault; %s", ui.Clip(it.name, 64), hint)
		}
	}
	return nil
}

// chooseKey decides what opens the vault after the change. It reads an existing key, but
// does not ask for a passphrase yet.
func (p *passPlan) chooseKey() error {
	o := p.o
	p.key = nil
	if o.newKey != "" {
		if err := cmdutil.CheckNotDash("--new-key", o.newKey); err != nil {
			return err
		}
		p.kind, p.keyPath, p.newKey = secret.ByKey, o.newKey, true
		if o.newKey == defaultNewKey {
			p.keyPath = filepath.Join(p.home.Home, filepath.FromSlash(cmdutil.VaultKeyFile))
		}
		if _, err := os.Lstat(p.keyPath); !errors.Is(err, fs.ErrNotExist) {
			return p.keyExistsError()
		}
		return nil
	}
	if !o.rekey {
		if path, found := o.vaults.FindKey(&o.HomeOptions, p.home.Home); found {
			key, err := o.vaults.ReadKey(path)
			p.kind, p.keyPath, p.key = secret.ByKey, path, key
			return err
		}
	}
	p.kind = secret.ByPassphrase
	return nil
}

// keyExistsError returns the error if a key would be written over an existing file.
func (p *passPlan) keyExistsError() error {
	return cmdutil.Usagef("%s already exists, and a key file is never overwritten; use another one with --new-key=FILE, or move the existing one and name it with --vault-key FILE",
		p.keyPath)
}

// ask asks for confirmation of a deletion, or for the passphrase and passwords that are not
// yet known.
func (p *passPlan) ask(ctx context.Context) error {
	o := p.o
	if o.action == passDelete {
		question := fmt.Sprintf("Remove %s from %s?", cmdutil.Plural(len(p.items), "password"), ui.Sanitize(p.home.File.Path()))
		if o.all {
			question = fmt.Sprintf("Remove the vault %s with all its passwords?", ui.Sanitize(p.home.File.Path()))
		}
		return o.console.Confirm(ctx, question)
	}
	if p.key == nil {
		key, err := p.createKey(ctx)
		if err != nil {
			return err
		}
		p.key = key
	}
	return askItems(ctx, o.hints, o.input, p.items)
}

// createKey generates a key, or derives one from a new passphrase.
func (p *passPlan) createKey(ctx context.Context) (*secret.Key, error) {
	o := p.o
	if p.newKey {
		return secret.NewKey()
	}
	variable := cmdutil.EnvPassphrase
	if o.rekey {
		variable = cmdutil.EnvNewPassphrase
	}
	passphrase := o.getenv(variable)
	if passphrase == "" {
		if o.console.Streams.ReadSecret == nil {
			return nil, cmdutil.Usagef("the vault needs a passphrase, and there is no terminal for a prompt: set %s, or create a key with --new-key", variable)
		}
		var err error
		if passphrase, err = o.input.AskSecret(ctx, "new passphrase of the vault"); err != nil {
			return nil, err
		}
		if passphrase == "" {
			return nil, errors.New("the passphrase is empty; nothing was changed")
		}
	}
	return secret.Passphrase(secret.New([]byte(passphrase)), o.vaults.Work)
}

// changes returns the changes of a vault, which may be nil. Passwords that are not yet known
// are changes.
func (p *passPlan) changes(v *secret.Vault) []config.Change {
	var out []config.Change
	if p.kind != "" && (v == nil || p.o.rekey) {
		c := config.Change{Key: opensWith, New: string(p.kind), HasNew: true}
		if v != nil {
			c.Old, c.HadOld = string(p.before.Key.Kind()), true
		}
		out = append(out, c)
	}
	for _, it := range p.items {
		c := config.Change{Key: it.name}
		if v != nil {
			var e secret.Entry
			if e, c.HadOld = v.Get(it.name); c.HadOld {
				c.Old = e.Value.String()
				if it.known && e.Value.Equal(it.value) {
					continue
				}
			}
		}
		if p.o.action != passDelete {
			c.New, c.HasNew = it.value.String(), true
		}
		out = append(out, c)
	}
	return out
}

// apply makes the planned change.
func (p *passPlan) apply(ctx context.Context) (*config.Outcome, error) {
	o := p.o
	outcome, err := o.homeFiles.Apply(ctx, p.home.File, config.Edit{
		Operation: "passfile " + string(o.action), Command: o.journals.Command(), Remark: o.remark, Mask: p.home.Labels.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) { return p.make(ctx, current) },
	})
	if p.keyWritten && (outcome == nil || outcome.Revision == 0) {
		// No vault is encrypted with this key.
		err = errors.Join(err, fsx.RemoveSynced(context.WithoutCancel(ctx), p.keyPath, o.hook))
	}
	return outcome, err
}

// make returns the changed vault for the current one. It is called while the home is locked.
func (p *passPlan) make(ctx context.Context, current []byte) ([]byte, []config.Change, error) {
	if p.o.all {
		return nil, []config.Change{{Key: opensWith, Old: "********", HadOld: current != nil}}, nil
	}
	v, err := p.open(current)
	if err != nil {
		return nil, nil, err
	}
	changes := p.changes(v)
	if len(changes) == 0 {
		return current, nil, nil
	}
	next := &secret.Vault{}
	if v != nil {
		next = v.Clone()
	}
	for _, it := range p.items {
		if p.o.action == passDelete {
			next.Remove(it.name)
		} else {
			next.Put(it.name, it.value, p.o.now())
		}
	}
	if p.newKey {
		if err := p.writeKey(ctx); err != nil {
			return nil, nil, err
		}
	}
	sealed, err := next.Seal(p.key)
	return sealed, changes, err
}

// open returns the current vault, which another run may have changed since it was planned.
func (p *passPlan) open(current []byte) (*secret.Vault, error) {
	switch {
	case bytes.Equal(current, p.before.Sealed):
		return p.before.Vault, nil
	case current == nil, p.before.Key == nil:
		return nil, config.ErrConflict
	}
	v, err := secret.Open(current, p.before.Key)
	if err != nil {
		return nil, err
	}
	return v, p.checkVault(v)
}

// writeKey writes the new key to disk. The vault that it opens is written afterwards.
func (p *passPlan) writeKey(ctx context.Context) error {
	o := p.o
	err := fsx.WriteNew(ctx, p.keyPath, p.key.File(o.now()), 0o600, filepath.Dir(p.keyPath), o.hook)
	if errors.Is(err, fs.ErrExist) {
		return p.keyExistsError()
	}
	var ferr *fsx.Error
	p.keyWritten = err == nil || errors.As(err, &ferr) && ferr.Replaced
	if err != nil {
		return fmt.Errorf("key of the vault: %w", err)
	}
	return nil
}
