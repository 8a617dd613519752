package accountcmd

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
)

// accountSubscribe is 'account subscribe' or 'account unsubscribe'.
type accountSubscribe struct {
	accountChange
	collections []string
	on          bool
}

func newAccountSubscribe(f *cmdutil.Factory, on bool) *cobra.Command {
	verb, other, short := "subscribe", "unsubscribe", "subscribe accounts to calendars of other users"
	long := "Subscribes accounts to calendars of other users."
	if !on {
		verb, other, short = other, verb, "unsubscribe accounts from calendars of other users"
		long = "Unsubscribes accounts from calendars of other users."
	}
	note := ""
	if on {
		note = `

A subscription to a calendar that the person may not read is made as well, with a note that
contains the command that gives the right.`
	}
	o := &accountSubscribe{accountChange: newAccountChange(f, verb, "account", other), on: on}
	cmd := &cobra.Command{
		Use:   verb + " -a ADDRESS -c /home/OWNER/CALENDAR/ | -f FILE",
		Short: short,
		Long: long + ` A calendar is given by its URI, /home/ADDRESS/NAME/. Repeat -c for several calendars. A
batch file (-f) has a line 'address:uri' for each subscription; with -c, a line is only
an address.` + note,
		Example: `  davadmin account ` + verb + ` -a user1@example.com -c /home/user2@example.com/calendar/
  davadmin account ` + verb + ` -f followers.txt -c /home/room1@example.com/calendar/`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.subscribe(cmd.Context(), o.selects(cmd))
		},
	}
	o.add(cmd)
	cmd.Flags().StringArrayVarP(&o.collections, "collectionuri", "c", nil, "`URI` of a calendar, /home/ADDRESS/NAME/ (repeatable)")
	return cmd
}

func (o *accountSubscribe) subscribe(ctx context.Context, selects bool) error {
	uris, err := parseURIs(o.collections)
	if err != nil {
		return cmdutil.Usagef("-c: %v", err)
	}
	ofLine := map[string][]account.CollectionURI{} // by batch line
	o.restColumns = []string{"uri", "collectionuri"}
	o.restWord = func(uri string) string { return uri }
	o.parseRest = func(rest string, _ account.Form, r *account.Request) error {
		if rest == "" {
			return nil
		}
		u, err := account.ParseCollectionURI(strings.TrimSpace(rest))
		ofLine[r.Line] = append(ofLine[r.Line], u)
		return err
	}
	requests, err := o.requests(ctx, nil)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if own := len(ofLine[r.Line]); own+len(uris) == 0 {
			return cmdutil.Usagef("%s%s: no calendar given; use -c /home/ADDRESS/NAME/", whereWords(r.Where()), r.Name())
		} else if own > 0 && len(uris) > 0 {
			return cmdutil.Usagef("%s: both the line and -c name a calendar; use only one of them", r.Where())
		}
	}
	return o.changeRequested(ctx, selects, requests, changeWork{step: func(s *storehome.Home, _ *account.Directory, _ *selectedAccounts) (account.Step, error) {
		names, err := s.Selected(ctx, "")
		if err != nil {
			return nil, err
		}
		return account.Subscribe(s.Finder(names, ""), func(item *account.Item) []account.CollectionURI {
			if own := ofLine[item.Line]; len(own) > 0 {
				return own[:1]
			}
			return uris
		}, o.on), nil
	}})
}

func parseURIs(words []string) ([]account.CollectionURI, error) {
	var out []account.CollectionURI
	for _, w := range words {
		u, err := account.ParseCollectionURI(w)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
