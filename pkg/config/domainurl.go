package config

import (
	"net/netip"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// peerPath is where Calendar Server 6 answers iSchedule requests.
const peerPath = "/ischedule/"

// peerURL contains the parts of the URL of a domain-map line.
type peerURL struct {
	scheme string // lower case
	user   string // with the @, empty for none
	host   string // with the brackets of an IPv6 address
	port   string // empty for none
	path   string
	extra  string // query and fragment, including ? and #
}

// readPeerURL splits a URL into its parts. It returns a problem for text that is not
// a URL that a Java client could use; a URL with missing parts is not a problem.
// The texts of the problem contain nothing of the value but a suggested URL.
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

// peerTextFault finds characters that are not allowed anywhere in a URL.
func peerTextFault(value string) *Problem {
	trimmed := strings.Trim(value, blanks)
	unescaped := strings.NewReplacer(`\:`, ":", `\=`, "=", `\#`, "#", `\!`, "!").Replace(value)
	switch {
	case trimmed == "":
		return &failure("the URL is empty", "")[0]
	case trimmed != value:
		return &correctURL("the URL begins or ends with a blank", suggestURL(trimmed))[0]
	case strings.ContainsAny(value, blanks):
		return &failure("the URL contains a blank", "write a blank as %20")[0]
	case unescaped != value:
		return &correctURL("the URL contains backslashes, as in a Java properties file", suggestURL(unescaped))[0]
	}
	for _, c := range value {
		if c > '~' || c < ' ' || strings.ContainsRune("\\<>\"^`{|}", c) {
			return &failure("the URL contains an invalid character", "")[0]
		}
	}
	return nil
}

// withoutScheme adds a suggestion to a problem if only the scheme is missing.
func withoutScheme(value string, hasScheme bool, bad *Problem) *Problem {
	if !hasScheme && !strings.ContainsAny(value, "@"+blanks) {
		if suggestion := suggestURL("http://" + value); suggestion != "" {
			return &correctURL(bad.Text, suggestion)[0]
		}
	}
	return bad
}

// suggestURL returns the complete form of a URL, or an empty string for text that
// is not a URL or may contain a password.
func suggestURL(value string) string {
	if u, bad := readPeerURL(value); bad == nil && !u.doubtful() {
		return u.complete()
	}
	return ""
}

// correctURL returns one error about a URL whose intended form is known. With an
// empty suggestion, it is the same as failure without a hint.
func correctURL(text, suggestion string) []Problem {
	problems := failure(text, "")
	if suggestion != "" {
		problems[0].Hint, problems[0].Suggestion = "use "+suggestion, suggestion
	}
	return problems
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
			return "the URL has text in brackets that is not an IPv6 address"
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

// doubtful reports whether a password may extend into the parts that were read as
// host and path.
func (u peerURL) doubtful() bool { return strings.Contains(u.path+u.extra, "@") }

// complete returns the URL with everything that it needs and nothing else. It keeps
// a path that was chosen deliberately.
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

// usual returns the complete URL with the path at which Calendar Server 6 answers.
func (u peerURL) usual() string {
	u.path = peerPath
	return u.complete()
}

// checkPeerURL checks a URL that is to be written. Errors come first.
func checkPeerURL(value string) []Problem {
	u, bad := readPeerURL(value)
	if bad != nil {
		return []Problem{*bad}
	}
	suggestion := ""
	if !u.doubtful() {
		suggestion = u.complete()
	}
	switch {
	case u.user != "":
		return correctURL("the URL contains a user name, which no server would use", suggestion)
	case u.extra != "":
		return correctURL("the URL has a query or a fragment, which do not belong in the address of a server", suggestion)
	case u.port == "":
		return correctURL("the URL has no port, which the guide requires", suggestion)
	case u.path != peerPath:
		return []Problem{{Severity: finding.Warning, Text: "the path of the URL is not /ischedule/, where Calendar Server 6 answers"}}
	}
	return nil
}

// MaskDomainURL returns the value of a domain-map line in a form that may be
// shown: without a password, or fully masked if it is unclear where the password
// is.
func MaskDomainURL(value string) string {
	u, bad := readPeerURL(value)
	switch {
	case bad != nil && (strings.Contains(value, "@") || namesSecret(value)), bad == nil && u.doubtful():
		return maskedSecret
	}
	return MaskURLPassword(value)
}
