package ldapcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// planOutput is the file that a plan is written to.
type planOutput struct {
	path  string
	force bool
}

// add adds the options of the output file.
func (o *planOutput) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.path, "out", "O", "", "write the plan to `FILE`, which is private to you")
	f.BoolVar(&o.force, "force", false, "overwrite an existing file")
}

// check refuses to overwrite a file without --force, and the files that are read, whose
// option is what.
func (o *planOutput) check(what string, inputs ...string) error {
	if o.path == "" {
		return cmdutil.Usagef("the output file for the plan is missing; use -O FILE")
	}
	for _, input := range inputs {
		if err := cmdutil.CheckDistinct("the plan", o.path, what, input); err != nil {
			return err
		}
	}
	return cmdutil.CheckOutput(o.path, o.options())
}

func (o *planOutput) options() fsx.OutputOptions { return fsx.OutputOptions{Overwrite: o.force} }

// write writes a plan completely or not at all.
func (o *planOutput) write(ctx context.Context, d *ldapchange.Draft, h ldapchange.Header) error {
	return d.WriteFile(ctx, o.path, h, o.options())
}

// name returns the plan as the next command names it.
func (o *planOutput) name() string {
	if fsx.IsDirect(o.path) {
		return "PLAN"
	}
	return o.path
}

// ldapPopulate is the action 'ldap populate'.
type ldapPopulate struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	journals    *cmdutil.Journals
	now         func() time.Time
	stores      *cmdutil.Stores
	cmdutil.DirectoryOptions
	out       planOutput
	attribute string
	value     string
	from      string
	form      string
	class     string
	classes   []string
	users     []string
	tmp       string
	confirmed bool // that the attribute is absent
}

