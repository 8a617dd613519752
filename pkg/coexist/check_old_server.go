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

// needIcsConf returns why a rule that needs the configuration of the old server does
// not run.
func needIcsConf() error {
	return finding.NotApplicableNeeds([]finding.Need{finding.NeedIcsConf}, "needs the ics.conf of the old server")
}

// wcapPath is the path at which a Calendar Server 7 answers free/busy queries, and
// wcapEnd is the part of it that does not depend on how the server was deployed.
const (
	wcapPath = "/davserver/wcap/get_freebusy.wcap"
	wcapEnd  = "/wcap/get_freebusy.wcap"
)

// icsLine returns a line for the end of ics.conf, where it takes effect: of several
// lines for one setting, the last one does. It returns "" if the value cannot be
// written.
func icsLine(name, value string) string {
	if strings.ContainsAny(value, "\"\r\n") {
		return ""
	}
	return fmt.Sprintf("%s = \"%s\"", name, value)
}

// at returns a finding about a line of ics.conf.
func (o *OldServer) at(line int, name, value, detail string, fix finding.Fix) finding.Finding {
	if cs6.IsIcsSecret(name) {
		value = ""
	}
	return finding.Finding{Parameter: name, Value: value, Where: &finding.Where{File: o.Path, Line: line}, Detail: detail, Fix: fix}
}

// icsFix returns the fix that appends a line to ics.conf.
func icsFix(name, value string) finding.Fix {
	return finding.Text(finding.FixICSConf, icsLine(name, value))
}

// alone reports whether a setting takes effect from a well-formed line of its own
// that is after the given line.
func (o *OldServer) alone(name string, after int) bool {
	s, ok := o.Conf.Get(strings.ToLower(name))
	return ok && s.Line > after && s.Quoted && s.Trailing == ""
}

// hidden reports whether a setting follows another one on the same line, without a
// later line of its own. Then two-settings-on-a-line reports it.
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
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedOldServerPatch}, "needs the patch level of the old server")
	case p.Level < leastPatch:
		emit(finding.Finding{Value: p.Text, Detail: fmt.Sprintf("patch level %d is below %d, which the steps in the guide require", p.Level, leastPatch)})
	case p.Level < advisedPatch:
		emit(finding.Finding{Value: p.Text, Severity: finding.Warning,
			Detail: fmt.Sprintf("patch level %d is below %d, which the guide lists as the minimum, although its steps require only %d", p.Level, advisedPatch, leastPatch)})
	}
	return nil
}

func checkTwoSettings(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return needIcsConf()
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
		f := o.at(s.Line, s.Name, s.Value, fmt.Sprintf("after %s, the line also sets %s: the server may read that as part of the first value, or ignore it", s.Name, strings.Join(lost, ", ")),
			finding.Text(finding.FixICSConf, strings.Join(lines, "\n")))
		if !ours {
			f.Severity = finding.Warning
		}
		emit(f)
	}
	return nil
}

// checkIcsLines checks only the lines that coexistence depends on. Two settings on
// one line have their own rule.
func checkIcsLines(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return needIcsConf()
	}
	for _, p := range o.Conf.Problems() {
		if p.Kind == cs6.TrailingSettings {
			continue
		}
		for _, name := range append(autoprovisioning(), icsCompatible, icsRedirect) {
			if !strings.Contains(strings.ToLower(p.Text), name) || o.alone(name, p.Line) {
				continue
			}
			var fix finding.Fix
			for s := range o.Conf.Settings() {
				if s.Line == p.Line && strings.EqualFold(s.Name, name) {
					fix = icsFix(name, s.Value)
				}
			}
			emit(o.at(p.Line, name, "", p.Detail, fix))
			break
		}
	}
	return nil
}

// isYes and isNo interpret the values of switches.
func isYes(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "yes") }
func isNo(v string) bool  { return strings.EqualFold(strings.TrimSpace(v), "no") }

func checkCompatible(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return needIcsConf()
	}
	s, ok := o.Conf.Get(icsCompatible)
	switch {
	case o.hidden(icsCompatible) || ok && isYes(s.Value):
	case ok:
		emit(o.at(s.Line, icsCompatible, s.Value, fmt.Sprintf("%s is \"%s\": the old server does not answer the new one", icsCompatible, s.Value), icsFix(icsCompatible, "yes")))
	default:
		emit(o.at(0, icsCompatible, "", icsCompatible+" is not set: the old server does not answer the new one", icsFix(icsCompatible, "yes")))
	}
	return nil
}

