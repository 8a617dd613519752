package secretcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/secret"
)

// passItem is one -n with the file that belongs to it, or a line of a batch.
type passItem struct {
	name  string
	file  string // of --value-file
	where string // file and line in a batch
	value secret.Secret
	known bool // value is set; otherwise it is asked for
}

// passItems collects -n and --value-file in the order of the command line: a file
// belongs to the -n before it. With a single -n it may also come first.
type passItems struct {
	items    []passItem
	leftover string // a --value-file that no -n followed yet
}

func (p *passItems) add(f *pflag.FlagSet) {
	f.VarP(&cmdutil.OrderedOption{Kind: "NAME", OnSet: p.name}, "name", "n", "`NAME` of a password, as listed by 'passfile list -A' (repeatable); you are asked for the password unless a --value-file follows")
	f.Var(&cmdutil.OrderedOption{Kind: "FILE", OnSet: p.file}, "value-file", "read the password from `FILE`, which others cannot read (- for standard input); one line ending is removed")
	// People try -v, and the message of pflag would only be that the option is unknown.
	f.VarP(&cmdutil.OrderedOption{Kind: "VALUE", OnSet: func(string) error {
		return fmt.Errorf("a password is never taken from the command line, which other users can see; omit it to type it, or use --value-file FILE or -f FILE")
	}}, "value", "v", "")
	_ = f.MarkHidden("value")
}

// name is called for each -n.
func (p *passItems) name(name string) error {
	p.items = append(p.items, passItem{name: name, file: p.leftover})
	p.leftover = ""
	return nil
}

// file is called for each --value-file.
func (p *passItems) file(path string) error {
	if path == "" {
		return errors.New("the file name is empty")
	}
	file := &p.leftover
	if len(p.items) > 0 {
		file = &p.items[len(p.items)-1].file
	}
	if *file != "" {
		return errors.New("an -n can have only one --value-file")
	}
	*file = path
	return nil
}

// readItems returns the items of -n and -f, with the passwords that are in files. A name may
// occur only once. Everything is checked before the first prompt.
func readItems(ctx context.Context, hints *cmdutil.Hints, input *cmdutil.Input, p *passItems, batch string, check func(name, where string) error) ([]passItem, error) {
	if p.leftover != "" {
		return nil, cmdutil.Usagef("--value-file requires an -n NAME before it")
	}
	out := append([]passItem(nil), p.items...)
	if batch != "" {
		lines, err := readPassBatch(ctx, input, batch)
		if err != nil {
			return nil, err
		}
		if out = append(out, lines...); len(out) == 0 {
			return nil, fmt.Errorf("%s contains no passwords; nothing was changed", cmdutil.BatchName(batch))
		}
	}
	seen := map[string]bool{}
	for i := range out {
		it := &out[i]
		if err := check(it.name, it.where); err != nil {
			return nil, err
		}
		if seen[it.name] {
			return nil, cmdutil.Usagef("%s is given twice; give each password once", it.name)
		}
		seen[it.name] = true
		if it.file != "" {
			b, err := input.ReadValue(ctx, it.file, true)
			if err != nil {
				return nil, fmt.Errorf("%s: value file: %w", it.name, err)
			}
			it.value, it.known = secret.New(b), true
		}
		if it.known {
			if err := checkPassword(hints, it.name, it.where, it.value.Reveal()); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// readPassBatch reads lines of 'name=value'.
func readPassBatch(ctx context.Context, input *cmdutil.Input, path string) ([]passItem, error) {
	var out []passItem
	form := cmdutil.PairForm([]string{"name"}, []string{"password", "value"}, nil)
	err := input.EachBatchLine(ctx, path, form, func(line, where string, info fs.FileInfo) error {
		if info != nil {
			if err := input.CheckPrivate(path, info); err != nil {
				return err
			}
		}
		name, value, given, err := cmdutil.ParseBatchPair(line, where, "name", "password")
		if given {
			out = append(out, passItem{name: name, where: where, value: secret.New([]byte(value)), known: true})
		}
		return err
	})
	return out, err
}

// checkPassword returns an error unless a password is a single line that is not empty.
func checkPassword(hints *cmdutil.Hints, name, where string, b []byte) error {
	if where != "" {
		name = where + ": " + name
	}
	switch {
	case len(b) == 0:
		return cmdutil.Usagef("%s: the password is empty; to remove a password: %s", name, hints.Line("passfile", "delete", "-n", "NAME"))
	case bytes.ContainsAny(b, "\x00\r\n"):
		return cmdutil.Usagef("%s: the password contains more than one line; nothing was changed", name)
	}
	return nil
}

// askItems asks for the passwords that are not yet known.
func askItems(ctx context.Context, hints *cmdutil.Hints, input *cmdutil.Input, items []passItem) error {
	for i := range items {
		it := &items[i]
		if it.known {
			continue
		}
		typed, err := input.AskSecret(ctx, it.name)
		if err != nil {
			return err
		}
		if err := checkPassword(hints, it.name, "", []byte(typed)); err != nil {
			return err
		}
		it.value, it.known = secret.New([]byte(typed)), true
	}
	return nil
}
