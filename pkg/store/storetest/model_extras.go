package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

// modelExtras is what belongs to an account of the model besides its calendars. The names
// of attachments and the UIDs of messages tell them apart, since the store makes the ids.
type modelExtras struct {
	properties  []store.Property
	attachments []modelAttachment
	outgoing    []modelMessage
}

type modelAttachment struct {
	store.Attachment // without an id
	content          string
}

type modelMessage struct {
	uid   string
	next  time.Time
	tries int64
}

func (x modelExtras) clone() modelExtras {
	return modelExtras{x.properties, slices.Clone(x.attachments), slices.Clone(x.outgoing)}
}

// attached returns the number and the size of the attachments that are not deleted.
func (x modelExtras) attached() (n int, size int64) {
	for _, a := range x.attachments {
		if a.Deleted.IsZero() {
			n++
			size += a.Size
		}
	}
	return n, size
}

func (x *modelExtras) purgeAttachments(old func(time.Time) bool) {
	x.attachments = slices.DeleteFunc(x.attachments, func(a modelAttachment) bool { return old(a.Deleted) })
}

// setProperties is SetProperties with valid changes.
func (m *model) setProperties(p store.PropertyPlace, changes []store.PropertyChange) error {
	a, err := m.active(p.Account)
	if err != nil {
		return err
	}
	apply := func(has []store.Property) []store.Property {
		byName := map[store.PropertyName]string{}
		for _, x := range has {
			byName[x.PropertyName] = x.Value
		}
		for _, c := range changes {
			if delete(byName, c.PropertyName); !c.Remove {
				byName[c.PropertyName] = c.Value
			}
		}
		var out []store.Property
		for n, value := range byName {
			out = append(out, store.Property{PropertyName: n, Value: value})
		}
		slices.SortFunc(out, func(a, b store.Property) int { return cmpStrings(a.Namespace+" "+a.Local, b.Namespace+" "+b.Local) })
		return out
	}
	if p.Calendar == "" {
		a.properties = apply(a.properties)
		return nil
	}
	c := a.calendar(p.Calendar)
	if c == nil {
		return store.ErrNotFound
	}
	if _, there := c.components[p.Resource]; p.Resource != "" && !there {
		return store.ErrNotFound
	}
	c.properties[p.Resource] = apply(c.properties[p.Resource])
	return nil
}

func drawSetProperties(t *rapid.T, d draw) action {
	p := rapid.SampledFrom([]store.PropertyPlace{
		{Account: d.id, Calendar: d.calendar, Resource: d.resource}, {Account: d.id, Calendar: d.calendar}, {Account: d.id},
	}).Draw(t, "place")
	var changes []store.PropertyChange
	for range rapid.IntRange(0, 3).Draw(t, "properties") {
		x := property(rapid.SampledFrom([]string{"", "urn:x"}).Draw(t, "namespace"), rapid.SampledFrom([]string{"a", "b", "ä"}).Draw(t, "name"),
			rapid.SampledFrom([]string{"", "<x/>", "2:'; --"}).Draw(t, "value"))
		changes = append(changes, store.PropertyChange{Property: x, Remove: rapid.IntRange(0, 3).Draw(t, "removed") == 0})
	}
	return action{
		what:   fmt.Sprintf("set properties of %q to %q", p, changes),
		engine: func(ctx context.Context, w store.Writer) error { return w.SetProperties(ctx, p, changes) },
		model:  func(m *model) error { return m.setProperties(p, changes) },
	}
}

