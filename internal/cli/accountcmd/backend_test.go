package accountcmd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/store"
)

// What a run did before an error ended it is not recorded as nothing.
func TestRecordedPartIsUnfinished(t *testing.T) {
	var out bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &out, Err: &out}, Getenv: func(string) string { return "" }, Now: time.Now})
	s := &storehome.Home{Dir: t.TempDir()}
	broken := errors.New("broken")
	for did, want := range map[string]journal.Result{"": journal.NotDone, "accounts 3": journal.Unfinished} {
		err := storehome.NewHomes(f).Recorded(t.Context(), s, 0, "backend purge", "1 back end", func() (string, error) { return did, broken })
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		entries, err := f.Journals.Open(s.Dir, 0).Entries(context.Background(), "")
		if err != nil || len(entries) == 0 {
			t.Fatal(entries, err)
		}
		last := entries[0]
		for _, e := range entries {
			if e.Change > last.Change {
				last = e
			}
		}
		if last.Result != want || !strings.Contains(last.Detail, did) || !strings.Contains(last.Detail, "broken") {
			t.Errorf("after '%s' the record says %s: %s", did, last.Result, last.Detail)
		}
	}
}

// A commit whose result is unknown is not recorded as a change that was not made.
func TestUnknownCommitIsRecordedAsUnknown(t *testing.T) {
	var out bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &out, Err: &out}, Getenv: func(string) string { return "" }, Now: time.Now})
	s := &storehome.Home{Dir: t.TempDir()}
	lost := &store.CommitUnknown{Err: errors.New("reset by peer")}
	err := storehome.NewHomes(f).Recorded(t.Context(), s, 0, "backend purge", "1 back end", func() (string, error) { return "", lost })
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	entries, err := f.Journals.Open(s.Dir, 0).Entries(context.Background(), "")
	if err != nil || len(entries) != 1 || entries[0].Result != journal.Unknown {
		t.Errorf("got %+v, %v", entries, err)
	}
}
