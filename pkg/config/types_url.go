package config

import (
	"slices"
	"strconv"
	"strings"
)

// checkURL checks an absolute URL with one of the schemes, according to RFC 3986
// but with several hosts allowed, as in the connection URLs of PostgreSQL.
// (Package net/url accepts only one host.)
//
// Of the value, the texts contain only the scheme: anything else may be a
// password, especially in a malformed URL.
func checkURL(value string, schemes []string) []Problem {
	if strings.ContainsAny(value, " \t") {
		return failure("the URL contains a blank", "write a blank as %20")
	}
	scheme, rest, found := strings.Cut(value, "://")
	if !found || !isScheme(scheme) {
		return failure("the URL has no scheme ("+orList(schemes)+")", "begin with "+schemes[0]+"://")
	}
	if !slices.Contains(schemes, strings.ToLower(scheme)) {
		return failure("the scheme '"+scheme+"' is not "+orList(schemes), "")
	}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, rest = rest[:end], rest[end:]
	} else {
		rest = ""
	}
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if strings.Contains(authority[:i], ":") {
			return urlPassword()
		}
		hosts = authority[i+1:]
	}
	if passwordInQuery(rest) {
		return urlPassword()
	}
	if hosts == "" && postgresURL(value) && hostInQuery(rest) {
		hosts = "socket" // accepted by libpq: the directory of a Unix socket is in the query
	}
	if fault := hostsFault(hosts); fault != "" {
		if strings.Contains(authority, ":") && strings.Contains(rest, "@") {
			return urlPassword() // a password with an unescaped /, ? or #
		}
		return failure(fault, "")
	}
	if !goodPercents(value) {
		return failure("the URL contains a '%' that is not followed by two hexadecimal digits", "write a percent sign as %25")
	}
	return nil
}

// hostInQuery reports whether the part of a URL after the hosts names a host in
// its query.
func hostInQuery(rest string) bool {
	_, query, _ := strings.Cut(rest, "?")
	for part := range strings.SplitSeq(query, "&") {
		if host, ok := strings.CutPrefix(part, "host="); ok && host != "" {
			return true
		}
	}
	return false
}

func urlPassword() []Problem {
	return failure("the URL contains a password", "remove the password; it is kept outside the configuration")
}

func isScheme(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && !strings.ContainsRune("+-.", rune(s[i])) {
			return false
		}
	}
	return true
}

// hostsFault returns what is wrong with the hosts and ports of a URL, or an empty
// string.
func hostsFault(hosts string) string {
	for one := range strings.SplitSeq(hosts, ",") {
		host, port, hasPort := strings.Cut(one, ":")
		if strings.HasPrefix(one, "[") {
			end := strings.IndexByte(one, ']')
			if end < 0 {
				return "the URL has an IPv6 address without its ']'"
			}
			host = one[1:end]
			port, hasPort = strings.CutPrefix(one[end+1:], ":")
			if !hasPort && port != "" {
				return "the URL has text between the ']' of an address and the port"
			}
		}
		switch {
		case host == "":
			return "the URL has no host"
		case strings.ContainsAny(host, "[]@\\<>\"^`{|}"):
			return "the URL has a host with an invalid character"
		}
		if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0) {
			return "the URL has a port that is not a number (1 to 65535)"
		}
	}
	return ""
}

func goodPercents(s string) bool {
	for {
		_, after, found := strings.Cut(s, "%")
		if !found {
			return true
		}
		if len(after) < 2 || !isHex(after[0]) || !isHex(after[1]) {
			return false
		}
		s = after
	}
}

// passwordInQuery reports whether the query sets password or sslpassword, which
// the PostgreSQL drivers accept instead of a password before the host.
func passwordInQuery(s string) bool {
	_, _, found := cutPasswordValue(s)
	return found
}

// cutPasswordValue finds the first value of a password in the query of s.
func cutPasswordValue(s string) (start, end int, found bool) {
	for i := range len(s) {
		if s[i] != '?' && s[i] != '&' {
			continue
		}
		for _, key := range []string{"password=", "sslpassword="} {
			if start = i + 1 + len(key); start <= len(s) && strings.EqualFold(s[i+1:start], key) {
				n := strings.IndexAny(s[start:], "&# \t\r\n")
				if n < 0 {
					n = len(s) - start
				}
				return start, start + n, true
			}
		}
	}
	return 0, 0, false
}

// asciiLower converts the letters A to Z to lower case and keeps all other bytes.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// MaskURLPassword returns s with **** in place of the password in everything that
// looks like scheme://user:password@host, and in place of the values of password
// and sslpassword in a query. The URL need not be valid: where the end of a
// password is unclear, it masks more rather than less, but a blank may end it.
func MaskURLPassword(s string) string {
	var out strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			break
		}
		scheme := s[strings.LastIndexAny(s[:i], " \t\r\n\"'(<=,;")+1 : i]
		out.WriteString(s[:i+len("://")])
		s = s[i+len("://"):]
		line := s
		if end := strings.IndexAny(s, "\r\n"); end >= 0 {
			line = s[:end]
		}
		if start, end := passwordSpan(asciiLower(scheme), line); end > start {
			out.WriteString(s[:start] + "****")
			s = s[end:]
		}
	}
	out.WriteString(s)
	return maskQuery(out.String())
}

// passwordSpan finds the password in the text between the :// of a URL and the end
// of the line. The @, /, ? and blanks in a password should be escaped, but users
// paste passwords unchanged. So everything up to the last @ before a blank is
// treated as the password or, if there is no such @ and the text cannot be hosts
// and ports, everything up to the last @ of the line. A web URL ends earlier,
// because its path may well contain an @, and its host and port should be shown.
func passwordSpan(scheme, line string) (start, end int) {
	run := line
	if n := strings.IndexAny(line, " \t"); n >= 0 {
		run = line[:n]
	}
	authority := run
	if n := strings.IndexAny(run, "/?#"); n >= 0 {
		authority = run[:n]
	}
	if scheme == "http" || scheme == "https" {
		if strings.Contains(authority, "@") || onlyHosts(authority) {
			run, line = authority, authority
		}
	}
	colon := strings.IndexByte(run, ':')
	if colon < 0 {
		return 0, 0
	}
	last := strings.LastIndexByte(run, '@')
	if last < 0 && !onlyHosts(authority) {
		last = strings.LastIndexByte(line, '@')
	}
	if last < colon {
		return 0, 0
	}
	return colon + 1, last
}

// onlyHosts reports whether an authority consists only of hosts with ports.
func onlyHosts(authority string) bool {
	return !strings.Contains(authority, "@") && hostsFault(authority) == ""
}

// malformedURL reports whether a value may contain a password where
// MaskURLPassword does not look, as in a string of keywords instead of a URL.
func malformedURL(s string) bool {
	return strings.ContainsAny(s, "@=") && (!strings.Contains(s, "://") || strings.ContainsAny(s, " \t"))
}

func maskQuery(s string) string {
	var out strings.Builder
	for {
		start, end, found := cutPasswordValue(s)
		if !found {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(s[:start])
		if end > start {
			out.WriteString("****")
		}
		s = s[end:]
	}
}
