package moving_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// writer changes the account a until it leaves, and knows what was acknowledged.
type writer struct {
	n                              int
	components, queued, subscribed int
	files                          []string
	property                       string
	state                          store.ItemState
}

func (w *writer) property1() store.PropertyName {
	return store.PropertyName{Namespace: "x:", Local: fmt.Sprintf("p%d", w.n)}
}

// change makes the ith change, and returns what to remember if it was committed.
func (w *writer) change(ctx context.Context, to store.Writer, i int) (made func(), err error) {
	const cal = store.DefaultCalendar
	switch i % 6 {
	case 0:
		name := fmt.Sprintf("put-%d-%d.ics", w.n, i)
		m := &store.Component{Name: name, UID: name, Type: "VEVENT", Text: []byte(name)}
		return func() { w.components++ }, to.PutComponent(ctx, "a", cal, m, store.Condition{})
	case 1:
		f := &store.Attachment{Account: "a", Name: fmt.Sprint(i)}
		err := to.AddAttachment(ctx, f, bytes.NewReader(fmt.Append(nil, w.n, i/12)), 100)
		return func() { w.files = append(w.files, f.ID) }, err
	case 2:
		value := fmt.Sprint(i)
		p := store.Property{PropertyName: w.property1(), Value: value}
		place := store.PropertyPlace{Account: "a", Calendar: []string{"", cal}[w.n%2]}
		return func() { w.property = value }, to.SetProperties(ctx, place, []store.PropertyChange{{Property: p}})
	case 3:
		m := &store.Outgoing{Account: "a", Sender: "mailto:a@example.com", Recipient: "mailto:b@example.com", Method: "REQUEST", UID: "u", Text: []byte("x")}
		return func() { w.queued++ }, to.AddOutgoing(ctx, m)
	case 4:
		state := store.ItemStates()[i/6%3]
		return func() { w.state = state }, to.SetItemState(ctx, "a", store.InboxName, fmt.Sprintf("message-%d.ics", w.n), state)
	}
	x := &store.Subscription{Account: "a", Owner: store.Person{ID: fmt.Sprintf("%d-%d", w.n, i), Address: "o@example.com"}, Calendar: "c"}
	return func() { w.subscribed++ }, to.Subscribe(ctx, x)
}

// run makes changes until one is rejected, and returns that error.
func (w *writer) run(ctx context.Context, s store.Store) error {
	for i := w.n; ; i++ {
		var made func()
		err := s.Update(ctx, func(ctx context.Context, to store.Writer) (err error) {
			made, err = w.change(ctx, to, i)
			return err
		})
		if err != nil {
			return err
		}
		made()
	}
}

// Every change that was acknowledged before an account left arrives with it.
func TestChangesDuringMove(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		const writers = 6
		create(t, from, "a")
		err := from.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			inbox := store.Calendar{Account: "a", Name: store.InboxName, Kind: store.Inbox, Components: []string{"VEVENT"}}
			err := w.CreateCalendar(ctx, &inbox)
			for n := range writers {
				name := fmt.Sprintf("message-%d.ics", n)
				m := &store.Component{Name: name, UID: name, Type: "VEVENT", Method: "REQUEST", Text: []byte("x")}
				err = errors.Join(err, w.PutComponent(ctx, "a", store.InboxName, m, store.Condition{}))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all := make([]*writer, writers)
		var wg sync.WaitGroup
		for n := range all {
			all[n] = &writer{n: n}
			wg.Go(func() {
				if err := all[n].run(t.Context(), from); !errors.Is(err, store.ErrMoving) && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("a writer: got error %v", err)
				}
			})
		}
		time.Sleep(300 * time.Millisecond)
		if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); err != nil {
			t.Error(err)
		}
		wg.Wait()
		for _, w := range all {
			if err := to.View(t.Context(), w.check); err != nil {
				t.Errorf("writer %d: %v", w.n, err)
			}
		}
		if err := to.View(t.Context(), func(ctx context.Context, r store.Reader) error { return checkSums(ctx, r, all) }); err != nil {
			t.Error(err)
		}
	})
}

// check expects what the writer was told.
func (w *writer) check(ctx context.Context, r store.Reader) error {
	for _, id := range w.files {
		if _, err := r.Attachment(ctx, "a", id); err != nil {
			return err
		}
	}
	list, err := r.Properties(ctx, store.PropertyPlace{Account: "a", Calendar: []string{"", store.DefaultCalendar}[w.n%2]})
	if err != nil {
		return err
	}
	got := ""
	for _, p := range list {
		if p.PropertyName == w.property1() {
			got = p.Value
		}
	}
	m, err := r.Component(ctx, "a", store.InboxName, fmt.Sprintf("message-%d.ics", w.n))
	if err == nil && (got != w.property || m.State != w.state) {
		err = fmt.Errorf("the property is %q, want %q; the state is %s, want %s", got, w.property, m.State, w.state)
	}
	return err
}

// checkSums expects as much as all writers were told together.
func checkSums(ctx context.Context, r store.Reader, all []*writer) error {
	var put, queued, subscribed, files int
	for _, w := range all {
		put, queued, subscribed, files = put+w.components, queued+w.queued, subscribed+w.subscribed, files+len(w.files)
	}
	u, err := r.CalendarUsage(ctx, "a", store.DefaultCalendar)
	if err != nil {
		return err
	}
	count, err := r.CountOutgoing(ctx, "a")
	if err != nil {
		return err
	}
	subscriptions, err := r.Subscriptions(ctx, "a")
	if err != nil {
		return err
	}
	attached := 0
	for _, err := range r.Attachments(ctx, "a", store.AttachmentFilter{}) {
		if err != nil {
			return err
		}
		attached++
	}
	const before = 64 // components of create that are not deleted
	got := fmt.Sprint(u.Components-before, count.Messages, len(subscriptions)-1, attached)
	if want := fmt.Sprint(put, queued, subscribed, files); got != want {
		return fmt.Errorf("components, messages, subscriptions and files that arrived: %s, want %s", got, want)
	}
	return nil
}
