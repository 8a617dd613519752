package accountcmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// The progress of a batch is shown by a goroutine of its own, while the batch counts.
func TestProgressOfABatch(t *testing.T) {
	var out, notes bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{
		Streams: &ui.Streams{Out: &out, Err: &notes, ErrTTY: true}, Getenv: func(string) string { return "" },
	})
	o := newAccountChange(f, "modify").runner
	o.counts, o.format = map[account.Result]int{}, ui.Plain
	refused := errors.New("refused")
	s := &storehome.Home{Set: backends.New(nil, "", backends.Options{})}
	items := func(yield func(*account.Item, error) bool) {
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			if !yield(&account.Item{Name: "a@example.com", Refused: refused}, nil) {
				return
			}
		}
	}
	batch := &account.Batch{Stores: s.Set, Do: account.DryRun(account.Delete), Report: o.report}
	err := o.work(t.Context(), &selectedAccounts{count: 30, items: items}, batch, nil)
	var partial *cmdutil.PartialError
	if !errors.As(err, &partial) || !strings.Contains(notes.String(), " of 30 accounts, ") {
		t.Errorf("%v\n%s", err, notes.String())
	}
}

// A command that changed the addresses of accounts may not find them again by what it was
// given, so it does not suggest itself to find out whether that was saved.
func TestFindOutAfterNewAddresses(t *testing.T) {
	var out bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{Out: &out, Err: &out}, Getenv: func(string) string { return "" }, Args: []string{"account", "modify"}})
	o := newAccountChange(f, "modify").runner
	if got := o.findOut(); !strings.Contains(got, "--dry-run") {
		t.Errorf("to find out: %s", got)
	}
	o.readdresses = true
	if got := o.findOut(); !strings.HasSuffix(got, "account list -v") {
		t.Errorf("to find out: %s", got)
	}
}
