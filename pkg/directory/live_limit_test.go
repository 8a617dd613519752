package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
)

// TestSmallerPages checks, on real servers, that a limit which applies to each page does
// not end the reading, and that any other limit is named with the bind DN.
func TestSmallerPages(t *testing.T) {
	const people = 60
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i := range people {
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nobjectClass: icsCalendarUser\nuid: u%d\ncn: x\nsn: x\n\n", i, i)
	}
	common := servertest.Options{LDIF: writeFile(t, "x.ldif", []byte(b.String())), Reader: true}
	slapd := func(config string) func(*testing.T) *servertest.Server {
		return func(t *testing.T) *servertest.Server {
			return servertest.Slapd(t, servertest.SlapdOptions{Options: common, Config: config})
		}
	}
	for name, c := range map[string]struct {
		start    func(*testing.T) *servertest.Server
		product  Product
		page     int // afterwards
		code     int
		entries  int
		restarts int
	}{
		"389, limit of each page":         {limited389(common, 20), DS389, 10, 0, people, 1},
		"OpenLDAP, size of a page":        {slapd("limits users size.pr=30"), OpenLDAP, 10, 0, people, 0},
		"OpenLDAP, no pages":              {slapd("limits users size.prtotal=disabled"), OpenLDAP, 0, 0, people, 0},
		"OpenLDAP, entries of all pages":  {slapd("limits users size=25"), OpenLDAP, 13, 4, 25, 1},
		"OpenLDAP, entries to be checked": {slapd("limits users size.unchecked=5"), OpenLDAP, 0, 11, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.start(t)
			var notes []string
			l := openLive(t, Options{
				URLs: []string{s.URL}, BindDN: s.ReaderDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil },
				PageSize: 1000, Note: func(text string) { notes = append(notes, text) },
			})
			if got := l.RootDSE().Product; got != c.product {
				t.Errorf("product %d", got)
			}
			got := readLive(t.Context(), l, liveUsers())
			if len(got.items) != c.entries || ResultCode(got.err) != c.code || len(got.restarts) != c.restarts || l.PageSize() != c.page {
				t.Errorf("%d entries, restarts %v, pages of %d, %v", len(got.items), got.restarts, l.PageSize(), got.err)
			}
			if len(notes) == 0 || !strings.Contains(notes[0], "a page of 1000 entries exceeds a limit of the server") {
				t.Errorf("notes %q", notes)
			}
			limit, ok := errors.AsType[*LimitError](got.err)
			if ok != (c.code != 0) || ok && (limit.BindDN != s.ReaderDN || limit.Product != c.product || limit.Page != c.page) {
				t.Errorf("%+v", limit)
			}
			if c.code != 0 {
				return
			}
			before := len(notes)
			if again := readLive(t.Context(), l, liveUsers()); again.err != nil || len(again.items) != people || len(again.restarts) > 0 || len(notes) > before {
				t.Errorf("again: %d entries, %v, notes %q", len(again.items), again.err, notes[before:])
			}
			found, err := l.Lookup(t.Context(), "o=isp", Subtree, "(uid=u*)", nil, 0)
			if err != nil || len(found) != people {
				t.Errorf("Lookup: %d, %v", len(found), err)
			}
		})
	}
}

// limited389 starts a 389 Directory Server whose searches return so many entries at most.
func limited389(o servertest.Options, limit int) func(*testing.T) *servertest.Server {
	return func(t *testing.T) *servertest.Server {
		o.SizeLimit = limit
		return servertest.DS(t, servertest.DSOptions{Options: o})
	}
}
