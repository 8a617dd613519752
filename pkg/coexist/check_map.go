package coexist

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// mapLines returns the lines of the domain map, in the order of the file.
func (c *Check) mapLines() []mapLine {
	return slices.SortedFunc(maps.Values(c.lines), func(a, b mapLine) int { return cmp.Compare(a.line, b.line) })
}

// checkMapLines emits the findings of the check of the domain map, except those of
// severity info. A missing map has its own rule.
func checkMapLines(c *Check, emit emitter) error {
	if c.o.Map == nil {
		return needHome()
	}
	if c.noMap == nil && len(c.lines) == 0 && len(c.o.Map.Text) == 0 {
		return finding.NotApplicable("there is no domain map")
	}
	for _, f := range config.CheckDomainMap(context.Background(), *c.o.Map).Findings {
		if f.Severity == finding.Info || f.Rule == "no-domain-mapped" {
			continue
		}
		f.Detail = fmt.Sprintf("%s (rule %s of the domain map)", f.Detail, f.Rule)
		emit(f)
	}
	return nil
}

// complete returns why a rule about all users cannot pass; nil if it can.
func (c *Check) complete() error {
	switch {
	case c.o.NoDirectory != "":
		return finding.NotApplicable("%s", c.o.NoDirectory)
	case !c.report.Complete:
		return finding.NotApplicable("only a part was read")
	case c.report.Accounts() == 0:
		return finding.NotApplicable("there was no entry to check")
	}
	return nil
}

// checkMapMissing checks whether a map is missing although it is needed: it is not
// needed while the new server treats nobody as a user of the old server.
func checkMapMissing(_ context.Context, c *Check, emit emitter) error {
	if err := c.needsMap(); err != nil {
		return err
	}
	if c.noMap != nil {
		return c.noMap
	}
	if len(c.lines) > 0 {
		return nil
	}
	fix := finding.Fix{Type: finding.FixCommand}
	for _, d := range c.oldDomains() {
		fix.Steps = append(fix.Steps, c.mapFix(d.Name).Steps...)
	}
	if fix.IsZero() {
		fix.Steps = []finding.Step{{
			Remark: "DOMAIN: each mail domain with users on the old server", Template: true,
			Task: finding.Task{Do: finding.CreateDomain, Domain: "DOMAIN", URL: placeholderURL},
		}}
	}
	detail := fmt.Sprintf("no domain is mapped, and %s is %s: anyone without this attribute counts as a user of the old server, which the new server cannot query",
		paramLocalUser, c.o.Server.value(paramLocalUser))
	emit(finding.Finding{Where: &finding.Where{File: c.o.Map.Path}, Detail: detail, Fix: fix})
	return nil
}

// oldDomains returns the domains with users on the old server, including users who
// are marked for the new server by mistake.
func (c *Check) oldDomains() []DomainCount {
	return slices.DeleteFunc(c.counts.domains(), func(d DomainCount) bool { return d.Name == "" || d.On6+d.mismarked == 0 })
}

func checkDomains(_ context.Context, c *Check, emit emitter) error {
	if err := c.needsMap(); err != nil {
		return err
	}
	switch {
	case c.noMap != nil:
		return c.noMap
	case c.o.NoDirectory != "":
		return c.complete()
	case len(c.lines) == 0:
		return finding.NotApplicable("no domain is mapped at all (see map-missing)")
	case c.counts.tooMany():
		return fmt.Errorf("there are more than %d mail domains", mostDomains)
	}
	found := false
	for _, d := range c.oldDomains() {
		if _, ok := c.lines[d.Name]; ok {
			continue
		}
		found = true
		detail := fmt.Sprintf("%s has no line, but %s on the old server", d.Name, usersAre(d.On6+d.mismarked))
		if d.Example6 != "" {
			detail += ", such as " + d.Example6
		}
		emit(finding.Finding{
			Value: d.Name, Where: &finding.Where{File: c.o.Map.Path},
			Detail: detail,
			Fix:    c.mapFix(d.Name),
		})
	}
	if found {
		return nil
	}
	return c.complete()
}

// checkMappedUnused finds mapped domains in which nobody has an address. It needs the
// whole directory: what was not read may have one.
func checkMappedUnused(_ context.Context, c *Check, emit emitter) error {
	switch {
	case c.o.Map == nil:
		return needHome()
	case c.noMap != nil:
		return c.noMap
	case len(c.lines) == 0:
		return finding.NotApplicable("no domain is mapped")
	}
	if err := c.complete(); err != nil {
		return err
	}
	if c.o.Directory.Partial {
		return finding.NotApplicable("only a part of the directory was to be read (base DN, scope or filter)")
	}
	for _, line := range c.mapLines() {
		if c.counts.total.held[line.domain] {
			continue
		}
		fix := finding.Fix{}
		if config.ShellWord(line.domain) != "" {
			fix = finding.Do(finding.FixCommand, finding.Task{Do: finding.DeleteDomain, Domain: line.domain})
		}
		emit(finding.Finding{
			Value: line.domain, Where: &finding.Where{File: c.o.Map.Path, Line: line.line},
			Detail: fmt.Sprintf("%s is mapped, but of the users, groups and resources that were read (%d), none has an address in it", line.domain, c.report.Accounts()),
			Fix:    fix,
		})
	}
	return nil
}

// usersAre returns "1 of its users is" or "2 of its users are".
func usersAre(n int) string {
	if n == 1 {
		return "1 of its users is"
	}
	return fmt.Sprintf("%d of its users are", n)
}

// placeholderURL is the iSchedule URL of an old server whose address is unknown.
const placeholderURL = "http://HOST:PORT/ischedule/"

// mapFix returns the fix that maps a domain: to the URL of the first mapped domain,
// else to the address of the old server in ics.conf.
func (c *Check) mapFix(domain string) finding.Fix {
	if config.ShellWord(domain) == "" {
		return finding.Fix{}
	}
	url := ""
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
	step := finding.Step{Task: finding.Task{Do: finding.CreateDomain, Domain: domain, URL: url}}
	switch {
	case url == "":
		step.Task.URL, step.Remark, step.Template = placeholderURL, "HOST:PORT: any front end of the old server", true
	case config.ShellWord(url) == "":
		return finding.Fix{}
	}
	return finding.Fix{Type: finding.FixCommand, Steps: []finding.Step{step}}
}
