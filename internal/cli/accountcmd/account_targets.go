package accountcmd

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountTargets say which accounts are meant.
type accountTargets struct {
	console *cmdutil.Console
	getenv  func(string) string
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	input   *cmdutil.Input
	now     func() time.Time
	stores  *storeHomes
	cmdutil.DirectoryOptions
	accounts []string
	ids      []string
	batch    string
	backend  string
	tmp      string

	known []account.PropertyInfo // of batch lines
	words func(rest string, r *account.Request) error
}

func (o *accountTargets) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.accounts, "account", "a", nil, "mail `ADDRESS` of the account (else DAVADMIN_ACCOUNT); may be repeated")
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE`, one account a line (- for standard input)")
	o.DirectoryOptions.Add(cmd)
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
}

// addExisting adds what tells accounts that exist apart.
func (o *accountTargets) addExisting(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.ids, "guid", "g", nil, "unique `ID` of the account, as for one whose entry is gone; may be repeated")
	f.StringVarP(&o.backend, "backend", "n", "", "only accounts on the back end `ID` (default: all)")
	_ = cmd.RegisterFlagCompletionFunc("backend", o.stores.CompleteBackends)
}

// selects reports whether entries of the directory are meant, not single
// accounts.
func (o *accountTargets) selects(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("base") || cmd.Flags().Changed("ldapfilter")
}

// check refuses what does not go together.
func (o *accountTargets) check(cmd *cobra.Command) error {
	if err := o.DirectoryOptions.Check(cmd); err != nil {
		return err
	}
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
		return cmdutil.Usagef("which account? Give -a ADDRESS, -f FILE, or -B and -R to select entries of the directory")
	case ways > 1:
		return cmdutil.Usagef("-a and -g, -f, and -B and -R exclude each other")
	}
	return nil
}

// requests are those of -a, -g and -f. The syntax of a whole batch is checked.
func (o *accountTargets) requests(ctx context.Context, p account.Properties) ([]account.Request, error) {
	var out []account.Request
	for _, a := range o.accounts {
		a = strings.TrimPrefix(strings.TrimSpace(a), "mailto:")
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
	wayBack := false
	file, number := cmdutil.BatchName(o.batch), 0
	err := o.input.EachBatchLine(ctx, o.batch, func(line, where string, _ fs.FileInfo) error {
		number++
		wayBack = wayBack || isUndoMark(line)
		if wayBack && !strings.HasSuffix(line, "\n") {
			o.console.Notef("davadmin: note: %s: skipped: the line is incomplete, because the run was killed before it made that change", where)
			return nil
		}
		if line = cmdutil.TrimBatchLine(line); line == "" {
			return nil
		}
		r, err := o.request(line)
		if err != nil {
			return cmdutil.Usagef("%s: %v; nothing was changed", where, err)
		}
		if r.File, r.Number = file, number; len(p) > 0 {
			if len(r.Properties) > 0 {
				return cmdutil.Usagef("%s: the line has properties, and -y gives some to all; give them in one place; nothing was changed", where)
			}
			r.Properties = p
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if wayBack {
		slices.Reverse(out)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no account; nothing was changed", cmdutil.BatchName(o.batch))
	}
	return out, nil
}

func (o *accountTargets) request(line string) (account.Request, error) {
	if o.words == nil && len(o.known) > 0 {
		return account.ParseRequest(line, o.known)
	}
	who, rest, _ := strings.Cut(line, ":")
	r, err := account.ParseRequest(who, nil)
	switch r.Line = line; {
	case err != nil:
	case o.words != nil:
		err = o.words(rest, &r)
	case rest != "":
		name, _, _ := strings.Cut(rest, "=")
		err = fmt.Errorf("'%s' is no property of this action, which takes none", name)
	}
	return r, err
}

// selection reads the entries that -B and -R select; users without a filter.
func (o *accountTargets) selection(ctx context.Context, d *account.Directory) (*account.Entries, error) {
	filter := o.Filter
	if filter == "" {
		filter = classFilter(d.Attributes.UserClasses)
	}
	entries, err := d.Select(ctx, filter)
	if err == nil && entries.Len() == 0 {
		_ = entries.Close()
		return nil, fmt.Errorf("%s: no entry was selected, and nothing was changed; -B names where to begin, -R what to take", d.Source.Name())
	}
	return entries, err
}

// classFilter selects entries of one of the classes.
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

// countAll counts the active accounts of back ends.
func (s *storeHome) countAll(ctx context.Context, names []string) (int64, error) {
	var n int64
	for _, name := range names {
		st, err := s.set.Open(ctx, name)
		if err != nil {
			return 0, err
		}
		err = st.View(ctx, func(r store.Reader) error {
			c, err := r.CountAccounts(ctx, store.AccountFilter{})
			n += c
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// CompleteBackends offers the back ends of the home that the environment names.
func (sh *storeHomes) CompleteBackends(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := sh.Open(cmd.Context(), &cmdutil.HomeOptions{}, time.Second)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = s.close() }()
	return s.set.Names(), cobra.ShellCompDirectiveNoFileComp
}

// targets is what a command works on.
type targets struct {
	count   int
	items   iter.Seq2[*account.Item, error]
	skipped *int   // entries that were selected and are not meant
	why     string // they are not
	close   func() error
	entries *account.Entries     // that they were found by; nil where none were asked for
	people  account.PeopleLookup // whom their properties name
	// requests are those that there is an item of, in their order; nil for a selection.
	requests []account.Request
	// backends are all that have a store; set where accounts are made.
	backends []string
}
