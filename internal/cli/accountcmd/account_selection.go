package accountcmd

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountSelection holds the options that select accounts.
type accountSelection struct {
	console *cmdutil.Console
	getenv  func(string) string
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	input   *cmdutil.Input
	now     func() time.Time
	stores  *storehome.Homes
	cmdutil.DirectoryOptions
	accounts []string
	ids      []string
	batch    string
	backend  string
	tmp      string

	known []account.PropertyInfo // the properties that batch lines may set
	// modifies is set for an action that does nothing without properties.
	modifies bool
	// setBy is the option that sets the properties of all items; "" is -y.
	setBy string
	// command is the running command, as the first lines of undo files have it.
	command []string
	// parseRest, if not nil, parses what follows the account on a batch line.
	parseRest func(rest string, form account.Form, r *account.Request) error
	// restColumns are the columns of a list that have what parseRest parses.
	restColumns []string
	// restWord returns a value of such a column as parseRest reads it; not nil if restColumns is not.
	restWord func(string) string
	// restDefault returns what parseRest parses if no column has it; not nil if known and
	// parseRest are not.
	restDefault func() string
	// recorded is set when the batch turned out to be an undo file, whose lines have the
	// form account.Recorded and are run from the last to the first.
	recorded bool
	// preferID takes the unique id of a list by davadmin, and not the address: after an exchange,
	// an address means the entry that has it now.
	preferID bool
}

// add adds the options that name accounts by their addresses or select directory entries.
func (o *accountSelection) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.accounts, "account", "a", nil, "mail `ADDRESS` of the account (repeatable; default: DAVADMIN_ACCOUNT)")
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` with one account per line (- for standard input)")
	o.DirectoryOptions.Add(cmd)
	o.AddProof(cmd)
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
}

// addExisting adds the options that only make sense for existing accounts.
func (o *accountSelection) addExisting(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.ids, "guid", "g", nil, "unique `ID` of the account, for example if its directory entry was deleted (repeatable)")
	f.StringVarP(&o.backend, "backend", "n", "", "only accounts on the back end `ID` (default: all back ends)")
	_ = cmd.RegisterFlagCompletionFunc("backend", o.stores.CompleteBackends)
}

// selects reports whether the options select directory entries instead of naming accounts.
func (o *accountSelection) selects(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("base") || cmd.Flags().Changed("ldapfilter")
}

// check returns an error unless accounts are named in exactly one way.
func (o *accountSelection) check(cmd *cobra.Command) error {
	if err := o.DirectoryOptions.Check(cmd); err != nil {
		return err
	}
	o.command = storehome.UndoCommand(cmd)
	ways := 0
	for _, given := range []bool{len(o.accounts)+len(o.ids) > 0, o.batch != "", o.selects(cmd)} {
		if given {
			ways++
		}
	}
	if ways == 0 {
		if a := o.getenv("DAVADMIN_ACCOUNT"); a != "" {
			o.accounts, ways = []string{a}, 1
		}
	}
	switch {
	case ways == 0:
		return cmdutil.Usagef("missing account: use -a ADDRESS, -f FILE, or -B and -R to select directory entries")
	case ways > 1:
		return cmdutil.Usagef("use only one of these: -a and -g, -f, or -B and -R")
	}
	return nil
}

// requests returns the requests of -a, -g and -f. It checks the syntax of the whole batch.
func (o *accountSelection) requests(ctx context.Context, p account.Properties) ([]account.Request, error) {
	var out []account.Request
	for _, a := range o.accounts {
		a = store.CutMailto(strings.TrimSpace(a))
		if err := store.CheckAddress(a); err != nil {
			return nil, cmdutil.Usagef("-a: '%s' %v", a, err)
		}
		out = append(out, account.Request{Address: a, Line: a, Properties: p})
	}
	for _, id := range o.ids {
		if err := store.CheckID(id); err != nil {
			return nil, cmdutil.Usagef("-g: %v", err)
		}
		out = append(out, account.Request{ID: id, Line: account.RequestLine(id, nil), Properties: p})
	}
	if o.batch == "" {
		return out, nil
	}
	return o.batchRequests(ctx, out, p)
}

// checkUndo returns an error if an undo file is for another command: that of a restoration,
// for example, deletes the same accounts again.
func (o *accountSelection) checkUndo(command []string) error {
	if len(command) < 2 || slices.Equal(storehome.WithoutTime(command), o.command) {
		return nil
	}
	return cmdutil.Usagef("%s is an undo file of another kind, so nothing was changed; to undo: %s", cmdutil.BatchName(o.batch), o.hints.Line(command[0], command[1], append(slices.Clone(command[2:]), "-f", o.batch)...))
}

// request parses a line of a batch.
func (o *accountSelection) request(line string, form account.Form) (account.Request, error) {
	if o.parseRest == nil && len(o.known) > 0 {
		return account.ParseRequest(line, o.known, form)
	}
	who, rest, _ := strings.Cut(store.CutMailto(line), ":")
	r, err := account.ParseRequest(who, nil, form)
	switch r.Line = line; {
	case err != nil:
	case o.parseRest != nil:
		err = o.parseRest(rest, form, &r)
	case rest != "":
		name, _, _ := strings.Cut(rest, "=")
		err = fmt.Errorf("unexpected property '%s': this action takes no properties", name)
	}
	return r, err
}

// selection reads the entries that -B and -R select. Without a filter, these are the users.
func (o *accountSelection) selection(ctx context.Context, d *account.Directory) (*account.Entries, error) {
	filter := o.Filter
	if filter == "" {
		filter = classFilter(d.Attributes.UserClasses)
	}
	entries, err := d.Select(ctx, filter)
	if err == nil && entries.Len() == 0 {
		_ = entries.Close()
		return nil, fmt.Errorf("%s: no entries match; nothing was changed (check the base DN of -B and the filter of -R)", d.Source.Name())
	}
	return entries, err
}

// classFilter returns an LDAP filter for entries of any of the object classes.
func classFilter(classes []string) string {
	var b strings.Builder
	for _, c := range classes {
		b.WriteString("(objectClass=" + directory.EscapeFilter(c) + ")")
	}
	if len(classes) == 1 {
		return b.String()
	}
	return "(|" + b.String() + ")"
}

// selectedAccounts are the accounts that a command works on.
type selectedAccounts struct {
	count     int
	items     iter.Seq2[*account.Item, error]
	skipped   *int   // selected entries that the command does not work on
	why       string // why they were skipped
	close     func() error
	directory *account.Directory   // nil if none was given
	entries   *account.Entries     // by which they were found; nil if the directory was not read
	people    account.PeopleLookup // the people whom their properties name
	// requests are the requests that have an item, in the order of the items; nil for a
	// selection.
	requests []account.Request
	// backends are all back ends that have a store; set only if accounts are created.
	backends []string
}
