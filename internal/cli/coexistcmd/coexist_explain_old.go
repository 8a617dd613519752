package coexistcmd

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/route"
)

// onOldServer is what the list of the old server's users says about a user.
type onOldServer struct {
	Listed    bool   `json:"listed"`
	By        string `json:"by,omitempty"` // the name by which the user was found
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Calendars int    `json:"calendars"`
	Disabled  bool   `json:"disabled,omitempty"`
	Means     string `json:"means"`
}

// findOld looks the user of a decision up in the list of the old server's users. Without
// exactly one entry, the address alone is looked up.
func findOld(list *cs6.UserSet, names *ldapcheck.Names, d *route.Decision) *onOldServer {
	who := cs6.Entry{Mail: []byte(d.Address)}
	if d.DN != "" {
		first := func(name string) []byte {
			return []byte(strings.Join(d.Values(name)[:min(1, len(d.Values(name)))], ""))
		}
		who = cs6.Entry{UID: first(names.UID), Mail: first(names.Mail)}
		for _, v := range d.Values(names.AlternateMail) {
			who.Alternates = append(who.Alternates, []byte(v))
		}
	}
	out := &onOldServer{}
	m, ok := list.Find(who)
	if ok {
		out = &onOldServer{Listed: true, By: string(m.By), File: m.File, Line: m.Line, Calendars: m.Calendars, Disabled: m.Disabled}
	}
	out.Means = meansOld(d.Side, ok)
	return out
}

// meansOld says what it means that a user on a side is on the list of the old server, or not.
func meansOld(side route.Side, listed bool) string {
	switch {
	case side == route.Local && listed:
		return "the user is on both servers: delete the calendars on the old server when they have been migrated"
	case side == route.Local:
		return "the user has moved completely"
	case side == route.OldServer && listed:
		return "the old server answers for the user"
	case side == route.OldServer:
		return "the new server asks the old one, which has no calendar of the user"
	case side == route.Ambiguous:
		return "several entries have the address, so only the address was looked up"
	case listed:
		return "the old server has a user whom the new server does not find in the directory"
	}
	return "neither server hosts the user"
}

// text returns the result as a line.
func (o *onOldServer) text() string {
	if !o.Listed {
		return "not on the list: " + o.Means
	}
	what, state := cmdutil.Plural(o.Calendars, "calendar"), ""
	if o.Calendars == 0 {
		what = "on the list" // which does not list calendars
	}
	if o.Disabled {
		state = ", all disabled"
	}
	return fmt.Sprintf("%s%s, found by %s (%s:%d): %s", what, state, o.By, o.File, o.Line, o.Means)
}
