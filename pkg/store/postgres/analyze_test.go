package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

// Tables have statistics as soon as many rows were loaded.
func TestLoadUpdatesTheStatistics(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	s := limited(t, server, Options{})
	if _, err := server.Psql(t.Context(), "postgres", noAutovacuum); err != nil {
		t.Fatal(err)
	}
	known := func(table string) string {
		out, err := server.Psql(t.Context(), "postgres", "SELECT reltuples::bigint FROM pg_class WHERE oid = 'davadmin."+table+"'::regclass")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var accounts []*store.NewAccount
	for i := range fewRows {
		accounts = append(accounts, &store.NewAccount{
			Account:   store.Account{ID: fmt.Sprint(i), Kind: store.User, Addresses: []string{fmt.Sprintf("%d@example.com", i)}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	}
	if err := s.Load(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	if account, address := known("account"), known("address"); account != "1000" || address != "1000" {
		t.Errorf("the server knows of %s accounts and %s addresses", account, address)
	}
	for part := range 5 { // of 400 components
		var components []*store.Component
		for i := range 400 {
			name := fmt.Sprintf("%d-%d", part, i)
			components = append(components, &store.Component{Name: name + ".ics", UID: name, Type: "VEVENT", Text: []byte("x")})
		}
		if err := s.LoadComponents(t.Context(), "1", store.DefaultCalendar, components); err != nil {
			t.Fatal(err)
		}
		if got, want := known("component"), []string{"-1", "-1", "1200", "1200", "1200"}[part]; got != want {
			t.Errorf("after part %d the server knows of %s components, want %s", part, got, want)
		}
	}
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		u, err := r.CalendarUsage(ctx, "1", store.DefaultCalendar)
		if err == nil && u.Components != 2000 {
			err = fmt.Errorf("%d components", u.Components)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
