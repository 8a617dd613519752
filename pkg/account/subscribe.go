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

// CollectionURI names a calendar as the server's URIs do (davcore.uriinfo.defaulthomeuri).
type CollectionURI struct{ Owner, Calendar string }

// ParseCollectionURI parses /home/ADDRESS/NAME/, with or without the last slash and
// optionally with a server in front; it decodes percent-encoded characters.
func ParseCollectionURI(text string) (CollectionURI, error) {
	u, err := url.Parse(text)
	if err != nil {
		return CollectionURI{}, fmt.Errorf("'%s' is not the URI of a calendar", clip(text))
	}
	path := strings.Trim(u.EscapedPath(), "/")
	if i := strings.Index(path, "home/"); i > 0 && path[i-1] == '/' {
		path = path[i:] // after the context path of the server
	}
	parts := strings.Split(path, "/")
	if len(parts) != 3 || parts[0] != "home" {
		return CollectionURI{}, fmt.Errorf("'%s' is not the URI of a calendar, /home/ADDRESS/NAME/", clip(text))
	}
	owner, err1 := url.PathUnescape(parts[1])
	name, err2 := url.PathUnescape(parts[2])
	err = errors.Join(err1, err2)
	owner = store.CutMailto(owner)
	if err == nil {
		err = store.CheckAddress(owner)
	}
	if err == nil {
		err = store.CheckName("calendar", name)
	}
	if err != nil {
		return CollectionURI{}, fmt.Errorf("'%s' is not the URI of a calendar: %w", clip(text), err)
	}
	return CollectionURI{owner, name}, nil
}

// String returns the URI.
func (u CollectionURI) String() string {
	return "/home/" + url.PathEscape(u.Owner) + "/" + url.PathEscape(u.Calendar) + "/"
}

// Subscribe returns a Step that subscribes the account of an item to calendars if on
// is set, and unsubscribes it otherwise. To subscribe, the owner must have an account
// with the calendar; to unsubscribe, a subscription by that address is enough.
func Subscribe(f *Finder, uris func(*Item) []CollectionURI, on bool) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		f, wanted := f.within(item.Backend, w), uris(item)
		owners, readers := make([]store.Person, len(wanted)), make([]reader, len(wanted))
		if on {
			// All of them first, so that a failure leaves nothing half done.
			for i, u := range wanted {
				var err error
				if owners[i], readers[i], err = f.calendarOwner(ctx, item, u); err != nil {
					return o, nil, fmt.Errorf("%s: %w", u, err)
				}
			}
		}
		var undo []string
		for i, u := range wanted {
			done := true
			var err error
			if on {
				// By the address that is stored, so that undoing finds it.
				u.Owner = owners[i].Address
				err = w.Subscribe(ctx, &store.Subscription{Account: item.ID, Owner: owners[i], Calendar: u.Calendar})
				if errors.Is(err, store.ErrExists) {
					done, err = false, nil
				}
			} else {
				done, err = f.unsubscribe(ctx, w, item, u)
			}
			if err != nil {
				return o, nil, fmt.Errorf("%s: %w", u, err)
			}
			if done {
				o.Result = Changed
				o.Details = append(o.Details, Detail{Text: u.String()})
				if on {
					note, err := readers[i].note(ctx, w, item, u)
					if err != nil {
						return o, nil, err
					}
					o.Details = append(o.Details, note...)
				}
				undo = append(undo, RequestLine(item.ID, nil)+":"+u.String())
			}
		}
		return o, undo, nil
	}
}

// reader knows who may read a calendar.
type reader struct {
	list   store.ACL
	people []store.Person // the owners of its account, and those who act on behalf of it
}

// note returns a detail if the subscriber may not read the calendar. The subscription is made
// nevertheless, as the calendar server makes it: the right may be given later.
func (r reader) note(ctx context.Context, w store.Reader, item *Item, u CollectionURI) ([]Detail, error) {
	for _, p := range r.people {
		if p.ID == item.ID {
			return nil, nil
		}
	}
	a, err := w.Account(ctx, item.ID)
	if err != nil {
		return nil, err
	}
	reads, others := r.list.Reads(a.ID, a.Addresses)
	if reads {
		return nil, nil
	}
	text := "note: its access list gives " + a.Mail() + " no right to read it"
	if others {
		text += ", unless a group in the list contains them"
	}
	return []Detail{{Text: text, Hint: HintGrant, Grant: Grant{Owner: u.Owner, Calendar: u.Calendar, Person: a.Mail()}}}, nil
}

// calendarOwner returns the owner of an existing calendar of another account, and who may
// read it.
func (f *Finder) calendarOwner(ctx context.Context, item *Item, u CollectionURI) (p store.Person, who reader, err error) {
	owner, err := f.ByAddress(ctx, u.Owner)
	if err != nil {
		return p, who, err
	}
	if owner.Account.ID == item.ID {
		return p, who, &store.InvalidError{Field: "calendar", Reason: "belongs to the account itself"} // the caller names it
	}
	err = f.view(ctx, owner.Backend, func(ctx context.Context, r store.Reader) error {
		c, err := r.Calendar(ctx, owner.Account.ID, u.Calendar)
		if err == nil {
			who = reader{list: c.ACL, people: slices.Concat(owner.Account.Owners, owner.Account.Delegates)}
		}
		return err
	})
	return store.Person{ID: owner.Account.ID, Address: owner.Account.Mail()}, who, err
}

// unsubscribe removes the subscription that the URI names, by the address that is
// stored with it, or else by an address that the owner has now.
func (f *Finder) unsubscribe(ctx context.Context, w store.Writer, item *Item, u CollectionURI) (bool, error) {
	if _, err := w.Account(ctx, item.ID); err != nil {
		return false, err
	}
	all, err := w.Subscriptions(ctx, item.ID)
	if err != nil {
		return false, err
	}
	for _, s := range all {
		if store.FoldAddress(s.Owner.Address) == store.FoldAddress(u.Owner) && s.Calendar == u.Calendar {
			return true, w.Unsubscribe(ctx, item.ID, s.Owner.ID, s.Calendar)
		}
	}
	owner, err := f.ByAddress(ctx, u.Owner)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = w.Unsubscribe(ctx, item.ID, owner.Account.ID, u.Calendar)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
