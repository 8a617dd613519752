package coexist

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/finding"
)

const noIcsConf = "the configuration of the old server was not given; --ics-conf FILE gives it"

// wcapPath is where a Calendar Server 7 answers for free/busy, and wcapEnd the
// part of it that does not depend on how the server was deployed.
const (
	wcapPath = "/davserver/wcap/get_freebusy.wcap"
	wcapEnd  = "/wcap/get_freebusy.wcap"
)

// icsLine is a line for the end of ics.conf, where it counts: the last of
// several lines for one setting does.
func icsLine(name, value string) string {
	if strings.ContainsAny(value, "\"\r\n") {
		return ""
	}
	return fmt.Sprintf("%s = \"%s\"", name, value)
}

// at makes a finding about a line of ics.conf.
func (o *OldServer) at(line int, name, value, detail, fix string) finding.Finding {
	if cs6.IsIcsSecret(name) {
		value = ""
	}
	return finding.Finding{Parameter: name, Value: value, Where: &finding.Where{File: o.Path, Line: line}, Detail: detail, Fix: finding.Text(finding.FixCommand, fix)}
}

// alone tells whether a setting has a line of its own that counts, behind a
// line.
func (o *OldServer) alone(name string, behind int) bool {
	s, ok := o.Conf.Get(strings.ToLower(name))
	return ok && s.Line > behind && s.Quoted && s.Trailing == ""
}

// hidden tells whether a setting stands behind another one on its line, and no
// line of its own makes up for that: two-settings-on-a-line tells then.
func (o *OldServer) hidden(name string) bool {
	for s := range o.Conf.Settings() {
		for _, in := range s.Inside {
			if in.Name == name && !o.alone(name, s.Line) {
				return true
			}
		}
	}
	return false
}

func checkOldPatch(c *Check, emit emitter) error {
	p := c.o.OldPatch
	switch {
	case p.Text == "":
		return finding.NotApplicable("the patch level of the old server was not given; --cs6-patch LEVEL gives it")
	case p.Level < leastPatch:
		emit(finding.Finding{Value: p.Text, Detail: fmt.Sprintf("patch level %d is below %d, which the steps of the guide ask for", p.Level, leastPatch)})
	case p.Level < advisedPatch:
		emit(finding.Finding{Value: p.Text, Severity: finding.Warning,
			Detail: fmt.Sprintf("patch level %d is below %d, which the guide names as the minimum, though its own steps ask for %d", p.Level, advisedPatch, leastPatch)})
	}
	return nil
}

func checkTwoSettings(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	for s := range o.Conf.Settings() {
		var lines, lost []string
		ours := false
		for _, in := range append([]cs6.Setting{s}, s.Inside...) {
			if len(s.Inside) == 0 || o.alone(in.Name, s.Line) {
				continue
			}
			if in.Name != s.Name || len(lost) > 0 {
				lost = append(lost, in.Name)
			}
			ours = ours || isOurs(in.Name)
			if line := icsLine(in.Name, in.Value); line != "" && !cs6.IsIcsSecret(in.Name) {
				lines = append(lines, line)
			}
		}
		if len(lost) == 0 {
			continue
		}
		f := o.at(s.Line, s.Name, s.Value, fmt.Sprintf("behind %s the line sets %s, too: the server may take it for a part of the first value, or pass it over", s.Name, strings.Join(lost, ", ")),
			strings.Join(lines, "\n"))
		if !ours {
			f.Severity = finding.Warning
		}
		emit(f)
	}
	return nil
}

// checkIcsLines is about lines that coexistence depends on; others are not our
// business. Two settings on a line have a rule of their own.
func checkIcsLines(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	for _, p := range o.Conf.Problems() {
		if p.Kind == cs6.TrailingSettings {
			continue
		}
		for _, name := range append(autoprovisioning(), icsCompatible, icsRedirect) {
			if !strings.Contains(strings.ToLower(p.Text), name) || o.alone(name, p.Line) {
				continue
			}
			fix := ""
			for s := range o.Conf.Settings() {
				if s.Line == p.Line && strings.EqualFold(s.Name, name) {
					fix = icsLine(name, s.Value)
				}
			}
			emit(o.at(p.Line, name, "", p.Detail, fix))
			break
		}
	}
	return nil
}

// isYes and isNo read the values of switches.
func isYes(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "yes") }
func isNo(v string) bool  { return strings.EqualFold(strings.TrimSpace(v), "no") }

func checkCompatible(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	s, ok := o.Conf.Get(icsCompatible)
	switch {
	case o.hidden(icsCompatible) || ok && isYes(s.Value):
	case ok:
		emit(o.at(s.Line, icsCompatible, s.Value, fmt.Sprintf("%s is \"%s\": the old server does not answer the new one", icsCompatible, s.Value), icsLine(icsCompatible, "yes")))
	default:
		emit(o.at(0, icsCompatible, "", icsCompatible+" is not set: the old server does not answer the new one", icsLine(icsCompatible, "yes")))
	}
	return nil
}

