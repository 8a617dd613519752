package relational

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// propertyRow is the row that has the properties of a place.
type propertyRow struct {
	table, where string
	args         []any           // of where
	c            *store.Calendar // nil for a home
}

// propertyRow returns the row that has the properties of a place. ErrNotFound.
func (s *Session) propertyRow(ctx context.Context, p store.PropertyPlace) (*propertyRow, error) {
	if !valid(p.Account) || p.Calendar == "" && p.Resource != "" {
		return nil, store.ErrNotFound
	}
	if p.Calendar == "" {
		return &propertyRow{"account", " WHERE id = $1", []any{p.Account}, nil}, nil
	}
	c, err := s.Calendar(ctx, p.Account, p.Calendar)
	switch {
	case err != nil:
		return nil, err
	case p.Resource == "":
		return &propertyRow{"collection", " WHERE account = $1 AND number = $2", []any{p.Account, c.Number}, c}, nil
	case store.CheckName("resource", p.Resource) != nil:
		return nil, store.ErrNotFound
	}
	return &propertyRow{"component", " WHERE account = $1 AND number = $2 AND name = $3", []any{p.Account, c.Number, p.Resource}, c}, nil
}

// Properties implements store.Reader.
func (s *Session) Properties(ctx context.Context, p store.PropertyPlace) ([]store.Property, error) {
	row, err := s.propertyRow(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	var text string
	if err := s.queryOne(ctx, "SELECT properties FROM "+row.table+row.where, row.args, &text); err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	list, err := store.DecodeProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	return list, nil
}

// SetProperties implements store.Writer.
func (s *Session) SetProperties(ctx context.Context, p store.PropertyPlace, changes []store.PropertyChange) error {
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return err
		}
	}
	if _, err := s.activeAccount(ctx, p.Account); err != nil {
		return err
	}
	row, err := s.propertyRow(ctx, p)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", p, err)
	case row.c == nil:
		err = s.hold(ctx, p.Account)
	default:
		err = s.holdCollection(ctx, row.c)
	}
	if err != nil {
		return err
	}
	// This locks the row, so that no other transaction changes it in between.
	var text string
	if err := s.execOne(ctx, "UPDATE "+row.table+" SET properties = properties"+row.where+" RETURNING properties", row.args, &text); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	list, err := store.DecodeProperties(text)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if list, err = store.ChangeProperties(list, changes); err != nil {
		return err
	}
	encoded := store.EncodeProperties(list)
	if encoded == text {
		return nil
	}
	err = s.mustChange(ctx, store.ErrConflict, fmt.Sprintf("UPDATE %s SET properties = $%d%s", row.table, len(row.args)+1, row.where), append(row.args, encoded)...)
	if err != nil {
		return fmt.Errorf("set the properties of %s: %w", p, err)
	}
	return nil
}
