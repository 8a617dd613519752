package relational

import (
	"fmt"
	"slices"
	"strings"
)

// MoveTable is a table with rows that belong to an account and are moved with it. All
// columns are NOT NULL.
type MoveTable struct {
	Name    string
	Account string   // the column with the unique id of the account
	Key     []string // the columns that identify a row of the account, in the order of an index
	// Text, Numbers and Bytes are all columns, by type.
	Text, Numbers, Bytes []string
	// Renewed are the columns whose values belong to a store and are made by it.
	Renewed []string
	// Held means that rows of the table may be changed by a transaction that changes
	// nothing in the account's row or in a collection's: they are locked when the account
	// leaves.
	Held bool
}

// MoveTables returns the tables of which rows move with their account, in the order in
// which rows can be inserted. The test of each engine compares them with the schema: a new
// table belongs either here or in UnmovedTables.
func MoveTables() []MoveTable {
	f := strings.Fields
	const value = "uid type method schedule_tag status etag properties"
	const numbers = "state transparent start_at end_at long floating recurring size created changed revision"
	return []MoveTable{
		{Name: "account", Account: "id", Text: f("id folded mail addresses name notify_to delegate_notify_to properties leaving"),
			Numbers: f("kind attendance notify created changed deleted version next_number revision_base"), Renewed: f("leaving"), Held: true},
		{Name: "address", Account: "account", Key: f("address"), Text: f("address account")},
		{Name: "collection", Account: "account", Key: f("number"), Text: f("account name display_name description components colour time_zone properties"),
			Numbers: f("number kind sort_order transparent created changed deleted revision floor version incarnation"), Renewed: f("incarnation"), Held: true},
		{Name: "component", Account: "account", Key: f("number name"), Text: f("account name " + value), Numbers: f("number " + numbers), Bytes: f("text")},
		{Name: "trash", Account: "account", Key: f("number revision"), Text: f("account name " + value), Numbers: f("number deleted moved " + numbers), Bytes: f("text")},
		{Name: "ace", Account: "account", Key: f("number place"), Text: f("account principal address rights"), Numbers: f("number place kind")},
		{Name: "representative", Account: "account", Key: f("role place"), Text: f("account person address"), Numbers: f("role place")},
		{Name: "subscription", Account: "account", Key: f("owner calendar"), Text: f("account owner calendar owner_address"), Numbers: f("created"), Held: true},
		{Name: "content", Account: "account", Key: f("number"), Text: f("account hash"), Numbers: f("number size")},
		{Name: "chunk", Account: "account", Key: f("number serial"), Text: f("account"), Numbers: f("number serial"), Bytes: f("data")},
		{Name: "attachment", Account: "account", Key: f("id"), Text: f("account id folder name content_type"), Numbers: f("content created deleted")},
		{Name: "outgoing", Account: "account", Key: f("id"), Text: f("account id sender recipient method uid last_error"), Numbers: f("next_at created tries size"),
			Bytes: f("text"), Held: true},
	}
}

// UnmovedTables returns the tables that belong to the store, not to an account.
func UnmovedTables() []string { return []string{"meta", "moved"} }

// TableNames returns the names of all tables of a store, those that refer to others after
// them.
func TableNames() []string {
	names := UnmovedTables()
	for _, t := range MoveTables() {
		names = append(names, t.Name)
	}
	return names
}

// CheckTables compares MoveTables and UnmovedTables with the columns of a real database,
// each in the form "table column type not-null", where the type is text, number or bytes. It
// returns the differences.
func CheckTables(columns []string) []string {
	want := map[string]bool{}
	for _, t := range MoveTables() {
		for i, column := range t.columns() {
			none, _ := t.empty(i, nil)
			kind := map[string]string{"string": "text", "int64": "number", "[]uint8": "bytes"}[fmt.Sprintf("%T", none)]
			want[t.Name+" "+column+" "+kind+" not-null"] = true
		}
	}
	var differences []string
	for _, have := range columns {
		table, _, _ := strings.Cut(have, " ")
		switch {
		case slices.Contains(UnmovedTables(), table):
		case want[have]:
			delete(want, have)
		default:
			differences = append(differences, "not in MoveTables: "+have)
		}
	}
	for missing := range want {
		differences = append(differences, "not in the database: "+missing)
	}
	slices.Sort(differences)
	return differences
}

// columns returns all columns: those with text, then those with numbers, then those with
// bytes.
func (t MoveTable) columns() []string { return slices.Concat(t.Text, t.Numbers, t.Bytes) }

// index returns the index of a column in a row, or -1.
func (t MoveTable) index(column string) int { return slices.Index(t.columns(), column) }

// insert returns the statement that inserts a number of rows.
func (t MoveTable) insert(rows int) string {
	columns := t.columns()
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.Name + " (" + strings.Join(columns, ", ") + ") VALUES ")
	n := 0
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		for j := range columns {
			n++
			b.WriteString([]string{", ", "("}[flag(j == 0)])
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// empty reports whether a value fits into a column, and returns the value of the column
// that stands for none.
func (t MoveTable) empty(i int, v any) (none any, fits bool) {
	switch {
	case i < len(t.Text):
		_, fits = v.(string)
		return "", fits
	case i < len(t.Text)+len(t.Numbers):
		_, fits = v.(int64)
		return int64(0), fits
	}
	_, fits = v.([]byte)
	return []byte{}, fits
}

// scan returns the values of the current row.
func (t MoveTable) scan(rows Rows) ([]any, error) {
	columns := t.columns()
	dest := make([]any, len(columns))
	for i := range columns {
		none, _ := t.empty(i, nil)
		switch none.(type) {
		case string:
			dest[i] = new(string)
		case int64:
			dest[i] = new(int64)
		default:
			dest[i] = new([]byte)
		}
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	for i, column := range columns {
		if slices.Contains(t.Renewed, column) {
			dest[i], _ = t.empty(i, nil)
			continue
		}
		switch d := dest[i].(type) {
		case *string:
			dest[i] = *d
		case *int64:
			dest[i] = *d
		case *[]byte:
			dest[i] = *d
		}
	}
	return dest, nil
}
