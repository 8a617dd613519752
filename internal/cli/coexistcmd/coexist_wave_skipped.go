package coexistcmd

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
)

// skipped prints why a user is not part of a wave, and notes the user for --reject.
func (o *coexistPlan) skipped(s coexist.SkippedUser) {
	why := ui.Sanitize(s.Reason.Error())
	var noID *coexist.NoUniqueIDError
	var group *coexist.GroupError
	var dynamic *coexist.DynamicGroupError
	switch {
	case errors.As(s.Reason, &noID):
		why += "; '" + o.populate() + "' adds one"
	case errors.As(s.Reason, &group):
		why += "; groups are not moved, but their members are, if they are listed: --expand-groups lists them"
		if !group.HasID {
			why += "." + o.groupNeeds(group.Attribute)
		} else {
			why += ". The group has all that both servers need: an address and a " + ui.Sanitize(group.Attribute)
		}
	case errors.As(s.Reason, &dynamic):
		for _, u := range dynamic.URLs {
			why += "; " + o.searchOf(u)
		}
	}
	line := "davadmin: "
	if s.DN != "" {
		line += ui.Sanitize(s.DN) + ": "
	}
	o.console.Say(line + "skipped: " + why)
	if o.reject == "" {
		return
	}
	o.rejects = append(o.rejects, "# "+strings.TrimPrefix(line, "davadmin: ")+why)
	if s.Name != "" && ui.Sanitize(s.Name) == s.Name && !strings.HasPrefix(s.Name, "#") && !strings.ContainsAny(s.Name, " \t:=,;\"") {
		o.rejects = append(o.rejects, s.Name)
	}
}

// populate returns the command that adds missing unique ids.
func (o *coexistPlan) populate() string {
	return o.hints.Line("ldap", "populate", append([]string{"-O", "PLAN"}, o.sourceWords()...)...)
}

// groupNeeds says what a group without a unique id needs.
func (o *coexistPlan) groupNeeds(attribute string) string {
	return " The group needs a " + ui.Sanitize(attribute) + ", so that it can be invited and calendars can be shared with it: '" + o.populate() + "' adds one"
}

// searchOf returns the command that plans the users whom the LDAP URL (RFC 4516) of a dynamic
// group finds.
func (o *coexistPlan) searchOf(text string) string {
	shown := ui.Sanitize(text)
	u, err := url.Parse(text)
	if err != nil || !strings.EqualFold(u.Scheme, "ldap") && !strings.EqualFold(u.Scheme, "ldaps") || strings.Trim(u.Path, "/") == "" {
		return "the URL is " + shown
	}
	parts := strings.Split(u.RawQuery, "?") // attributes, scope, filter, extensions
	words := []string{"-B", strings.TrimPrefix(u.Path, "/")}
	part := func(i int) string {
		if i >= len(parts) {
			return ""
		}
		decoded, err := url.PathUnescape(parts[i])
		if err != nil {
			return ""
		}
		return decoded
	}
	switch scope := strings.ToLower(part(1)); scope {
	case "sub":
	case "one", "base":
		words = append(words, "--scope", scope)
	case "":
		words = append(words, "--scope", "base") // RFC 4516, section 3
	default:
		return "the URL is " + shown
	}
	if filter := part(2); filter != "" {
		words = append(words, "-R", filter)
	}
	words = append(words, "-O", "DIR")
	for _, file := range o.Cs6 {
		words = append(words, "--cs6-list", file)
	}
	return "'" + o.hints.Line("coexist", "plan", append(words, o.placeWords()...)...) + "' plans those users of the old server whom it finds"
}

// placeWords returns the options that select the directory, without those that select entries.
func (o *coexistPlan) placeWords() []string {
	place := o.DirectoryOptions
	place.Bases, place.Filter, place.Scope = nil, "", "sub"
	return sourceWords(&place)
}

// group prints a group whose members were added to the users to move.
func (o *coexistPlan) group(g *coexist.WaveGroup) {
	text := ui.Sanitize(g.DN) + " is a group"
	if g.Within != nil {
		text += " in the group " + ui.Sanitize(g.Within.DN)
	}
	switch g.Members {
	case 0:
		text += " without listed members"
	case 1:
		text += "; its member is added to the list"
	default:
		text += fmt.Sprintf("; its %d members are added to the list", g.Members)
	}
	if g.Cycle {
		text += "; it contains a group that it is in, which is read only once"
	}
	if g.HasID {
		o.console.Notef("davadmin: note: %s", text)
		return
	}
	o.console.Warnf("%s.%s", text, o.groupNeeds(o.names.UniqueID))
}
