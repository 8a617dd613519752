package relational

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// The kinds of principals. The numbers are stored.
const (
	everyone   = 1
	mailDomain = 2
	onePerson  = 3
)

// The roles of representatives. The numbers are stored.
const (
	delegate = 1
	owner    = 2
)

// schedulingNumber is the number of the list of an account among the lists of its
// collections, whose numbers are greater, see Prepare.
const schedulingNumber = 0

// ACEs returns the table of access control entries: those of the account, and those of its
// collections. Its rows are inserted after those of Accounts.
func ACEs() Table {
	return Table{"ace", []string{"account", "number", "place", "kind", "principal", "address", "rights"}}
}

// Representatives returns the table of the delegates and owners of accounts. Its rows are
// inserted after those of Accounts.
func Representatives() Table {
	return Table{"representative", []string{"account", "role", "place", "person", "address"}}
}

// ACERows returns the rows in ACEs for a prepared account and its collections, in the order
// of the keys.
func ACERows(a *store.NewAccount) [][]any {
	rows := aceRows(a.Account.ID, schedulingNumber, a.Account.SchedulingACL)
	for i := range a.Calendars {
		c := &a.Calendars[i]
		rows = append(rows, aceRows(c.Account, c.Number, c.ACL)...)
	}
	return rows
}

// aceRows returns the rows of the list with a number.
func aceRows(account string, number int64, l store.ACL) [][]any {
	var rows [][]any
	for i, e := range l {
		p := e.Principal
		kind, principal, address := int64(onePerson), p.ID, p.Address
		switch {
		case p.Everyone:
			kind, principal, address = everyone, "", ""
		case p.Domain != "":
			kind, principal, address = mailDomain, p.Domain, ""
		}
		rows = append(rows, []any{account, number, int64(i), kind, principal, address, e.Rights})
	}
	return rows
}

// RepresentativeRows returns the rows in Representatives for an account, in the order of the
// keys.
func RepresentativeRows(a *store.Account) [][]any {
	return append(peopleRows(a.ID, delegate, a.Delegates), peopleRows(a.ID, owner, a.Owners)...)
}

func peopleRows(account string, role int64, people []store.Person) [][]any {
	var rows [][]any
	for i, p := range people {
		rows = append(rows, []any{account, role, int64(i), p.ID, p.Address})
	}
	return rows
}

// insertAll inserts rows into a table.
func (s *Session) insertAll(ctx context.Context, t Table, rows [][]any) error {
	for _, row := range rows {
		if _, err := s.exec(ctx, t.Insert(), row...); err != nil {
			return fmt.Errorf("write to the table %s: %w", t.Name, err)
		}
	}
	return nil
}

// replaceACL replaces the list with a number, if it changed.
func (s *Session) replaceACL(ctx context.Context, account string, number int64, was, is store.ACL) error {
	if slices.Equal(was, is) {
		return nil
	}
	if _, err := s.exec(ctx, "DELETE FROM ace WHERE account = $1 AND number = $2", account, number); err != nil {
		return fmt.Errorf("replace an access list of account %s: %w", account, err)
	}
	return s.insertAll(ctx, ACEs(), aceRows(account, number, is))
}

// replaceRights replaces the access list, the delegates and the owners of an account, each if
// it changed.
func (s *Session) replaceRights(ctx context.Context, was, is *store.Account) error {
	if err := s.replaceACL(ctx, is.ID, schedulingNumber, was.SchedulingACL, is.SchedulingACL); err != nil {
		return err
	}
	if err := s.replacePeople(ctx, is.ID, delegate, was.Delegates, is.Delegates); err != nil {
		return err
	}
	return s.replacePeople(ctx, is.ID, owner, was.Owners, is.Owners)
}

// replacePeople replaces the people who have a role, if they changed.
func (s *Session) replacePeople(ctx context.Context, account string, role int64, was, is []store.Person) error {
	if slices.Equal(was, is) {
		return nil
	}
	if _, err := s.exec(ctx, "DELETE FROM representative WHERE account = $1 AND role = $2", account, role); err != nil {
		return fmt.Errorf("replace the delegates or owners of account %s: %w", account, err)
	}
	return s.insertAll(ctx, Representatives(), peopleRows(account, role, is))
}

// The SQL of lists: one text with a line for each entry and a tab between its fields, of which
// the first is the place. None of the fields contains a control character, see Account.Check
// and Calendar.Check. The lines are sorted here, because SQLite takes long to sort a few.
const (
	aceText        = "string_agg(e.place || '\t' || e.kind || '\t' || e.rights || '\t' || e.principal || '\t' || e.address, '\n')"
	accountACL     = "coalesce((SELECT " + aceText + " FROM ace e WHERE e.account = account.id AND e.number = 0), '')"
	collectionACL  = "coalesce((SELECT " + aceText + " FROM ace e WHERE e.account = collection.account AND e.number = collection.number), '')"
	representative = "coalesce((SELECT string_agg(p.place || '\t' || p.role || '\t' || p.person || '\t' || p.address, '\n')" +
		" FROM representative p WHERE p.account = account.id), '')"
)

// parseACL parses the text of an access list. ErrDamaged.
func parseACL(text string) (store.ACL, error) {
	entries, err := parseLines(text, 5)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	out := make(store.ACL, len(entries))
	for i, x := range entries {
		out[i].Rights = x.fields[2]
		switch p := &out[i].Principal; x.fields[1] {
		case "1":
			p.Everyone = true
		case "2":
			p.Domain = x.fields[3]
		case "3":
			p.Person = store.Person{ID: x.fields[3], Address: x.fields[4]}
		default:
			return nil, fmt.Errorf("%w: invalid access list", store.ErrDamaged)
		}
	}
	return out, nil
}

// parseRepresentatives parses the text of the delegates and owners of an account, and sets
// them. ErrDamaged.
func parseRepresentatives(text string, a *store.Account) error {
	entries, err := parseLines(text, 4)
	if err != nil {
		return err
	}
	for _, x := range entries {
		p := store.Person{ID: x.fields[2], Address: x.fields[3]}
		switch x.fields[1] {
		case "1":
			a.Delegates = append(a.Delegates, p)
		case "2":
			a.Owners = append(a.Owners, p)
		default:
			return fmt.Errorf("%w: invalid delegates or owners", store.ErrDamaged)
		}
	}
	return nil
}

// line is a line of the text of a list.
type line struct {
	place  int64
	fields []string
}

// parseLines returns the lines of a text, each with n fields, in the order of their places.
// ErrDamaged.
func parseLines(text string, n int) ([]line, error) {
	if text == "" {
		return nil, nil
	}
	var out []line
	for part := range strings.SplitSeq(text, "\n") {
		x := line{fields: strings.Split(part, "\t")}
		var err error
		if x.place, err = strconv.ParseInt(x.fields[0], 10, 64); err != nil || len(x.fields) != n {
			return nil, fmt.Errorf("%w: invalid access list, delegates or owners", store.ErrDamaged)
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b line) int { return cmp.Compare(a.place, b.place) })
	return out, nil
}
