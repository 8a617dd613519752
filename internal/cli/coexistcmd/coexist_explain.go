package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/route"
)

// coexistExplain is the action 'coexist explain'.
type coexistExplain struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	getenv      func(string) string
	hints       *cmdutil.Hints
	stores      *cmdutil.Stores
	cmdutil.DirectoryOptions
	cs6     []string
	address string
	from    string
	icsConf string
}

func newCoexistExplain(f *cmdutil.Factory) *cobra.Command {
	o := &coexistExplain{console: f.Console, directories: f.Directories, getenv: f.Getenv, hints: f.Hints, stores: f.Stores}
	cmd := &cobra.Command{
		Use:   "explain -a ADDRESS [--from ADDRESS] [--cs6-list FILE] [--ics-conf FILE]",
		Short: "explain why a user counts as local, on the old server, or external",
		Long: `Traces the decision that the new server makes about one address, step by step, each
with the value that decided it: the search that the server sends, the entry that it
finds, the attribute, the parameters, the line of the domain map. It then shows which
URL is asked for the user's free/busy, how an invitation is delivered, and what would
change if the entry had the mark of the new server, or did not have it.

This requires a home, because the server decides by its configuration and domain map.
With --from, it also shows what the other user's server does. With --cs6-list, it shows
whether the user has calendars on the old server, and what that means.`,
		Example: `  davadmin coexist explain -a jdoe@example.com
  davadmin coexist explain -a jdoe@example.com --ldif export.ldif --output json
  davadmin coexist explain -a jdoe@example.com --from boss@example.com --ics-conf ics.conf --cs6-list cscal-list.txt`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.address, "account", "a", "", "mail `ADDRESS` of the user (default: DAVADMIN_ACCOUNT)")
	flags.StringVar(&o.from, "from", "", "mail `ADDRESS` of another user, who asks for free/busy or invites")
	flags.StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	flags.StringArrayVar(&o.cs6, "cs6-list", nil, "`FILE` with the users on the old server (repeatable)")
	o.DirectoryOptions.Add(cmd)
	return cmd
}

// explained is the explanation in JSON.
type explained struct {
	Schema    string          `json:"schema"`
	Decision  *route.Decision `json:"decision"`
	Otherwise *route.Decision `json:"otherwise,omitempty"` // with the mark the other way
	From      *route.Decision `json:"from,omitempty"`
	Asks      []string        `json:"asks,omitempty"` // what the server of From does
	Old       *onOldServer    `json:"old_server,omitempty"`
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
		return cmdutil.Usagef("the address is missing; use -a ADDRESS")
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	if home == nil {
		return cmdutil.Usagef("the decision depends on the configuration of the new server; use --home DIR")
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
	list, err := o.stores.ReadUserList(ctx, "--cs6-list", o.cs6)
	if err != nil {
		return err
	}
	names := home.Names()
	c.Extra = []string{names.UID, names.Mail, names.AlternateMail}
	out := explained{Schema: "davadmin.coexist.explain.1"}
	if out.Decision, err = route.Decide(ctx, c, d.Source, o.address); err != nil {
		return addressUsage("-a", err)
	}
	if other, changes := c.Otherwise(out.Decision); changes {
		out.Otherwise = other
	}
	if list != nil {
		out.Old = findOld(list, &names, out.Decision)
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
		err = o.doubt(&out)
	}
	if err == nil {
		err = cmdutil.MarkHidden(ctx, d.Prove, c.LocalAttr, out.Decision, out.From)
	}
	return err
}

// doubt returns an error if a part of the directory could not be read.
func (o *coexistExplain) doubt(e *explained) error {
	unread := e.Decision.Unread
	if e.From != nil {
		unread = max(unread, e.From.Unread)
	}
	if unread == 0 {
		return nil
	}
	return fmt.Errorf("records or parts of the tree that could not be read: %d, so the answer may be wrong; '%s' lists them",
		unread, o.hints.Line("ldap", "audit", sourceWords(&o.DirectoryOptions)...))
}

// addressUsage returns an invalid address as a usage error.
func addressUsage(option string, err error) error {
	if errors.Is(err, route.ErrAddress) {
		return cmdutil.Usagef("%s: %v", option, err)
	}
	return err
}

const redirectSetting = "service.wcap.freebusy.redirecturl"

// asks returns what the server of the user given with --from does.
func (o *coexistExplain) asks(out *explained) ([]string, error) {
	switch out.From.Side {
	case route.Local:
		return []string{"asks the new server, which decides as above"}, nil
	case route.External:
		return []string{"asks its own server, which is external; an invitation is sent by mail"}, nil
	case route.Ambiguous:
		return []string{"several entries have the address, so its server is unknown"}, nil
	}
	lines := []string{"asks the old server, which looks for a calendar of the user in its own database and, if there is one, answers from it"}
	redirect := "it redirects to " + redirectSetting + " of its ics.conf (to show it, use --ics-conf FILE)"
	if o.icsConf != "" {
		b, err := cmdutil.ReadIcsConf(o.icsConf)
		if err != nil {
			return nil, fmt.Errorf("--ics-conf: %w", err)
		}
		if s, ok := cs6.ParseIcsConf(b).Get(redirectSetting); ok {
			redirect = fmt.Sprintf("it redirects to %s (%s:%d)", config.MaskURLPassword(s.Value), o.icsConf, s.Line)
		} else {
			redirect = fmt.Sprintf("it answers that the user is unknown: %s has no %s", o.icsConf, redirectSetting)
		}
	}
	lines = append(lines, "if there is none, "+redirect)
	if out.Decision.Side == route.OldServer {
		switch {
		case out.Old == nil:
			lines = append(lines, "the new server considers the user to be on the old server and asks there: without a calendar on the old server, this is a loop")
		case !out.Old.Listed:
			lines = append(lines, "the new server considers the user to be on the old server and asks there: the user has no calendar there, so this is a loop")
		}
	}
	return lines, nil
}

// explainText returns the explanation as text, for the formats table and plain.
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
	if out.Old != nil {
		line("old server", out.Old.text())
	}
	if out.From != nil {
		line("from", fmt.Sprintf("%s (%s)", out.From.Address, out.From.Side))
		for _, text := range out.Asks {
			fmt.Fprintf(&b, "            %s\n", ui.Sanitize(text))
		}
	}
	return b.String()
}

// asked returns which URL is asked for free/busy, or why none is.
func asked(d *route.Decision) string {
	if d.URL != "" {
		return d.URL + " is asked"
	}
	return d.NoURL
}
