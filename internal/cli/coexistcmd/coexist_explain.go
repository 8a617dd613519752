package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/route"
)

// coexistExplain is 'coexist explain'.
type coexistExplain struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	getenv      func(string) string
	cmdutil.DirectoryOptions
	address string
	from    string
	icsConf string
}

func newCoexistExplain(f *cmdutil.Factory) *cobra.Command {
	o := &coexistExplain{console: f.Console, directories: f.Directories, getenv: f.Getenv}
	cmd := &cobra.Command{
		Use:   "explain -a ADDRESS [--from ADDRESS] [--ics-conf FILE]",
		Short: "why a person counts as hosted here, on the old server, or outside",
		Long: `Goes through the decision that the new server makes about one address, step by
step, each with the value that decided it: the search that it sends, the entry that is found, the
attribute, the parameters, the line of the domain map. Then: which URL is asked
for the person's free/busy, how an invitation travels, and what would change if the entry
had the mark of the new server, or had it not.

It needs a home, whose configuration and domain map the server goes by. With
--from it also says what the other person's server does.`,
		Example: `  davadmin coexist explain -a jdoe@example.com
  davadmin coexist explain -a jdoe@example.com --ldif export.ldif --output json
  davadmin coexist explain -a jdoe@example.com --from boss@example.com --ics-conf ics.conf`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.address, "account", "a", "", "mail `ADDRESS` of the person (else DAVADMIN_ACCOUNT)")
	flags.StringVar(&o.from, "from", "", "mail `ADDRESS` of who asks for free/busy, or invites")
	flags.StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	o.DirectoryOptions.Add(cmd)
	return cmd
}

// explained is the answer in JSON.
type explained struct {
	Schema    string          `json:"schema"`
	Decision  *route.Decision `json:"decision"`
	Otherwise *route.Decision `json:"otherwise,omitempty"` // with the mark the other way
	From      *route.Decision `json:"from,omitempty"`
	Asks      []string        `json:"asks,omitempty"` // what the server of From does
}

func (o *coexistExplain) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	if o.address == "" {
		o.address = o.getenv("DAVADMIN_ACCOUNT")
	}
	if o.address == "" {
		return cmdutil.Usagef("about whom? Give -a ADDRESS")
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	if home == nil {
		return cmdutil.Usagef("the decision is that of a server: name its home with --home DIR")
	}
	c, err := cmdutil.RouteConfig(home)
	if err != nil {
		return err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	c.Bases = d.Bases
	out := explained{Schema: "davadmin.coexist.explain.1"}
	if out.Decision, err = route.Decide(ctx, c, d.Source, o.address); err != nil {
		return addressUsage("-a", err)
	}
	if other, changes := c.Otherwise(out.Decision); changes {
		out.Otherwise = other
	}
	if o.from != "" {
		if out.From, err = route.Decide(ctx, c, d.Source, o.from); err != nil {
			return addressUsage("--from", err)
		}
		if out.Asks, err = o.asks(&out); err != nil {
			return err
		}
	}
	if format == ui.JSON {
		err = ui.WriteJSON(o.console.Streams.Out, out)
	} else {
		_, err = fmt.Fprint(o.console.Streams.Out, explainText(c, &out))
	}
	if err == nil {
		err = out.doubt()
	}
	return err
}

// doubt is an error when a part of the directory was not read.
func (e *explained) doubt() error {
	unread := e.Decision.Unread
	if e.From != nil {
		unread = max(unread, e.From.Unread)
	}
	if unread == 0 {
		return nil
	}
	return fmt.Errorf("%d records or parts of the tree could not be read, and the answer may be wrong; 'davadmin ldap audit' names them", unread)
}

func addressUsage(option string, err error) error {
	if errors.Is(err, route.ErrAddress) {
		return cmdutil.Usagef("%s: %v", option, err)
	}
	return err
}

const redirectSetting = "service.wcap.freebusy.redirecturl"

// asks says what the server of the one who asks does.
func (o *coexistExplain) asks(out *explained) ([]string, error) {
	switch out.From.Side {
	case route.Local:
		return []string{"asks the new server, which decides as above"}, nil
	case route.External:
		return []string{"asks whatever server is theirs; an invitation comes as a mail"}, nil
	case route.Ambiguous:
		return []string{"several entries have the address; it is not known which server is theirs"}, nil
	}
	lines := []string{"asks the old server, which looks for a calendar of the person in its own database, and answers from that if there is one"}
	redirect := "it redirects to " + redirectSetting + " of its ics.conf (--ics-conf FILE shows it)"
	if o.icsConf != "" {
		b, _, err := fsx.ReadLimited(o.icsConf, 16<<20)
		if err != nil {
			return nil, fmt.Errorf("--ics-conf: %w", err)
		}
		if s, ok := cs6.ParseIcsConf(b).Get(redirectSetting); ok {
			redirect = fmt.Sprintf("it redirects to %s (%s:%d)", config.MaskURLPassword(s.Value), o.icsConf, s.Line)
		} else {
			redirect = fmt.Sprintf("it answers that it does not know the person: %s has no %s", o.icsConf, redirectSetting)
		}
	}
	lines = append(lines, "if there is none, "+redirect)
	if out.Decision.Side == route.OldServer {
		lines = append(lines, "the new server takes the person for one of the old server and asks there: without a calendar on the old server that is a loop")
	}
	return lines, nil
}

// explainText is the answer for a person, and for those who read lines.
func explainText(c route.Config, out *explained) string {
	var b strings.Builder
	d := out.Decision
	line := func(name, value string) { fmt.Fprintf(&b, "%-12s%s\n", name+":", ui.Sanitize(value)) }
	line("address", d.Address)
	line("side", string(d.Side))
	for i, s := range d.Steps {
		fmt.Fprintf(&b, "step %d:     %s\n            %s: %s\n", i+1, ui.Sanitize(s.What), ui.Sanitize(s.Value), ui.Sanitize(s.Means))
		if s.Source != "" {
			fmt.Fprintf(&b, "            (%s)\n", ui.Sanitize(s.Source))
		}
	}
	line("free/busy", asked(d))
	line("invitation", d.Invite)
	if other := out.Otherwise; other != nil {
		verb := "with"
		if d.Marked {
			verb = "without"
		}
		line("otherwise", fmt.Sprintf("%s %s: %s; free/busy: %s; invitation: %s", verb, c.LocalAttr, other.Side, asked(other), other.Invite))
	}
	if out.From != nil {
		line("from", fmt.Sprintf("%s (%s)", out.From.Address, out.From.Side))
		for _, text := range out.Asks {
			fmt.Fprintf(&b, "            %s\n", ui.Sanitize(text))
		}
	}
	return b.String()
}

func asked(d *route.Decision) string {
	if d.URL != "" {
		return d.URL + " is asked"
	}
	return d.NoURL
}
