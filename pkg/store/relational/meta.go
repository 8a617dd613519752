package relational

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/davadmin/davadmin/pkg/store"
)

// Step upgrades a schema to Version from the version before.
type Step struct {
	Version    int
	Statements string
}

// Schema is an engine's schema: Version is the newest version, Fresh contains the
// statements that create it, and Steps contains the upgrades from version 1 to it,
// in order.
type Schema struct {
	Version int
	Fresh   string
	Steps   []Step
}

// Metadata is the content of the table meta: the schema version of a store, and the
// id of its back end.
type Metadata struct {
	Version int
	Backend string
}

// ReadMetadata reads the table meta, which must exist. ErrDamaged for invalid or
// missing values.
func ReadMetadata(ctx context.Context, tx Tx) (m Metadata, err error) {
	rows, err := tx.Query(ctx, MetadataQuery)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	values := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return m, err
		}
		values[name] = value
	}
	if err := rows.Err(); err != nil {
		return m, err
	}
	return ParseMetadata(values)
}

// MetadataQuery is the query whose rows ParseMetadata reads.
const MetadataQuery = "SELECT name, value FROM meta"

// ParseMetadata returns the metadata with these values by name. ErrDamaged for invalid or
// missing values.
func ParseMetadata(values map[string]string) (m Metadata, err error) {
	if text, ok := values["schema"]; ok {
		if m.Version, err = strconv.Atoi(text); err != nil || m.Version < 1 {
			return m, fmt.Errorf("%w: invalid schema version '%s'", store.ErrDamaged, text)
		}
	}
	m.Backend = values["backend"]
	if m.Version == 0 || m.Backend == "" {
		return m, fmt.Errorf("%w: the schema version or the back end is missing", store.ErrDamaged)
	}
	return m, nil
}

// Make creates the tables of a new store, and records its version and back end.
func (c Schema) Make(ctx context.Context, tx Tx, run func(ctx context.Context, script string) error, backend string) error {
	if err := run(ctx, c.Fresh); err != nil {
		return fmt.Errorf("create the tables: %w", err)
	}
	for _, row := range [][2]string{{"schema", strconv.Itoa(c.Version)}, {"backend", backend}, {epochName, newEpoch()}, {spansName, strconv.Itoa(store.SpanAlgorithm)}} {
		if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ($1, $2)", row[0], row[1]); err != nil {
			return fmt.Errorf("record the schema version: %w", err)
		}
	}
	return nil
}

// Upgrade runs the missing steps in the transaction tx, and returns the version before
// the upgrade. ErrSchemaNewer.
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
		err = errors.New("record the schema version: no row was changed")
	}
	return m.Version, err
}

// Check returns an error if a store belongs to another back end or has another schema
// version: ErrOtherBackend, ErrSchemaOlder, ErrSchemaNewer.
func (c Schema) Check(m Metadata, backend string) error {
	if m.Backend != backend {
		return fmt.Errorf("%w (%s, not %s)", store.ErrOtherBackend, m.Backend, backend)
	}
	return store.SchemaState{Version: m.Version, Known: c.Version}.Err()
}
