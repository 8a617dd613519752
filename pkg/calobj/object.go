package calobj

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// SpanAlgorithm is the number of the way in which an index is computed from a text. A change
// of this package, pkg/recur or pkg/ical that changes the index of any text raises
// store.SpanAlgorithm; testdata/indexes.txt notices that.
const SpanAlgorithm = store.SpanAlgorithm

// Options say how a text is read.
type Options struct {
	// Zones are shared by everything that a process reads; nil means new ones, which is slow.
	Zones *recur.Zones
	// Lenient keeps an object with errors, as long as it has a UID and a type.
	Lenient bool
	// Message means that the text is an iTIP message for an inbox (RFC 6638, 4.1): it must
	// have a METHOD, which an object of a calendar must not have.
	Message bool
	Limits  ical.Limits
}

// Object is one calendar object. It may be used by several goroutines at a time, as long as
// none changes its fields or the Calendar.
type Object struct {
	Calendar *ical.Component // as it was read; it refers to the text
	UID      string          // unescaped
	Type     string          // of the components, such as VEVENT
	Method   string          // in upper case; "" for none
	// Index is what a store keeps, see store.Component. Status is that of the master or,
	// without one, of the first override. Transparent is set if the master and all
	// overrides are transparent, so that no instance takes time in free/busy.
	Index store.Index
	// Problems are those of reading and of meaning, of every level.
	Problems []ical.Problem

	text []byte
	set  *recur.Set
}

// Text returns the text as it is stored: as it was given, but without a byte order mark. It
// must not be changed.
func (x *Object) Text() []byte { return x.text }

// ETag returns the ETag that the object has in a store.
func (x *Object) ETag() string { return store.ETagOf(x.text) }

// Set returns the recurrence set; nil for types that have none, such as VFREEBUSY, and for a
// set that cannot be computed, which is a problem of level Error.
func (x *Object) Set() *recur.Set { return x.set }

// Component returns the object as a component with a resource name. The store takes it only
// from Put and Load.
func (x *Object) Component(name string) *store.Component {
	i := x.Index
	return &store.Component{
		Name: name, UID: x.UID, Type: x.Type, Method: x.Method, Start: i.Start, End: i.End, Floating: i.Floating, Recurring: i.Recurring,
		Status: i.Status, Transparent: i.Transparent, Text: x.text,
	}
}

// Parse reads a text. The object refers to it, so it must not be changed afterwards.
//
// A strict Parse returns a *RefusedError for any problem of level Error. A lenient one does so
// only for a text without an object that has a UID and a type, for several UIDs, and for more
// than the limits.
func Parse(text []byte, o Options) (*Object, error) {
	object, err := parse(text, o, true)
	if err != nil {
		return nil, err
	}
	return object, nil
}

// parse is Parse, which may leave out the checks.
func parse(text []byte, o Options, check bool) (*Object, *RefusedError) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	calendar, problems, err := ical.Parse(string(text), ical.Options{Limits: o.Limits, Lenient: o.Lenient})
	if err != nil {
		return nil, unreadable(problems, err)
	}
	x := &Object{Calendar: calendar, Problems: problems, text: text}
	if refused := x.identify(); refused != nil {
		if read := firstErrors(problems); read != nil {
			refused.Problems = append(refused.Problems, read.Problems...)
		}
		return nil, refused
	}
	if check {
		if refused := x.check(o); refused != nil {
			return nil, refused
		}
	}
	before := len(x.Problems)
	if x.index(o); !o.Lenient {
		if refused := firstErrors(x.Problems[before:]); refused != nil {
			return nil, refused
		}
	}
	return x, nil
}

// unreadable returns the error for a text that ical.Parse refused.
func unreadable(problems []ical.Problem, err error) *RefusedError {
	if refused := firstErrors(problems); refused != nil {
		return refused
	}
	return refuse(ical.Problem{Code: "unreadable", Text: err.Error()})
}

// check adds the problems of meaning. In strict mode it returns the errors.
func (x *Object) check(o Options) *RefusedError {
	meaning := ical.Check(x.Calendar)
	resource := slices.DeleteFunc(ical.CheckResource(x.Calendar), func(p ical.Problem) bool {
		// A store can also have types that CalDAV does not know, and messages in an inbox.
		return p.Code == "resource-component" || o.Message && p.Code == "resource-method"
	})
	if o.Message && x.Method == "" {
		resource = append(resource, ical.Problem{
			Level: ical.Error, Code: "method-missing", Line: x.Calendar.Line, Component: x.Calendar.Name, Property: "METHOD", Text: "a message needs a METHOD",
		})
	}
	x.Problems = append(append(x.Problems, meaning...), resource...)
	if o.Lenient {
		return nil
	}
	if refused := firstErrors(meaning); refused != nil {
		return refused
	}
	return firstErrors(resource)
}

// identify finds the type, the UID and the method of the object.
func (x *Object) identify() *RefusedError {
	c := x.Calendar
	var first *ical.Component
	for _, child := range c.Components {
		if child.Name != "VTIMEZONE" && (first == nil || !storable(first.Name) && storable(child.Name)) {
			first = child
		}
	}
	if first == nil {
		return refuse(ical.Problem{Code: "resource-empty", Line: c.Line, Component: c.Name, Text: "the calendar has no component such as VEVENT"})
	}
	at := ical.Problem{Line: first.Line, Component: first.Name}
	if !storable(first.Name) {
		at.Code, at.Text = "resource-component", fmt.Sprintf("components of the type %.64s cannot be stored", first.Name)
		return refuse(at)
	}
	x.Type, x.Method = first.Name, token(c.Value("METHOD"))
	for _, child := range c.Components {
		if child.Name != x.Type {
			continue
		}
		at.Line = child.Line
		p := child.Get("UID")
		switch {
		case p == nil || p.Value() == "":
			at.Code, at.Text = "resource-no-uid", child.Name+" has no UID"
			return refuse(at)
		case x.UID == "":
			x.UID = p.Text()
		case p.Text() != x.UID:
			at.Line, at.Property = p.Line, "UID"
			at.Code, at.Text = "resource-uids", "the calendar has several UIDs, but one object has one"
			return refuse(at)
		}
	}
	at.Property = "UID"
	if err := store.CheckText(x.UID); err != nil {
		at.Code, at.Text = "uid-invalid", "the UID "+err.Error()
		return refuse(at)
	}
	if len(x.UID) > store.MaxUID {
		at.Code, at.Text = "uid-too-long", fmt.Sprintf("the UID is longer than %d bytes", store.MaxUID)
		return refuse(at)
	}
	return nil
}

func storable(component string) bool { return slices.Contains(store.ComponentTypes(), component) }

// maxToken is the maximum length of what token returns.
const maxToken = 64

// token returns a value such as that of STATUS in upper case; "" if it is not a token.
func token(value string) string {
	value = strings.TrimSpace(value)
	if len(value) > maxToken {
		return ""
	}
	for i := range len(value) {
		if c := value[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return ""
		}
	}
	return strings.ToUpper(value)
}

// unix returns a time of a span.
func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
