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
// a login. The question is that of the WCAP guide: Calendar Server 6 and 7 answer
// it, and Calendar Server 6 refers from its own to another server's.
//
// q has one recipient. It may have no originator, for nobody is told who asks, and
// Bare does not count. Of the URL's query, what does not belong to the question
// stays. All redirects are followed, up to Options.MaxRedirects. How Calendar
// Server 6 writes one is not known: a Location with a calid is asked as it stands,
// and one without gets the question.
//
// A refusal stands in the answer: as the Code of the person, who then has no data.
// With one question, the one answer is that person's, even if the peer names
// another address; the Description says which. What is not iCalendar, such as the
// XML and JSON of WCAP, is Malformed. The error is an *Error, or has ErrQuery in it
// if the question cannot be asked.
func (c *Client) GetFreeBusy(ctx context.Context, at string, q Query) (*Answer, error) {
	parameters, err := wcapParameters(q)
	if err != nil {
		return nil, err
	}
	u, err := parseURL(at)
	if err != nil {
		return nil, inWCAP(err)
	}
	setParameters(u, parameters)
	complete := func(u *url.URL) {
		if !hasCalid(u) {
			setParameters(u, parameters)
		}
	}
	r, err := c.ask(ctx, u.String(), question{method: http.MethodGet, adjust: complete, wcap: true, header: http.Header{"Accept": {"text/calendar"}}})
	if err != nil {
		return nil, inWCAP(err)
	}
	a, err := readWCAP(r, q.Recipients[0])
	if err != nil {
		return nil, inWCAP(err)
	}
	a.Peer = r.peer()
	return a, nil
}

// wcapParameters returns what the query of a URL says for a question, encoded.
func wcapParameters(q Query) ([]parameter, error) {
	if len(q.Recipients) != 1 {
		return nil, fmt.Errorf("%w: WCAP is asked about one person at a time, not %d", ErrQuery, len(q.Recipients))
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
	// The guide has the mail address itself behind mailto:, so it is encoded once, for
	// the query, and not for a URI before. A plus is a blank to some servers only.
	address := strings.ReplaceAll(url.QueryEscape(q.Recipients[0]), "+", "%20")
	return []parameter{
		{"calid", "mailto:" + address},
		{"dtstart", formatTime(start)},
		{"dtend", formatTime(end)},
		{"fmt-out", "text/calendar"},
		{"busyonly", "0"},
	}, nil
}

// setParameters puts parameters at the end of a URL's query, in place of those of
// the same names.
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

// hasCalid tells whether a URL says whom it asks about. An empty calid does not: it
// stands for whoever has logged in.
func hasCalid(u *url.URL) bool {
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value := splitParameter(part); name == "calid" && value != "" {
			return true
		}
	}
	return false
}

// splitParameter takes a part of a query apart. The name is decoded.
func splitParameter(part string) (name, value string) {
	name, value, _ = strings.Cut(part, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return name, value
}

// readWCAP reads the answer to a question about one person.
func readWCAP(r *reply, asked string) (*Answer, error) {
	text := r.text()
	if !isCalendar(text) {
		return nil, r.noCalendar(text)
	}
	a := &Answer{Form: FormCalendar, Recipients: []Recipient{{Address: asked}}}
	header, err := readWCAPHeader(text)
	if err != nil || header.errno != 0 {
		// Of an object that ends in the middle, the number may be cut short too.
		if _, broken := readFreeBusy(text); broken == nil {
			if err != nil {
				return nil, fail(Malformed, r.at, r.status, err.Error(), err)
			}
			// If there is data beside the error, it is nothing to rely on.
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

// noCalendar is the error for an answer that is something else.
func (r *reply) noCalendar(text []byte) error {
	switch {
	case len(text) == 0:
		// So the Mozilla client for WCAP, which Sun wrote, has found.
		return fail(Malformed, r.at, r.status, "the answer is empty, as Calendar Server 6.3 answers about people that it does not know", nil)
	case bytes.HasPrefix(text, []byte("{")): // a JSON answer begins with {}&&
		return fail(Malformed, r.at, r.status, "the answer is JSON, not iCalendar", nil)
	}
	root, err := r.readXML()
	if err != nil {
		return err
	}
	return fail(Malformed, r.at, r.status, fmt.Sprintf("the answer is XML, <%s>, not iCalendar", clip(root.name)), nil)
}

// wcapHeader is what an answer says besides free/busy.
type wcapHeader struct {
	errno int      // X-NSCP-WCAP-ERRNO: 0 is ok, and so is none
	names []string // addresses of whom it is about; two are enough to tell that there are several
}

// readWCAPHeader reads it wherever it stands: before, behind or in a VFREEBUSY. Of
// several numbers, the first error counts.
func readWCAPHeader(text []byte) (wcapHeader, error) {
	var h wcapHeader
	for line := range unfold(text) {
		p, _ := parseLine(line)
		switch p.name {
		case "X-NSCP-WCAP-ERRNO":
			n, err := strconv.Atoi(strings.TrimSpace(p.value))
			if err != nil {
				return h, fmt.Errorf("the X-NSCP-WCAP-ERRNO of the answer is %q, which is no number", clip(p.value))
			}
			h.errno = cmp.Or(h.errno, n)
		case "X-S1CS-EMAIL", "X-SICS-EMAIL": // the guides have both
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

// claim makes what readCalendar has found that of the person asked about, unless it
// is about several people. The peer may name the person by another address of theirs, so
// that is no reason to take the answer for somebody else's.
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

// errnoName returns the name of an error number, "" if it is not known. The first
// three are of the table in the guide for Calendar Server 6, which gives 39 to
// whatever goes wrong with this command; its name is that of the Mozilla client.
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
