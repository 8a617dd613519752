package ischedule

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Peer describes the server that answered, from the response header.
type Peer struct {
	Status    int           // HTTP status: 2xx
	URL       string        // where the answer came from; without the added action=capabilities, but with the parameters of WCAP
	Redirects []string      // the URLs that were queried before it, in order
	Version   string        // iSchedule-Version
	Serial    string        // iSchedule-Capabilities: changes when the peer's capabilities change
	Server    string        // Server: the product
	Took      time.Duration // from the start of the query to the end of the answer, redirects included
}

// question is a request that can be sent to several URLs in turn.
type question struct {
	method string
	header http.Header
	body   []byte
	bare   bool // for the hints
	wcap   bool // an <error> element of iSchedule or of WebDAV is not an answer of this protocol
	adjust func(*url.URL)
}

// reply is a complete response with a 2xx status.
type reply struct {
	at     string
	status int
	header http.Header
	body   []byte // decompressed
	chain  []string
	took   time.Duration
}

func (r *reply) peer() Peer {
	return Peer{
		Status: r.status, URL: clip(r.at), Redirects: clipAll(r.chain), Took: r.took,
		Version: clip(r.header.Get("iSchedule-Version")), Serial: clip(r.header.Get("iSchedule-Capabilities")), Server: clip(r.header.Get("Server")),
	}
}

// ask sends a request and follows redirects.
func (c *Client) ask(ctx context.Context, rawURL string, q question) (*reply, error) {
	at, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	var chain []string
	for {
		if q.adjust != nil {
			q.adjust(at)
		}
		r, next, err := c.askOnce(ctx, at, q)
		if err != nil {
			return nil, err
		}
		if next == nil {
			r.chain, r.took = chain, time.Since(began)
			return r, nil
		}
		if q.adjust != nil {
			q.adjust(next)
		}
		chain = append(chain, at.String())
		if err := c.mayFollow(at, next, chain, r.status); err != nil {
			return nil, err
		}
		at = next
	}
}

// mayFollow returns an error if the redirect from at to next must not be
// followed. The chain contains the URLs queried so far, including at.
func (c *Client) mayFollow(at, next *url.URL, chain []string, status int) error {
	way := func() string { return strings.Join(append(slices.Clip(chain), next.String()), " -> ") }
	switch {
	case slices.Contains(chain, next.String()):
		return fail(RedirectLoop, at.String(), status, "redirect loop: "+way(), nil)
	case len(chain) > max(c.o.MaxRedirects, 0):
		return fail(Redirect, at.String(), status, fmt.Sprintf("more than %d redirects: %s", max(c.o.MaxRedirects, 0), way()), nil)
	case at.Scheme == "https" && next.Scheme != "https":
		return fail(Redirect, at.String(), status, "the peer redirects from https to http, which is not followed: "+next.String(), nil)
	}
	return nil
}

// askOnce sends a request to one URL. If the peer redirects instead of answering,
// next is the new URL, and only the status of the reply is meaningful.
func (c *Client) askOnce(ctx context.Context, at *url.URL, q question) (r *reply, next *url.URL, err error) {
	req, err := http.NewRequestWithContext(ctx, q.method, at.String(), bytes.NewReader(q.body))
	if err != nil {
		return nil, nil, badURL(at.String(), err.Error())
	}
	req.Header = q.header.Clone()
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept-Encoding", "identity") // also keeps the transport from decompressing without a limit
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, nil, c.transportError(ctx, at.String(), 0, err)
	}
	defer func() { _ = res.Body.Close() }()
	r = &reply{at: at.String(), status: res.StatusCode, header: res.Header}
	switch {
	case isRedirect(res.StatusCode):
		next, err = q.redirect(at, res)
		return r, next, err
	case res.StatusCode/100 != 2:
		return nil, nil, c.refusal(r, res, q)
	}
	if r.body, err = c.readBody(ctx, r, res); err != nil {
		return nil, nil, err
	}
	return r, nil, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirect returns the target of a redirect. RFC 9110, section 15.4: only 307 and
