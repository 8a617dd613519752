package relational

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// propertyRow returns the table and the WHERE clause of the row that has the properties of
// a place, with its arguments. ErrNotFound.
func (s *Session) propertyRow(ctx context.Context, p store.PropertyPlace) (table, where string, args []any, err error) {
	if !valid(p.Account) || p.Calendar == "" && p.Resource != "" {
		return "", "", nil, store.ErrNotFound
	}
	if p.Calendar == "" {
		return "account", " WHERE id = $1", []any{p.Account}, nil
	}
	c, err := s.Calendar(ctx, p.Account, p.Calendar)
	switch {
	case err != nil:
		return "", "", nil, err
	case p.Resource == "":
		return "collection", " WHERE account = $1 AND number = $2", []any{p.Account, c.Number}, nil
	case store.CheckName("resource", p.Resource) != nil:
		return "", "", nil, store.ErrNotFound
	}
	return "component", " WHERE account = $1 AND number = $2 AND name = $3", []any{p.Account, c.Number, p.Resource}, nil
}

// Properties implements store.Reader.
func (s *Session) Properties(ctx context.Context, p store.PropertyPlace) ([]store.Property, error) {
	table, where, args, err := s.propertyRow(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	var text string
	if err := s.queryOne(ctx, "SELECT properties FROM "+table+where, args, &text); err != nil {
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
	table, where, args, err := s.propertyRow(ctx, p)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if err := s.hold(ctx, p.Account); err != nil {
		return err
	}
	// This locks the row, so that no other transaction changes it in between.
	var text string
	if err := s.execOne(ctx, "UPDATE "+table+" SET properties = properties"+where+" RETURNING properties", args, &text); err != nil {
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
	err = s.mustChange(ctx, store.ErrConflict, fmt.Sprintf("UPDATE %s SET properties = $%d%s", table, len(args)+1, where), append(args, encoded)...)
	if err != nil {
		return fmt.Errorf("set the properties of %s: %w", p, err)
	}
	return nil
}
