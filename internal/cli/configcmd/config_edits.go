package configcmd

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// editKind is which option says what to do with the parameter of an -o.
type editKind int

const (
	editNone editKind = iota
	editSet           // -v
	editFile          // --value-file
	editMembers
	editUnset
)

// editItem is an -o with the options that belong to it.
type editItem struct {
	Name   string
	Kind   editKind
	Value  string // of -v, or the file name of --value-file
	Add    []string
	Remove []string
}

// editOptions collects each -o with the options that follow it, in the order of the
// command line. The options of the first -o may also precede it. --default applies to every
// -o, wherever it is.
type editOptions struct {
	Items []editItem
	early *editItem // options before the first -o
	unset bool      // --default
}

// Add adds the options to a command.
func (e *editOptions) Add(f *pflag.FlagSet) {
	f.VarP(&editFlag{cmdutil.OrderedOption{Kind: "NAME", OnSet: e.option}, e}, "option", "o", "parameter `NAME`; the options after it apply to it (repeatable)")
	f.VarP(&editFlag{cmdutil.OrderedOption{Kind: "VALUE", OnSet: e.set(editSet)}, e}, "value", "v", "the new `VALUE`; may be empty")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "FILE", OnSet: e.set(editFile)}, e}, "value-file", "read the value from `FILE` (- for standard input), without the final line ending; use this for passwords")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "MEMBER", OnSet: e.member(true)}, e}, "add", "append `MEMBER` to the list, unless it is in it (repeatable)")
	f.Var(&editFlag{cmdutil.OrderedOption{Kind: "MEMBER", OnSet: e.member(false)}, e}, "remove", "remove `MEMBER` from the list (repeatable)")
	def := f.VarPF(&editFlag{cmdutil.OrderedOption{Kind: "bool", OnSet: e.setDefault}, e}, "default", "d", "restore the defaults: remove every parameter of this command from the file")
	def.NoOptDefVal = "true"
}

func (e *editOptions) option(name string) error {
	it := editItem{Name: name}
	if e.early != nil {
		it = *e.early
		it.Name, e.early = name, nil
	}
	e.Items = append(e.Items, it)
	return nil
}

// current returns the item to which the next option belongs.
func (e *editOptions) current() *editItem {
	if len(e.Items) > 0 {
		return &e.Items[len(e.Items)-1]
	}
	if e.early == nil {
		e.early = &editItem{}
	}
	return e.early
}

// setKind sets what to do with the parameter, which only --add and --remove may do twice.
func (it *editItem) setKind(k editKind) error {
	if it.Kind != editNone && (it.Kind != k || k != editMembers) {
		return fmt.Errorf("use one of -v, --value-file, or --add and --remove for each -o")
	}
	it.Kind = k
	return nil
}

func (e *editOptions) set(k editKind) func(string) error {
	return func(v string) error {
		it := e.current()
		it.Value = v
		return it.setKind(k)
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
		return it.setKind(editMembers)
	}
}

func (e *editOptions) setDefault(v string) error {
	if v != "true" {
		return fmt.Errorf("--default takes no value")
	}
	e.unset = true
	return nil
}

// Check returns an error for options without an -o, and for a --default with values. It
// applies --default to every -o.
func (e *editOptions) Check() error {
	if e.early != nil || e.unset && len(e.Items) == 0 {
		return cmdutil.Usagef("-v, --value-file, --add, --remove and --default require -o NAME")
	}
	if !e.unset {
		return nil
	}
	for i := range e.Items {
		if e.Items[i].Kind != editNone {
			return cmdutil.Usagef("--default applies to every -o, so it cannot be combined with -v, --value-file, --add or --remove; use two commands")
		}
		e.Items[i].Kind = editUnset
	}
	return nil
}

// editFlag is an option of editOptions.
type editFlag struct {
	cmdutil.OrderedOption
	e *editOptions
}
