package relational

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/davadmin/davadmin/pkg/store"
)

// Step is one upgrade of a schema: statements that make it of the version before.
type Step struct {
	Version    int
	Statements string
}

// Schema is an engine's schema: the statements that make the newest version, and
// the steps that lead from version 1 to it, in order.
type Schema struct {
	Version int
	Fresh   string
	Steps   []Step
}

// Metadata is what a store says of itself.
type Metadata struct {
	Version int
	Backend string
}

// ReadMetadata reads the table 'meta', which must be there.
func ReadMetadata(ctx context.Context, tx Tx) (m Metadata, err error) {
	rows, err := tx.Query(ctx, "SELECT name, value FROM meta")
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return m, err
		}
		switch name {
		case "schema":
			if m.Version, err = strconv.Atoi(value); err != nil || m.Version < 1 {
				return m, fmt.Errorf("%w: the version of its schema is '%s'", store.ErrDamaged, value)
			}
		case "backend":
			m.Backend = value
		}
	}
	if err := rows.Err(); err != nil {
		return m, err
	}
	if m.Version == 0 || m.Backend == "" {
		return m, fmt.Errorf("%w: it does not say which version and which back end it is", store.ErrDamaged)
	}
	return m, nil
}

// Make makes a fresh store.
func (c Schema) Make(ctx context.Context, tx Tx, run func(ctx context.Context, script string) error, backend string) error {
	if err := run(ctx, c.Fresh); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	for _, row := range [][2]string{{"schema", strconv.Itoa(c.Version)}, {"backend", backend}} {
		if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2)", row[0], row[1]); err != nil {
			return fmt.Errorf("note the version of the schema: %w", err)
		}
	}
	return nil
}

// Upgrade runs the steps that are missing, in the transaction that is given.
func (c Schema) Upgrade(ctx context.Context, tx Tx, run func(ctx context.Context, script string) error) (from int, err error) {
	m, err := ReadMetadata(ctx, tx)
	if err != nil {
		return 0, err
	}
	if m.Version > c.Version {
		return m.Version, store.ErrSchemaNewer
	}
	for _, step := range c.Steps {
		if step.Version <= m.Version {
			continue
		}
		if err := run(ctx, step.Statements); err != nil {
			return m.Version, fmt.Errorf("upgrade to schema %d: %w", step.Version, err)
		}
	}
	if m.Version == c.Version {
		return m.Version, nil
	}
	n, err := tx.Exec(ctx, "UPDATE meta SET value = $2 WHERE name = $1", "schema", strconv.Itoa(c.Version))
	if err == nil && n != 1 {
		err = errors.New("its version could not be written")
	}
	return m.Version, err
}

// Check compares what a store says of itself with what is expected.
func (c Schema) Check(m Metadata, backend string) error {
	if m.Backend != backend {
		return fmt.Errorf("%w (%s instead of %s)", store.ErrOtherBackend, m.Backend, backend)
	}
	return store.SchemaState{Version: m.Version, Known: c.Version}.Err()
}
