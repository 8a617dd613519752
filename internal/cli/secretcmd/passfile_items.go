package secretcmd

import (
	"bytes"
	"context"
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
	where string // of a line
	value secret.Secret
	given bool // the value is known; else it is typed
}

// passItems collects -n and --value-file in the order of the command line: a file
// belongs to the -n before it. With a single -n it may also come first.
type passItems struct {
	items []passItem
	early string // a --value-file before the first -n
}

func (p *passItems) add(f *pflag.FlagSet) {
	f.VarP(&cmdutil.OrderedOption{Kind: "NAME", OnSet: p.name}, "name", "n", "`NAME` of a password, as 'passfile list -A' prints it; it is typed, unless a --value-file follows (repeatable)")
	f.Var(&cmdutil.OrderedOption{Kind: "FILE", OnSet: p.file}, "value-file", "take the password from `FILE`, closed to others (- for standard input), one line ending removed")
	// People try it, and pflag would say only that there is no such option.
	f.VarP(&cmdutil.OrderedOption{Kind: "VALUE", OnSet: func(string) error {
		return fmt.Errorf("a password is never taken from the command line, which others see; leave it out and type it, or use --value-file FILE or -f FILE")
	}}, "value", "v", "")
	_ = f.MarkHidden("value")
}

func (p *passItems) name(name string) error {
	p.items = append(p.items, passItem{name: name, file: p.early})
	p.early = ""
	return nil
}

func (p *passItems) file(path string) error {
	if path == "" {
		return fmt.Errorf("a file needs a name")
	}
	to := &p.early
	if len(p.items) > 0 {
		to = &p.items[len(p.items)-1].file
	}
	if *to != "" {
		return fmt.Errorf("one -n takes one --value-file")
	}
	*to = path
	return nil
}

// readItems returns what -n and -f name, each name once, with the passwords that
// are in files. The syntax of all of it is checked before anything is asked.
func readItems(ctx context.Context, console *cmdutil.Console, hints *cmdutil.Hints, input *cmdutil.Input, p *passItems, batch string, check func(name, where string) error) ([]passItem, error) {
	if p.early != "" {
		return nil, cmdutil.Usagef("--value-file needs an -n NAME before it")
	}
	out := append([]passItem(nil), p.items...)
	if batch != "" {
		lines, err := readPassBatch(ctx, input, batch)
		if err != nil {
			return nil, err
		}
		if out = append(out, lines...); len(out) == 0 {
			console.Warnf("%s names no password; nothing was changed", cmdutil.BatchName(batch))
			return nil, cmdutil.ErrAnswered
		}
	}
	seen := map[string]bool{}
	for i := range out {
		it := &out[i]
		if err := check(it.name, it.where); err != nil {
			return nil, err
		}
		if seen[it.name] {
			return nil, cmdutil.Usagef("%s is named twice; give each password once", it.name)
		}
		seen[it.name] = true
		if it.file != "" {
			b, err := input.ReadValue(ctx, it.file, true)
			if err != nil {
				return nil, fmt.Errorf("%s: value file: %w", it.name, err)
			}
			it.value, it.given = secret.New(b), true
		}
		if it.given {
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
	err := input.EachBatchLine(ctx, path, func(line, where string, info fs.FileInfo) error {
		if info != nil {
			if err := input.CheckPrivate(path, info); err != nil {
				return err
			}
		}
		name, value, given, err := cmdutil.ParseBatchPair(line, where, "name", "password")
		if given {
			out = append(out, passItem{name: name, where: where, value: secret.New([]byte(value)), given: true})
		}
		return err
	})
	return out, err
}

// checkPassword refuses an invalid password.
func checkPassword(hints *cmdutil.Hints, name, where string, b []byte) error {
	if where != "" {
		name = where + ": " + name
	}
	switch {
	case len(b) == 0:
		return cmdutil.Usagef("%s: the password is empty; to remove a password: %s", name, hints.Line("passfile", "delete", "-n", "NAME"))
	case bytes.ContainsAny(b, "\x00\r\n"):
		return cmdutil.Usagef("%s: the password has more than one line; nothing was changed", name)
	}
	return nil
}

// askItems asks for the passwords that are not known yet.
func askItems(ctx context.Context, hints *cmdutil.Hints, input *cmdutil.Input, items []passItem) error {
	for i := range items {
		it := &items[i]
		if it.given {
			continue
		}
		typed, err := input.AskSecret(ctx, it.name)
		if err != nil {
			return err
		}
		if err := checkPassword(hints, it.name, "", []byte(typed)); err != nil {
			return err
		}
		it.value, it.given = secret.New([]byte(typed)), true
	}
	return nil
}
