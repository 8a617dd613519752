package accountcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// calendarChange is shared by the actions that change calendars.
type calendarChange struct {
	accountChange
	name       string
	properties string
	undelete   bool
	force      bool

	ofLine map[string]string // the calendar named by each batch line
	zones  map[string]bool   // the names of time zones that a note was printed about
}

func newCalendarChange(f *cmdutil.Factory, action string, undo ...string) *calendarChange {
	o := &calendarChange{accountChange: newAccountChange(f, action, undo...), ofLine: map[string]string{}, zones: map[string]bool{}}
	o.runner.operation = "calendar"
	o.restColumns = []string{"name", "calendar"}
	o.restWord = account.CalendarWord
	o.restDefault = func() string { return o.name }
	o.accountSelection.parseRest = func(rest string, form account.Form, r *account.Request) error {
		if rest == "" {
			return nil
		}
		name, p, err := account.ParseCalendarLine(rest, form)
		if err == nil && form == account.Typed {
			err = o.correctZones(p)
		}
		o.ofLine[r.Line], r.Properties = name, p
		return err
	}
	return o
}

func (o *calendarChange) add(cmd *cobra.Command, what string) {
	o.accountSelection.add(cmd)
	cmd.Flags().Lookup("file").Usage = "batch `FILE` with one calendar per line (- for standard input)"
	f := cmd.Flags()
	f.StringArrayVarP(&o.ids, "guid", "g", nil, "unique `ID` of the account (repeatable)")
	f.StringVarP(&o.name, "name", "n", store.DefaultCalendar, "`NAME` of the calendar to "+what)
	f.StringVar(&o.backend, "backend", "", "only accounts on the back end `ID` (default: all back ends)")
	_ = cmd.RegisterFlagCompletionFunc("backend", o.stores.CompleteBackends)
	o.runner.add(cmd)
	o.limit.Add(cmd)
}

// calendar returns the name of the calendar of an item.
func (o *calendarChange) calendar(item *account.Item) string {
	if name, ok := o.ofLine[item.Line]; ok {
		return name
	}
	return o.name
}

func (o *calendarChange) parse() (account.Properties, error) {
	if err := store.CheckName("-n", o.name); err != nil {
		return nil, cmdutil.Usagef("%v", err)
	}
	p, err := account.ParseProperties(o.properties, account.CalendarProperties(), account.Typed)
	if err != nil {
		return nil, cmdutil.Usagef("-y: %v", err)
	}
	if err := o.correctZones(p); err != nil {
		return nil, cmdutil.Usagef("-y: %v", err)
	}
	return p, nil
}

// correctZones replaces names of time zones that are not in the IANA database but say
// what is meant. It prints one note for each.
func (o *calendarChange) correctZones(p account.Properties) error {
	notes, err := p.CorrectZones()
	for _, n := range notes {
		if o.zones[n.Given] {
			continue
		}
		o.zones[n.Given] = true
		if n.Windows {
			o.console.Notef("davadmin: note: '%s' is the name of a Windows time zone; used: %s, its name in the IANA database", n.Given, n.Used)
		} else {
			o.console.Notef("davadmin: note: used: time zone %s, as the IANA database writes it", n.Used)
		}
	}
	if err != nil {
		return fmt.Errorf("timezone: %w", err)
	}
	return nil
}

// work returns a step with the defaults and the people that it needs.
func (o *calendarChange) work(ctx context.Context, s *storehome.Home, d *account.Directory, t *selectedAccounts, step func(account.Defaults, account.PeopleLookup) account.Step) (account.Step, error) {
	defaults, err := s.Defaults(ctx, s.People(d))
	return step(defaults, t.people), err
}

func newCalendarCreate(f *cmdutil.Factory) *cobra.Command {
	o := newCalendarChange(f, "create", "calendar", "delete")
	o.known = account.CalendarProperties()
	cmd := &cobra.Command{
		Use:   "create -a ADDRESS -n NAME [-y prop=value,...] | -f FILE",
		Short: "create calendars in accounts",
		Long: `Creates a calendar in each account. People in an access list are looked up by their
accounts, then in the directory given by --ldif, -H or the home, and are stored by their
unique ids.

A batch file (-f) has a line 'address:name' or 'address:name:prop=value,...' for each
calendar.

` + valueHelp + `

Properties: ` + propertyHelp(account.CalendarProperties()),
		Example: `  davadmin calendar create -a user1@example.com -n work -y "displayname=Work,acl=user2@example.com:r"
  davadmin calendar create -f calendars.txt --reject rejected.txt`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			p, err := o.parse()
			if err != nil {
				return err
			}
			if o.batch == "" && !cmd.Flags().Changed("name") {
				return cmdutil.Usagef("no calendar given; use -n NAME")
			}
			return o.change(cmd.Context(), o.selects(cmd), changeWork{properties: p, use: store.CalendarACL, step: func(s *storehome.Home, d *account.Directory, t *selectedAccounts) (account.Step, error) {
				return o.work(cmd.Context(), s, d, t, func(defaults account.Defaults, people account.PeopleLookup) account.Step {
					return account.CreateCalendar(defaults, o.calendar, people)
				})
			}})
		},
	}
	o.add(cmd, "create")
	cmd.Flags().StringVarP(&o.properties, "property", "y", "", "initial `PROPERTIES`: prop=value, separated by commas")
	return cmd
}

