package config

import (
	"net/netip"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// peerPath is where Calendar Server 6 answers iSchedule requests.
const peerPath = "/ischedule/"

// peerURL is the URL of a domain-map line, taken apart.
type peerURL struct {
	scheme string // lower case
	user   string // with the @, empty for none
	host   string // with the brackets of an IPv6 address
	port   string // empty for none
	path   string
	extra  string // query and fragment with their marks
}

// readPeerURL takes a URL apart. It returns a problem for text that is no URL a
// Java client could use; a URL that lacks something is none. No text of the
// problem holds anything of the value but a URL to type in its place.
func readPeerURL(value string) (peerURL, *Problem) {
	if bad := peerTextFault(value); bad != nil {
		return peerURL{}, bad
	}
	scheme, rest, found := strings.Cut(value, "://")
	u := peerURL{scheme: asciiLower(scheme)}
	authority := rest
	rest = ""
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority, rest = authority[:end], authority[end:]
	}
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		u.user, hosts = authority[:i+1], authority[i+1:]
	}
	bare := value
	if found {
		bare = scheme + "://" + hosts + rest
	}
	if bad := firstError(checkURL(bare, []string{"http", "https"})); bad != nil {
		return peerURL{}, withoutScheme(value, found, bad)
	}
	if strings.Contains(hosts, ",") {
		return peerURL{}, &failure("the URL has more than one host", "")[0]
	}
	u.host, u.port = splitHost(hosts)
	u.path = rest
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		u.path, u.extra = rest[:i], rest[i:]
	}
	if fault := hostFault(u.host); fault != "" {
		return peerURL{}, &failure(fault, "")[0]
	}
	return u, nil
}

// peerTextFault finds what may stand nowhere in a URL.
func peerTextFault(value string) *Problem {
	trimmed := strings.Trim(value, blanks)
	unescaped := strings.NewReplacer(`\:`, ":", `\=`, "=", `\#`, "#", `\!`, "!").Replace(value)
	switch {
	case trimmed == "":
		return &failure("the URL is empty", "")[0]
	case trimmed != value:
		return &failure("the URL has a blank before or behind it", typeURL(trimmed))[0]
	case strings.ContainsAny(value, blanks):
		return &failure("the URL has a blank in it", "write %20 for a blank")[0]
	case unescaped != value:
		return &failure("the URL has backslashes in it, as a file of Java has them", typeURL(unescaped))[0]
	}
	for _, c := range value {
		if c > '~' || c < ' ' || strings.ContainsRune("\\<>\"^`{|}", c) {
			return &failure("the URL has a character that no URL may have", "")[0]
		}
	}
	return nil
}

// withoutScheme adds to a problem what to type where only the scheme is missing.
func withoutScheme(value string, hasScheme bool, bad *Problem) *Problem {
	if !hasScheme && !strings.ContainsAny(value, "@"+blanks) {
		if hint := typeURL("http://" + value); hint != "" {
			return &Problem{Severity: bad.Severity, Text: bad.Text, Hint: hint}
		}
	}
	return bad
}

// typeURL is the hint to type a URL, in its complete form, if it is one.
func typeURL(value string) string {
	if u, bad := readPeerURL(value); bad == nil && !u.doubtful() {
		return "type " + u.complete()
	}
	return ""
}

func splitHost(hosts string) (host, port string) {
	i := strings.LastIndexByte(hosts, ':')
	if i < 0 || strings.HasSuffix(hosts, "]") {
		return hosts, ""
	}
	return hosts[:i], hosts[i+1:]
}

func hostFault(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err != nil || !a.Is6() || a.Zone() != "" {
			return "the URL has something in brackets that is no IPv6 address"
		}
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	if fault := labelsFault(strings.TrimSuffix(asciiLower(host), ".")); fault != "" {
		return "the host of the URL is not a host name: " + fault
	}
	return ""
}

// doubtful reports whether a password may reach into what was taken for the
// host and the path.
func (u peerURL) doubtful() bool { return strings.Contains(u.path+u.extra, "@") }

// complete returns the URL with all that it needs and nothing else. A path that
// somebody chose stays.
func (u peerURL) complete() string {
	if u.port == "" {
		u.port = "80"
		if u.scheme == "https" {
			u.port = "443"
		}
	}
	if u.path == "" || u.path == "/" || u.path+"/" == peerPath {
		u.path = peerPath
	}
	return u.scheme + "://" + u.host + ":" + u.port + u.path
}

// usual is complete with the path at which Calendar Server 6 answers.
func (u peerURL) usual() string {
	u.path = peerPath
	return u.complete()
}

// checkPeerURL looks at a URL that is to be written: errors first.
func checkPeerURL(value string) []Problem {
	u, bad := readPeerURL(value)
	if bad != nil {
		return []Problem{*bad}
	}
	hint := ""
	if !u.doubtful() {
		hint = "type " + u.complete()
	}
	switch {
	case u.user != "":
		return failure("the URL has a user name in it, which nobody would use", hint)
	case u.extra != "":
		return failure("the URL has a query or a fragment, which do not belong to the address of a server", hint)
	case u.port == "":
		return failure("the URL has no port, which the guide asks for", hint)
	case u.path != peerPath:
		return []Problem{{finding.Warning, "the path of the URL is not /ischedule/, where Calendar Server 6 answers", ""}}
	}
	return nil
}

// MaskDomainURL returns the value of a domain-map line in a form that may be
// shown: without a password, and not at all when it is not clear where one is.
func MaskDomainURL(value string) string {
	u, bad := readPeerURL(value)
	switch {
	case bad != nil && (strings.Contains(value, "@") || namesSecret(value)), bad == nil && u.doubtful():
		return maskedSecret
	}
	return MaskURLPassword(value)
}