func checkAutoprovision(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	for _, name := range autoprovisioning() {
		s, ok := o.Conf.Get(name)
		switch {
		case o.hidden(name) || ok && isNo(s.Value):
		case ok:
			emit(o.at(s.Line, name, s.Value, fmt.Sprintf("%s is \"%s\": the old server makes calendars unasked", name, s.Value), icsLine(name, "no")))
		default:
			emit(o.at(0, name, "", name+" is not set, and the old server makes calendars unasked unless it is \"no\"", icsLine(name, "no")))
		}
	}
	return nil
}

// redirect is the URL to which the old server redirects, as far as it is known.
func (o *OldServer) redirect() (s cs6.Setting, u *url.URL, ok bool) {
	if s, ok = o.Conf.Get(icsRedirect); !ok {
		return s, nil, false
	}
	u, err := url.Parse(strings.TrimSpace(s.Value))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		u = nil
	}
	return s, u, true
}

func checkRedirect(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	s, u, ok := o.redirect()
	if o.hidden(icsRedirect) && !ok {
		return nil
	}
	var faults []string
	switch {
	case !ok || strings.TrimSpace(s.Value) == "":
		faults = append(faults, "is not set: the old server knows nothing of people on the new one")
	case u == nil:
		faults = append(faults, "is no URL with http or https and a host")
	default:
		if u.Port() == "" {
			faults = append(faults, "has no port, which the guide asks for")
		}
		if u.User != nil {
			faults = append(faults, "has a user in it")
		}
		if !strings.HasSuffix(u.Path, wcapEnd) {
			faults = append(faults, "has the path '"+u.Path+"', where the free/busy of Calendar Server 7 is at "+wcapPath)
		}
		if u.RawQuery != "" || u.Fragment != "" {
			faults = append(faults, "has something behind its path")
		}
	}
	if len(faults) > 0 {
		emit(o.at(s.Line, icsRedirect, shownURL(s.Value, u), icsRedirect+" "+strings.Join(faults, ", and "), c.redirectFix(u)))
	}
	return nil
}

// shownURL is a URL without a password.
func shownURL(text string, u *url.URL) string {
	if u != nil {
		return u.Redacted()
	}
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}

// redirectFix is the line that redirects to the new server: with the parts of
// the present URL that can stay, and what is known of the new server. Where that
// is not enough it is a comment, which does no harm as it stands.
func (c *Check) redirectFix(u *url.URL) string {
	scheme, host, port, path := "http", "", "", wcapPath
	if u != nil && u.User == nil {
		scheme, host, port = u.Scheme, u.Hostname(), u.Port()
		if strings.HasSuffix(u.Path, wcapEnd) {
			path = u.EscapedPath()
		}
	}
	if s := c.o.Server; s != nil {
		known := s.hosts()
		prefix := s.prefixURL()
		if len(known) > 0 && !hasFold(known, host) {
			host, port = known[0], ""
		}
		if port == "" && prefix != nil && strings.EqualFold(prefix.Hostname(), host) {
			scheme, port = prefix.Scheme, prefix.Port()
			if port == "" {
				port = map[string]string{"http": "80", "https": "443"}[prefix.Scheme]
			}
		}
	}
	remark := ""
	if host == "" || port == "" {
		remark = "! HOST and PORT: any front end of the new server\n! "
		host, port = cmp.Or(host, "HOST"), cmp.Or(port, "PORT")
	}
	return remark + icsLine(icsRedirect, scheme+"://"+net.JoinHostPort(host, port)+path)
}

func checkRedirectHost(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return finding.NotApplicable(noIcsConf)
	}
	s, u, _ := o.redirect()
	if u == nil {
		return finding.NotApplicable("%s names no host", icsRedirect)
	}
	host := u.Hostname()
	for _, line := range c.mapLines() {
		peer, err := url.Parse(line.url)
		if err == nil && strings.EqualFold(peer.Host, u.Host) {
			emit(o.at(s.Line, icsRedirect, u.Redacted(), fmt.Sprintf("%s leads to %s, which is the old server by the domain map (%s:%d): it would ask itself", icsRedirect, u.Host, c.o.Map.Path, line.line), c.redirectFix(nil)))
			return nil
		}
	}
	var known []string
	if c.o.Server != nil {
		known = c.o.Server.hosts()
	}
	switch {
	case len(known) == 0:
		return finding.NotApplicable("it is not known how the new server is called; --cs7-host NAME or %s tells", paramPrefix)
	case !slices.ContainsFunc(known, func(name string) bool { return sameHost(name, host) }):
		emit(o.at(s.Line, icsRedirect, u.Redacted(), fmt.Sprintf("%s leads to %s, and the new server is %s", icsRedirect, host, strings.Join(known, ", ")), c.redirectFix(nil)))
	}
	return nil
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