// 308 ask the client to send a POST again unchanged.
func (q *question) redirect(at *url.URL, res *http.Response) (*url.URL, error) {
	location := res.Header.Get("Location")
	status := res.StatusCode
	if location == "" {
		return nil, fail(Redirect, at.String(), status, fmt.Sprintf("the status is %s without a Location header", res.Status), nil)
	}
	next, err := at.Parse(location)
	if err != nil {
		return nil, fail(Redirect, at.String(), status, fmt.Sprintf("the status is %s with an invalid Location: %q", res.Status, location), err)
	}
	if q.method != http.MethodGet && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect {
		return nil, fail(Redirect, at.String(), status, fmt.Sprintf("the peer redirects to %s, but a query is not sent again after the status %s", next.Redacted(), res.Status), nil)
	}
	if next.User != nil || next.Host == "" || next.Scheme != "http" && next.Scheme != "https" {
		return nil, fail(Redirect, at.String(), status, "the peer redirects to a URL that cannot be queried: "+next.Redacted(), nil)
	}
	next.Fragment, next.RawFragment = "", ""
	return next, nil
}

// readBody reads the body of an answer, and decompresses it if the peer has
// compressed it without being asked to.
func (c *Client) readBody(ctx context.Context, r *reply, res *http.Response) ([]byte, error) {
	tooLarge := func() error {
		return fail(TooLarge, r.at, r.status, fmt.Sprintf("the answer is longer than %d bytes", c.o.MaxBody), nil)
	}
	if res.ContentLength > c.o.MaxBody {
		return nil, tooLarge()
	}
	in := io.LimitReader(res.Body, c.o.MaxBody+1)
	switch coding := strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, c.bodyError(ctx, r, err)
		}
		in = io.LimitReader(unpacked, c.o.MaxBody+1)
	default:
		return nil, fail(Malformed, r.at, r.status, fmt.Sprintf("the answer has the content encoding %q, which was not requested", coding), nil)
	}
	body, err := io.ReadAll(in)
	if int64(len(body)) > c.o.MaxBody {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, c.bodyError(ctx, r, err)
	}
	return body, nil
}

func (c *Client) bodyError(ctx context.Context, r *reply, err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fail(Malformed, r.at, r.status, "the answer is declared as gzip but is not valid gzip", err)
	}
	return c.transportError(ctx, r.at, r.status, err)
}

// refusal returns the error for a status other than 2xx and the redirects. The
// body may give the reason as an element of the protocol; if it does not, the
// status is reported.
func (c *Client) refusal(r *reply, res *http.Response, q question) error {
	const most = 64 << 10
	r.body, _ = io.ReadAll(io.LimitReader(res.Body, min(most, c.o.MaxBody)))
	if !q.wcap {
		if e := rejection(r, q.bare); e != nil {
			return e
		}
	}
	detail := "the status is " + clip(res.Status)
	if title := htmlTitle(r.body); title != "" {
		detail += ", with a web page: " + title
	}
	kind := Other
	switch status := res.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		kind = Forbidden
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusMethodNotAllowed && q.method != http.MethodGet:
		kind = NotFound
	case status >= 500 && status != http.StatusNotImplemented:
		kind = ServerError
	}
	e := fail(kind, r.at, r.status, detail, nil)
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		e.Hint = "the peer requires a login for iSchedule: allow the address of this host without one (service.dav.ischedulewhitelist on Calendar Server 7)"
	case kind == Other && q.method == http.MethodGet:
		e.Hint = "an old peer may not support queries for its capabilities: query free/busy instead"
	case kind == Other:
		e.Hint = "check the path in the URL (/ischedule/), and the log of the peer"
	}
	return e
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, badURL(raw, "not a URL: "+err.Error())
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, badURL(raw, "not a URL that begins with http:// or https://")
	case u.Hostname() == "":
		return nil, badURL(raw, "a URL without a host")
	case u.User != nil:
		return nil, badURL(u.Redacted(), "a URL that contains a user name")
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, badURL(raw, "a URL with the invalid port "+port)
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func badURL(raw, detail string) error {
	e := fail(Other, raw, 0, detail, nil)
	e.Hint = "write the URL as http://HOST:PORT/ischedule/"
	return e
}
