package account

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/tz"
)

func TestCorrectZones(t *testing.T) {
	p := Properties{{"displayname", "tokyo standard time"}, {"timezone", "tokyo standard time"}}
	notes, err := p.CorrectZones()
	want := []ZoneNote{{Given: "tokyo standard time", Used: "Asia/Tokyo", Windows: true}}
	if diff := cmp.Diff(want, notes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(Properties{{"displayname", "tokyo standard time"}, {"timezone", "Asia/Tokyo"}}, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, value := range []string{"", "Asia/Tokyo", "Asia/Calcutta"} {
		p := Properties{{"timezone", value}}
		if notes, err := p.CorrectZones(); len(notes) > 0 || err != nil || p[0].Value != value {
			t.Errorf("%q: %v, %v, %v", value, p, notes, err)
		}
	}
	var unknown *tz.UnknownError
	if _, err := (Properties{{"timezone", "Rom"}}).CorrectZones(); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}
