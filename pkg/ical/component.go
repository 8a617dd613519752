package ical

import "iter"

// Component is a component, such as VCALENDAR or VEVENT, with its lines as they were received.
//
// Properties and Components are read-only. Add, Set, Remove, AddComponent, RemoveComponent and the
// methods of [Property] change a component. Such a change ends the use of all pointers to
// properties that were returned before.
type Component struct {
	Name       string // in upper case
	Properties []Property
	Components []*Component
	Line       int // number of the line BEGIN in the input, from 1; 0 if the component is new

	begin, end string // the lines BEGIN and END as received; "" if the component is new
	open       bool   // the input ended, or had to be left, before the line END
	lead       string // blank and broken lines before BEGIN, which belong to the component around this one
	tail       string // blank and broken lines before END
	// follows[i] is the number of properties before Components[i] in the text.
	follows []int
}

// NewComponent returns an empty component; nil if the name is not valid ([IsName]).
func NewComponent(name string) *Component {
	if !IsName(name) {
		return nil
	}
	return &Component{Name: upper(name)}
}

// Get returns the first property of a name in upper case; nil if absent.
func (c *Component) Get(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// Value returns the value of the first property of a name as it is written; "" if absent.
func (c *Component) Value(name string) string {
	if p := c.Get(name); p != nil {
		return p.Value()
	}
	return ""
}

// All yields the properties of a name in their order.
func (c *Component) All(name string) iter.Seq[*Property] {
	return func(yield func(*Property) bool) {
		for i := range c.Properties {
			if c.Properties[i].Name == name && !yield(&c.Properties[i]) {
				return
			}
		}
	}
}

// Children yields the components of a name that stand directly in this one.
func (c *Component) Children(name string) iter.Seq[*Component] {
	return func(yield func(*Component) bool) {
		for _, child := range c.Components {
			if child.Name == name && !yield(child) {
				return
			}
		}
	}
}

// Property is a content line: a name, parameters and a value.
type Property struct {
	Name string // in upper case
	Line int    // number of its first line in the input, from 1; 0 if the property is new

	raw     string // as received, with blank and broken lines before it; only these once it is edited
	text    string // the unfolded line without its ending
	lead    int32  // length of the blank and broken lines in raw
	nameEnd int32  // where the name ends in text
	at      int32  // where the value begins in text
	edited  bool   // text must be folded again
}

// Value returns the value as it is written: a TEXT is still escaped ([UnescapeText]).
func (p *Property) Value() string { return p.text[p.at:] }

// Text returns the value as a TEXT, unescaped.
func (p *Property) Text() string { return UnescapeText(p.Value()) }

// Content returns the unfolded content line, without its ending.
func (p *Property) Content() string { return p.text }
