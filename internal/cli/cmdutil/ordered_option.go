package cmdutil

// OrderedOption is an option whose position on the command line matters: OnSet is called
// for each use, in order. Kind is its type in help.
type OrderedOption struct {
	Kind  string
	OnSet func(string) error
}

// String returns an empty string: the option has no default to show.
func (f *OrderedOption) String() string { return "" }

// Set calls OnSet.
func (f *OrderedOption) Set(v string) error { return f.OnSet(v) }

// Type returns the type of the value for help.
func (f *OrderedOption) Type() string { return f.Kind }

// IsBoolFlag reports whether the option takes no value.
func (f *OrderedOption) IsBoolFlag() bool { return f.Kind == "bool" }
