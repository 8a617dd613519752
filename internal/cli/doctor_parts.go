package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/accountcmd"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/coexistcmd"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/cli/historycmd"
	"github.com/davadmin/davadmin/internal/cli/ldapcmd"
	"github.com/davadmin/davadmin/internal/cli/secretcmd"
	"github.com/davadmin/davadmin/pkg/finding"
)

// doctorPart is a check that 'doctor' runs, and the command that runs it alone.
type doctorPart struct {
	name              string
	operation, action string
	words             []string // options of the command
	check             func(ctx context.Context) (*cmdutil.Checked, error)
	blocked           func() string // what has to be repaired first, or ""; nil if it depends on nothing
}

// DoctorRules returns the rules that only 'doctor' has, for the page generator: the other
// parts have those of the commands that they run.
func DoctorRules() []finding.Rule {
	var out []finding.Rule
	for _, list := range [][]finding.Rule{secretcmd.Rules(), accountcmd.StoreRules(), historycmd.Rules()} {
		out = append(out, list[:len(list)-1]...) // each ends with check-not-run
	}
	return append(out, finding.CheckNotRun())
}

// doctorParts returns the parts in the order in which to repair: each one needs only what
// comes before it.
func doctorParts(f *cmdutil.Factory, o *doctor) []doctorPart {
	var vaultKey []string
	if o.VaultKey != "" {
		vaultKey = []string{"--vault-key", o.VaultKey}
	}
	source := o.SourceArgs()
	return []doctorPart{
		{name: partConfiguration, operation: "config", action: "check", check: func(ctx context.Context) (*cmdutil.Checked, error) {
			checked, err := configcmd.Check(ctx, f, o.HomeOptions)
			if err == nil {
				// What the rules found wrong is in their report, an error as well.
				o.home, _ = o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
			}
			return checked, err
		}},
		{name: partVault, operation: "passfile", action: "list", words: vaultKey, check: func(ctx context.Context) (*cmdutil.Checked, error) {
			return secretcmd.Check(ctx, f, o.HomeOptions)
		}},
		{name: partDirectory, operation: "ldap", action: "test", words: source, blocked: o.directoryBlocked, check: func(ctx context.Context) (*cmdutil.Checked, error) {
			if len(o.Hosts) == 0 && !o.home.IsSet(cmdutil.UserPoolPrefix+"ldaphost") {
				host := cmdutil.UserPoolPrefix + "ldaphost"
				return nil, &cmdutil.NotSetUpError{Reason: host + " is not set", Next: f.Hints.Line("config", "modify", "-o", host, "-v", "HOST")}
			}
			return ldapcmd.TestSite(ctx, f, o.DirectoryOptions)
		}},
		{name: partStores, operation: "db", action: "schema_version", words: vaultKey, blocked: func() string { return o.configBlocked("store.") },
			check: func(ctx context.Context) (*cmdutil.Checked, error) {
				return accountcmd.CheckStores(ctx, f, o.HomeOptions)
			}},
		{name: partDomainMap, operation: "domainmap", action: "check", check: func(ctx context.Context) (*cmdutil.Checked, error) {
			return configcmd.CheckDomainMap(ctx, f, o.HomeOptions)
		}},
		{name: partCoexistence, operation: "coexist", action: "check", words: o.coexistWords(source), blocked: o.coexistBlocked,
			check: func(ctx context.Context) (*cmdutil.Checked, error) {
				in := coexistcmd.Inputs{Directory: o.DirectoryOptions, Lists: o.UserListOptions, IcsConf: o.icsConf}
				in.Directory.Scope = "sub"
				return coexistcmd.Check(ctx, f, in)
			}},
		{name: partHistory, operation: "history", action: "verify", check: func(ctx context.Context) (*cmdutil.Checked, error) {
			return historycmd.Check(ctx, f, o.HomeOptions)
		}},
	}
}

// coexistWords returns the options of 'coexist check' that this run has.
func (o *doctor) coexistWords(source []string) []string {
	words := slices.Clone(source)
	if o.icsConf != "" {
		words = append(words, "--ics-conf", o.icsConf)
	}
	for _, file := range o.Cs6 {
		words = append(words, "--cs6-list", file)
	}
	for _, file := range o.Cs7 {
		words = append(words, "--cs7-list", file)
	}
	return words
}

// result returns the result of a part that comes earlier.
func (o *doctor) result(name string) *cmdutil.Part {
	i := slices.IndexFunc(o.results, func(p *cmdutil.Part) bool { return p.Name == name })
	return o.results[i]
}

// broken reports whether what depends on a part cannot be judged: it has errors, or not all
// of it was looked at.
func (o *doctor) broken(name string) bool {
	p := o.result(name)
	switch p.State {
	case cmdutil.PartOK, cmdutil.PartNotSetUp:
		return false
	case cmdutil.PartFindings:
		return p.Errors > 0
	}
	return true
}

// configBlocked returns why parts that depend on parameters with a prefix cannot be judged.
func (o *doctor) configBlocked(prefixes ...string) string {
	p := o.result(partConfiguration)
	if o.home == nil {
		return "the configuration cannot be read"
	}
	if p.Report == nil {
		return ""
	}
	for found, err := range p.Report.Findings(0) {
		if err != nil || found.Severity != finding.Error {
			continue
		}
		for _, prefix := range prefixes {
			if strings.HasPrefix(found.Parameter, prefix) {
				return fmt.Sprintf("the configuration has an error in %s", found.Parameter)
			}
		}
	}
	return ""
}

func (o *doctor) directoryBlocked() string {
	if len(o.Hosts) > 0 {
		return o.configBlocked()
	}
	return o.configBlocked("base.ldapinfo.")
}

// coexistBlocked returns why the two servers cannot be compared: they are compared by the
// entries of the directory, the domain map and, without a list, the accounts of the stores.
func (o *doctor) coexistBlocked() string {
	if reason := o.configBlocked(); reason != "" {
		return reason
	}
	switch domains := o.result(partDomainMap); {
	case o.broken(partDirectory):
		return "the directory has to be repaired first"
	case domains.State == cmdutil.PartFailed:
		return "the domain map cannot be read"
	case len(o.Cs7) == 0 && o.broken(partStores):
		return "the stores have to be repaired first, or a list of the users on the new server is needed (--cs7-list FILE)"
	}
	return ""
}
