package config

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// The pools for authentication and for looking up users.
const (
	authPool = "base.ldapinfo.authldap"
	userPool = "base.ldapinfo.ugldap"
)

// ldapChecks returns the checks of the connections to the directory.
func ldapChecks() []check {
	return []check{
		{newRule("ldap-port-mismatch", finding.Warning,
			"every LDAP pool uses a port that matches its TLS setting",
			"port 389 expects connections that begin without TLS, port 636 connections that begin with TLS: otherwise, no connection can be made",
			"set ldapusessl and the port of the pool together"),
			checkPorts, false},
		{newRule("ldap-password-in-clear", finding.Warning,
			"no LDAP pool sends passwords over the network without TLS",
			"anyone who can intercept the traffic between the two hosts can read the password of the pool, and in the case of the authentication pool those of all users",
			"set ldapusessl of the pool to true and its port to the one for TLS"),
			checkClearBind, false},
		{newRule("tls-outdated", finding.Warning,
			"no list of TLS versions contains an outdated one",
			"SSLv3, TLS 1.0 and TLS 1.1 have known weaknesses and must not be used (RFC 7568, RFC 8996)",
			"keep only TLSv1.2 and later"),
			checkTLSVersions, false},
	}
}

// ldapPool is a pool of connections with a setting in the file.
type ldapPool struct {
	prefix string
	s      *checkState
}

func (p ldapPool) name(parameter string) string { return p.prefix + "." + parameter }

func (p ldapPool) value(parameter string) string {
	return strings.TrimSpace(p.s.value(p.name(parameter)))
}

func (p ldapPool) isSet(parameter string) bool { return p.s.get(p.name(parameter)) != nil }

func (s *checkState) pools(ctx context.Context) ([]ldapPool, error) {
	var out []ldapPool
	seen := map[string]bool{}
	err := s.each(ctx, func(st *setting) {
		prefix := st.Key[:strings.LastIndexByte(st.Key, '.')]
		_, _, extra := family(st.Key, "base.ldappool")
		if (extra || prefix == authPool || prefix == userPool) && !seen[prefix] {
			seen[prefix] = true
			out = append(out, ldapPool{prefix, s})
		}
	})
	if err == nil && len(out) == 0 {
		return nil, finding.NotApplicable("no LDAP pool is configured in this file")
	}
	return out, err
}

// hostPort is one directory host of a pool. own is set where the port is given
// with the host, and url where it is written as a URL, which is not the format.
type hostPort struct {
	host, port string
	own        bool
	url        string
}

// hosts returns the hosts of a pool with their ports. The default host includes a
// port, which is ignored where the file sets ldapport but not ldaphost.
func (p ldapPool) hosts() []hostPort {
	var out []hostPort
	for _, word := range SplitList(p.value("ldaphost")) {
		url := word
		scheme, rest, isURL := strings.Cut(word, "://")
		if word = strings.TrimRight(rest, "/"); !isURL || word == "" {
			word, isURL = scheme, false
		}
		h := hostPort{host: word, port: p.value("ldapport")}
		if isURL && strings.EqualFold(scheme, "ldaps") {
			h.port = "636"
		}
		colon := strings.LastIndexByte(word, ':')
		if colon > strings.LastIndexByte(word, ']') && (word[0] == '[' || strings.IndexByte(word, ':') == colon) {
			h.host, h.port, h.own = word[:colon], word[colon+1:], true
		}
		if isURL {
			h.url = url
		}
		if !p.isSet("ldaphost") && p.isSet("ldapport") {
			h.port, h.own = p.value("ldapport"), false
		}
		out = append(out, h)
	}
	return out
}

func (p ldapPool) uses(port string) bool {
	for _, h := range p.hosts() {
		if h.port == port && h.url == "" {
			return true
		}
	}
	return false
}

