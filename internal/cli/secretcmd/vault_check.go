package secretcmd

import (
	"context"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Rules returns the rules of Check.
func Rules() []finding.Rule {
	return []finding.Rule{
		{
			ID: "vault-opens", Severity: finding.Error, Title: "the vault opens with its key or passphrase",
			Why:    "without the passwords in it, neither the directory nor a database can be reached",
			Remedy: "use the key or the passphrase with which it was last encrypted, or restore an earlier version ('davadmin passfile history')",
		},
		finding.CheckNotRun(),
	}
}

// Check opens the vault of a home. It stays open for the rest of the run, so that no other
// part of it asks for the passphrase again; nor does one ask if this fails. A home without a
// vault is a NotSetUpError.
func Check(ctx context.Context, f *cmdutil.Factory, options cmdutil.HomeOptions) (*cmdutil.Checked, error) {
	start := f.Now()
	home, err := f.Homes.Find(&options)
	if err != nil {
		return nil, err
	}
	v, err := f.Vaults.Open(ctx, &options, home)
	if err != nil {
		return nil, err
	}
	if v.Vault == nil {
		c, err := f.HomeFiles.Open(vaultKind(), &options, cmdutil.LockOptions{})
		if err != nil {
			return nil, err
		}
		if err := f.HomeFiles.Lost(ctx, c); err != nil {
			return nil, err
		}
		return nil, &cmdutil.NotSetUpError{Reason: "no password is stored", Next: f.Hints.Line("passfile", "create", "-n", "NAME")}
	}
	report := finding.Run(ctx, []finding.Check{{Rule: Rules()[0], Run: func(context.Context, func(finding.Finding)) error { return nil }}})
	path := filepath.Join(home, filepath.FromSlash(cmdutil.VaultFile))
	return &cmdutil.Checked{Report: cmdutil.ReportOf("davadmin.vault.check.1", report, path, f.Now().Sub(start))}, nil
}