func checkAutoprovision(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return needIcsConf()
	}
	for _, name := range autoprovisioning() {
		s, ok := o.Conf.Get(name)
		switch {
		case o.hidden(name) || ok && isNo(s.Value):
		case ok:
			emit(o.at(s.Line, name, s.Value, fmt.Sprintf("%s is \"%s\": the old server creates calendars automatically", name, s.Value), icsFix(name, "no")))
		default:
			emit(o.at(0, name, "", name+" is not set: the old server creates calendars automatically unless it is \"no\"", icsFix(name, "no")))
		}
	}
	return nil
}

// redirect returns the setting of the URL to which the old server redirects, and the
// URL, nil if the value is not a URL; ok reports whether there is such a setting.
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
		return needIcsConf()
	}
	s, u, ok := o.redirect()
	if o.hidden(icsRedirect) && !ok {
		return nil
	}
	var faults []string
	switch {
	case !ok || strings.TrimSpace(s.Value) == "":
		faults = append(faults, "is not set: the old server cannot answer queries about users on the new server")
	case u == nil:
		faults = append(faults, "is not an http or https URL with a host")
	default:
		if u.Port() == "" {
			faults = append(faults, "has no port, which the guide requires")
		}
		if u.User != nil {
			faults = append(faults, "contains a user name")
		}
		if !strings.HasSuffix(u.Path, wcapEnd) {
			faults = append(faults, "has the path '"+u.Path+"', but Calendar Server 7 answers free/busy queries at "+wcapPath)
		}
		if u.RawQuery != "" || u.Fragment != "" {
			faults = append(faults, "has a query or fragment after its path")
		}
	}
	if len(faults) > 0 {
		emit(o.at(s.Line, icsRedirect, shownURL(s.Value, u), icsRedirect+" "+strings.Join(faults, ", and "), c.redirectFix(u)))
	}
	return nil
}

// shownURL returns a URL without its password, "" if the password cannot be found.
func shownURL(text string, u *url.URL) string {
	if u != nil {
		return u.Redacted()
	}
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}

// redirectFix returns the line that redirects to the new server. It keeps the valid
// parts of the current URL, and takes the others from the configuration of the new
// server. If the host or the port remains unknown, the line is a template.
func (c *Check) redirectFix(u *url.URL) finding.Fix {
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
	var step finding.Step
	if host == "" || port == "" {
		step.Remark, step.Template = "HOST and PORT: any front end of the new server", true
		host, port = cmp.Or(host, "HOST"), cmp.Or(port, "PORT")
	}
	if step.Text = icsLine(icsRedirect, scheme+"://"+net.JoinHostPort(host, port)+path); step.Text == "" {
		return finding.Fix{}
	}
	return finding.Fix{Type: finding.FixICSConf, Steps: []finding.Step{step}}
}

func checkRedirectHost(c *Check, emit emitter) error {
	o := c.o.Old
	if o == nil {
		return needIcsConf()
	}
	s, u, _ := o.redirect()
	if u == nil {
		return finding.NotApplicable("%s does not contain a host", icsRedirect)
	}
	host := u.Hostname()
	for _, line := range c.mapLines() {
		peer, err := url.Parse(line.url)
		if err == nil && strings.EqualFold(peer.Host, u.Host) {
			emit(o.at(s.Line, icsRedirect, u.Redacted(), fmt.Sprintf("%s redirects to %s, which is the old server according to the domain map (%s:%d): it would query itself", icsRedirect, u.Host, c.o.Map.Path, line.line), c.redirectFix(nil)))
			return nil
		}
	}
	var known []string
	if c.o.Server != nil {
		known = c.o.Server.hosts()
	}
	switch {
	case len(known) == 0:
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedNewServerHost}, "needs the host name of the new server, which %s does not contain", paramPrefix)
	case !slices.ContainsFunc(known, func(name string) bool { return sameHost(name, host) }):
		emit(o.at(s.Line, icsRedirect, u.Redacted(), fmt.Sprintf("%s redirects to %s, but the new server is %s", icsRedirect, host, strings.Join(known, ", ")), c.redirectFix(nil)))
	}
	return nil
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