func drawAddAttachment(t *rapid.T, d draw) action {
	a := store.Attachment{Account: d.id, Name: fmt.Sprint(d.serial), ContentType: "text/plain"}
	if rapid.IntRange(0, 1).Draw(t, "in a folder") == 0 {
		a.Folder, a.Name = "box", d.resource
	}
	content := rapid.SampledFrom([]string{"", "same", "other", random(chunk + 1)}).Draw(t, "content")
	limit := rapid.SampledFrom([]int64{1 << 30, 1 << 30, 1 << 30, 4}).Draw(t, "limit")
	return action{
		what: fmt.Sprintf("add attachment %s/%s with %d bytes of at most %d to %s", a.Folder, a.Name, len(content), limit, a.Account),
		engine: func(ctx context.Context, w store.Writer) error {
			copied := a
			return w.AddAttachment(ctx, &copied, strings.NewReader(content), limit)
		},
		model: func(m *model) error {
			to, err := m.active(d.id)
			switch {
			case err != nil:
				return err
			case a.Folder != "" && to.file(a.Name) >= 0:
				return store.ErrExists
			case int64(len(content)) > limit:
				return store.ErrInvalid
			}
			x := modelAttachment{a, content}
			x.Size, x.Created = int64(len(content)), m.now
			to.attachments = append(to.attachments, x)
			return nil
		},
	}
}

// file returns the index of the attachment in the folder with a name that is not deleted,
// or -1.
func (x modelExtras) file(name string) int {
	return slices.IndexFunc(x.attachments, func(a modelAttachment) bool { return a.Folder != "" && a.Name == name && a.Deleted.IsZero() })
}

// drawMark draws a change of the first attachment that is deleted or not. Attachments of
// equal creation are in the order of their ids, which the model does not know, so the
// engine looks for the one that the model chose by its name.
func drawMark(d draw, what string, deleted bool, change func(ctx context.Context, w store.Writer, id string) error) action {
	var chosen *store.Attachment
	return action{
		what: what + " in " + d.id,
		model: func(m *model) error {
			chosen = nil
			a, err := m.active(d.id)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(a.attachments, func(x modelAttachment) bool { return x.Deleted.IsZero() != deleted })
			if i < 0 {
				return store.ErrNotFound
			}
			x := &a.attachments[i]
			copied := x.Attachment
			chosen = &copied
			switch {
			case !deleted:
				x.Deleted = m.now
			case x.Folder != "" && a.file(x.Name) >= 0:
				return store.ErrExists
			default:
				x.Deleted = time.Time{}
			}
			return nil
		},
		engine: func(ctx context.Context, w store.Writer) error {
			id := "none"
			listed, err := collect(w.Attachments(ctx, d.id, store.AttachmentFilter{State: store.AnyState}))
			for _, x := range listed {
				if chosen != nil && x.Name == chosen.Name && x.Folder == chosen.Folder && x.Created.Equal(chosen.Created) && x.Deleted.Equal(chosen.Deleted) && x.Size == chosen.Size {
					id = x.ID
				}
			}
			return errors.Join(err, change(ctx, w, id))
		},
	}
}

func drawDeleteAttachment(_ *rapid.T, d draw) action {
	return drawMark(d, "delete the first attachment", false, func(ctx context.Context, w store.Writer, id string) error { return w.DeleteAttachment(ctx, d.id, id) })
}

func drawUndeleteAttachment(_ *rapid.T, d draw) action {
	return drawMark(d, "restore the first deleted attachment", true, func(ctx context.Context, w store.Writer, id string) error { return w.UndeleteAttachment(ctx, d.id, id) })
}

func drawAddOutgoing(_ *rapid.T, d draw) action {
	x := queued(d.id, fmt.Sprint(d.serial))
	x.Account, x.Sender = d.id, "mailto:a@example.com"
	return action{
		what: "queue a message of " + d.id,
		engine: func(ctx context.Context, w store.Writer) error {
			copied := x
			return w.AddOutgoing(ctx, &copied)
		},
		model: func(m *model) error {
			a, err := m.active(d.id)
			if err == nil {
				a.outgoing = append(a.outgoing, modelMessage{x.UID, m.now, 0})
			}
			return err
		},
	}
}

