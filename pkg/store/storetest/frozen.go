package storetest

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// CheckFrozen checks that a store has the content of the frozen stores in the testdata
// of the engines: two accounts and a deleted one, a calendar that is shared and
// subscribed to, and a component and a deleted one. The frozen stores were created
// with the first version of each schema and never change.
func CheckFrozen(t testing.TB, s store.Store) {
	t.Helper()
	const jane, anne = "426dfa81-3ec811e0-808bb160-e71a5247", "Ünïque '; --"
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		return checkFrozen(t.Context(), t, r, jane, anne)
	})
	if err != nil {
		t.Error(err)
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
