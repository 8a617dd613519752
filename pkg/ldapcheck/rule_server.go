package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Server provides what a live directory knows in addition to its entries.
type Server interface {
	// Exists reports whether an entry with that DN exists.
	Exists(ctx context.Context, dn string) (bool, error)
	// Matches reports whether the directory takes the value for a value of one of the
	// attributes of the entry dn.
	Matches(ctx context.Context, dn string, attributes []string, value []byte) (bool, error)
	// MissingFromSchema returns which of the attributes and object classes are missing in the
	// schema of the directory. The error is directory.ErrHidden if the server does not
	// show its schema.
	MissingFromSchema(ctx context.Context, attributes, classes []string) (missing []string, err error)
	// ShowsAttribute reports whether the attribute of any entry below a base is visible to
	// the bind DN.
	ShowsAttribute(ctx context.Context, base, attribute string) (bool, error)
	// IndexTypes returns the kinds of index that an attribute has, such as "eq" and "pres".
	// The error is directory.ErrHidden if the server does not show them to the bind DN.
	IndexTypes(ctx context.Context, attribute string) (kinds []string, err error)
}

func serverRules() []rule {
	return []rule{
		{
			Rule: newRule("schema-missing", finding.Error,
				"the directory's schema has what the calendar server needs",
				"the attributes cannot be added to any entry, and a search for them finds nothing without an error",
				"extend the schema; for Oracle's directories, use comm_dssetup.pl"),
			still: true, applies: needsServer, describe: describeSchema,
		},
		{
			Rule: newRule("index-missing", finding.Warning,
				"the unique id is indexed for equality",
				"every look-up of an account reads the whole directory",
				"create an index for presence and equality, and build it"),
			still: true, applies: needsServer, describe: describeIndex,
		},
	}
}

func needsServer(a *Audit) error {
	if a.o.Server == nil {
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedLiveDirectory}, "needs a directory server instead of a file")
	}
	return nil
}

// checkSchema checks the attributes and classes that the rules use.
func (a *Audit) checkSchema(ctx context.Context, w *worker) error {
	n := &a.o.Names
	attributes := []string{n.UniqueID, n.Store}
	if n.Local != "" && !strings.EqualFold(n.Local, n.Store) {
		attributes = append(attributes, n.Local)
	}
	classes := append([]string{}, n.UserClasses...)
	classes = append(classes, n.ResourceClasses...)
	if n.UniqueIDClass != "" {
		classes = append(classes, n.UniqueIDClass)
	}
	missing, err := a.o.Server.MissingFromSchema(ctx, attributes, classes)
	switch {
	case errors.Is(err, directory.ErrHidden):
		return finding.NotApplicable("the server does not show its schema to the bind DN")
	case err != nil:
		return fmt.Errorf("reading the schema: %w", err)
	}
	for i, name := range missing {
		w.add(&fact{rule: ruleSchemaMissing, pos: uint64(i), value: []byte(name)})
	}
	return w.err
}

func (a *Audit) checkIndex(ctx context.Context, w *worker) error {
	kinds, err := a.o.Server.IndexTypes(ctx, a.o.Names.UniqueID)
	switch {
	case errors.Is(err, directory.ErrHidden):
		return finding.NotApplicable("the server does not show its indexes to the bind DN")
	case err != nil:
		return fmt.Errorf("reading the indexes: %w", err)
	}
	for _, k := range kinds {
		if k == "eq" {
			return nil
		}
	}
	w.add(&fact{rule: ruleIndexMissing, value: []byte(a.o.Names.UniqueID)})
	return w.err
}

func describeSchema(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the directory's schema does not have %s", quote(f.value)), finding.Fix{}
}

func describeIndex(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s has no index for equality", quote(f.value)), finding.Fix{}
}
