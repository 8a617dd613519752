package config

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// coexistChecks returns the checks for an old server in use alongside this one.
func coexistChecks() []check {
	return []check{
		{newRule("freebusy-closed-to-peer", finding.Warning,
			"the old server gets answers to its free/busy requests",
			"it asks without logging in; unless unauthenticated callers are included in everyone, it learns nothing about local users",
			"set davcore.acl.schedulinganonymousall to true"),
			checkPeerFreeBusy, false},
		{newRule("ischedule-whitelist-empty", finding.Warning,
			"the old server can post to the iSchedule URL",
			"it posts without logging in, and with an empty list no host can do so",
			"list the addresses of the front ends of the old server in service.dav.ischedulewhitelist"),
			checkPeerAddress, false},
	}
}

// serviceChecks returns the checks of mail, links and logs.
func serviceChecks() []check {
	return []check{
		{newRule("smtp-auth-incomplete", finding.Error,
			"every feature that uses a mail server has the settings that it needs",
			"without a user the login to the mail server fails, and without a host there is nothing to connect to: no mail is sent, nothing is scanned",
			"set the parameter named in the finding, or switch off the feature that needs it"),
			checkMailServer, false},
		{newRule("fulluriprefix-local", finding.Info,
			"links in mails lead to this server from every host",
			"a link to localhost leads users to their own computer (a warning where localhost is set; the default is no better)",
			"set davcore.uriinfo.fulluriprefix to the URL at which users reach the server"),
			checkPrefix, false},
		{newRule("loglevel-verbose", finding.Warning,
			"no log writes more than is needed to run the server",
			"logging is limited by the disk and slows the server down; the tuning chapter recommends WARNING. Telemetry for all users also writes complete requests to disk",
			"set the level to WARNING or INFO when troubleshooting is finished"),
			checkLogs, false},
	}
}

func checkPeerFreeBusy(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if err := s.coexists(); err != nil {
		return err
	}
	const name = "davcore.acl.schedulinganonymousall"
	if !s.on(name) {
		emit(s.at(name, s.line(name), name+" is not true: the old server, which asks without logging in, learns nothing about local users", s.fixSet(name, "true")))
	}
	return nil
}

func checkPeerAddress(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if err := s.coexists(); err != nil {
		return err
	}
	const name = "service.dav.ischedulewhitelist"
	if len(SplitList(s.value(name))) == 0 {
		emit(s.at(name, s.line(name, paramLocalUserAttr),
			name+" is empty, so no host, not even the old server, can post to the iSchedule URL without logging in", finding.Fix{}))
	}
	return nil
}

func checkMailServer(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	for _, pair := range []struct{ toggle, needs, why string }{
		{"notification.dav.smtpauth", "notification.dav.smtpuser", "the login to the mail relay fails"},
		{"davcore.virusscan.auth", "davcore.virusscan.user", "the login to the scanning mail server fails"},
		{"davcore.virusscan.onlineenable", "davcore.virusscan.host", "nothing is scanned"},
	} {
		if !s.on(pair.toggle) {
			continue
		}
		any = true
		if s.value(pair.needs) == "" {
			emit(s.at(pair.toggle, s.line(pair.toggle), fmt.Sprintf("%s is true and %s is empty: %s", pair.toggle, pair.needs, pair.why), finding.Fix{}))
		}
	}
	if !any {
		return finding.NotApplicable("neither login to a mail server nor scanning is switched on")
	}
	return nil
}

func checkPrefix(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	const name = "davcore.uriinfo.fulluriprefix"
	_, rest, _ := strings.Cut(s.value(name), "://")
	authority, _ := cutAuthority(rest)
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	if !isLocalHost(host) {
		return nil
	}
	f := s.at(name, s.line(name), name+" is not set: its default leads users who follow a link to their own computer", finding.Fix{})
	if s.get(name) != nil {
		f.Severity = finding.Warning
		f.Detail = fmt.Sprintf("%s names the host %s: users who follow a link are led to their own computer", name, quoted(host))
	}
	emit(f)
	return nil
}

func checkLogs(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	return s.each(ctx, func(st *setting) {
		switch {
		case st.param.Type == LogLevel && slices.Contains([]string{"FINE", "FINER", "FINEST"}, st.Value):
			emit(s.of(st, fmt.Sprintf("%s is %s, which slows the server down", st.Key, st.Value), s.fixSet(st.Key, "WARNING")))
		case st.Key == "service.dav.telemetry.forcetelemetry" && s.on(st.Key):
			emit(s.of(st, st.Key+" is true: every request and response is written to disk", s.fixDefault(st.Key)))
		}
	})
}
