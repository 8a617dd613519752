package cli

import (
	"fmt"

	"github.com/spf13/pflag"
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
	name   string
	kind   editKind
	value  string // of -v, or the file's name
	add    []string
	remove []string
}

// editOptions collects -o and the options that belong to the -o before them, in
// the order of the command line. With a single -o, its options may also stand
// in front of it.
type editOptions struct {
	items  []editItem
	orphan *editItem // options that stood before the first -o
}

func (e *editOptions) add(f *pflag.FlagSet) {
	f.VarP(&editFlag{orderedOption{typ: "NAME", set: e.option}, e}, "option", "o", "parameter `NAME`; the options behind it belong to it (repeatable)")
	f.VarP(&editFlag{orderedOption{typ: "VALUE", set: e.set(editSet)}, e}, "value", "v", "the new `VALUE`; an empty one clears")
	f.Var(&editFlag{orderedOption{typ: "FILE", set: e.set(editFile)}, e}, "value-file", "take the value from `FILE` (- for standard input), one line ending removed; the way to set a password")
	f.Var(&editFlag{orderedOption{typ: "MEMBER", set: e.member(true)}, e}, "add", "add `MEMBER` to the end of the list, unless it is there (repeatable)")
	f.Var(&editFlag{orderedOption{typ: "MEMBER", set: e.member(false)}, e}, "remove", "take `MEMBER` out of the list (repeatable)")
	def := f.VarPF(&editFlag{orderedOption{typ: "bool", set: e.unset}, e}, "default", "d", "back to the default: take the parameter out of the file")
	def.NoOptDefVal = "true"
}

func (e *editOptions) option(name string) error {
	it := editItem{name: name}
	if e.orphan != nil {
		it = *e.orphan
		it.name, e.orphan = name, nil
	}
	e.items = append(e.items, it)
	return nil
}

// current returns the item that the next option belongs to.
func (e *editOptions) current() *editItem {
	if len(e.items) > 0 {
		return &e.items[len(e.items)-1]
	}
	if e.orphan == nil {
		e.orphan = &editItem{}
	}
	return e.orphan
}

func (it *editItem) become(k editKind) error {
	if it.kind != editNone && (it.kind != k || k != editMembers) {
		return fmt.Errorf("one -o takes one of -v, --value-file, --default, or --add and --remove")
	}
	it.kind = k
	return nil
}

func (e *editOptions) set(k editKind) func(string) error {
	return func(v string) error {
		it := e.current()
		it.value = v
		return it.become(k)
	}
}

func (e *editOptions) member(add bool) func(string) error {
	return func(v string) error {
		it := e.current()
		if add {
			it.add = append(it.add, v)
		} else {
			it.remove = append(it.remove, v)
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

// check finds options without an -o.
func (e *editOptions) check() error {
	if e.orphan != nil {
		return usagef("-v, --value-file, --add, --remove and --default need an -o NAME before them")
	}
	return nil
}

// editFlag is one option of editOptions.
type editFlag struct {
	orderedOption
	e *editOptions
}

// orderedOption is an option whose place on the command line matters: it calls set
// at each of its uses, in their order.
type orderedOption struct {
	typ string
	set func(string) error
}

func (f *orderedOption) String() string     { return "" }
func (f *orderedOption) Set(v string) error { return f.set(v) }
func (f *orderedOption) Type() string       { return f.typ }
func (f *orderedOption) IsBoolFlag() bool   { return f.typ == "bool" }
