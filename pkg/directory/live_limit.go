package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Product is the kind of a directory server, as far as it matters for how its limits and
// rights are configured.
type Product uint8

// The products.
const (
	UnknownProduct Product = iota
	OpenLDAP
	DS389 // 389 Directory Server, and Red Hat's
	SunDS // the directories of Sun and Oracle
)

// productOf returns the product from a root DSE. OpenLDAP does not state a vendor, but
// its root DSE has a class of its own.
func productOf(root Found) Product {
	has := func(attribute string, words ...string) bool {
		return slices.ContainsFunc(root.Attrs[attribute], func(v string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(v), w) })
		})
	}
	switch {
	case has("objectclass", "openldaprootdse"):
		return OpenLDAP
	case has("vendorname", "389") || has("vendorversion", "389-directory", "redhat-directory"):
		return DS389
	case has("vendorname", "sun microsystems", "oracle"):
		return SunDS
	}
	return UnknownProduct
}

// LimitError is the reason of an *IncompleteError if a limit of the server ended a search:
// the result code is 3, 4 or 11.
type LimitError struct {
	BindDN   string // to which the limit applies; "" for an anonymous client or EXTERNAL
	External bool
	Product  Product
	Page     int   // the number of entries that were requested at a time; 0 for all at once
	Err      error // wraps a *ResultError
}

// Error returns the text of Err.
func (e *LimitError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// limitError returns err with what is needed to find the limit.
func (l *Live) limitError(err error) *LimitError {
	o := &l.dialer.o
	e := &LimitError{BindDN: o.BindDN, External: o.External, Product: l.root.Product, Err: err}
	if l.root.Paging {
		e.Page = l.PageSize()
	}
	return e
}

// reducePage reduces the page size if that may help after err ended a search, and reports
// whether it did. 389 Directory Server applies the limit of entries to each page, and
// OpenLDAP refuses pages that are larger than size.pr, and all pages with size.prtotal=
// disabled.
func (l *Live) reducePage(err error, end pageEnd) bool {
	page := l.PageSize()
	if page == 0 || !l.root.Paging || end.pages > 0 {
		return false
	}
	next := page / 10
	switch code := ResultCode(err); {
	case code == ldap.LDAPResultSizeLimitExceeded && end.here > 0:
		next = min((end.here+1)/2, page-1)
		if next == 0 {
			return false
		}
	case code == ldap.LDAPResultSizeLimitExceeded || code == ldap.LDAPResultAdminLimitExceeded && end.here == 0:
		if next < 10 {
			next = 0
		}
	default:
		return false
	}
	l.page.Store(int64(next))
	instead := "requesting all entries at once"
	if next > 0 {
		instead = fmt.Sprintf("trying pages of %d", next)
	}
	l.dialer.o.note("%s: a page of %d entries exceeds a limit of the server (%v); %s", l.url, page, err, instead)
	return true
}
