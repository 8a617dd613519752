package accountcmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// batchRequests appends the requests of the batch file to out. A batch can have a million
// lines, so that texts for messages are made when they are needed.
func (o *accountSelection) batchRequests(ctx context.Context, out []account.Request, p account.Properties) ([]account.Request, error) {
	file, form := cmdutil.BatchName(o.batch), account.Typed
	err := o.input.EachBatch(ctx, o.batch, o.batchForm(), func(b *cmdutil.BatchLine) error {
		if command, ok := storehome.CutUndoMark(b.Text); ok {
			form = account.Recorded
			if err := o.checkUndo(command); err != nil {
				return err
			}
		}
		if form == account.Recorded && b.Cut {
			o.console.Notef("davadmin: note: %s: skipped: the line is incomplete, because the run was killed before it made that change", b.Where)
			return nil
		}
		line := cmdutil.TrimBatchLine(b.Text)
		if line == "" {
			return nil
		}
		r, err := o.request(line, form)
		if err != nil {
			return cmdutil.Usagef("%s: %v; nothing was changed", b.Where, err)
		}
		if r.File, r.Number = file, b.Number; len(p) > 0 {
			if len(r.Properties) > 0 {
				return cmdutil.Usagef("%s: properties may be given either on batch lines or with %s, not both; nothing was changed", b.Where, cmp.Or(o.setBy, "-y"))
			}
			r.Properties = p
		}
		if o.modifies && len(r.Properties) == 0 {
			return cmdutil.Usagef("%s: the line sets no property, and %s was not given; nothing was changed", b.Where, cmp.Or(o.setBy, "-y"))
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if form == account.Recorded {
		o.recorded = true
		slices.Reverse(out)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s contains no accounts; nothing was changed", file)
	}
	return out, nil
}

// Columns of lists that identify an account, the best first.
func addressColumns() []string {
	return []string{"account", "mail", "email", "mailaddress", "emailaddress", "address"}
}

// batchForm says what a record of CSV or of a list of accounts or people means: its account,
// and its other columns that are properties. A list by davadmin, which has a column "state" or
// "side", only says whom it is about.
func (o *accountSelection) batchForm() cmdutil.BatchForm {
	columns := append(addressColumns(), "id", "guid")
	noted := false
	return cmdutil.BatchForm{Columns: columns, Single: true, Line: func(f listfile.Fields) (string, error) {
		line, err := batchAccount(f, o.preferID)
		if err != nil {
			return "", err
		}
		set, unused, err := o.batchProperties(f, columns)
		if err != nil {
			return "", err
		}
		if len(unused) > 0 && !noted {
			noted = true
			o.console.Notef("davadmin: note: %s: columns that are not used: %s", cmdutil.BatchName(o.batch), ui.Sanitize(strings.Join(unused, ", ")))
		}
		if o.parseRest != nil {
			rest := o.batchRest(f)
			if rest == "" && len(set) > 0 {
				rest = ":" + o.restWord(o.restDefault())
			}
			line += rest
		}
		if len(set) == 0 {
			return line, nil
		}
		return line + ":" + strings.Join(set, ","), nil
	}}
}

// batchProperties returns the properties that the columns of a record set, as a batch line has
// them, and the titles of the columns that mean nothing here.
func (o *accountSelection) batchProperties(f listfile.Fields, columns []string) (set, unused []string, err error) {
	if f.Has("state") || f.Has("side") {
		return nil, nil, nil
	}
	for _, c := range f {
		i := slices.IndexFunc(o.known, func(p account.PropertyInfo) bool {
			name, _ := listfile.FoldKey(p.Name)
			return name == c.Name
		})
		switch {
		case slices.Contains(columns, c.Name) || slices.Contains(o.restColumns, c.Name) || c.Title == "":
		case i < 0:
			unused = append(unused, "'"+c.Title+"'")
		case strings.ContainsAny(c.Value, "\r\n"):
			return nil, nil, fmt.Errorf("the column '%s' contains a line end", c.Title)
		case c.Value != "":
			set = append(set, o.known[i].Name+"="+strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(c.Value))
		}
	}
	return set, unused, nil
}

// batchAccount returns the account of a record as a batch line has it: the address, or the
// unique id if there is no address, or if that is preferred and davadmin made the list.
func batchAccount(f listfile.Fields, preferID bool) (string, error) {
	if id := strings.TrimSpace(f.Get("id")); preferID && id != "" && f.Has("state") {
		return account.RequestLine(id, nil), nil
	}
	found, from := "", ""
	for _, c := range addressColumns() {
		address := store.CutMailto(strings.TrimSpace(f.Get(c)))
		if address == "" {
			continue
		}
		if err := store.CheckAddress(address); err != nil || strings.Contains(address, ":") {
			if found != "" {
				continue // such as a postal address
			}
			return "", fmt.Errorf("the column '%s' does not contain an address: '%s'", c, ui.Sanitize(ui.Clip(address, 100)))
		}
		if found != "" && !strings.EqualFold(found, address) {
			return "", fmt.Errorf("the columns '%s' and '%s' contain different addresses, so which account is meant is unknown", from, c)
		}
		if found == "" {
			found, from = address, c
		}
	}
	if found != "" {
		return found, nil
	}
	for _, c := range []string{"id", "guid"} {
		if id := strings.TrimSpace(f.Get(c)); id != "" {
			return account.RequestLine(id, nil), nil
		}
	}
	return "", fmt.Errorf("no column has an address or a unique id (account, mail, id)")
}

// batchRest returns what follows the account on a line of an action with calendars: that of
// the column with the name or the URI of a calendar.
func (o *accountSelection) batchRest(f listfile.Fields) string {
	for _, c := range o.restColumns {
		if c == "name" && f.Has("backend") {
			continue // the name of the person, in a list of accounts
		}
		if value := strings.TrimSpace(f.Get(c)); value != "" {
			return ":" + o.restWord(value)
		}
	}
	return ""
}
