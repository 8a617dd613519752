package configcmd

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// editKind says which option gave an -o what to do.
type editKind int

const (
	editNone editKind = iota
	editSet           // -v
	editFile          // --value-file
	editMembers
	editUnset
)

// editItem is one -o with the options that belong to it.
type editItem struct {
	Name   string
	Kind   editKind
	Value  string // of -v, or the file's name
	Add    []string
	Remove []string
}

// editOptions collects -o and the options that belong to the -o before them, in
// the order of the command line. With a single -o, its options may also stand
// in front of it.
type editOptions struct {
	Items  []editItem
	orphan *editItem // options that stood before the first -o
}

func (e *editOptions) Add(f *pflag.FlagSet) {
	f.VarP(&editFlag{cmdutil.OrderedOption{Kind: "NAME", OnSet: e.option}, e}, "option", "o", "parameter `NAME`; the options behind it belong to it (repeatable)")
	f.VarP(&editFlag{cmdutil.OrderedOption{Kind: "VALUE", OnSet: e.set(editSet)}, e}, "value", "v", "the new `VALUE`; an empty one clears")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "FILE", OnSet: e.set(editFile)}, e}, "value-file", "take the value from `FILE` (- for standard input), one line ending removed; the way to set a password")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "MEMBER", OnSet: e.member(true)}, e}, "add", "add `MEMBER` to the end of the list, unless it is there (repeatable)")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "MEMBER", OnSet: e.member(false)}, e}, "remove", "take `MEMBER` out of the list (repeatable)")
	def := f.VarPF(&editFlag{cmdutil.OrderedOption{Kind: "bool", OnSet: e.unset}, e}, "default", "d", "back to the default: take the parameter out of the file")
	def.NoOptDefVal = "true"
}

func (e *editOptions) option(name string) error {
	it := editItem{Name: name}
	if e.orphan != nil {
		it = *e.orphan
		it.Name, e.orphan = name, nil
	}
	e.Items = append(e.Items, it)
	return nil
}

// current returns the item that the next option belongs to.
func (e *editOptions) current() *editItem {
	if len(e.Items) > 0 {
		return &e.Items[len(e.Items)-1]
	}
	if e.orphan == nil {
		e.orphan = &editItem{}
	}
	return e.orphan
}

func (it *editItem) become(k editKind) error {
	if it.Kind != editNone && (it.Kind != k || k != editMembers) {
		return fmt.Errorf("one -o takes one of -v, --value-file, --default, or --add and --remove")
	}
	it.Kind = k
	return nil
}

func (e *editOptions) set(k editKind) func(string) error {
	return func(v string) error {
		it := e.current()
		it.Value = v
		return it.become(k)
	}
}

func (e *editOptions) member(add bool) func(string) error {
	return func(v string) error {
		it := e.current()
		if add {
			it.Add = append(it.Add, v)
		} else {
			it.Remove = append(it.Remove, v)
		}
		return it.become(editMembers)
	}
}

func (e *editOptions) unset(v string) error {
	if v != "true" {
		return fmt.Errorf("--default takes no value")
	}
	return e.current().become(editUnset)
}

// Check finds options without an -o.
func (e *editOptions) Check() error {
	if e.orphan != nil {
		return cmdutil.Usagef("-v, --value-file, --add, --remove and --default need an -o NAME before them")
	}
	return nil
}

// editFlag is one option of editOptions.
type editFlag struct {
	cmdutil.OrderedOption
	e *editOptions
}
