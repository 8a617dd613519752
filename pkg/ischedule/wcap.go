package ischedule

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// GetFreeBusy asks the get_freebusy.wcap at a URL when one person is busy, without
// a login. The request is that of the WCAP guide: Calendar Server 6 and 7 answer
// it, and Calendar Server 6 redirects from its own URL to that of another server.
//
// q must have exactly one recipient. The originator may be empty, because it is
// not sent, and Bare is ignored. Query parameters of the URL that are not part of
// the request are kept. All redirects are followed, up to Options.MaxRedirects.
// The form in which Calendar Server 6 redirects is not known: a Location with a
// calid is requested unchanged, and one without gets the parameters of the query.
//
// A refusal is part of the answer: it is the Code of the person, who then has no
// data. Because the query is about one person, a single result is taken as that
// person's, even if the peer names another address; Description says which. Any
// answer other than iCalendar, such as the XML and JSON of WCAP, is Malformed.
// The error is an *Error, or wraps ErrQuery if the query is invalid.
func (c *Client) GetFreeBusy(ctx context.Context, at string, q Query) (*Answer, error) {
	parameters, err := wcapParameters(q)
	if err != nil {
		return nil, err
	}
	u, err := parseURL(at)
	if err != nil {
		return nil, withWCAPHint(err)
	}
	setParameters(u, parameters)
	complete := func(u *url.URL) {
		if !hasCalid(u) {
			setParameters(u, parameters)
		}
	}
	r, err := c.ask(ctx, u.String(), question{method: http.MethodGet, adjust: complete, wcap: true, header: http.Header{"Accept": {"text/calendar"}}})
	if err != nil {
		return nil, withWCAPHint(err)
	}
	a, err := readWCAP(r, q.Recipients[0])
	if err != nil {
		return nil, withWCAPHint(err)
	}
	a.Peer = r.peer()
	return a, nil
}

// wcapParameters returns the URL query parameters for a query, with encoded
// values.
func wcapParameters(q Query) ([]parameter, error) {
	if len(q.Recipients) != 1 {
		return nil, fmt.Errorf("%w: a WCAP query is about one person, not %d", ErrQuery, len(q.Recipients))
	}
	if _, err := calendarAddress(q.Recipients[0]); err != nil {
		return nil, fmt.Errorf("%w: the recipient %w", ErrQuery, err)
	}
	if q.Originator != "" {
		if _, err := calendarAddress(q.Originator); err != nil {
			return nil, fmt.Errorf("%w: the originator %w", ErrQuery, err)
		}
	}
	start, end, err := q.times()
	if err != nil {
		return nil, err
	}
	// In the guide, the plain mail address follows mailto:, so it is encoded once, for
	// the query, and not as a URI first. Only some servers read a plus as a space.
	address := strings.ReplaceAll(url.QueryEscape(q.Recipients[0]), "+", "%20")
	return []parameter{
		{"calid", "mailto:" + address},
		{"dtstart", formatTime(start)},
		{"dtend", formatTime(end)},
		{"fmt-out", "text/calendar"},
		{"busyonly", "0"},
	}, nil
}

// setParameters appends parameters to a URL's query and removes those with the
// same names.
func setParameters(u *url.URL, all []parameter) {
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _ := splitParameter(part)
		if part != "" && !slices.ContainsFunc(all, func(p parameter) bool { return p.name == name }) {
			parts = append(parts, part)
		}
	}
	for _, p := range all {
		parts = append(parts, p.name+"="+p.value)
	}
	u.RawQuery = strings.Join(parts, "&")
}

// hasCalid reports whether a URL names the calendar that is queried. An empty calid
// does not: it means the user who has logged in.
func hasCalid(u *url.URL) bool {
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value := splitParameter(part); name == "calid" && value != "" {
			return true
		}
	}
	return false
}