// editsTLS returns the edits that make a pool use TLS: they set the switch if it
// is off, and change the ports that are for connections without TLS.
func (p ldapPool) editsTLS() []finding.ParameterEdit {
	var edits []finding.ParameterEdit
	var hosts []string
	if !p.s.on(p.name("ldapusessl")) {
		edits = append(edits, p.s.editSet(p.name("ldapusessl"), "true"))
	}
	own, common := false, false
	for _, h := range p.hosts() {
		word := h.host
		switch {
		case h.own && h.port == "389", h.url != "" && h.port == "389":
			word, own = word+":636", true
		case h.url != "":
			word, own = word+":"+h.port, true
		case h.own:
			word += ":" + h.port
		case h.port == "389":
			common = true
		}
		hosts = append(hosts, word)
	}
	if own {
		edits = append(edits, p.s.editSet(p.name("ldaphost"), strings.Join(hosts, " ")))
	}
	if common {
		edits = append(edits, p.s.editSet(p.name("ldapport"), "636"))
	}
	return edits
}

func checkPorts(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	pools, err := s.pools(ctx)
	if err != nil {
		return err
	}
	for _, p := range pools {
		name := p.name("ldapusessl")
		line := s.line(name, p.name("ldapport"), p.name("ldaphost"))
		switch tls := s.on(name); {
		case tls && p.uses("389"):
			emit(s.at(name, line, name+" is true, and the pool uses port 389, which is for connections without TLS", fixOf(p.editsTLS()...)))
		case !tls && p.uses("636"):
			emit(s.at(name, line, name+" is false, and the pool uses port 636, which is for connections with TLS", s.fixSet(name, "true")))
		}
	}
	return nil
}

func checkClearBind(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	pools, err := s.pools(ctx)
	if err != nil {
		return err
	}
	any := false
	for _, p := range pools {
		if p.value("binddn") == "" && p.prefix != authPool {
			continue
		}
		any = true
		if s.on(p.name("ldapusessl")) {
			continue
		}
		for _, h := range p.hosts() {
			if strings.HasPrefix(strings.ToLower(h.url), "ldaps:") {
				name := p.name("ldaphost")
				emit(s.at(name, s.line(name), fmt.Sprintf("%s contains the URL %s, but takes HOST or HOST:PORT; ldapusessl requests TLS",
					name, quotedPart(h.url, p.value("ldaphost"))), fixOf(p.editsTLS()...)))
				break
			}
			if isLocalHost(h.host) {
				continue
			}
			name, what := p.name("binddn"), "its bind password"
			if p.prefix == authPool {
				what = "the passwords of users who log in"
			}
			emit(s.at(name, s.line(name, p.name("ldaphost"), p.name("ldapusessl")),
				fmt.Sprintf("the pool %s sends %s to %s without TLS", p.prefix, what, quotedPart(cmp.Or(h.url, h.host), p.value("ldaphost"))), fixOf(p.editsTLS()...)))
			break
		}
	}
	if !any {
		return finding.NotApplicable("no LDAP pool in this file binds with a password")
	}
	return nil
}

func isLocalHost(host string) bool {
	host = strings.Trim(host, "[]")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || host == "localhost.localdomain" || strings.HasSuffix(host, ".localhost")
}

func isOutdatedTLS(version string) bool {
	switch strings.ToLower(version) {
	case "sslv2", "sslv2hello", "sslv3", "tlsv1", "tlsv1.0", "tlsv1.1":
		return true
	}
	return false
}

func checkTLSVersions(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	err := s.each(ctx, func(st *setting) {
		if !strings.HasSuffix(st.Key, ".sslprotocols") {
			return
		}
		any = true
		var old, good []string
		for _, v := range SplitList(st.Value) {
			switch {
			case !isOutdatedTLS(v):
				good = append(good, v)
			case !contains(old, v, false):
				old = append(old, v)
			}
		}
		if len(old) == 0 {
			return
		}
		fix := fixOf(s.editRemove(st.Key, old...))
		if len(good) == 0 {
			fix = s.fixSet(st.Key, "TLSv1.2")
		}
		emit(s.of(st, fmt.Sprintf("%s allows %s, which must no longer be used (RFC 7568, RFC 8996)", st.Key, strings.Join(old, " and ")), fix))
	})
	if err == nil && !any {
		return finding.NotApplicable("no list of TLS versions is set in this file")
	}
	return err
}
