package storetest

import (
	"context"
	"fmt"
	"io"

	"github.com/davadmin/davadmin/pkg/store"
)

// extras is what belongs to an account besides its calendars.
type extras struct {
	Properties  map[store.PropertyPlace][]store.Property // only of places that have some
	Attachments []*store.Attachment
	Contents    map[string]string // of attachments that are not deleted, by id
	Outgoing    []*store.Outgoing // with their text
}

// readExtras reads the extras of an account. The components of h have been read.
func readExtras(ctx context.Context, r store.Reader, h home) (x extras, err error) {
	id := h.Account.ID
	list := []store.PropertyPlace{{Account: id}}
	for _, c := range h.Calendars {
		if !c.Deleted.IsZero() || !h.Account.Active() {
			continue
		}
		list = append(list, store.PropertyPlace{Account: id, Calendar: c.Name})
		for _, m := range h.Components[c.Name] {
			list = append(list, store.PropertyPlace{Account: id, Calendar: c.Name, Resource: m.Name})
		}
	}
	x.Properties = map[store.PropertyPlace][]store.Property{}
	for _, p := range list {
		got, err := r.Properties(ctx, p)
		if err != nil {
			return x, fmt.Errorf("properties of %s: %w", p, err)
		}
		if len(got) > 0 {
			x.Properties[p] = got
		}
	}
	if x.Attachments, err = collect(r.Attachments(ctx, id, store.AttachmentFilter{State: store.AnyState})); err != nil {
		return x, fmt.Errorf("attachments of '%s': %w", id, err)
	}
	x.Contents = map[string]string{}
	for _, a := range x.Attachments {
		if !a.Deleted.IsZero() {
			continue
		}
		if x.Contents[a.ID], err = readContent(ctx, r, a); err != nil {
			return x, fmt.Errorf("attachment %s: %w", a.ID, err)
		}
	}
	listed, err := collect(r.OutgoingMessages(ctx, id))
	for _, m := range listed {
		whole, err := r.OutgoingMessage(ctx, id, m.ID)
		if err != nil {
			return x, fmt.Errorf("message %s: %w", m.ID, err)
		}
		x.Outgoing = append(x.Outgoing, whole)
	}
	return x, err
}

// readContent returns the content of an attachment that was listed.
func readContent(ctx context.Context, r store.Reader, a *store.Attachment) (string, error) {
	again, content, err := r.AttachmentContent(ctx, a.Account, a.ID)
	if err != nil {
		return "", err
	}
	if *again != *a {
		return "", fmt.Errorf("the listing has %+v, but it is %+v", a, again)
	}
	b, err := io.ReadAll(content)
	return string(b), err
}
