package storehome

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// CreateStore creates the store of a back end, with a record in the journal.
func (sh *Homes) CreateStore(ctx context.Context, s *Home, l backends.Location, wait time.Duration) error {
	return sh.Recorded(ctx, s, wait, "db init", "store of "+l.Backend, func() (string, error) {
		if err := sh.Stores.CreateStoreFile(ctx, s.Dir, l); err != nil {
			return "", err
		}
		return "created: " + l.Where(), nil
	})
}

// findOut returns the command that shows whether a change of a store was made.
func (sh *Homes) findOut(operation string) string {
	switch operation {
	case "backend purge":
		return sh.hints.Again("--dry-run")
	case "db schema_fullupgrade":
		return sh.hints.Line("db", "schema_version")
	case "db verify":
		return sh.hints.Again("--dry-run")
	}
	return sh.hints.Line("backend", "list")
}

// Recorded calls do between two records of the journal. The first result of do says what
// it did, even if it failed; the record says unfinished then. If whether a transaction was
// committed is unknown, the record says unknown, with the command that finds out.
func (sh *Homes) Recorded(ctx context.Context, s *Home, wait time.Duration, operation, what string, do func() (string, error)) error {
	return sh.RecordedIn(ctx, s, wait, journal.Accounts, operation, what, do)
}

// RecordedIn is Recorded for a change of an area.
func (sh *Homes) RecordedIn(ctx context.Context, s *Home, wait time.Duration, area journal.Area, operation, what string, do func() (string, error)) error {
	session, err := sh.journals.Open(s.Dir, wait).Open(ctx, area)
	if err != nil {
		return err
	}
	sh.journals.WarnNotes(session.Notes)
	change, err := sh.journals.Begin(ctx, session, journal.Intent{Operation: operation, Command: sh.journals.Command(), Items: []journal.Item{{Name: what, IsSet: true}}})
	if err != nil {
		return errors.Join(err, session.Close())
	}
	detail, err := do()
	result := journal.Done
	var unknown *store.CommitUnknown
	if errors.As(err, &unknown) && !unknown.Unreplicated {
		err = fmt.Errorf("%w; to find out: %s", err, sh.findOut(operation))
	}
	switch {
	case errors.As(err, &unknown) && !unknown.Unreplicated && detail == "":
		result, detail = journal.Unknown, sh.hints.ErrorText(err)
	case errors.As(err, &unknown) && !unknown.Unreplicated:
		result, detail = journal.Unknown, detail+"; "+sh.hints.ErrorText(err)
	case detail == "" && errors.As(err, &unknown):
		result, detail = journal.Unfinished, sh.hints.ErrorText(err)
	case err != nil && detail != "":
		result, detail = journal.Unfinished, detail+"; "+sh.hints.ErrorText(err)
	case err != nil:
		result, detail = journal.NotDone, sh.hints.ErrorText(err)
	}
	return errors.Join(err, session.End(context.WithoutCancel(ctx), change, result, detail), session.Close())
}

// Command returns the command line of this run as the journal records it.
func (sh *Homes) Command() []string { return sh.journals.Command() }
