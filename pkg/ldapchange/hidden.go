package ldapchange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// hiding finds out whether attributes that a plan changes, and of which the entries show
// no value, are only hidden from the bind DN that changes them.
type hiding struct {
	attributes []string
	absence    *directory.Absence
}

// newHiding returns a hiding for the attributes of a plan.
func newHiding(attributes []string) *hiding {
	// Object classes are always shown: without them there is no entry.
	h := &hiding{attributes: slices.DeleteFunc(slices.Clone(attributes), func(name string) bool { return strings.EqualFold(name, "objectClass") })}
	h.attributes = h.attributes[:min(len(h.attributes), directory.MaxAttributes)]
	h.absence = directory.NewAbsence(h.attributes, nil)
	return h
}

// note records the attributes that an entry to be changed came without.
func (h *hiding) note(l *look) {
	if l.err != nil || l.why != "" || l.already {
		return
	}
	var lacking uint64
	for i, name := range h.attributes {
		if slices.ContainsFunc(l.absent, func(absent string) bool { return strings.EqualFold(absent, name) }) {
			lacking |= 1 << i
		}
	}
	h.absence.Note([]byte(l.record.DN), 0, lacking)
}

// absentFrom returns the attributes that a record changes and of which the entry shows
// no value.
func absentFrom(r *Record, now Values) []string {
	var out []string
	for _, name := range r.attributes() {
		if len(now.of(name)) == 0 {
			out = append(out, name)
		}
	}
	return out
}

// retryingViewer asks by a session, with retries.
type retryingViewer struct{ a *Applier }

func (v retryingViewer) View(ctx context.Context, dn string, attributes []string) (views []directory.AttributeView, err error) {
	err = v.a.retry(ctx, &v.a.sessions[0], func(s *session) (err error) {
		views, err = s.c.View(context.WithoutCancel(ctx), dn, attributes)
		s.lost = s.lost || directory.IsLost(err)
		return err
	})
	return views, err
}

// askHidden returns an ErrConflict with a *directory.HiddenError if the server has values
// that it does not show. Of many entries, it asks about a part: the values of all of them
// were read, and the guards protect each one.
func (a *Applier) askHidden(ctx context.Context) error {
	results, err := a.hidden.absence.Ask(ctx, &directory.Prover{Viewer: retryingViewer{a}, BindDN: a.o.Directory.BindDN})
	if err != nil {
		return err
	}
	if hidden := directory.FirstHidden(results); hidden != nil {
		return fmt.Errorf("%w: %w; the whole plan is refused, and nothing was changed", ErrConflict, hidden)
	}
	for i := range results {
		if results[i].Err != nil {
			return results[i].Err
		}
	}
	return nil
}
