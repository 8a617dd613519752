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

	"github.com/davadmin/davadmin/pkg/ical"
)

// GetFreeBusy asks the get_freebusy.wcap at a URL when one person is busy, without
// a login. The request is that of the WCAP guide: Calendar Server 6 and 7 answer
// it, and Calendar Server 6 redirects from its own URL to that of another server.
//
// q must have exactly one recipient. The originator may be empty, because it is
// not sent, and Bare is ignored. Query parameters of the URL that are not part of
// the request are kept. All redirects are followed, up to Options.MaxRedirects.
// The form in which Calendar Server 6 redirects is not known: a Location that names
// a person, by calid or mail, is requested unchanged, and another one gets the
// parameters of the query.
//
// The person is named by calid=mailto:ADDRESS, which means the default calendar only.
// With Query.AllCalendars it is mail=ADDRESS: all calendars of which the person is the
// primary owner and that are included in free/busy. Their results are merged, and
// Problem names the error of a calendar whose data is missing.
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
		if !namesPerson(u) {
			setParameters(u, parameters)
		}
	}
	r, err := c.ask(ctx, u.String(), question{method: http.MethodGet, adjust: complete, wcap: true, header: http.Header{"Accept": {"text/calendar"}}})
	if err != nil {
		return nil, withWCAPHint(err)
	}
	a, err := readWCAP(r, q.Recipients[0], q.AllCalendars)
	if err != nil {
		return nil, withWCAPHint(err)
	}
	a.Peer = r.peer()
	return a, nil
}

// parameter is a parameter of a query of a URL, with an encoded value.
type parameter struct{ name, value string }

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
	person := parameter{"calid", "mailto:" + address}
	if q.AllCalendars {
		person = parameter{"mail", address}
	}
	return []parameter{
		person,
		{"dtstart", formatTime(start)},
		{"dtend", formatTime(end)},
		{"fmt-out", "text/calendar"},
		{"busyonly", "0"},
	}, nil
}

// setParameters appends the parameters of a query to a URL. It removes those with the
// same names, and those that would win against them: a calid counts more than a mail,
// and a duration more than dtstart and dtend.
func setParameters(u *url.URL, all []parameter) {
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, _ := splitParameter(part)
		contradicts := name == "calid" || name == "mail" || name == "duration"
		if part != "" && !contradicts && !slices.ContainsFunc(all, func(p parameter) bool { return p.name == name }) {
			parts = append(parts, part)
		}
	}
	for _, p := range all {
		parts = append(parts, p.name+"="+p.value)
	}
	u.RawQuery = strings.Join(parts, "&")
}

// namesPerson reports whether a URL names the calendar or the person that is queried.
// An empty calid does not: it means the user who has logged in.
func namesPerson(u *url.URL) bool {
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value := splitParameter(part); (name == "calid" || name == "mail") && value != "" {
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

// readWCAP parses the answer to a query about one person. If all means all calendars of
// the person, each calendar is an object with an error number of its own.
func readWCAP(r *reply, asked string, all bool) (*Answer, error) {
	text := r.text()
	if !isCalendar(text) {
		return nil, r.noCalendar(text)
	}
	objects := [][]byte{text}
	if all {
		objects = splitObjects(text)
	}
	a := &Answer{Form: FormCalendar, Recipients: []Recipient{{Address: asked}}}
	var read, refused []Recipient
	var names wcapHeader
	for _, object := range objects {
		h, err := readWCAPHeader(object)
		if err != nil || h.errno.Number != 0 && !h.errno.Partial {
			// If the object is truncated, the number may be truncated too.
			if _, broken := readFreeBusy(object); broken == nil {
				if err != nil {
					return nil, fail(Malformed, r.at, r.status, err.Error(), err)
				}
				// Any data next to the error is not reliable.
				refused = append(refused, h.refusal(asked))
				continue
			}
		}
		found, err := readCalendar(r, object)
		if err != nil {
			return nil, err
		}
		if h.errno.Partial {
			found[0].Problem = cmp.Or(found[0].Problem, h.errno.Meaning)
		}
		read = append(read, found...)
		for _, name := range h.names {
			names.names = addName(names.names, name)
		}
	}
	switch {
	case len(read) == 0:
		a.assign(refused[:1])
		return a, nil
	case len(refused) > 0:
		const missing = "another calendar of this person has no data: "
		read[0].Problem = cmp.Or(read[0].Problem, missing+strings.TrimSpace(refused[0].Code+" "+refused[0].Text))
	}
	a.assign(names.claim(read, asked))
	return a, nil
}

// splitObjects splits an answer into its calendar objects: it has one for each calendar,
// one after another.
func splitObjects(text []byte) [][]byte {
	const most = 1000 // calendars of one person
	var out [][]byte
	start, at := 0, 0
	for line := range bytes.Lines(text) {
		if at > start && isCalendar(line) && len(out) < most {
			out = append(out, text[start:at])
			start = at
		}
		at += len(line)
	}
	return append(out, text[start:])
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
	errno Errno    // X-NSCP-WCAP-ERRNO: its Number is 0 for success, and if absent
	names []string // addresses of the people in the answer; two at most, enough to show that there are several
}

// readWCAPHeader finds the properties anywhere in the object: before, after or
// inside a VFREEBUSY. Of several error numbers, the first non-zero one is used.
//
// Calendar Server 6 sends a line with a property after VERSION that begins with a space,
// so it seems to continue VERSION (samples in the WCAP guides).
func readWCAPHeader(text []byte) (wcapHeader, error) {
	var h wcapHeader
	for p := range ical.ContentLines(string(text)) {
		if p.Name == "VERSION" {
			p = continuing(p)
		}
		switch p.Name {
		case "X-NSCP-WCAP-ERRNO":
			n, err := strconv.Atoi(strings.TrimSpace(p.Value()))
			if err != nil {
				return h, fmt.Errorf("the X-NSCP-WCAP-ERRNO of the answer is %q, which is not a number", clip(p.Value()))
			}
			if h.errno.Number == 0 {
				if known, ok := LookupErrno(n); ok {
					h.errno = known
				} else {
					h.errno.Number = n
				}
			}
		case "X-S1CS-EMAIL", "X-SICS-EMAIL": // the guides use both
			h.names = addName(h.names, clip(mailAddress(p.Value())))
		case "X-NSCP-CALPROPS-RELATIVE-CALID":
			// The value is the calid, and the address of its owner is a parameter.
			name := mailAddress(cmp.Or(p.Param("X-S1CS-EMAIL"), p.Param("X-SICS-EMAIL")))
			if strings.Contains(name, "@") {
				h.names = addName(h.names, clip(name))
			}
		}
	}
	return h, nil
}

// continuing returns the property of Calendar Server 6 that seems to continue another one; if
// there is no such property, the other one.
func continuing(p *ical.Property) *ical.Property {
	value := p.Value()
	at := strings.Index(strings.ToUpper(value), "X-NSCP-")
	if at <= 0 {
		return p
	}
	for own := range ical.ContentLines(value[at:]) {
		return own
	}
	return p
}

// refusal returns the result for a person about whom the peer answers with an error.
func (h *wcapHeader) refusal(asked string) Recipient {
	e := h.errno
	return Recipient{Address: asked, Code: strconv.Itoa(e.Number), Text: e.Name, Meaning: e.Meaning, Retry: e.Retry}
}

// addName adds a name to a list of at most two. The server writes "none" for the address
// of a person without one.
func addName(list []string, name string) []string {
	known := slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
	if name == "" || strings.EqualFold(name, "none") || known || len(list) == 2 {
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
