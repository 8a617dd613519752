package coexist

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// mapLines are the lines of the domain map, in the order of the file.
func (c *Check) mapLines() []mapLine {
	return slices.SortedFunc(maps.Values(c.lines), func(a, b mapLine) int { return cmp.Compare(a.line, b.line) })
}

// checkMapLines hands on what the check of the domain map finds, as far as it is
// a fault. That it is missing has a rule of its own.
func checkMapLines(c *Check, emit emitter) error {
	if c.o.Map == nil {
		return finding.NotApplicable(noHome)
	}
	if c.noMap == nil && len(c.lines) == 0 && len(c.o.Map.Text) == 0 {
		return finding.NotApplicable("there is no domain map")
	}
	for _, f := range config.CheckDomainMap(context.Background(), *c.o.Map).Findings {
		if f.Severity == finding.Info || f.Rule == "no-domain-mapped" {
			continue
		}
		f.Detail = fmt.Sprintf("%s (rule %s of 'domainmap check')", f.Detail, f.Rule)
		emit(f)
	}
	return nil
}

// whole says why a rule about all people cannot have passed; nil where it can.
func (c *Check) whole() error {
	switch {
	case c.o.NoDirectory != "":
		return finding.NotApplicable("%s", c.o.NoDirectory)
	case !c.report.Complete:
		return finding.NotApplicable("only a part was read")
	case c.report.Accounts() == 0:
		return finding.NotApplicable("there was no entry to look at")
	}
	return nil
}

// checkMapMissing weighs a missing map: it does no harm as long as nobody is
// taken for a person of the old server.
func checkMapMissing(_ context.Context, c *Check, emit emitter) error {
	if err := c.mapped(); err != nil {
		return err
	}
	if c.noMap != nil {
		return c.noMap
	}
	if len(c.lines) > 0 {
		return nil
	}
	var fix []string
	for _, d := range c.oldDomains() {
		if line := c.mapFix(d.Name); line != "" {
			fix = append(fix, line)
		}
	}
	if len(fix) == 0 {
		fix = append(fix, "# DOMAIN: each mail domain with people on the old server\n# davadmin domainmap create -d DOMAIN -L http://HOST:PORT/ischedule/")
	}
	detail := fmt.Sprintf("no domain is mapped, and %s is %s: whoever does not have it counts as a person of the old server, which the new one cannot ask",
		paramLocalUser, c.o.Server.value(paramLocalUser))
	emit(finding.Finding{Where: &finding.Where{File: c.o.Map.Path}, Detail: detail, Fix: finding.Text(finding.FixCommand, strings.Join(fix, "\n"))})
	return nil
}

// oldDomains are the domains with people on the old server, those who are marked
// by mistake among them.
func (c *Check) oldDomains() []DomainCount {
	return slices.DeleteFunc(c.counts.domains(), func(d DomainCount) bool { return d.Name == "" || d.On6+d.strays == 0 })
}

func checkDomains(_ context.Context, c *Check, emit emitter) error {
	if err := c.mapped(); err != nil {
		return err
	}
	switch {
	case c.noMap != nil:
		return c.noMap
	case c.o.NoDirectory != "":
		return c.whole()
	case len(c.lines) == 0:
		return finding.NotApplicable("no domain is mapped at all, which map-missing tells")
	case c.counts.tooMany():
		return fmt.Errorf("there are more than %d mail domains", mostDomains)
	}
	found := false
	for _, d := range c.oldDomains() {
		if _, ok := c.lines[d.Name]; ok {
			continue
		}
		found = true
		detail := fmt.Sprintf("%s has no line, and %d of its people are on the old server", d.Name, d.On6+d.strays)
		if d.Example6 != "" {
			detail += ", such as " + d.Example6
		}
		emit(finding.Finding{
			Value: d.Name, Where: &finding.Where{File: c.o.Map.Path},
			Detail: detail,
			Fix:    finding.Text(finding.FixCommand, c.mapFix(d.Name)),
		})
	}
	if found {
		return nil
	}
	return c.whole()
}

// mapFix is the command that maps a domain: to where others are mapped, else to
// where ics.conf says that the old server is.
func (c *Check) mapFix(domain string) string {
	word := config.ShellWord(domain)
	if word == "" {
		return ""
	}
	url, remark := "", ""
	if lines := c.mapLines(); len(lines) > 0 && config.MaskDomainURL(lines[0].url) == lines[0].url {
		url = lines[0].url
	} else if o := c.o.Old; o != nil {
		if host, ok := o.Conf.Get(icsHost); ok && host.Value != "" {
			port := "80"
			if p, ok := o.Conf.Get(icsPort); ok && p.Value != "" {
				port = p.Value
			}
			url = "http://" + net.JoinHostPort(host.Value, port) + "/ischedule/"
		}
	}
	if url == "" {
		url, remark = "http://HOST:PORT/ischedule/", "# HOST:PORT: any front end of the old server\n# "
	}
	quoted := config.ShellWord(url)
	if quoted == "" {
		return ""
	}
	return fmt.Sprintf("%sdavadmin domainmap create -d %s -L %s", remark, word, quoted)
}
