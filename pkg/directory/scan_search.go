package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// search is a search request.
type search struct {
	base   string
	scope  Scope
	filter *ber.Packet
	attrs  []string // empty for no attributes
	limit  int      // maximum number of entries; 0 for no limit
	page   int      // number of entries in a page; 0 for no pages
	long   bool     // the answer may be long
	rights string   // the identity whose effective rights are requested; "" for none
}

// noAttributes requests no attributes (RFC 4511 section 4.5.1.8).
const noAttributes = "1.1"

// packet returns the request (RFC 4511 section 4.5.1). Aliases are not followed, and
// there is no limit except the number of entries.
func (q *search) packet() *ber.Packet {
	scope := map[Scope]int64{Subtree: ldap.ScopeWholeSubtree, OneLevel: ldap.ScopeSingleLevel, BaseOnly: ldap.ScopeBaseObject}[q.scope]
	integer := func(tag ber.Tag, value int64) *ber.Packet {
		return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, tag, value, "")
	}
	text := func(s string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchRequest, nil, "SearchRequest")
	p.AppendChild(text(q.base))
	p.AppendChild(integer(ber.TagEnumerated, scope))
	p.AppendChild(integer(ber.TagEnumerated, ldap.NeverDerefAliases))
	p.AppendChild(integer(ber.TagInteger, int64(q.limit)))
	p.AppendChild(integer(ber.TagInteger, 0)) // seconds
	p.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, "typesOnly"))
	p.AppendChild(q.filter)
	attrs := ber.NewSequence("attributes")
	for _, a := range q.attrs {
		attrs.AppendChild(text(a))
	}
	if len(q.attrs) == 0 {
		attrs.AppendChild(text(noAttributes))
	}
	p.AppendChild(attrs)
	return p
}

// pagingControls returns the control that requests a page (RFC 2696). It is critical: a
// server that does not support it must refuse the search.
func pagingControls(size int, cookie []byte) *ber.Packet {
	value := ber.NewSequence("realSearchControlValue")
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(size), "size"))
	value.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(cookie), "cookie"))
	control := ber.NewSequence("Control")
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, oidPaging, "controlType"))
	control.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "criticality"))
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(value.Bytes()), "controlValue"))
	controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "Controls")
	controls.AppendChild(control)
	return controls
}

// receiver receives the results of a search: the body of each SearchResultEntry or
// SearchResultReference. An error that it returns ends the search.
type receiver interface {
	entry(body []byte) error
	reference(body []byte) error
}

// search does a search with all its pages. It returns nil only if the server reported
// success and, with pages, marked the last page as the last one. The session can be
// used for another search after nil and after a *ResultError.
func (s *session) search(ctx context.Context, q *search, to receiver) error {
	stop := context.AfterFunc(ctx, s.close)
	defer func() { s.gone = !stop() }()
	err := s.pages(ctx, q, to)
	s.in.expect(false, 0)
	if err != nil && ctx.Err() != nil && !errors.Is(err, errStopped) {
		return contextError(ctx)
	}
	return err
}

func (s *session) pages(ctx context.Context, q *search, to receiver) error {
	in := pageReader{s: s, to: to}
	defer func() { s.last = pageEnd{pages: in.pages, here: in.here} }()
	s.in.expect(q.long, q.page)
	for {
		var controls *ber.Packet
		switch {
		case q.page > 0:
			controls = pagingControls(q.page, in.cookie)
		case q.rights != "":
			controls = rightsControls(q.rights)
		}
		if err := s.send(q.packet(), controls); err != nil {
			return err
		}
		more, err := in.page(ctx, q)
		if err != nil || !more {
			return err
		}
		s.in.nextPage()
	}
}

// pageReader reads the answer to a search page by page.
type pageReader struct {
	s      *session
	to     receiver
	cookie []byte // of the previous page
	here   int    // entries and references of this page
	empty  int    // number of consecutive empty pages
	// The DNs of the first entries of the first page and of the previous page. A server
	// that sends one of them again is in a loop.
	first, before []byte
	pages         int
}

// pageEnd is how far a search got: the number of complete pages that have a successor,
// and the number of entries and references of the page after them.
type pageEnd struct{ pages, here int }

// mostEmptyPages is the maximum number of consecutive empty pages.
const mostEmptyPages = 1000

// page reads to the end of a page and reports whether there is another one.
func (r *pageReader) page(ctx context.Context, q *search) (more bool, err error) {
	r.here = 0
	for {
		m, err := r.s.receive()
		if err != nil {
			return false, err
		}
		// After ctx has ended, data that has arrived is not passed on.
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		switch m.op {
		case opEntry:
			if r.here++; r.here == 1 && q.page > 0 {
				if err := r.compareFirst(m.body); err != nil {
					return false, err
				}
			}
			err = r.to.entry(m.body)
		case opReference:
			r.here++
			err = r.to.reference(m.body)
		case opIntermediate: // RFC 4511 section 4.13: not part of the result
		case opSearchDone:
			return r.done(m, q)
		default:
			err = fmt.Errorf("%w: unexpected tag %#x in the answer to a search", errMalformed, m.op)
		}
		if err != nil {
			return false, err
		}
		r.s.in.seen.here = r.here
	}
}

// compareFirst returns an error if the first entry of a page shows that the page was
// sent before.
func (r *pageReader) compareFirst(body []byte) error {
	dn, _, ok := cutTag(body, tagOctets)
	if !ok {
		return errMalformed
	}
	if r.pages > 0 && (bytes.Equal(dn, r.first) || bytes.Equal(dn, r.before)) {
		return errors.New("the server sent a page that it had sent before")
	}
	r.before = append(r.before[:0], dn...)
	if r.pages == 0 {
		r.first = bytes.Clone(dn)
	}
	return nil
}

// errNoPage is the answer of 389 Directory Server to a paged search whose base does not exist.
var errNoPage = errors.New("the server sent no entries and did not say whether there is another page, as 389 Directory Server does if the base does not exist")

func (r *pageReader) done(m message, q *search) (more bool, err error) {
	res, ok := parseResult(m.body)
	if !ok {
		return false, errMalformed
	}
	cookie, found, ok := parsePaging(m.controls)
	switch {
	case res.code != 0:
		return false, res.err()
	case !ok:
		return false, errors.New("the server sent an invalid paged results control")
	case q.page == 0 && len(cookie) > 0:
		return false, errors.New("the server sent pages, which were not requested, and has more")
	case q.page == 0:
		return false, nil
	case !found && r.pages == 0 && r.here == 0:
		return false, errNoPage
	case !found:
		return false, errors.New("the server did not say whether there is another page")
	case len(cookie) == 0:
		return false, nil
	case len(cookie) > maxCookie:
		return false, fmt.Errorf("the server sent a page cookie of %d bytes; at most %d are accepted", len(cookie), maxCookie)
	}
	if r.here > 0 {
		r.empty = 0
	} else if r.empty++; r.empty > mostEmptyPages || bytes.Equal(cookie, r.cookie) {
		return false, errors.New("the server sends empty pages and announces more")
	}
	r.cookie = append(r.cookie[:0], cookie...)
	r.pages++
	return true, nil
}
