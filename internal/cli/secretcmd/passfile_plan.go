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

// opensWith is the name under which the journal has what opens a vault.
const opensWith = "opens-with"

// passPlan is what is to be done to a vault.
type passPlan struct {
	o      *passEdit
	home   *passHome
	before *cmdutil.OpenVault // its vault is nil where there is none, and with --all
	items  []passItem

	// What will open the vault.
	kind    secret.Kind
	key     *secret.Key // nil until it is asked for
	keyPath string      // of a key file
	makeKey bool        // it is new
	made    bool        // it is on disk
}

// plan looks at the vault and finds out what will become of it. It asks for
// nothing but what opens the vault, and refuses what cannot be done.
func (o *passEdit) plan(ctx context.Context, h *passHome) (*passPlan, error) {
	p := &passPlan{o: o, home: h, before: &cmdutil.OpenVault{}}
	exists, err := h.exists()
	switch {
	case err != nil:
		return nil, fmt.Errorf("vault: %w", err)
	case !exists && o.action != passCreate:
		return nil, cmdutil.Usagef("there is no vault yet; '%s' makes it", o.hints.Line("passfile", "create", "-n", "NAME"))
	case exists && o.action == passCreate && o.newKey != "":
		return nil, cmdutil.Usagef("there is a vault already, %s; '%s' gives it a new key", h.File.Path(), o.hints.Line("passfile", "modify", "--rekey", "--new-key"))
	case exists && o.action == passCreate && len(o.names.items) == 0 && o.batch == "":
		return nil, cmdutil.Usagef("there is a vault already, %s; give -n NAME to put a password in", h.File.Path())
	case o.all:
		return p, nil
	}
	if p.items, err = readItems(ctx, o.console, o.hints, o.input, &o.names, o.batch, p.checkName); err != nil {
		return nil, err
	}
	if exists {
		if p.before, err = o.vaults.Open(ctx, &o.HomeOptions, h.Home); err != nil {
			return nil, err
		}
		if p.before.Vault == nil {
			return nil, config.ErrConflict // it went away just now
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

// checkName refuses a name that the home has no use for; whatever is in the vault
// can be taken out.
func (p *passPlan) checkName(name, where string) error {
	if p.o.action == passDelete {
		return nil
	}
	return checkSecretName(p.o.hints, p.home.known, name, where)
}

// checkVault refuses names that are, or are not, in the vault as the action wants
// it.
func (p *passPlan) checkVault(v *secret.Vault) error {
	if v == nil {
		v = &secret.Vault{}
	}
	for _, it := range p.items {
		where := it.where
		if where != "" {
			where += ": "
		}
		_, there := v.Get(it.name)
		switch {
		case there && p.o.action == passCreate:
			return cmdutil.Usagef("%s%s is already in the vault; use 'passfile modify'", where, it.name)
		case !there && p.o.action == passModify:
			return cmdutil.Usagef("%s%s is not in the vault; use 'passfile create'", where, it.name)
		case !there && p.o.action == passDelete:
			hint := fmt.Sprintf("'%s' lists its passwords", p.o.hints.Line("passfile", "list"))
			if near, ok := config.NearestWord(it.name, v.Names()); ok {
				hint = "did you mean " + near + "?"
			}
			return cmdutil.Usagef("'%s' is not in the vault; %s", ui.Clip(it.name, 64), hint)
		}
	}
	return nil
}

// chooseKey finds out what will open the vault; a key is read, a passphrase is not
// asked for yet.
func (p *passPlan) chooseKey() error {
	o := p.o
	p.key = nil
	if o.newKey != "" {
		p.kind, p.keyPath, p.makeKey = secret.ByKey, o.newKey, true
		if o.newKey == defaultNewKey {
			p.keyPath = filepath.Join(p.home.Home, filepath.FromSlash(cmdutil.VaultKeyFile))
		}
		if _, err := os.Lstat(p.keyPath); !errors.Is(err, fs.ErrNotExist) {
			return p.keyInTheWay()
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

func (p *passPlan) keyInTheWay() error {
	return cmdutil.Usagef("there is a file %s already, and a key is never overwritten; name another one with --new-key=FILE, or move that one away and name it with --vault-key FILE",
		p.keyPath)
}

// ask asks for what is not known yet, after what is destroyed was agreed to.
func (p *passPlan) ask(ctx context.Context) error {
	o := p.o
	if o.action == passDelete {
		question := fmt.Sprintf("Take %s out of %s?", cmdutil.Plural(len(p.items), "password"), ui.Sanitize(p.home.File.Path()))
		if o.all {
			question = fmt.Sprintf("Take the vault %s away, with all that is in it?", ui.Sanitize(p.home.File.Path()))
		}
		return o.console.Confirm(ctx, question)
	}
	if p.key == nil {
		key, err := p.closer(ctx)
		if err != nil {
			return err
		}
		p.key = key
	}
	return askItems(ctx, o.hints, o.input, p.items)
}

// closer makes the key or asks for the passphrase that the vault is closed with.
func (p *passPlan) closer(ctx context.Context) (*secret.Key, error) {
	o := p.o
	if p.makeKey {
		return secret.NewKey()
	}
	variable := cmdutil.EnvPassphrase
	if o.rekey {
		variable = cmdutil.EnvNewPassphrase
	}
	word := o.getenv(variable)
	if word == "" {
		if o.console.Streams.ReadSecret == nil {
			return nil, cmdutil.Usagef("the vault needs a passphrase, and there is no terminal to ask on: set %s, or make a key with --new-key", variable)
		}
		var err error
		if word, err = o.input.AskSecret(ctx, "new passphrase of the vault"); err != nil {
			return nil, err
		}
		if word == "" {
			return nil, errors.New("the passphrase is empty; nothing was changed")
		}
	}
	return secret.Passphrase(secret.New([]byte(word)), o.vaults.Work)
}

// changes says what becomes of a vault. Passwords that were not asked for yet count
// as new.
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
				if it.given && e.Value.Equal(it.value) {
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

// apply carries the plan out.
func (p *passPlan) apply(ctx context.Context) (*config.Outcome, error) {
	o := p.o
	outcome, err := p.home.File.Apply(ctx, config.Edit{
		Operation: "passfile " + string(o.action), Command: o.journals.Command(), Remark: o.remark, Mask: p.home.Labels.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) { return p.make(ctx, current) },
	})
	if p.made && (outcome == nil || outcome.Revision == 0) {
		// No vault is closed with it.
		err = errors.Join(err, fsx.RemoveSynced(context.WithoutCancel(ctx), p.keyPath, o.hook))
	}
	return outcome, err
}

// make returns the new vault for the one that is there. It is called under the
// lock.
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
	if p.makeKey {
		if err := p.writeKey(ctx); err != nil {
			return nil, nil, err
		}
	}
	sealed, err := next.Seal(p.key)
	return sealed, changes, err
}

// open returns the vault as it is now, which may be another one than before.
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

// writeKey brings the new key to disk, before the vault that it opens.
func (p *passPlan) writeKey(ctx context.Context) error {
	o := p.o
	err := fsx.WriteNew(ctx, p.keyPath, p.key.File(o.now()), 0o600, filepath.Dir(p.keyPath), o.hook)
	if errors.Is(err, fs.ErrExist) {
		return p.keyInTheWay()
	}
	var ferr *fsx.Error
	p.made = err == nil || errors.As(err, &ferr) && ferr.Replaced
	if err != nil {
		return fmt.Errorf("key of the vault: %w", err)
	}
	return nil
}
