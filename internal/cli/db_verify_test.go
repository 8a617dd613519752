package cli_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// putComponents is the command 'components ID GOOD BAD': it puts so many events into the
// calendar of an account, good ones and others whose text cannot be read, and makes the store
// one of an earlier version, in which no index is right.
func putComponents(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: components ID GOOD BAD")
	}
	ctx := context.Background()
	l := backends.Location{Backend: "defaultbackend", File: filepath.Join(ts.Getenv("HOME_DIR"), "data", "db", "defaultbackend.sqlite")}
	st, err := l.Open(ctx, backends.Options{Wait: 10 * time.Second})
	ts.Check(err)
	defer st.Close()
	good, err := strconv.Atoi(args[1])
	ts.Check(err)
	bad, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(putOld(ctx, st, args[0], good, bad))
}

// putOld does the work of putComponents.
func putOld(ctx context.Context, st store.Store, account string, good, bad int) error {
	zones := recur.NewZones()
	err := st.Update(ctx, func(ctx context.Context, w store.Writer) error {
		for i := range good {
			text := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:good-%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i)
			o, err := calobj.Parse([]byte(text), calobj.Options{Zones: zones})
			if err != nil {
				return err
			}
			if _, err := calobj.Put(ctx, w, store.Place{Account: account, Calendar: store.DefaultCalendar, Name: fmt.Sprintf("%04d.ics", i)}, o, calobj.PutOptions{}); err != nil {
				return err
			}
		}
		for i := range bad {
			c := &store.Component{Name: fmt.Sprintf("bad-%d.ics", i), UID: fmt.Sprint("bad-", i), Type: "VEVENT", Text: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}
			if err := w.PutComponent(ctx, account, store.DefaultCalendar, c, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var all []*store.Indexed
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		for m, err := range r.Indexed(ctx, store.IndexPlace{}, 0) {
			if err != nil {
				return err
			}
			all = append(all, m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return st.Update(ctx, func(ctx context.Context, w store.Writer) error {
		for _, m := range all {
			if _, err := w.Reindex(ctx, m.Place, m.ETag, store.Index{}); err != nil {
				return err
			}
		}
		return w.LowerSpans(ctx, 0)
	})
}
