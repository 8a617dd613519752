package ldapcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// ldapGenerate is the action 'ldap generate'.
type ldapGenerate struct {
	console *cmdutil.Console
	cmdutil.HomeOptions
	options  dirgen.Options
	faults   []string
	out      string
	manifest string
	cs6, cs7 string
	force    bool
	list     bool
}

func newLDAPGenerate(f *cmdutil.Factory) *cobra.Command {
	o := &ldapGenerate{console: f.Console}
	cmd := &cobra.Command{
		Use:   "generate --entries N [--seed S] [--faults LIST] [-O FILE] [--manifest FILE]",
		Short: "generate a directory with planted faults, for rehearsals",
		Long: `Generates an invented directory as LDIF, for rehearsals: users, groups and resources of
several mail domains, some of them on the old server and some on the new one, with
planted faults. The manifest lists how many faults of each kind there are, which is
what an audit must find. The same options always produce the same bytes.

Each fault belongs to a rule of 'ldap rules'. Some faults can only be in a file, because
a directory server that checks its schema rejects the entry: --for-server omits them.`,
		Example: `  davadmin ldap generate --entries 100000 -O rehearsal.ldif --manifest planted.json --cs6-list cs6.txt --cs7-list cs7.txt
  davadmin ldap generate --entries 1000 --faults uniqueid-duplicate=5,mail-missing=2 | davadmin ldap audit --ldif -
  davadmin ldap generate --list-faults`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.IntVar(&o.options.Entries, "entries", 0, "`NUMBER` of users, groups and resources")
	flags.Uint64Var(&o.options.Seed, "seed", 1, "`NUMBER` that varies the directory; the same number gives the same directory")
	flags.StringSliceVar(&o.faults, "faults", nil, "faults to plant, as a `LIST` of RULE=NUMBER separated by commas, or 'none' (default: some of each)")
	flags.IntVar(&o.options.Domains, "domains", 0, "`NUMBER` of mail domains (default: depends on the number of entries)")
	flags.IntVar(&o.options.Schema, "schema", 2, "`LAYOUT` of the tree, Sun's Schema 1 or 2")
	flags.BoolVar(&o.options.DayOne, "day-one", false, "the directory before any preparation: no entry has a unique id")
	flags.StringArrayVar(&o.options.Backends, "backend", nil, "`NAME` of a back end (repeatable; default: defaultbackend, store1, store2)")
	flags.BoolVar(&o.options.ForServer, "for-server", false, "generate only entries that a directory server can load")
	flags.BoolVar(&o.options.Unchecked, "unchecked", false, "with --for-server: the server does not check its schema")
	flags.StringVarP(&o.out, "out", "O", "", "write the LDIF to `FILE` (default: standard output)")
	flags.StringVar(&o.manifest, "manifest", "", "write what was planted to `FILE`, as JSON")
	flags.StringVar(&o.cs6, "cs6-list", "", "write the list of users on the old server to `FILE`")
	flags.StringVar(&o.cs7, "cs7-list", "", "write the list of users on the new server to `FILE`")
	flags.BoolVar(&o.force, "force", false, "overwrite existing files")
	flags.BoolVar(&o.list, "list-faults", false, "list the faults that can be planted, and generate nothing")
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *ldapGenerate) run(ctx context.Context) error {
	if o.list {
		return o.listFaults()
	}
	if _, err := o.console.Format(ui.Plain); err != nil {
		return err
	}
	if o.options.Entries == 0 {
		return cmdutil.Usagef("the number of entries is missing; use --entries NUMBER")
	}
	var err error
	if o.options.Faults, err = readFaults(o.faults); err != nil {
		return err
	}
	d, err := dirgen.New(o.options)
	var unknown *dirgen.UnknownFaultError
	if errors.As(err, &unknown) {
		return &cmdutil.UsageError{Text: err.Error() + "; the faults are:", More: strings.Split(ui.Wrap(strings.Join(unknown.Known, ", "), 0), "\n")}
	}
	if err != nil {
		return cmdutil.Usagef("%v", err)
	}
	if err := o.writeFiles(ctx, d); err != nil {
		return err
	}
	if o.out == "" {
		o.console.EndWithReader()
		if err := d.WriteLDIF(ctx, o.console.Streams.Out); err != nil {
			return fmt.Errorf("the LDIF is incomplete: %w", err)
		}
	}
	return nil
}

// writeFiles writes the files that the options name, none if one of them cannot be written.
func (o *ldapGenerate) writeFiles(ctx context.Context, d *dirgen.Directory) error {
	// The small files are written first, so that a full disk shows before the long work.
	type part struct {
		option string
		path   string
		write  func(context.Context, io.Writer) error
	}
	parts := slices.DeleteFunc([]part{
		{"--manifest", o.manifest, func(_ context.Context, w io.Writer) error { return ui.WriteJSON(w, d.Manifest()) }},
		{"--cs6-list", o.cs6, d.WriteCS6List}, {"--cs7-list", o.cs7, d.WriteCS7List}, {"-O", o.out, d.WriteLDIF},
	}, func(p part) bool { return p.path == "" })
	options := fsx.OutputOptions{Overwrite: o.force}
	for i, p := range parts {
		if o.out == "" && fsx.IsStdout(p.path) {
			return cmdutil.Usagef("%s: the LDIF is written to the standard output; use -O FILE", p.option)
		}
		for _, other := range parts[:i] {
			if err := cmdutil.CheckDistinct(other.option, other.path, p.option, p.path); err != nil {
				return err
			}
		}
		if err := cmdutil.CheckOutput(p.path, options); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if err := fsx.WriteOutput(ctx, p.path, options, func(w io.Writer) error { return p.write(ctx, w) }); err != nil {
			return err
		}
	}
	return nil
}

// readFaults parses words of the form RULE=NUMBER. Without words it returns nil, which means
// the default mix.
func readFaults(words []string) (map[string]int, error) {
	if len(words) == 0 {
		return nil, nil
	}
	faults := map[string]int{}
	if slices.Equal(words, []string{"none"}) {
		return faults, nil
	}
	for _, word := range words {
		name, number, found := strings.Cut(word, "=")
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 0 {
			return nil, cmdutil.Usagef("--faults: '%s' is not RULE=NUMBER", word)
		}
		if _, twice := faults[name]; twice {
			return nil, cmdutil.Usagef("--faults: %s is listed twice", name)
		}
		faults[name] = n
	}
	return faults, nil
}

// listFaults prints the faults that can be planted.
func (o *ldapGenerate) listFaults() error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.CSV)
	if err != nil {
		return err
	}
	type row struct {
		Rule     string `json:"rule"`
		What     string `json:"what"`
		FileOnly bool   `json:"file_only"`
		Why      string `json:"why,omitempty"`
	}
	var list []row
	var rows [][]string
	for _, f := range dirgen.Faults() {
		only := ""
		if f.FileOnly {
			only = f.FileOnlyWhy
		}
		list = append(list, row{f.Name, f.What, f.FileOnly, f.FileOnlyWhy})
		rows = append(rows, []string{f.Name, f.What, only})
	}
	switch format {
	case ui.JSON:
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema string `json:"schema"`
			Faults []row  `json:"faults"`
		}{"davadmin.ldap.faults.1", list})
	case ui.CSV:
		return ui.WriteCSV(o.console.Streams.Out, []string{"rule", "what is planted", "only a file can hold it, because"}, rows)
	case ui.Table:
		return ui.WriteColumns(o.console.Streams.Out, o.console.Streams.Width, []ui.Column{
			{Title: "rule", Key: true}, {Title: "what is planted", Priority: 1}, {Title: "only in a file, because"},
		}, rows)
	}
	var b bytes.Buffer
	for _, r := range rows {
		fmt.Fprintln(&b, strings.Join(r, "\t"))
	}
	_, err = o.console.Streams.Out.Write(b.Bytes())
	return err
}
