package relational

import (
	"context"
	"fmt"
	"slices"
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

// The SQL of lists: one text with a line for each entry and a tab between its fields. None of
// the fields contains a control character, see Account.Check and Calendar.Check.
const (
	aceText        = "string_agg(e.rights || '\t' || e.kind || '\t' || e.principal || '\t' || e.address, '\n' ORDER BY e.place)"
	accountACL     = "coalesce((SELECT " + aceText + " FROM ace e WHERE e.account = account.id AND e.number = 0), '')"
	collectionACL  = "coalesce((SELECT " + aceText + " FROM ace e WHERE e.account = collection.account AND e.number = collection.number), '')"
	representative = "coalesce((SELECT string_agg(p.role || '\t' || p.person || '\t' || p.address, '\n' ORDER BY p.role, p.place)" +
		" FROM representative p WHERE p.account = account.id), '')"
)

// parseACL parses the text of an access list. ErrDamaged.
func parseACL(text string) (store.ACL, error) {
	var out store.ACL
	err := eachLine(text, 4, func(fields []string) bool {
		e, known := store.ACE{Rights: fields[0]}, true
		switch fields[1] {
		case "1":
			e.Principal.Everyone = true
		case "2":
			e.Principal.Domain = fields[2]
		case "3":
			e.Principal.Person = store.Person{ID: fields[2], Address: fields[3]}
		default:
			known = false
		}
		out = append(out, e)
		return known
	})
	return out, err
}

// parseRepresentatives parses the text of the delegates and owners of an account, and sets
// them. ErrDamaged.
func parseRepresentatives(text string, a *store.Account) error {
	return eachLine(text, 3, func(fields []string) bool {
		p := store.Person{ID: fields[1], Address: fields[2]}
		switch fields[0] {
		case "1":
			a.Delegates = append(a.Delegates, p)
		case "2":
			a.Owners = append(a.Owners, p)
		default:
			return false
		}
		return true
	})
}

// eachLine calls parse with the fields of each line. ErrDamaged for another number of them,
// or if parse returns false.
func eachLine(text string, fields int, parse func([]string) bool) error {
	if text == "" {
		return nil
	}
	var buffer [4]string
	for line := range strings.SplitSeq(text, "\n") {
		n := 0
		for field := range strings.SplitSeq(line, "\t") {
			if n == fields {
				n++
				break
			}
			buffer[n] = field
			n++
		}
		if n != fields || !parse(buffer[:n]) {
			return fmt.Errorf("%w: invalid access list, delegates or owners", store.ErrDamaged)
		}
	}
	return nil
}
