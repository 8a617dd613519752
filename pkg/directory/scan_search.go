package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// search is what one search asks for.
type search struct {
	base   string
	scope  Scope
	filter *ber.Packet
	attrs  []string // none for no attributes
	limit  int      // of entries; 0 for none
	page   int      // entries in a page; 0 for no pages
	long   bool     // much may come
}

// noAttributes is asked for when no attribute is (RFC 4511 section 4.5.1.8).
const noAttributes = "1.1"

// packet makes the request (RFC 4511 section 4.5.1). Aliases are not followed,
// and no limit is asked for but that of entries.
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

// pagingControls asks for a page (RFC 2696). The control is critical: a server
// that cannot obey it must say so.
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

// receiver takes what a search finds: the body of a SearchResultEntry or of a
// SearchResultReference. An error of it ends the search.
type receiver interface {
	entry(body []byte) error
	reference(body []byte) error
}

// search does a search, all pages of it. It returns nil only if the server said
// that it was successful and, page by page, that there are no more. The session
// is good for another search after nil and after a *ResultError.
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
	s.in.expect(q.long, q.page)
	for {
		var controls *ber.Packet
		if q.page > 0 {
			controls = pagingControls(q.page, in.cookie)
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

// pageReader reads the answer to a search, page by page.
type pageReader struct {
	s      *session
	to     receiver
	cookie []byte // of the page before
	here   int    // entries and references of this page
	empty  int    // pages in a row
	// The DNs of the first entries of the first page and of the page before. A
	// server that gives one of them again goes round in circles.
	first, before []byte
	pages         int
}

// mostEmptyPages is how many pages in a row may hold nothing.
const mostEmptyPages = 1000

// page reads up to the end of a page, and tells whether there is another one.
func (r *pageReader) page(ctx context.Context, q *search) (more bool, err error) {
	r.here = 0
	for {
		m, err := r.s.receive()
		if err != nil {
			return false, err
		}
		// What has arrived already is not passed on when nobody wants it.
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
		case opIntermediate: // RFC 4511 section 4.13: nothing that was asked for
		case opSearchDone:
			return r.done(m, q)
		default:
			err = fmt.Errorf("%w: the answer to a search cannot have the tag %#x", errMalformed, m.op)
		}
		if err != nil {
			return false, err
		}
		r.s.in.here = r.here
	}
}

// compareFirst looks at the first entry of a page.
func (r *pageReader) compareFirst(body []byte) error {
	dn, _, ok := cutTag(body, tagOctets)
	if !ok {
		return errMalformed
	}
	if r.pages > 0 && (bytes.Equal(dn, r.first) || bytes.Equal(dn, r.before)) {
		return errors.New("the server sends a page that it has sent before")
	}
	r.before = append(r.before[:0], dn...)
	if r.pages == 0 {
		r.first = bytes.Clone(dn)
	}
	return nil
}

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
		return false, errors.New("the server says nothing readable about whether there is another page")
	case q.page == 0 && len(cookie) > 0:
		return false, errors.New("the server has more, in pages that it was not asked for")
	case q.page == 0:
		return false, nil
	case !found:
		return false, errors.New("the server does not say whether there is another page")
	case len(cookie) == 0:
		return false, nil
	}
	if r.here > 0 {
		r.empty = 0
	} else if r.empty++; r.empty > mostEmptyPages || bytes.Equal(cookie, r.cookie) {
		return false, errors.New("the server sends empty pages and says that there are more")
	}
	r.cookie = append(r.cookie[:0], cookie...)
	r.pages++
	return true, nil
}
