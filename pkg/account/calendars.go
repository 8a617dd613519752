package account

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// ParseCalendarLine reads what stands behind the account in a batch line about
// calendars: 'name' or 'name:prop=value,…', the name with escaped characters.
func ParseCalendarLine(text string) (name string, p Properties, err error) {
	name, properties, _ := strings.Cut(text, ":")
	if name, err = url.PathUnescape(strings.Trim(name, " \t")); err != nil {
		return "", nil, fmt.Errorf("the name of the calendar: %w", err)
	}
	if err := store.CheckName("calendar", name); err != nil {
		return "", nil, err
	}
	p, err = ParseProperties(properties, CalendarProperties())
	return name, p, err
}

// CalendarLine is the batch line about a calendar of the account with an id.
func CalendarLine(id, name string, p Properties) string {
	line := RequestLine(id, nil) + ":" + strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
	if len(p) > 0 {
		line += ":" + p.String()
	}
	return line
}

// CalendarOf says which calendar an item is about.
type CalendarOf func(*Item) string

// CreateCalendar makes a Step that makes a calendar for each item, with the
// defaults for its kind of account and then the properties. One that is there is no failure.
func CreateCalendar(defaults Defaults, name CalendarOf, people People) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Created, Details: []string{name(item)}}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		c := &store.Calendar{Account: a.ID, Name: name(item), Kind: store.PlainCalendar, Components: defaults.UserComponents, ACL: defaults.UserACL}
		if a.Kind == store.Resource || a.Kind == store.Location {
			c.Components, c.ACL = defaults.ResourceComponents, defaults.ResourceACL
		}
		who, err := item.people(ctx, store.CalendarACL, people)
		if err != nil {
			return o, nil, err
		}
		if err := item.Properties.ApplyCalendar(c, who, false); err != nil {
			return o, nil, err
		}
		err = w.CreateCalendar(ctx, c)
		if errors.Is(err, store.ErrExists) && again {
			return o, nil, nil
		}
		return o, []string{CalendarLine(a.ID, c.Name, nil)}, err
	}
}

// people resolves those whom the properties of an item name.
func (i *Item) people(ctx context.Context, use store.ACLUse, people People) (Persons, error) {
	addresses, err := i.Properties.Addresses(use)
	if err != nil || len(addresses) == 0 {
		return nil, err
	}
	return people(ctx, addresses)
}

// ModifyCalendar makes a Step that writes the properties of an item into its
// calendar.
func ModifyCalendar(name CalendarOf, people People) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		c, err := w.Calendar(ctx, item.ID, name(item))
		if err != nil {
			return o, nil, fmt.Errorf("calendar %s: %w", name(item), err)
		}
		who, err := item.people(ctx, store.CalendarACL, people)
		if err != nil {
			return o, nil, err
		}
		names := item.Properties.Names()
		before, back, acl := PropertiesOfCalendar(c, names), exactPropertiesOfCalendar(c, names), c.ACL.Encode()
		if err := item.Properties.ApplyCalendar(c, who, true); err != nil {
			return o, nil, err
		}
		after := PropertiesOfCalendar(c, names)
		if before.String() == after.String() && acl == c.ACL.Encode() {
			return o, nil, nil
		}
		o.Result = Changed
		o.Details = append([]string{c.Name}, differences(before, after)...)
		return o, []string{CalendarLine(item.ID, c.Name, back)}, w.UpdateCalendar(ctx, c)
	}
}

// ErrDefaultCalendar is returned for a collection that every account needs. It
// wraps store.ErrInvalid.
var ErrDefaultCalendar = fmt.Errorf("%w: every account needs it; it goes with the account alone", store.ErrInvalid)

// DeleteCalendar makes a Step that deletes a calendar; it can be brought back
// until it is purged.
func DeleteCalendar(name CalendarOf) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Deleted, Details: []string{name(item)}}
		c, err := w.Calendar(ctx, item.ID, name(item))
		switch {
		case errors.Is(err, store.ErrNotFound) && again:
			return o, nil, nil
		case err != nil:
			return o, nil, fmt.Errorf("calendar %s: %w", name(item), err)
		case c.Kind != store.PlainCalendar || c.Name == store.DefaultCalendar:
			return o, nil, fmt.Errorf("calendar %s: %w", c.Name, ErrDefaultCalendar)
		}
		return o, []string{CalendarLine(item.ID, c.Name, nil)}, w.DeleteCalendar(ctx, item.ID, c.Name)
	}
}

// UndeleteCalendar makes a Step that brings a calendar back.
func UndeleteCalendar(name CalendarOf) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Restored, Details: []string{name(item)}}
		err := w.UndeleteCalendar(ctx, item.ID, name(item))
		if again && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists)) {
			if _, there := w.Calendar(ctx, item.ID, name(item)); there == nil {
				return o, nil, nil
			}
		}
		return o, []string{CalendarLine(item.ID, name(item), nil)}, err
	}
}
