package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Server is what a live directory tells besides its entries.
type Server interface {
	// Exists tells whether there is an entry of that name.
	Exists(ctx context.Context, dn string) (bool, error)
	// MissingFromSchema tells which of the attributes and object classes
	// the directory's schema lacks; directory.ErrHidden when it does not show its schema.
	MissingFromSchema(ctx context.Context, attributes, classes []string) (missing []string, err error)
	// ShowsAttribute tells whether any entry shows the attribute to whoever is bound.
	ShowsAttribute(ctx context.Context, attribute string) (bool, error)
	// IndexTypes tells what kinds of index an attribute has: "eq", "pres"; directory.ErrHidden when
	// the server does not show this to whoever asks.
	IndexTypes(ctx context.Context, attribute string) (kinds []string, err error)
}

func serverRules() []rule {
	return []rule{
		{
			Rule: newRule("schema-missing", finding.Error,
				"the directory's schema has what the calendar server needs",
				"the attributes cannot be given to any entry, and a search for them finds nothing without an error",
				"extend the schema: comm_dssetup.pl does it for Oracle's directories"),
			still: true, applies: needsServer, words: wordsSchema,
		},
		{
			Rule: newRule("index-missing", finding.Warning,
				"the unique id is indexed for equality",
				"every look-up of an account reads the whole directory",
				"make the index, presence and equality, and build it"),
			still: true, applies: needsServer, words: wordsIndex,
		},
	}
}

func needsServer(a *Audit) string {
	if a.o.Server == nil {
		return "a file does not tell; audit the directory itself"
	}
	return ""
}

// checkSchema asks for the attributes and classes that the rules go by.
func (a *Audit) checkSchema(ctx context.Context, w *worker) (reason string, err error) {
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
		return "the server does not show its schema to whoever is bound here", nil
	case err != nil:
		return "", fmt.Errorf("reading the schema: %w", err)
	}
	for i, name := range missing {
		w.add(&fact{rule: ruleSchemaMissing, pos: uint64(i), value: []byte(name)})
	}
	return "", w.err
}

func (a *Audit) checkIndex(ctx context.Context, w *worker) (reason string, err error) {
	kinds, err := a.o.Server.IndexTypes(ctx, a.o.Names.UniqueID)
	switch {
	case errors.Is(err, directory.ErrHidden):
		return "the server does not show its indexes to whoever is bound here", nil
	case err != nil:
		return "", fmt.Errorf("reading the indexes: %w", err)
	}
	for _, k := range kinds {
		if k == "eq" {
			return "", nil
		}
	}
	w.add(&fact{rule: ruleIndexMissing, value: []byte(a.o.Names.UniqueID)})
	return "", w.err
}

func wordsSchema(_ *Audit, f *fact) (string, string) {
	return fmt.Sprintf("the directory's schema does not have %s", shown(f.value)), ""
}

func wordsIndex(_ *Audit, f *fact) (string, string) {
	return fmt.Sprintf("%s has no index for equality", shown(f.value)), ""
}