func newLDAPPopulate(f *cmdutil.Factory) *cobra.Command {
	o := &ldapPopulate{console: f.Console, directories: f.Directories, hints: f.Hints, journals: f.Journals, now: f.Now, stores: f.Stores}
	cmd := &cobra.Command{
		Use:   "populate -O PLAN [--attribute NAME] [--from-attr NAME | --value VALUE --users FILE] [--ldif FILE | -H HOST ...]",
		Short: "plan unique ids for all entries without one, or another attribute for listed users",
		Long: `Reads the directory and writes a plan for 'ldap apply': each user, group and resource
that has no unique id, or only an empty one, gets a new one, and the object class that
allows it. A new value never equals an existing one, in any letter case. With
--from-attr, the value is copied from another attribute, if it is unique there too. The
directory is not changed.

The mark of the new server (davStore) is only given to the users listed with --users,
together with --value, because its presence moves a user to the new server.

If the bind DN may not read an attribute, a server returns entries as if they did not
have it. If the server turns out to hide values, no plan is written. If no entry shows
a value, as before the first ids, the command asks for confirmation before it writes
the plan. To avoid the question, name with --prove-as a DN that may read everything, or
use --absence-confirmed if you know that no entry has the attribute; --yes does not
answer this question.

The exit code is 4 if entries were skipped; each is listed with the reason. If the
directory cannot be read completely, no plan is written.`,
		Example: `  davadmin ldap populate --ldif export.ldif -O plan.ldif
  davadmin ldap populate -H ldap1 --starttls -D cn=manager --password-file pw -B o=isp --attribute davUniqueId --from-attr nsUniqueId -O plan.ldif
  davadmin ldap populate --ldif export.ldif --attribute davStore --value defaultbackend --users wave1.txt -O wave1.ldif`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.Check(cmd), cmp.Or(o.out.check("--ldif", o.Files...), o.out.check("--users", o.users...))); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.DirectoryOptions.Add(cmd)
	o.AddProof(cmd)
	o.out.add(cmd)
	flags.StringVar(&o.attribute, "attribute", "", "`NAME` of the attribute to add (default: the unique id as configured in the home, else davUniqueId)")
	flags.StringVar(&o.value, "value", "", "add this `VALUE` to every listed user; requires --users")
	flags.StringVar(&o.from, "from-attr", "", "copy the value of the attribute `NAME`")
	flags.StringVar(&o.form, "format", string(ldapchange.FormatNSUniqueID), "format of new values: 8-8-8-8 (as in nsUniqueId) or uuid")
	flags.StringVar(&o.class, "class", "", "object `CLASS` that allows the attribute, added where it is missing (default: davEntity for davUniqueId and davStore)")
	flags.StringSliceVar(&o.classes, "classes", nil, "only entries with one of these object `CLASSES`, separated by commas (default: users, groups and resources)")
	flags.StringArrayVar(&o.users, "users", nil, "`FILE` with the users to add the attribute to, in the format of --cs7-list of 'ldap audit' (repeatable)")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	flags.BoolVar(&o.confirmed, "absence-confirmed", false, "write the plan although it is not proven that the attribute is absent rather than hidden")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{string(ldapchange.FormatNSUniqueID), string(ldapchange.FormatUUID)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// population returns which attribute is to be added to which entries.
func (o *ldapPopulate) population(ctx context.Context, names *ldapcheck.Names) (ldapchange.Population, error) {
	scope, err := o.DirectoryScope()
	if err != nil {
		return ldapchange.Population{}, err
	}
	format, err := idFormat(o.form)
	if err != nil {
		return ldapchange.Population{}, err
	}
	p := ldapchange.Population{
		Attribute: o.attribute, Class: o.class, Value: o.value, From: o.from, Format: format,
		Scope: scope, Filter: o.Filter, UID: names.UID, Mail: names.Mail, Alternate: names.AlternateMail, Tmp: o.tmp,
		Skipped: func(dn, why string) {
			if dn != "" {
				dn = ui.Sanitize(dn) + ": "
			}
			o.console.Say("davadmin: " + dn + "skipped: " + ui.Sanitize(why))
		},
	}
	if p.Attribute == "" {
		p.Attribute = names.UniqueID
	}
	if p.Class == "" && (strings.EqualFold(p.Attribute, "davUniqueId") || strings.EqualFold(p.Attribute, "davStore")) {
		p.Class = "davEntity"
	}
	mark := strings.EqualFold(p.Attribute, names.LocalUserAttr()) || strings.EqualFold(p.Attribute, names.Store)
	switch {
	case config.IsOperationalAttribute(p.Attribute):
		return p, cmdutil.Usagef("%s is maintained by the directory server itself; choose another attribute, for example --attribute davUniqueId --from-attr %s", p.Attribute, p.Attribute)
	case strings.EqualFold(p.Attribute, p.From):
		return p, cmdutil.Usagef("--attribute and --from-attr are both %s", p.Attribute)
	case ldapchange.IsSecret(p.Attribute):
		return p, cmdutil.Usagef("--attribute: %s is a secret, and secrets are never written to a plan", p.Attribute)
	case ldapchange.IsSecret(p.From):
		return p, cmdutil.Usagef("--from-attr: %s is a secret, and secrets are never written to a plan", p.From)
	case p.Value != "" && p.From != "":
		return p, cmdutil.Usagef("--value and --from-attr cannot be combined")
	case mark && (len(o.users) == 0 || p.Value == ""):
		return p, cmdutil.Usagef("%s moves users to the new server, so it requires --users FILE and --value", p.Attribute)
	case p.Value != "" && len(o.users) == 0:
		return p, cmdutil.Usagef("--value requires --users FILE, which lists the users to add it to")
	case p.Value != "" && strings.EqualFold(p.Attribute, names.UniqueID):
		return p, cmdutil.Usagef("--value cannot be used for the unique id, which must differ for each entry")
	}
	for _, kind := range []directory.Kind{directory.Resource, directory.Group, directory.User} {
		if classes := classesOf(names, kind); len(o.classes) == 0 && len(classes) > 0 && (!mark || kind != directory.Group) {
			p.Selections = append(p.Selections, directory.Selection{Kind: kind, Classes: classes})
		}
	}
	if len(o.classes) > 0 {
		p.Selections = []directory.Selection{{Kind: directory.User, Classes: o.classes}}
	}
	p.People, err = o.stores.ReadUserList(ctx, "--users", o.users)
	return p, err
}

// classesOf returns the object classes of a kind of entry.
func classesOf(n *ldapcheck.Names, kind directory.Kind) []string {
	switch kind {
	case directory.Resource:
		return n.ResourceClasses
	case directory.Group:
		return n.GroupClasses
	}
	return n.UserClasses
}

func (o *ldapPopulate) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	names := home.Names()
	p, err := o.population(ctx, &names)
	if err != nil {
		return err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	p.Bases, p.Prove = d.Bases, d.Prove
	draft, found, err := ldapchange.Populate(ctx, d.Source, p)
	switch {
	case errors.Is(err, ldapchange.ErrEmpty):
		return fmt.Errorf("no entry was found that could need %s, so no plan was written; use -B to set the search base", p.Attribute)
	case err != nil:
		return fmt.Errorf("no plan was written: %w", err)
	}
	defer func() { _ = draft.Close() }()
	if found.Planned > 0 {
		if err := o.confirmAbsence(ctx, &found, p.Attribute, d.Prove); err != nil {
			return err
		}
		h := ldapchange.Header{Made: o.now(), By: strings.Join(o.journals.Command(), " "), Source: d.Source.Name(), Entries: found.Entries}
		if err := o.out.write(ctx, draft, h); err != nil {
			return err
		}
	}
	return o.report(format, p.Attribute, found)
}

// confirmAbsence asks whether to write a plan that assumes that an attribute is absent, if
// that is not proven. The option --yes does not answer: it stands for questions about what
// is known.
func (o *ldapPopulate) confirmAbsence(ctx context.Context, found *ldapchange.Populated, attribute string, prove *directory.Prover) error {
	unproven := found.Unproven(attribute)
	if unproven == nil || o.confirmed {
		return nil
	}
	why := "absence-not-proven: " + unproven.Describe(prove.BindDN)
	yes, err := o.console.Streams.Confirm(ctx, fmt.Sprintf("%s. Write a plan that gives %s to %s?", why, attribute, cmdutil.EntryCount(found.Planned)))
	switch {
	case errors.Is(err, ui.ErrNoTerminal):
		return cmdutil.Usagef("%s; no plan was written: prove it with '%s', or use --absence-confirmed if you know that no entry has it", why, o.hints.Again("--prove-as", "DN"))
	case err != nil:
		return err
	case !yes:
		return errors.New("not confirmed; no plan was written")
	}
	return nil
}

// absenceOf returns whether it is proven that the attribute is absent from the entries
// that came without it; an empty string if none did.
func absenceOf(list []directory.AttributeAbsence, attribute string) string {
	return cmdutil.AbsenceWord(slices.DeleteFunc(slices.Clone(list), func(a directory.AttributeAbsence) bool {
		return !strings.EqualFold(a.Attribute, attribute)
	}))
}

// report prints how many entries the plan changes.
func (o *ldapPopulate) report(format ui.Format, attribute string, found ldapchange.Populated) error {
	plan, next := "", ""
	if found.Planned > 0 {
		plan = o.out.path
		next = o.hints.Line("ldap", "apply", append(append([]string{o.out.name()}, o.ChangeArgs()...), "--dry-run")...)
	}
	to := o.console.Streams.Out
	if fsx.IsStdout(o.out.path) { // the plan is there
		to = o.console.Streams.Err
	}
	var err error
	if format == ui.JSON {
		err = ui.WriteJSON(to, struct {
			Schema    string `json:"schema"`
			Attribute string `json:"attribute"`
			Entries   int    `json:"entries"`
			Have      int    `json:"have"`
			Planned   int    `json:"planned"`
			LeftOut   int    `json:"left_out"`
			Plan      string `json:"plan,omitempty"`
			Absence   string `json:"absence,omitempty"`
		}{"davadmin.ldap.populate.1", attribute, found.Entries, found.Have, found.Planned, found.Skipped, plan, absenceOf(found.Absence, attribute)})
	} else {
		_, err = fmt.Fprintf(to, "entries:   %d\nhave %s: %d\nplanned:   %d\nskipped:   %d\n", found.Entries, ui.Sanitize(attribute), found.Have, found.Planned, found.Skipped)
	}
	switch {
	case err != nil:
		return err
	case next != "":
		o.console.Notef("next: %s", next)
	case found.Skipped == 0:
		o.console.Notef("nothing to do: every entry already has %s, so no plan was written", attribute)
	}
	return skippedError(found.Skipped)
}

// skippedError returns the error for n skipped entries; nil for none.
func skippedError(n int) error {
	if n == 0 {
		return nil
	}
	return &cmdutil.PartialError{Text: fmt.Sprintf("skipped, and listed above: %d", n)}
}
