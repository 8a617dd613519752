package cmdutil

import (
	"errors"

	"github.com/davadmin/davadmin/pkg/config"
)

// RefusedUsage converts a config.RefusedError to a usage error with a hint what to use
// instead. It returns other errors unchanged.
func (h *Hints) RefusedUsage(err error) error {
	var r *config.RefusedError
	if errors.As(err, &r) {
		return Usagef("%s%s", r.Error(), h.refusedHint(r))
	}
	return err
}

// refusedHint returns what to use instead of a refused request, or an empty string.
func (h *Hints) refusedHint(r *config.RefusedError) string {
	switch {
	case errors.Is(r.Reason, config.ErrUnknownParameter) && r.Hint != "":
		return " (--force sets it anyway)"
	case errors.Is(r.Reason, config.ErrUnknownParameter):
		return "; '" + h.Line("config", "list", "-A") + "' lists them (--force sets it anyway)"
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
		return "; '" + h.Line("domainmap", "list") + "' lists the mapped domains"
	}
	return ""
}
