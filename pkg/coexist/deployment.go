package coexist

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Parameters of the new server that coexistence depends on.
const (
	paramLocalUser  = "davcore.scheduling.localuserattr"
	paramFetched    = "davcore.uriinfo.subjectattributes"
	paramAnonymous  = "davcore.acl.schedulinganonymousall"
	paramWhitelist  = "service.dav.ischedulewhitelist"
	paramPrefix     = "davcore.uriinfo.fulluriprefix"
	paramSubjectTTL = "davcore.uriinfo.ldapcachettl"
	paramURITTL     = "davcore.uriinfo.uricachettl"
)

// Settings of the old server that coexistence depends on.
const (
	icsCompatible = "service.http.caldavcompatible"
	icsRedirect   = "service.wcap.freebusy.redirecturl"
	icsHost       = "local.hostname"
	icsPort       = "service.http.port"
)

// autoprovisioning returns the four settings with which the old server creates
// calendars automatically.
func autoprovisioning() []string {
	return []string{"local.autoprovision", "user.invite.autoprovision", "group.invite.autoprovision", "resource.invite.autoprovision"}
}

// isOurs reports whether coexistence depends on a setting of the old server.
func isOurs(name string) bool {
	name = strings.ToLower(name)
	for _, a := range append(autoprovisioning(), icsCompatible, icsRedirect) {
		if a == name {
			return true
		}
	}
	return false
}

// NewServer is the configuration of the new server.
type NewServer struct {
	Path     string // for messages: the file name as the user knows it
	Doc      *config.Document
	Registry *config.Registry
	// Hosts are host names and addresses of the server, in addition to the one in
	// davcore.uriinfo.fulluriprefix.
	Hosts []string
}

// OldServer is the configuration of the old server.
type OldServer struct {
	Path string // for messages
	Conf *cs6.IcsConf
}

func (s *NewServer) value(name string) string {
	return strings.TrimSpace(s.Registry.Effective(s.Doc, name))
}

// line returns the number of the line that sets a parameter, 0 if none does.
func (s *NewServer) line(name string) int {
	line := 0
	for e := range s.Doc.Entries() {
		if e.Key == name {
			line = e.Line
		}
	}
	return line
}

// about returns a finding about a parameter.
func (s *NewServer) about(name, detail string, fix finding.Fix) finding.Finding {
	f := finding.Finding{Parameter: name, Where: &finding.Where{File: s.Path, Line: s.line(name)}, Detail: detail, Fix: fix}
	if f.Where.Line > 0 {
		f.Value = s.value(name)
	}
	return f
}

// seconds returns a parameter that is a number of seconds; usual if the value is not
// valid.
func (s *NewServer) seconds(name string, usual int) int {
	if n, err := strconv.ParseInt(s.value(name), 10, 32); err == nil && n >= 0 {
		return int(n)
	}
	return usual
}

// prefixURL returns the URL at which clients reach the server; nil if it is not set
// or is a loopback address.
func (s *NewServer) prefixURL() *url.URL {
	u, err := url.Parse(s.value(paramPrefix))
	if err != nil || u.Hostname() == "" || isLoopback(u.Hostname()) {
		return nil
	}
	return u
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || strings.EqualFold(host, "localhost.localdomain") || ip != nil && ip.IsLoopback()
}

// hosts returns all known host names of the server, the preferred one first.
func (s *NewServer) hosts() []string {
	var out []string
	for _, h := range s.Hosts {
		if h != "" {
			out = append(out, h)
		}
	}
	if u := s.prefixURL(); u != nil {
		out = append(out, u.Hostname())
	}
	return out
}

// ErrValue is returned for an invalid patch level or version.
var ErrValue = errors.New("invalid value")

// Patch levels of Calendar Server 6.3 in the guide: its steps require the first, its
// list of minimum software the second.
const (
	leastPatch   = 37
	advisedPatch = 44
)

// OldPatch is a patch level of Calendar Server 6.3, such as 121657-44; the zero
// value means unknown.
type OldPatch struct {
	Text  string
	Level int
}

// ParseOldPatch parses a patch level: 44, -44, or with the number of the patch,
// which is 121657 for Solaris on SPARC, 121658 for Solaris on x86 and 121659 for
// Linux. The error wraps ErrValue.
func ParseOldPatch(text string) (OldPatch, error) {
	number, level, found := strings.Cut(text, "-")
	if !found {
		number, level = "", text
	}
	n, err := strconv.Atoi(level)
	if err != nil || n < 0 || strings.HasPrefix(level, "+") {
		return OldPatch{}, fmt.Errorf("%w: '%s' is not a patch level such as 121657-44 or 44", ErrValue, text)
	}
	switch number {
	case "", "121657", "121658", "121659":
		return OldPatch{Text: text, Level: n}, nil
	}
	return OldPatch{}, fmt.Errorf("%w: '%s' is not a patch of Calendar Server 6.3 (121657, 121658 or 121659)", ErrValue, text)
}

// NewVersion is a version of Calendar Server 7 or later; the zero value means
// unknown.
type NewVersion struct {
	Text   string
	Major  int
	Update int // of 7.0: 0 is the original release
}

// ParseNewVersion parses a version: 7, 7u1, "7 Update 2", 7.0.4.14.0, 7.0-0.13,
// 8.0. The error wraps ErrValue.
func ParseNewVersion(text string) (NewVersion, error) {
	form := regexp.MustCompile(`(?i)^(\d+)(?:\.(\d+))?(?:\.(\d+)[\d.]*|-[\d.]+|\s*u(?:pdate)?\s*(\d+))?$`)
	m := form.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return NewVersion{}, fmt.Errorf("%w: '%s' is not a version such as 7u1, 7.0.5 or 8.0", ErrValue, text)
	}
	v := NewVersion{Text: text}
	v.Major, _ = strconv.Atoi(m[1])
	if update := m[3] + m[4]; update != "" {
		v.Update, _ = strconv.Atoi(update)
	}
	return v, nil
}
