package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// checkDirectory checks the options about the entries of the accounts.
func (o *accountMove) checkDirectory() error {
	o.entries = o.directory || o.out != ""
	if !o.entries {
		if o.force {
			return cmdutil.Usagef("--force requires -O FILE")
		}
		return nil
	}
	if o.directory {
		if o.out != "" {
			return cmdutil.Usagef("--directory changes the entries, and -O plans that for later; use only one of them")
		}
		if len(o.Files) > 0 {
			return cmdutil.Usagef("--directory changes a directory server, so it cannot be combined with --ldif; use -O FILE to plan the changes")
		}
		o.runner.undo, o.runner.undoArgs = append(o.runner.undo, "--directory"), o.Args()
		o.runner.areas = []journal.Area{journal.Directory}
		return nil
	}
	if fsx.IsStdout(o.out) {
		return cmdutil.Usagef("-O: the report is written to standard output; use the path of a file")
	}
	for _, other := range append([]string{o.batch, o.runner.reject}, o.Files...) {
		if err := cmdutil.CheckDistinct("-O", o.out, "another option", other); err != nil {
			return err
		}
	}
	return cmdutil.CheckOutput(o.out, o.planOutput())
}

func (o *accountMove) planOutput() fsx.OutputOptions { return fsx.OutputOptions{Overwrite: o.force} }

// findEntries finds the entries of all selected accounts, and whether they can be changed, before
// the first account is moved. It returns nil if the entries do not matter.
func (o *accountMove) findEntries(ctx context.Context, s *storehome.Home, t *selectedAccounts) (*account.MoveEntries, error) {
	if !o.entries {
		return nil, nil
	}
	rc, err := s.Route()
	if err != nil {
		return nil, err
	}
	m := &account.MoveEntries{Directory: t.directory, Route: rc, Stores: s.Set}
	items, err := collect(t)
	if err != nil {
		return nil, err
	}
	changes, err := m.Find(ctx, items)
	if err != nil {
		return nil, err
	}
	t.items = refusedFirst(items)
	if !o.directory {
		return m, o.planEntries(m, t)
	}
	editor, err := ldapchange.NewEditor(ctx, ldapchange.Options{
		Directory: *s.Connection, RetryFor: max(o.runner.retryFor, time.Millisecond), Now: o.now,
		Waiting: func(err error, d time.Duration) {
			o.console.Notef("davadmin: note: %s; trying again for %s", ui.Sanitize(err.Error()), d)
		},
	})
	if err != nil {
		return nil, err
	}
	onClose(t, func() error { editor.Close(); return nil })
	c := &entryChanger{editor: editor, of: o, bound: s.Connection}
	m.Changer = c
	return m, c.requireRights(ctx, changes)
}

