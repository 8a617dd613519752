package calio_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/store"
)

func TestDelete(t *testing.T) {
	w := newWorld(t)
	w.requireLoad(w.options(), file(event("1", "one"), event("2", "two"), event("3", "three")), "created 1", "created 2", "created 3")
	etag := func(summary, uid string) string {
		text := file(event(uid, summary))
		return store.ETagOf([]byte(text))
	}
	list := []calio.Doomed{{Name: "1.ics", UID: "1", ETag: etag("one", "1")}, {Name: "2.ics", UID: "2", ETag: "other"}, {Name: "none.ics"}}
	w.undo = nil
	for _, dry := range []bool{true, false} {
		var got []string
		err := calio.Delete(t.Context(), list, calio.DeleteOptions{
			Store: w, Place: w.options().Place, DryRun: dry, Save: w.save,
			Report: func(r calio.DeleteResult) error {
				got = append(got, fmt.Sprintf("%s %t %s", r.Name, r.Deleted, r.Reason))
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"1.ics true ", "2.ics false it was changed since", "none.ics false it does not exist any more"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dry run %t: (-want +got)\n%s", dry, diff)
		}
		if (len(w.undo) == 0) != dry {
			t.Errorf("dry run %t: %q", dry, w.undo)
		}
	}
	w.requireContent("2.ics two", "3.ics three")
	deleted := slices.Clone(w.undo)
	w.requireUndo("undone 1.ics")
	w.requireContent("1.ics one", "2.ics two", "3.ics three")
	w.requireUndo("undone 1.ics")
	w.requireContent("2.ics two", "3.ics three")
	w.undo = deleted
	w.requireUndo("undone 1.ics")
	w.requireUndo("undone 1.ics")
}
