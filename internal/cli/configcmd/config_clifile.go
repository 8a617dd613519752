package configcmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configClifile is 'config clifile'.
type configClifile struct {
	console *cmdutil.Console
	homes   *cmdutil.Homes
	hints   *cmdutil.Hints
	cmdutil.HomeOptions
}

func newConfigClifile(f *cmdutil.Factory) *cobra.Command {
	o := &configClifile{console: f.Console, homes: f.Homes, hints: f.Hints}
	cmd := &cobra.Command{
		Use:         "clifile",
		Short:       "show the defaults in the clifile, and explain the file",
		Annotations: map[string]string{cmdutil.ShowsClifiles: "yes"},
		Long:        clifileHelp(),
		Example: `  davadmin config clifile
  davadmin config clifile -F isp.properties --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(*cobra.Command, []string) error { return o.run() },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

// clifileHelp explains the file. The list of options comes from their rules.
func clifileHelp() string {
	var ofCommand, refused []string
	for _, r := range cmdutil.OptionRules() {
		switch {
		case r.Command != "":
		case r.Class == cmdutil.OptionOfCommand:
			ofCommand = append(ofCommand, r.Option)
		case r.Class.Refusal() != "":
			refused = append(refused, r.Option)
		}
	}
	return fmt.Sprintf(`Shows each line of the clifile, whether it is in force, and where it is; then the environment
variables that set an option. If a line is refused, the exit code is 2.

The clifile is a properties file with defaults of options. A key is the long name of an option,
or that name after the command or the operation that it is for:

  ca-file=/etc/ssl/isp.pem
  cs6-list=cscal-list.txt
  account.list.output=csv
  ldap.hostname=ldap.example.com

An option is set by, first found: the command line, the environment, the file of -F or
DAVADMIN_CLIFILE, and %s of the home. The two files are used together. In one file, the
line for a command takes precedence over that for its operation, and that over the line for
all commands.

A switch is y or n. A relative path is relative to the directory of the clifile. A line
can be repeated if the option can. Letter case of the keys does not matter. As in every properties file, a backslash
has to be doubled. A format of 'output' for all commands is ignored by commands that do not support it. A
bind DN, its password file and client certificate are not used for a server that the command line names with -H.

'home' names the home, in the file of -F or DAVADMIN_CLIFILE only.

Only after a command or an operation, because the name has another meaning in others: %s.

Not allowed, because they say what a command works on, confirm, force, lift a limit or
weaken a connection: %s.

Passwords cannot be in it; 'passfile' keeps them in the vault. The keys of the original davadmin, which
logs in to the server, are known and not used. An unknown key is an error, and so is a file that other users can write to.`,
		config.ClientFile, strings.Join(ofCommand, ", "), strings.Join(refused, ", "))
}

func (o *configClifile) run() error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	all, err := o.homes.Clifiles(&o.HomeOptions)
	if err != nil {
		return err
	}
	if err := clifileListing().PrintAll(o.console, format, all); err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(d cmdutil.ClifileDefault) bool { return d.File != "" }) {
		o.console.Notef("no clifile was found, or it is empty; '%s' explains the file", o.hints.Line("config", "clifile", "--help"))
	}
	return cmdutil.Refused(all)
}

// clifileListing describes the listing of defaults.
func clifileListing() cmdutil.List[cmdutil.ClifileDefault] {
	return cmdutil.List[cmdutil.ClifileDefault]{
		Schema: "davadmin.config.clifile.1", Member: "defaults", Header: []string{"option", "value", "state", "source", "reason"},
		Columns: []ui.Column{{Title: "option", Key: true}, {Title: "value"}, {Title: "state"}, {Title: "source"}, {Title: "reason"}},
		Record: func(d cmdutil.ClifileDefault) []string {
			return []string{d.Option, d.Value, d.State, d.Source(), d.Reason}
		},
	}
}