// claimed returns the UIDs of all due messages and claims them until a time.
func (m *model) claim(until time.Time) []string {
	var uids []string
	for _, a := range m.accounts {
		for i := range a.outgoing {
			if x := &a.outgoing[i]; !x.next.After(m.now) {
				x.next, x.tries = until, x.tries+1
				uids = append(uids, x.uid)
			}
		}
	}
	slices.Sort(uids)
	return uids
}

func drawClaim(t *rapid.T, _ draw) action {
	lease := time.Duration(rapid.IntRange(1, 10).Draw(t, "lease")) * time.Second
	var want []string
	var until time.Time
	return action{
		what: fmt.Sprintf("claim messages for %v", lease),
		model: func(m *model) error {
			until = m.now.Add(lease)
			want = m.claim(until)
			return nil
		},
		engine: func(ctx context.Context, w store.Writer) error {
			claimed, err := w.ClaimOutgoing(ctx, until, store.MaxClaim)
			if err != nil {
				return err
			}
			var got []string
			for _, x := range claimed {
				got = append(got, x.UID)
			}
			slices.Sort(got)
			return diffError("the claimed messages", want, got)
		},
	}
}

// drawSent draws the end of the first message of an account.
func drawSent(_ *rapid.T, d draw) action {
	return action{
		what: "remove the first message of " + d.id,
		model: func(m *model) error {
			a := m.accounts[d.id]
			if a == nil || len(a.outgoing) == 0 {
				return store.ErrNotFound
			}
			a.outgoing = slices.Delete(a.outgoing, 0, 1)
			return nil
		},
		engine: func(ctx context.Context, w store.Writer) error {
			listed, err := collect(w.OutgoingMessages(ctx, d.id))
			if err != nil {
				return err
			}
			if len(listed) == 0 {
				return store.ErrNotFound
			}
			return w.RemoveOutgoing(ctx, d.id, listed[0].ID)
		},
	}
}

// compareExtras compares the extras of an account with the model.
func (r *run) compareExtras(in store.Reader, want *modelAccount, got extras) error {
	properties := map[store.PropertyPlace][]store.Property{}
	if len(want.properties) > 0 {
		properties[store.PropertyPlace{Account: want.ID}] = want.properties
	}
	for _, c := range want.calendars {
		for resource, list := range c.properties {
			if len(list) > 0 && c.Calendar.Deleted.IsZero() && want.Active() {
				properties[store.PropertyPlace{Account: want.ID, Calendar: c.Name, Resource: resource}] = list
			}
		}
	}
	describe := func(a store.Attachment, content string) string {
		return fmt.Sprintf("%s/%s %s %d %v %v %.20s", a.Folder, a.Name, a.ContentType, a.Size, a.Created, a.Deleted, content)
	}
	var wantFiles, gotFiles, wantQueue, gotQueue []string
	for _, a := range want.attachments {
		if !a.Deleted.IsZero() {
			a.content = ""
		}
		wantFiles = append(wantFiles, describe(a.Attachment, a.content))
	}
	for _, a := range got.Attachments {
		gotFiles = append(gotFiles, describe(*a, got.Contents[a.ID]))
	}
	slices.Sort(wantFiles)
	slices.Sort(gotFiles)
	for _, x := range want.outgoing {
		wantQueue = append(wantQueue, fmt.Sprintf("%s %v %d", x.uid, x.next, x.tries))
	}
	for _, x := range got.Outgoing {
		gotQueue = append(gotQueue, fmt.Sprintf("%s %v %d", x.UID, x.NextAt, x.Tries))
	}
	count, err := in.CountOutgoing(r.ctx, want.ID)
	if err == nil && count.Messages != int64(len(wantQueue)) {
		err = fmt.Errorf("%d messages are counted, want %d", count.Messages, len(wantQueue))
	}
	return errors.Join(err, diffError("properties", maps.Clone(properties), got.Properties), diffError("attachments", wantFiles, gotFiles), diffError("messages", wantQueue, gotQueue))
}
