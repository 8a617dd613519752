package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
)

// RightsError is returned when the user of the database, who could log in, lacks a right.
// It wraps store.ErrDenied.
type RightsError struct {
	Role     string // who lacks the right; "" if unknown
	Database string // in which; "" if unknown
	// Kind and Object are what the right is about, such as the table account; "" if the
	// server did not say so in English.
	Kind, Object string
	// Owner means that only the owner of the object has the right.
	Owner bool
	text  string
}

// newRightsError returns the error for an answer of the server. The protocol has no field
// for the object, so it is in the text only.
func newRightsError(e *pgconn.PgError) *RightsError {
	r := &RightsError{text: e.Message + " (" + e.Code + ")"}
	what, denied := strings.CutPrefix(e.Message, "permission denied for ")
	if !denied {
		if what, r.Owner = strings.CutPrefix(e.Message, "must be owner of "); !r.Owner {
			return r
		}
	}
	kind, object, _ := strings.Cut(what, " ")
	if kind == "relation" { // of earlier servers
		kind = "table"
	}
	switch kind {
	case "schema", "table", "sequence", "database":
		r.Kind, r.Object = kind, object
	}
	return r
}

// addRole adds to a *RightsError who lacks the right, and where.
func (o Options) addRole(err error) {
	var r *RightsError
	if !errors.As(err, &r) || r.Role != "" {
		return
	}
	if config, err := parse(o.URL); err == nil {
		r.Role, r.Database = config.ConnConfig.User, config.ConnConfig.Database
	}
}

// Error returns what the server said.
func (e *RightsError) Error() string { return store.ErrDenied.Error() + ": " + e.text }

// Unwrap returns store.ErrDenied.
func (e *RightsError) Unwrap() error { return store.ErrDenied }

// Statements returns the SQL statements that give the missing right (PostgreSQL 15 manual,
// GRANT), or "" if it is unknown what is missing. The rights on one table or sequence are
// given on all of them, because a store needs them on all.
func (e *RightsError) Statements() string {
	if e.Role == "" || e.Kind == "" {
		return ""
	}
	role := quoteName(e.Role)
	const tables = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + namespace + " TO "
	switch {
	case e.Owner && e.Kind == "database":
		return "ALTER DATABASE " + quoteName(e.Object) + " OWNER TO " + role + ";"
	case e.Owner && e.Kind == "schema":
		return "ALTER SCHEMA " + quoteName(e.Object) + " OWNER TO " + role + ";"
	case e.Owner:
		return "ALTER " + strings.ToUpper(e.Kind) + " " + namespace + "." + quoteName(e.Object) + " OWNER TO " + role + ";"
	case e.Kind == "database":
		return "GRANT CREATE ON DATABASE " + quoteName(e.Object) + " TO " + role + ";"
	case e.Kind == "schema":
		return "GRANT USAGE ON SCHEMA " + quoteName(e.Object) + " TO " + role + "; " + tables + role + ";"
	case e.Kind == "sequence":
		return "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA " + namespace + " TO " + role + ";"
	}
	return tables + role + ";"
}

// quoteName returns a name as an SQL identifier.
func quoteName(name string) string {
	plain := name != "" && (name[0] < '0' || name[0] > '9') && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	if plain && name != "user" && name != "all" && name != "public" {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