func newCalendarModify(f *cmdutil.Factory) *cobra.Command {
	o := newCalendarChange(f, "modify", "calendar", "modify")
	o.known = account.CalendarProperties()
	cmd := &cobra.Command{
		Use:   "modify -a ADDRESS [-n NAME] -y prop=value,... | -f FILE | --undelete -a ADDRESS -n NAME",
		Short: "change properties of calendars, share them, or restore deleted ones",
		Long: `Sets properties of calendars. 'acl' replaces the whole access list, 'set-ace' changes
single entries of it. --undelete restores the most recently deleted calendar with that
name, if it has not been purged yet.

A batch file (-f) has a line 'address:name:prop=value,...' for each calendar.

` + valueHelp + `

Properties: ` + propertyHelp(account.CalendarProperties()),
		Example: `  davadmin calendar modify -a user1@example.com -y "set-ace=user2@example.com:w"
  davadmin calendar modify -a user1@example.com -n work -y "displayname=Work,colour=#3366cc"
  davadmin calendar modify -a user1@example.com -n work --undelete`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			p, err := o.parse()
			switch {
			case err != nil:
				return err
			case o.undelete && len(p) > 0:
				return cmdutil.Usagef("--undelete cannot be combined with -y; change properties afterwards")
			case !o.undelete && len(p) == 0 && o.batch == "":
				return nothingToChange(account.CalendarProperties())
			}
			if o.modifies = !o.undelete; o.undelete {
				o.runner.undo = []string{"calendar", "delete"}
			}
			return o.change(cmd.Context(), o.selects(cmd), changeWork{properties: p, use: store.CalendarACL, step: func(s *storehome.Home, d *account.Directory, t *selectedAccounts) (account.Step, error) {
				if o.undelete {
					return account.UndeleteCalendar(o.calendar), nil
				}
				return o.work(cmd.Context(), s, d, t, func(_ account.Defaults, people account.PeopleLookup) account.Step {
					return account.ModifyCalendar(o.calendar, people)
				})
			}})
		},
	}
	o.add(cmd, "modify")
	cmd.Flags().StringVarP(&o.properties, "property", "y", "", "`PROPERTIES` to set: prop=value, separated by commas")
	cmd.Flags().BoolVar(&o.undelete, "undelete", false, "restore a deleted calendar")
	return cmd
}

func newCalendarDelete(f *cmdutil.Factory) *cobra.Command {
	o := newCalendarChange(f, "delete", "calendar", "modify", "--undelete")
	cmd := &cobra.Command{
		Use:   "delete -a ADDRESS -n NAME | -f FILE",
		Short: "delete calendars; they can be restored until they are purged",
		Long: `Deletes calendars and everything in them, after confirmation. 'calendar modify --undelete'
restores them until the purge delay of the back end has passed and 'backend purge' runs.
The default calendar, inbox, outbox and dropbox are deleted only with their account.`,
		Example: `  davadmin calendar delete -a user1@example.com -n work
  davadmin calendar delete -f calendars.txt --yes`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if _, err := o.parse(); err != nil {
				return err
			}
			if o.batch == "" && !cmd.Flags().Changed("name") {
				return cmdutil.Usagef("no calendar given; use -n NAME")
			}
			o.global.Yes = o.global.Yes || o.force
			return o.change(cmd.Context(), o.selects(cmd), changeWork{
				step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
					return account.DeleteCalendar(o.calendar), nil
				},
				question: func(n int) string {
					return fmt.Sprintf("Delete %s and everything in it?", cmdutil.Plural(n, "calendar"))
				},
			})
		},
	}
	o.add(cmd, "delete")
	cmd.Flags().BoolVarP(&o.force, "force", "r", false, "do not ask; the same as --yes")
	return cmd
}