// splitParameter splits a parameter of a query. The name is decoded.
func splitParameter(part string) (name, value string) {
	name, value, _ = strings.Cut(part, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return name, value
}

// readWCAP parses the answer to a query about one person.
func readWCAP(r *reply, asked string) (*Answer, error) {
	text := r.text()
	if !isCalendar(text) {
		return nil, r.noCalendar(text)
	}
	a := &Answer{Form: FormCalendar, Recipients: []Recipient{{Address: asked}}}
	header, err := readWCAPHeader(text)
	if err != nil || header.errno != 0 {
		// If the object is truncated, the number may be truncated too.
		if _, broken := readFreeBusy(text); broken == nil {
			if err != nil {
				return nil, fail(Malformed, r.at, r.status, err.Error(), err)
			}
			// Any data next to the error is not reliable.
			a.assign([]Recipient{{Address: asked, Code: strconv.Itoa(header.errno), Text: errnoName(header.errno)}})
			return a, nil
		}
	}
	all, err := readCalendar(r, text)
	if err != nil {
		return nil, err
	}
	a.assign(header.claim(all, asked))
	return a, nil
}

// noCalendar returns the error for an answer that is not iCalendar.
func (r *reply) noCalendar(text []byte) error {
	switch {
	case len(text) == 0:
		// This behavior is known from Mozilla's WCAP client, which Sun wrote.
		return fail(Malformed, r.at, r.status, "the answer is empty, which is how Calendar Server 6.3 answers about people it does not know", nil)
	case bytes.HasPrefix(text, []byte("{")): // a JSON answer begins with {}&&
		return fail(Malformed, r.at, r.status, "the answer is JSON, not iCalendar", nil)
	}
	root, err := r.readXML()
	if err != nil {
		return err
	}
	return fail(Malformed, r.at, r.status, fmt.Sprintf("the answer is XML, <%s>, not iCalendar", clip(root.name)), nil)
}

// wcapHeader is the information in an answer other than free/busy.
type wcapHeader struct {
	errno int      // X-NSCP-WCAP-ERRNO: 0 means success, and is the value if there is none
	names []string // addresses of the people in the answer; two at most, enough to show that there are several
}

// readWCAPHeader finds the properties anywhere in the object: before, after or
// inside a VFREEBUSY. Of several error numbers, the first non-zero one is used.
func readWCAPHeader(text []byte) (wcapHeader, error) {
	var h wcapHeader
	for line := range unfold(text) {
		p, _ := parseLine(line)
		switch p.name {
		case "X-NSCP-WCAP-ERRNO":
			n, err := strconv.Atoi(strings.TrimSpace(p.value))
			if err != nil {
				return h, fmt.Errorf("the X-NSCP-WCAP-ERRNO of the answer is %q, which is not a number", clip(p.value))
			}
			h.errno = cmp.Or(h.errno, n)
		case "X-S1CS-EMAIL", "X-SICS-EMAIL": // the guides use both
			h.names = addName(h.names, clip(mailAddress(p.value)))
		}
	}
	return h, nil
}

// addName adds a name to a list of at most two.
func addName(list []string, name string) []string {
	known := slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
	if name == "" || known || len(list) == 2 {
		return list
	}
	return append(list, name)
}

// claim assigns the results of readCalendar to the person asked about, unless they
// are about several people. A different address does not mean a different person:
// the peer may know the person by another address.
func (h *wcapHeader) claim(all []Recipient, asked string) []Recipient {
	var names []string
	for _, said := range all {
		names = addName(names, said.Address)
	}
	if len(names) == 0 {
		names = h.names
	}
	if len(names) > 1 {
		return all
	}
	one := Recipient{Address: asked, HasData: true}
	for _, said := range all {
		one.Code, one.Text = cmp.Or(one.Code, said.Code), cmp.Or(one.Text, said.Text)
		one.Busy = append(one.Busy, said.Busy...)
		one.Problem = cmp.Or(one.Problem, said.Problem)
	}
	if len(names) == 1 && !strings.EqualFold(names[0], asked) {
		one.Description = "the peer names " + names[0]
	}
	return []Recipient{one}
}

// errnoName returns the name of an error number, "" if it is unknown. The first
// three are from the table in the Calendar Server 6 guide, which uses 39 for any
// failure of this command; the name of 39 is from Mozilla's client.
func errnoName(n int) string {
	switch n {
	case 1:
		return "LOGIN_FAILED"
	case 28:
		return "ACCESS_DENIED_TO_CALENDAR"
	case 29:
		return "CALENDAR_DOES_NOT_EXIST"
	case 39:
		return "GET_FREEBUSY_FAILED"
	}
	return ""
}
