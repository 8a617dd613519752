package ischedule_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/ischedule"
)

// A real peer accepts the requests and gives the expected answers.
func TestCyrus(t *testing.T) {
	s := servertest.Cyrus(t, servertest.CyrusOptions{Users: []string{"u1", "u2"}})
	c := ischedule.New(ischedule.Options{ReadTimeout: time.Minute, Timeout: time.Minute})
	day := time.Date(2004, 9, 2, 0, 0, 0, 0, time.UTC)
	q := ischedule.Query{Originator: "cs7user@remote.example.net", Start: day, End: day.AddDate(0, 0, 1),
		Recipients: []string{"u1@example.com", "nobody@example.com", "u2@example.com", "x@elsewhere.example"}}

	can, err := c.Capabilities(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(can.Versions, "1.0") || can.Version != "1.0" || can.Serial != can.SerialNumber || !can.Supports("VFREEBUSY", "REQUEST") || can.URL != s.URL {
		t.Errorf("%+v", can)
	}
	found, err := c.Capabilities(t.Context(), s.URL[:len(s.URL)-len("/ischedule")]+"/.well-known/ischedule")
	if err != nil || len(found.Redirects) != 1 || found.SerialNumber != can.SerialNumber {
		t.Errorf("from the well-known URL: %+v, %v", found, err)
	}

	known := func(address string) ischedule.Recipient {
		return ischedule.Recipient{Address: address, Answered: true, Code: "2.0", Text: "Success", HasData: true}
	}
	unknown := func(address string) ischedule.Recipient {
		return ischedule.Recipient{Address: address, Answered: true, Code: "3.7", Text: "Invalid calendar user"}
	}
	want := []ischedule.Recipient{known(q.Recipients[0]), unknown(q.Recipients[1]), known(q.Recipients[2]), unknown(q.Recipients[3])}
	for _, at := range []string{s.URL, s.URL + "/"} {
		a, err := c.FreeBusy(t.Context(), at, q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, a.Recipients); diff != "" || len(a.Others) != 0 {
			t.Errorf("%s: %+v (-want +got):\n%s", at, a.Others, diff)
		}
	}

	bare := q
	bare.Bare = true
	_, err = c.FreeBusy(t.Context(), s.URL+"/", bare)
	var e *ischedule.Error
	if !errors.As(err, &e) || e.Kind != ischedule.Rejected || e.Reason != "version-not-supported" {
		t.Errorf("the bare form: %v", err)
	}
	_, err = c.FreeBusy(t.Context(), s.URL[:len(s.URL)-len("ischedule")]+"nothing/", q)
	if !errors.As(err, &e) || e.Kind != ischedule.NotFound {
		t.Errorf("the wrong path: %v", err)
	}
}
