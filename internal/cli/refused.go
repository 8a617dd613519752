package cli

import (
	"errors"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// refused turns what pkg/config refuses into a usage error that says what to type
// instead.
func refused(err error) error {
	var r *config.RefusedError
	if errors.As(err, &r) {
		return usagef("%s%s", r.Error(), refusedHint(r))
	}
	return err
}

// refusedHint says what to type instead of a request that was refused.
func refusedHint(r *config.RefusedError) string {
	switch {
	case errors.Is(r.Reason, config.ErrUnknownParameter) && r.Hint != "":
		return " (--force sets it anyway)"
	case errors.Is(r.Reason, config.ErrUnknownParameter):
		return "; 'davadmin config list -A' lists them (--force sets it anyway)"
	case errors.Is(r.Reason, config.ErrNotList):
		return "; give the whole value with -v"
	case errors.Is(r.Reason, config.ErrEmptyValue):
		return "; use --default to go back to the default"
	case errors.Is(r.Reason, config.ErrMembersLost):
		return "; --strict does not allow this"
	case errors.Is(r.Reason, config.ErrDomainMapped):
		return "; use 'domainmap modify'"
	case errors.Is(r.Reason, config.ErrDomainToCreate):
		return "; use 'domainmap create'"
	case errors.Is(r.Reason, config.ErrDomainNotMapped) && r.Hint == "":
		return "; 'davadmin domainmap list' lists the mapped domains"
	}
	return ""
}

// warnNotes shows what a session of the journal repaired or found.
func (a *App) warnNotes(notes []journal.Note) {
	for _, n := range notes {
		if errors.Is(n.Err, journal.ErrDamaged) {
			a.warnf("%s; run '%s' for details", n.Text, a.command("history", "verify"))
			continue
		}
		a.warnf("%s", n.Text)
	}
}
