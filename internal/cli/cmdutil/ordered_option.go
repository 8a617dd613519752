package cmdutil

// OrderedOption is an option whose place on the command line matters: it calls set
// at each of its uses, in their order.
type OrderedOption struct {
	Kind  string
	OnSet func(string) error
}

func (f *OrderedOption) String() string     { return "" }
func (f *OrderedOption) Set(v string) error { return f.OnSet(v) }
func (f *OrderedOption) Type() string       { return f.Kind }
func (f *OrderedOption) IsBoolFlag() bool   { return f.Kind == "bool" }
