package ischedule

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Capabilities is what a peer says it supports. Whatever it does not mention is
// zero.
type Capabilities struct {
	Peer
	SerialNumber     string // in the document; Peer.Serial is from the header
	Versions         []string
	Components       []Component
	DataTypes        []DataType
	Attachments      []string // inline, external
	RScales          []string // calendars of recurrence rules (RFC 7529)
	MaxContentLength int64    // bytes
	MinDateTime      time.Time
	MaxDateTime      time.Time
	MaxInstances     int64
	MaxRecipients    int64
	Administrator    string // usually a URI
}

// Component is a kind of component with the methods that the peer accepts for it.
type Component struct {
	Name    string
	Methods []string
}

// DataType is a format of calendar data.
type DataType struct {
	ContentType string
	Version     string
}

// Supports reports whether the peer accepts a method for a component. Letter case
// does not matter.
func (c *Capabilities) Supports(component, method string) bool {
	for _, known := range c.Components {
		if !strings.EqualFold(known.Name, component) {
			continue
		}
		for _, m := range known.Methods {
			if strings.EqualFold(m, method) {
				return true
			}
		}
	}
	return false
}

const actionCapabilities = "action=capabilities"

// Capabilities asks the peer at an iSchedule URL what it supports. Other query
// parameters of the URL are kept, also after a redirect. The error is an *Error.
func (c *Client) Capabilities(ctx context.Context, at string) (*Capabilities, error) {
	q := question{method: http.MethodGet, adjust: addAction, header: http.Header{"Accept": {"application/xml, text/xml;q=0.9"}}}
	r, err := c.ask(ctx, at, q)
	if err != nil {
		return nil, err
	}
	found, err := readCapabilities(r)
	if err != nil {
		return nil, err
	}
	r.at = withoutAction(r.at)
	for i := range r.chain {
		r.chain[i] = withoutAction(r.chain[i])
	}
	found.Peer = r.peer()
	return found, nil
}

// addAction adds the parameter that requests the capabilities to a URL.
func addAction(u *url.URL) {
	var kept []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, _, _ := strings.Cut(part, "="); part != "" && name != "action" {
			kept = append(kept, part)
		}
	}
	u.RawQuery = strings.Join(append(kept, actionCapabilities), "&")
	u.ForceQuery = false
}

// withoutAction undoes addAction.
func withoutAction(at string) string {
	at = strings.TrimSuffix(at, actionCapabilities)
	return strings.TrimRight(at, "?&")
}

func readCapabilities(r *reply) (*Capabilities, error) {
	root, err := r.readXML()
	if err != nil {
		return nil, err
	}
	if !root.is("query-result") {
		return nil, r.unexpected(root, "query-result")
	}
	c := &Capabilities{}
	c.collect(root)
	return c, nil
}

// collect reads the elements of a document at any depth: successive drafts moved
// the elements around and renamed some.
func (c *Capabilities) collect(in *element) {
	for _, e := range in.children {
		if !e.known() {
			continue
		}
		switch e.name {
		case "serial-number":
			c.SerialNumber = e.trimmed()
		case "version":
			c.Versions = appendSome(c.Versions, e.trimmed())
		case "component", "comp":
			c.Components = appendSome(c.Components, readComponent(e))
		case "calendar-data-type":
			c.DataTypes = appendSome(c.DataTypes, DataType{clip(e.attribute("content-type")), clip(e.attribute("version"))})
		case "attachments":
			for _, kind := range e.children {
				c.Attachments = appendSome(c.Attachments, clip(kind.name))
			}
		case "inline-attachment":
			c.Attachments = appendSome(c.Attachments, "inline")
		case "external-attachment":
			c.Attachments = appendSome(c.Attachments, "external")
		case "rscale":
			c.RScales = appendSome(c.RScales, e.trimmed())
		case "max-content-length":
			c.MaxContentLength = e.number()
		case "min-date-time":
			c.MinDateTime, _ = parseTime(e.trimmed())
		case "max-date-time":
			c.MaxDateTime, _ = parseTime(e.trimmed())
		case "max-instances":
			c.MaxInstances = e.number()
		case "max-recipients":
			c.MaxRecipients = e.number()
		case "administrator":
			c.Administrator = e.trimmed()
			if href := e.child("href"); href != nil {
				c.Administrator = href.trimmed()
			}
		default:
			c.collect(e)
		}
	}
}

func readComponent(e *element) Component {
	c := Component{Name: strings.ToUpper(clip(e.attribute("name")))}
	for _, m := range e.children {
		if m.known() && m.name == "method" {
			c.Methods = appendSome(c.Methods, strings.ToUpper(clip(m.attribute("name"))))
		}
	}
	return c
}

// appendSome appends to a list up to a limit, because a peer could otherwise make
// the list as long as its answer.
func appendSome[T any](list []T, v T) []T {
	const most = 1000
	if len(list) >= most {
		return list
	}
	return append(list, v)
}

// number returns the text as a number, 0 if it is not a non-negative integer.
func (e *element) number() int64 {
	n, err := strconv.ParseInt(e.trimmed(), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
