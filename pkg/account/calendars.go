package account

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// ParseCalendarLine parses the part of a batch line about calendars that follows the
// account: 'name' or 'name:prop=value,…', where the name is percent-encoded.
func ParseCalendarLine(text string, form Form) (name string, p Properties, err error) {
	name, properties, _ := strings.Cut(text, ":")
	if name, err = url.PathUnescape(strings.Trim(name, " \t")); err != nil {
		return "", nil, fmt.Errorf("the name of the calendar: %w", err)
	}
	if err := store.CheckName("calendar", name); err != nil {
		return "", nil, err
	}
	p, err = ParseProperties(properties, CalendarProperties(), form)
	return name, p, err
}

// CalendarWord returns the name of a calendar as ParseCalendarLine reads it.
func CalendarWord(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
}

// CalendarLine returns the batch line about a calendar of the account with an ID, with
// properties in the form Recorded.
func CalendarLine(id, name string, p Properties) string {
	line := RequestLine(id, nil) + ":" + CalendarWord(name)
	if len(p) > 0 {
		line += ":" + p.String()
	}
	return line
}

// CalendarOf returns the name of the calendar that an item is about.
type CalendarOf func(*Item) string

// Calendar returns a new calendar for an account of a kind, without a name.
func (d *Defaults) Calendar(kind store.Kind) *store.Calendar {
	c := &store.Calendar{Kind: store.PlainCalendar, Components: d.UserComponents, ACL: d.UserACL}
	if kind == store.Resource || kind == store.Location {
		c.Components, c.ACL = d.ResourceComponents, d.ResourceACL
	}
	return c
}

// CreateCalendar returns a Step that creates a calendar for each item, with the
// defaults for its kind of account and then the properties of the item. It fails if
// the calendar exists, unless an earlier attempt may have created it.
func CreateCalendar(defaults Defaults, name CalendarOf, people PeopleLookup) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Created, Details: details(name(item))}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		c := defaults.Calendar(a.Kind)
		c.Account, c.Name = a.ID, name(item)
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

// people looks up the people that the properties of an item name.
func (i *Item) people(ctx context.Context, use store.ACLUse, people PeopleLookup) (PeopleByAddress, error) {
	addresses, err := i.Properties.Addresses(use)
	if err != nil || len(addresses) == 0 {
		return nil, err
	}
	return people(ctx, addresses)
}

// ModifyCalendar returns a Step that sets the properties of an item on its calendar.
func ModifyCalendar(name CalendarOf, people PeopleLookup) Step {
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
		before, undo, acl := PropertiesOfCalendar(c, names), undoPropertiesOfCalendar(c, names), slices.Clone(c.ACL)
		if err := item.Properties.ApplyCalendar(c, who, true); err != nil {
			return o, nil, err
		}
		after := PropertiesOfCalendar(c, names)
		if before.String() == after.String() && slices.Equal(acl, c.ACL) {
			return o, nil, nil
		}
		o.Result = Changed
		o.Details = append(details(c.Name), differences(before, after)...)
		return o, []string{CalendarLine(item.ID, c.Name, undo)}, w.UpdateCalendar(ctx, c)
	}
}

// ErrDefaultCalendar is returned when a collection is to be deleted that every
// account needs. It wraps store.ErrInvalid.
var ErrDefaultCalendar = fmt.Errorf("%w: every account needs it; it is deleted only with the account", store.ErrInvalid)

// DeleteCalendar returns a Step that deletes a calendar; it can be restored until it
// is purged.
func DeleteCalendar(name CalendarOf) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Deleted, Details: details(name(item))}
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

// UndeleteCalendar returns a Step that restores a deleted calendar.
func UndeleteCalendar(name CalendarOf) Step {
	return func(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Restored, Details: details(name(item))}
		err := w.UndeleteCalendar(ctx, item.ID, name(item))
		if again && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists)) {
			if _, err := w.Calendar(ctx, item.ID, name(item)); err == nil {
				return o, nil, nil
			}
		}
		return o, []string{CalendarLine(item.ID, name(item), nil)}, err
	}
}
