package storetest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// CheckFrozen checks that a store has the content of the frozen stores in the testdata
// of the engines, at least one row of each table: two accounts and a deleted one, a calendar
// that is shared and subscribed to, a component and a deleted one, dead properties, a message
// in an inbox, two attachments with the same content, one of them deleted, a message to send,
// and the mark of an account that was moved away. The frozen stores were created with the
// first version of each schema and never change. CheckFrozen changes nothing either.
func CheckFrozen(t testing.TB, s store.Store) {
	t.Helper()
	const jane, anne = "426dfa81-3ec811e0-808bb160-e71a5247", "Ünïque '; --"
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		return errors.Join(checkFrozen(ctx, t, r, jane, anne), checkFrozenExtras(ctx, t, r, jane, anne))
	})
	if err != nil {
		t.Error(err)
	}
	done := errors.New("nothing is kept")
	var failed error
	err = s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		failed = checkFrozenDeleted(ctx, t, w, jane)
		return done
	})
	if failed != nil || !errors.Is(err, done) {
		t.Error(failed, err)
	}
}

// checkFrozen compares the content that r reads.
func checkFrozen(ctx context.Context, t testing.TB, r store.Reader, jane, anne string) error {
	t.Helper()
	var ids []string
	for a, err := range r.Accounts(ctx, store.AccountFilter{State: store.AnyState}) {
		if err != nil {
			return err
		}
		ids = append(ids, a.ID)
	}
	if want := []string{anne, jane, "gone"}; !slices.Equal(ids, want) {
		t.Errorf("the accounts are %q, want %q", ids, want)
	}
	a, err := r.AccountByAddress(ctx, "ALIAS.jdoe@example.com")
	if err != nil {
		return err
	}
	if a.ID != jane || a.DisplayName != "Name \x1b[2J jdoe@example.com" || !a.Notify || a.SchedulingACL.String() != "@:s" {
		t.Errorf("the account is %+v", a)
	}
	if len(a.Delegates) != 1 || a.Delegates[0] != (store.Person{ID: anne, Address: "Anne.Smith@example.com"}) || len(a.Owners) != 0 {
		t.Errorf("the delegates are %+v, the owners %+v", a.Delegates, a.Owners)
	}
	if gone, err := r.Account(ctx, "gone"); err != nil || gone.Active() || gone.Kind != store.Resource {
		t.Errorf("the deleted account is %+v, error %v", gone, err)
	}
	c, err := r.Calendar(ctx, jane, "work")
	if err != nil {
		return err
	}
	if len(c.ACL) != 1 || c.ACL[0].Principal.ID != anne || c.ACL[0].Rights != "rw" || c.Colour != "#3366cc" {
		t.Errorf("the calendar is %+v", c)
	}
	m, err := r.Component(ctx, jane, "work", "a.ics")
	if err != nil {
		return err
	}
	if m.Status != "TENTATIVE" || m.Start.IsZero() || m.End.Sub(m.Start) != time.Hour {
		t.Errorf("the component is %+v", m)
	}
	if want := []byte("BEGIN:VCALENDAR\r\nX:a.ics\xff\r\nEND:VCALENDAR\r\n"); !bytes.Equal(m.Text, want) || m.ETag != store.ETagOf(want) {
		t.Errorf("the component is %q, %s", m.Text, m.ETag)
	}
	now, err := r.Token(ctx, c)
	if err != nil {
		return err
	}
	changes, _, err := readChanges(ctx, r, jane, "work", now.At(0), 0)
	if err != nil {
		return err
	}
	if len(changes) != 2 || changes[1].Name != "b.ics" || !changes[1].Deleted {
		t.Errorf("the changes are %+v", changes)
	}
	followed, err := r.Subscriptions(ctx, anne)
	if err == nil && (len(followed) != 1 || followed[0].Owner.ID != jane || followed[0].Calendar != "work") {
		t.Errorf("the subscriptions are %+v", followed)
	}
	return err
}

// The properties of the component in the frozen stores, deleted or not.
func frozenProperties() []store.Property { return []store.Property{property("", "note", "'; --")} }

// frozenContent is the content of both attachments.
const frozenContent = "%PDF-1.7\r\n\xff\x00"

// checkFrozenExtras compares what belongs to accounts besides their calendars.
func checkFrozenExtras(ctx context.Context, t testing.TB, r store.Reader, jane, anne string) error {
	t.Helper()
	all, err := readAll(ctx, r)
	if err != nil {
		return err
	}
	want := map[store.PropertyPlace][]store.Property{
		{Account: jane}:                                      {property("http://example.com/ns/", "mood", "<mood>grün</mood>")},
		{Account: jane, Calendar: "work"}:                    {property("http://apple.com/ns/ical/", "calendar-order", "2")},
		{Account: jane, Calendar: "work", Resource: "a.ics"}: frozenProperties(),
	}
	if got := all[jane].Extras.Properties; !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the properties are %+v, want %+v", got, want)
	}
	items := all[jane].Components[store.InboxName]
	if len(items) != 1 || items[0].Name != "m.ics" || items[0].Method != "REQUEST" || items[0].State != store.Read {
		t.Errorf("the inbox contains %+v", items)
	}
	files := all[jane].Extras.Attachments
	if len(files) != 2 || files[0].Name != "a b.pdf" || files[0].ContentType != "application/pdf" || files[0].Size != int64(len(frozenContent)) ||
		files[1].Folder != "box" || files[1].Deleted.IsZero() || files[1].Hash != files[0].Hash {
		t.Errorf("the attachments are %+v", files)
	} else if got := all[jane].Extras.Contents[files[0].ID]; got != frozenContent {
		t.Errorf("the attachment contains %q", got)
	}
	queue := all[anne].Extras.Outgoing
	if len(queue) != 1 || queue[0].Recipient != "mailto:x@example.org" || queue[0].Tries != 2 || queue[0].LastError != "no answer" ||
		!bytes.Contains(queue[0].Text, []byte("METHOD:REQUEST")) {
		t.Errorf("the queue contains %+v", queue)
	}
	mr, ok := r.(store.MoveReader)
	if !ok {
		return nil
	}
	moves, err := mr.Moves(ctx, "left")
	if err == nil && (len(moves) != 1 || moves[0].Backend != "other" || moves[0].State != store.MoveGone || moves[0].At.IsZero()) {
		t.Errorf("the moves are %+v", moves)
	}
	return err
}

// checkFrozenDeleted restores what is deleted, and changes the inbox.
func checkFrozenDeleted(ctx context.Context, t testing.TB, w store.Writer, jane string) error {
	t.Helper()
	const box = "1123456789abcdef0123456789abcdef"
	err := errors.Join(
		w.UndeleteComponent(ctx, jane, "work", "b.ics"),
		w.UndeleteAttachment(ctx, jane, box),
		w.PutComponent(ctx, jane, store.InboxName, message("n.ics", "uid-m.ics", "CANCEL"), store.Condition{IfAbsent: true}),
		w.UndeleteAccount(ctx, "gone"),
	)
	if err != nil {
		return err
	}
	got, err := w.Properties(ctx, store.PropertyPlace{Account: jane, Calendar: "work", Resource: "b.ics"})
	if err != nil || !slices.Equal(got, frozenProperties()) {
		t.Errorf("the properties of the restored component are %+v, error %v", got, err)
	}
	a, err := w.Attachment(ctx, jane, box)
	if err != nil {
		return err
	}
	if content, err := readContent(ctx, w, a); err != nil || content != frozenContent {
		t.Errorf("the restored attachment contains %q, error %v", content, err)
	}
	return nil
}