// collect reads all items.
func collect(t *selectedAccounts) (items []*account.Item, err error) {
	for item, err := range t.items {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// refusedFirst yields items, first those for which nothing can be done, so that they are reported
// before anything is changed.
func refusedFirst(items []*account.Item) func(yield func(*account.Item, error) bool) {
	return func(yield func(*account.Item, error) bool) {
		for _, refused := range []bool{true, false} {
			for _, item := range items {
				if (item.Refused != nil) == refused && !yield(item, nil) {
					return
				}
			}
		}
	}
}

// onClose adds what is done when a selection is closed.
func onClose(t *selectedAccounts, also func() error) {
	before := t.close
	t.close = func() error { return errors.Join(also(), before()) }
}

// planEntries lets the run write a plan of the changes of the entries whose accounts were moved.
// It is written at the end, so that it contains no others.
func (o *accountMove) planEntries(m *account.MoveEntries, t *selectedAccounts) error {
	draft, err := ldapchange.NewDraft(o.tmp)
	if err != nil {
		return err
	}
	onClose(t, draft.Close)
	m.Planned = func(c account.EntryChange) error { return draft.Add(recordOf(c)) }
	o.runner.finish = func(ctx context.Context) (bool, error) {
		if draft.Changes() == 0 {
			return false, nil
		}
		h := ldapchange.Header{Made: o.now(), By: strings.Join(o.runner.homes.Command(), " "), Source: t.directory.Source.Name()}
		if err := draft.WriteFile(ctx, o.out, h, o.planOutput()); err != nil {
			return false, &cmdutil.PartialError{Text: fmt.Sprintf("the accounts were moved, but the plan for their entries was not written: %v; run the same command again to write it", err)}
		}
		return true, nil
	}
	return nil
}

// recordOf returns the guarded change of an entry.
func recordOf(c account.EntryChange) *ldapchange.Record {
	return &ldapchange.Record{
		DN:      c.DN,
		Changes: []ldif.Modification{{Op: ldif.OpReplace, Name: c.Attribute, Values: [][]byte{[]byte(c.New)}}},
		Expect:  []ldapchange.Expectation{{Name: c.Attribute, Need: ldapchange.NeedAll, Values: [][]byte{[]byte(c.Old)}}},
	}
}

// entryChanger is an account.EntryChanger.
type entryChanger struct {
	editor *ldapchange.Editor
	of     *accountMove
	bound  *directory.Options
}

// Compare implements account.EntryChanger.
func (x *entryChanger) Compare(ctx context.Context, c account.EntryChange) (done bool, err error) {
	what, err := x.editor.Compare(ctx, recordOf(c))
	return what == ldapchange.AlreadyDone, x.explain(err, c.Attribute)
}

// Change implements account.EntryChanger.
func (x *entryChanger) Change(ctx context.Context, c account.EntryChange) error {
	_, err := x.editor.Change(ctx, recordOf(c))
	return x.explain(err, c.Attribute)
}

// explain returns an error of the editor as account.EntryChanger returns it, with what to do.
func (x *entryChanger) explain(err error, attribute string) error {
	var differs *ldapchange.EntryConflictError
	var refused *ldapchange.RefusedError
	switch {
	case errors.As(err, &differs):
		return fmt.Errorf("%w: %s", account.ErrEntryDiffers, differs.Error())
	case errors.As(err, &refused):
		return &refusedEntryError{text: x.refusedText(refused, attribute), err: refused}
	case errors.Is(err, ldapchange.ErrReadOnly):
		return &refusedEntryError{text: err.Error() + "; use -H to name a server that accepts changes", err: err}
	}
	return err
}

// refusedEntryError is the refusal of a server, with what to do.
type refusedEntryError struct {
	text string
	err  error
}

func (e *refusedEntryError) Error() string { return e.text }

// Unwrap returns account.ErrEntryRefused and the refusal.
func (e *refusedEntryError) Unwrap() []error { return []error{account.ErrEntryRefused, e.err} }

// refusedText says who may not change an attribute, and what to do.
func (x *entryChanger) refusedText(r *ldapchange.RefusedError, attribute string) string {
	answer := planrun.WithoutDN(r.Err.Error(), r.DN)
	if !r.Denied() {
		return fmt.Sprintf("the server refuses changes of %s of %s: %s", attribute, r.DN, answer)
	}
	who := "the bind DN '" + x.bound.BindDN + "'"
	switch {
	case x.bound.External:
		who = "the identity of --external"
	case x.bound.BindDN == "":
		who = "an anonymous client"
	}
	return fmt.Sprintf("insufficient access: %s may not change %s of %s (%s); on the server, give it the right to write %s ('%s' shows how), bind as a user who has that right (-D), or let -O FILE write a plan for those who administer the directory",
		who, attribute, r.DN, answer, attribute, x.of.hints.Line("ldap", "test", x.of.Args()...))
}

// requireRights returns an error if the server would refuse one of the changes.
func (x *entryChanger) requireRights(ctx context.Context, changes []account.EntryChange) error {
	if len(changes) == 0 {
		return nil
	}
	dns := make([]string, len(changes))
	for i := range changes {
		dns[i] = changes[i].DN
	}
	attribute := changes[0].Attribute
	refused, err := x.editor.TryWrite(ctx, attribute, dns)
	if err == nil && refused != nil {
		err = refused
	}
	if err = x.explain(err, attribute); err == nil {
		return nil
	}
	if refused != nil && refused.Entries > 1 {
		return fmt.Errorf("nothing was changed, because of %s: %w", cmdutil.EntryCount(refused.Entries), err)
	}
	return fmt.Errorf("nothing was changed: %w", err)
}

// nextOfEntries says what the directory must get after the accounts were moved; ok is false
// if the options about the directory do not decide that.
func (o *accountMove) nextOfEntries() (text string, ok bool) {
	switch {
	case o.directory:
		return "", true
	case o.out == "":
		return "", false
	case !o.runner.written && o.runner.counts[account.Failed] == 0:
		return "nothing to do in the directory: every entry already names the back end of its account, so no plan was written", true
	case !o.runner.written:
		return "", true
	}
	name := o.out
	if fsx.IsDirect(o.out) {
		name = "PLAN"
	}
	return "next: " + o.hints.Line("ldap", "apply", append(append([]string{name}, o.ChangeArgs()...), "--dry-run")...), true
}
