package config

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Domain is a mail domain in its two forms.
type Domain struct {
	Name  string // in A-labels and lower case, without a dot at the end: the form that is compared and written
	Shown string // with U-labels if it has any (RFC 5890 section 2.3.2.1): the form for users
}

// Limits of RFC 1035 section 2.3.4, in octets.
const (
	maxLabel  = 63
	maxDomain = 253 // as written, without the dot at the end
)

// ParseDomain parses a domain in any spelling: with upper-case letters, one dot at
// the end, or U-labels. It returns a *RefusedError for an IP address, and for text
// that is not a host name according to RFC 1123 section 2.1.
func ParseDomain(text string) (Domain, error) {
	d, bad := parseDomain(text)
	if bad != nil {
		return Domain{}, &RefusedError{Text: quoted(text) + " is not a domain: " + bad.Text, Hint: bad.Hint}
	}
	return d, nil
}

func parseDomain(text string) (Domain, *Problem) {
	name := strings.TrimSuffix(text, ".")
	if bad := obviousFault(text, name); bad != nil {
		return Domain{}, bad
	}
	ascii := asciiLower(name)
	international := !isASCII([]byte(name)) || strings.HasPrefix(ascii, "xn--") || strings.Contains(ascii, ".xn--")
	if international {
		// The Unicode tables cover letters and marks; lengths are checked below.
		to, err := domainProfile().ToASCII(name)
		if err != nil {
			return Domain{}, &failure("it is not a valid internationalized name", "")[0]
		}
		ascii = strings.TrimSuffix(to, ".")
	}
	if fault := labelsFault(ascii); fault != "" {
		return Domain{}, &failure(fault, "")[0]
	}
	d := Domain{Name: ascii, Shown: ascii}
	if international {
		shown, err := domainProfile().ToUnicode(ascii)
		if back, backErr := domainProfile().ToASCII(shown); err != nil || backErr != nil || back != ascii {
			return Domain{}, &failure("it is not a valid internationalized name", "")[0]
		}
		d.Shown = shown
	}
	return d, nil
}

// domainProfile maps names as for a lookup (UTS 46, not transitional). Hyphens in
// the third and fourth position are allowed, because such names exist.
func domainProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.Transitional(false))
}

// obviousFault recognizes what is often given instead of a domain.
func obviousFault(text, name string) *Problem {
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	switch i := strings.LastIndexByte(name, '@'); {
	case name == "":
		return &failure("it is empty", "")[0]
	case !utf8.ValidString(text):
		return &failure("it is not valid UTF-8", "")[0]
	case len(text) > 4*maxDomain:
		return &failure("it is too long", "")[0]
	case strings.Contains(name, "://"):
		return &failure("it is a URL", guessHint(name))[0]
	case i >= 0:
		return &failure("it is a mail address", guessHint(name[i+1:]))[0]
	case strings.Contains(name, "*"):
		return &failure("patterns are not supported, only whole domains", "give each subdomain separately")[0]
	case err == nil:
		return &failure("it is an IP address", "")[0]
	}
	return nil
}

func guessHint(text string) string {
	if d, ok := guessDomain(text); ok {
		return "did you mean " + d.Name + "?"
	}
	return ""
}

// guessDomain finds the domain in text that also contains a scheme, a port or a
// path. It does not guess domains without a dot.
func guessDomain(text string) (Domain, bool) {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	if i := strings.IndexAny(text, "/:="+blanks); i >= 0 {
		text = text[:i]
	}
	d, bad := parseDomain(text)
	return d, bad == nil && strings.Contains(d.Name, ".")
}

// labelsFault returns what is wrong with a name in lower-case ASCII, or an empty
// string.
func labelsFault(name string) string {
	if len(name) > maxDomain {
		return "it is longer than 253 characters"
	}
	label := ""
	for label = range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "there is nothing between two dots"
		case len(label) > maxLabel:
			return "a part between dots is longer than 63 characters"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a part between dots begins or ends with a hyphen"
		}
		for i := range len(label) {
			if c := label[i]; !isLetter(c) && !isDigit(c) && c != '-' {
				return "only letters, digits, hyphens and dots are allowed"
			}
		}
	}
	if strings.Trim(label, "0123456789") == "" {
		return "its last part is a number"
	}
	return ""
}
