package ischedule

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Query is a free/busy query.
type Query struct {
	Originator string   // mail address of the person who asks
	Recipients []string // mail addresses of the people asked about; they are all in one header line, whose length servers limit, often to 8 KiB
	Start, End time.Time
	// Bare omits the iSchedule headers and the parameters of the content type, as
	// in the sample request in the Calendar Server 7 guide.
	Bare bool
	// AllCalendars makes a WCAP query ask for all calendars that the person owns, not
	// only for the default one. Other queries ignore it: there, the peer decides.
	AllCalendars bool
}

// FreeBusy asks the peer at an iSchedule URL when people are busy. A refusal that
// concerns one person is part of the answer. The error is an *Error, unless
// nothing was sent: then it may also wrap ErrQuery or come from Options.Rand.
func (c *Client) FreeBusy(ctx context.Context, at string, q Query) (*Answer, error) {
	asked, err := c.question(q)
	if err != nil {
		return nil, err
	}
	r, err := c.ask(ctx, at, asked)
	if err != nil {
		return nil, err
	}
	a, err := readAnswer(r, q.Recipients, q.Bare)
	if err != nil {
		return nil, err
	}
	a.Peer = r.peer()
	return a, nil
}

// question returns the request for a query.
func (c *Client) question(q Query) (asked question, err error) {
	originator, err := calendarAddress(q.Originator)
	if err != nil {
		return asked, fmt.Errorf("%w: the originator %w", ErrQuery, err)
	}
	if len(q.Recipients) == 0 {
		return asked, fmt.Errorf("%w: no recipients", ErrQuery)
	}
	var recipients []string
	for _, address := range q.Recipients {
		to, err := calendarAddress(address)
		if err != nil {
			return asked, fmt.Errorf("%w: the recipient %w", ErrQuery, err)
		}
		if !slices.Contains(recipients, to) {
			recipients = append(recipients, to)
		}
	}
	start, end, err := q.times()
	if err != nil {
		return asked, err
	}
	id, err := c.newID()
	if err != nil {
		return asked, err
	}
	asked = question{method: http.MethodPost, bare: q.Bare, header: http.Header{"Content-Type": {"text/calendar"}}}
	if !q.Bare {
		_, domain, _ := strings.Cut(originator, "@")
		// Spelled as in the draft: a server may compare header names case-sensitively.
		asked.header = http.Header{
			"iSchedule-Version":    {"1.0"},
			"iSchedule-Message-ID": {"<" + id + "@" + domain + ">"},
			"Originator":           {originator},
			"Recipient":            {strings.Join(recipients, ", ")},
			"Cache-Control":        {"no-cache, no-transform"},
			"Content-Type":         {"text/calendar; component=VFREEBUSY; method=REQUEST; charset=utf-8"},
		}
	}
	busy := ical.NewComponent("VFREEBUSY")
	busy.Add("DTSTAMP", formatTime(c.o.Now()))
	busy.Add("ORGANIZER", originator)
	busy.Add("DTSTART", formatTime(start))
	busy.Add("DTEND", formatTime(end))
	busy.Add("UID", id)
	for _, to := range recipients {
		busy.Add("ATTENDEE", to)
	}
	calendar := ical.NewComponent("VCALENDAR")
	calendar.Add("VERSION", "2.0")
	calendar.Add("PRODID", escapeText(c.o.PRODID))
	calendar.Add("METHOD", "REQUEST")
	calendar.AddComponent(busy)
	asked.body = calendar.AppendTo(nil)
	return asked, nil
}

// times returns the time range of a query, in whole seconds of UTC.
func (q *Query) times() (start, end time.Time, err error) {
	start, end = q.Start.UTC().Truncate(time.Second), q.End.UTC().Truncate(time.Second)
	if !end.After(start) || start.Year() < 1 || end.Year() > 9999 {
		return start, end, fmt.Errorf("%w: the time range from %s to %s", ErrQuery, q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339))
	}
	return start, end, nil
}

// newID returns a random UUID, which RFC 7986, section 5.3, recommends.
func (c *Client) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(c.o.Rand, b[:]); err != nil {
		return "", fmt.Errorf("cannot create a unique id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// escapeText returns s as a text value: RFC 5545, section 3.3.11. Control
// characters other than line ends and tabs are not allowed there and are removed.
func escapeText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return ical.EscapeText(strings.NewReplacer("\r\n", "\n", "\r", "").Replace(s))
}

// calendarAddress returns the URI of a mail address: RFC 6068, section 2. Commas
// are encoded too, because they separate recipients.
func calendarAddress(address string) (string, error) {
	const most = 320 // 64 + @ + 255, RFC 5321
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 || len(address) > most || !utf8.ValidString(address) {
		return "", fmt.Errorf("%q is not a mail address", clip(address))
	}
	var b strings.Builder
	b.WriteString("mailto:")
	for i := range len(address) {
		switch c := address[i]; {
		case c < ' ' || c == 0x7f:
			return "", fmt.Errorf("%q is not a mail address", address)
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~!$'*+@", c) >= 0 && (c != '@' || i == at):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String(), nil
}

// mailAddress returns the mail address in a calendar address. Anything other than
// a mailto: URI is returned unchanged.
func mailAddress(uri string) string {
	uri = strings.TrimSpace(uri)
	const scheme = "mailto:"
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return uri
	}
	uri, _, _ = strings.Cut(uri[len(scheme):], "?")
	if plain, err := url.PathUnescape(uri); err == nil {
		return plain
	}
	return uri
}
