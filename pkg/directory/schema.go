package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrHidden is returned for information that a server does not show to the bind DN.
var ErrHidden = errors.New("the server does not show it to the bind DN")

// ErrNoDomains is returned by DomainBases for a Schema 1 directory without domains.
var ErrNoDomains = errors.New("no entry below it has the base DN of a domain (inetDomainBaseDN), which Schema 1 requires")

// MissingFromSchema returns those of the given attributes and object classes that are missing from
// the schema of the server, in the order given. The error is ErrHidden when the server
// does not show its schema.
func (l *Live) MissingFromSchema(ctx context.Context, attributes, classes []string) (missing []string, err error) {
	dn := l.RootDSE().SubschemaDN
	if dn == "" {
		return nil, ErrHidden
	}
	// RFC 4512 section 4.2 prescribes this filter.
	found, err := l.Lookup(ctx, dn, BaseOnly, "(objectClass=subschema)", []string{"attributeTypes", "objectClasses"}, 0)
	if err != nil {
		return nil, hiddenOr(err)
	}
	if len(found) == 0 || len(found[0].Attrs["attributetypes"]) == 0 || len(found[0].Attrs["objectclasses"]) == 0 {
		return nil, ErrHidden
	}
	for _, part := range []struct {
		wanted       []string
		descriptions []string
	}{{attributes, found[0].Attrs["attributetypes"]}, {classes, found[0].Attrs["objectclasses"]}} {
		known := map[string]bool{}
		for _, d := range part.descriptions {
			for _, name := range schemaNames(d) {
				known[strings.ToLower(name)] = true
			}
		}
		for _, name := range part.wanted {
			if !known[strings.ToLower(name)] {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}

// schemaNames returns the OID and the names in the definition of an attribute type or
// object class (RFC 4512 section 4.1): ( OID NAME 'a' ... ) or
// ( OID NAME ( 'a' 'b' ) ... ).
func schemaNames(description string) []string {
	next := func() string { return nextSchemaWord(&description) }
	if next() != "(" {
		return nil
	}
	names := []string{next()}
	if next() != "NAME" {
		return names
	}
	word := next()
	if word != "(" {
		return append(names, strings.Trim(word, "'"))
	}
	for word = next(); word != "" && word != ")"; word = next() {
		names = append(names, strings.Trim(word, "'"))
	}
	return names
}

// nextSchemaWord removes a word or a parenthesis from the front of s and returns it. At
// the end of s it returns "".
func nextSchemaWord(s *string) string {
	text := strings.TrimLeft(*s, " \t\r\n")
	if text == "" {
		*s = ""
		return ""
	}
	n := strings.IndexAny(text, " \t\r\n()")
	switch {
	case n < 0:
		n = len(text)
	case n == 0:
		n = 1 // a parenthesis
	}
	*s = text[n:]
	return text[:n]
}

// IndexTypes returns the types of index that an attribute has: "eq", "pres", "sub" and
// "approx". The error is ErrHidden when the server does not show its configuration.
// IndexTypes knows the configuration of OpenLDAP, of 389 Directory Server, and of the
// directories of Sun and Oracle.
func (l *Live) IndexTypes(ctx context.Context, attribute string) ([]string, error) {
	kinds, err := l.indexedLDBM(ctx, attribute)
	if errors.Is(err, ErrHidden) {
		kinds, err = l.indexedOpenLDAP(ctx, attribute)
	}
	return kinds, err
}

// indexedLDBM reads the indexes of 389 Directory Server and its relatives, which have an
// entry for each attribute below each back end.
func (l *Live) indexedLDBM(ctx context.Context, attribute string) ([]string, error) {
	const base = "cn=ldbm database,cn=plugins,cn=config"
	backends, err := l.Lookup(ctx, base, OneLevel, "(objectClass=nsBackendInstance)", []string{"nsslapd-suffix"}, 0)
	if err != nil {
		return nil, hiddenOr(err)
	}
	var kinds []string
	for i, b := range backends {
		indexes, err := l.Lookup(ctx, "cn=index,"+b.DN, OneLevel, "(&(objectClass=nsIndex)(cn="+EscapeFilter(attribute)+"))", []string{"nsIndexType"}, 0)
		if err != nil {
			return nil, hiddenOr(err)
		}
		var here []string
		for _, x := range indexes {
			for _, kind := range x.Attrs["nsindextype"] {
				here = append(here, strings.ToLower(kind))
			}
		}
		kinds = intersect(kinds, here, i == 0)
	}
	if len(backends) == 0 {
		return nil, ErrHidden
	}
	return kinds, nil
}

// intersect returns the index types in both lists, or those of here for the first back
// end: an index counts only when every back end has it.
func intersect(so, here []string, first bool) []string {
	if first {
		return here
	}
	var out []string
	for _, k := range so {
		for _, h := range here {
			if k == h {
				out = append(out, k)
				break
			}
		}
	}
	return out
}

// indexedOpenLDAP reads olcDbIndex: "attributes [types]", where missing types are those
// of a value "default types" (slapd-mdb(5)).
func (l *Live) indexedOpenLDAP(ctx context.Context, attribute string) ([]string, error) {
	databases, err := l.Lookup(ctx, "cn=config", OneLevel, "(olcSuffix=*)", []string{"olcDbIndex"}, 0)
	if err != nil {
		return nil, hiddenOr(err)
	}
	var kinds []string
	seen := 0
	for _, d := range databases {
		if strings.Contains(strings.ToLower(d.DN), "}monitor,") {
			continue
		}
		seen++
		kinds = intersect(kinds, openLDAPKinds(d.Attrs["olcdbindex"], attribute), seen == 1)
	}
	if seen == 0 {
		return nil, ErrHidden
	}
	return kinds, nil
}

// openLDAPKinds returns the types of index that values of olcDbIndex define for an
// attribute.
func openLDAPKinds(values []string, attribute string) []string {
	split := func(s string) []string { return strings.Split(strings.ToLower(s), ",") }
	var usual, kinds []string
	for _, v := range values {
		if end := strings.IndexByte(v, '}'); strings.HasPrefix(v, "{") && end > 0 {
			v = v[end+1:]
		}
		fields := strings.Fields(v)
		if len(fields) == 0 {
			continue
		}
		if strings.EqualFold(fields[0], "default") && len(fields) > 1 {
			usual = split(fields[1])
			continue
		}
		for _, name := range split(fields[0]) {
			if name != strings.ToLower(attribute) {
				continue
			}
			if kinds = usual; len(fields) > 1 {
				kinds = split(fields[1])
			}
		}
	}
	return kinds
}

// ShowsAttribute reports whether at least one entry below a base shows the attribute to
// the bind DN. A search for a hidden attribute, or for one that is not in the schema,
// finds nothing but returns no error.
func (l *Live) ShowsAttribute(ctx context.Context, base, attribute string) (bool, error) {
	found, err := l.Lookup(ctx, base, Subtree, "("+EscapeFilter(attribute)+"=*)", []string{attribute}, 1)
	if err != nil {
		return false, fmt.Errorf("looking for an entry with %s: %w", attribute, err)
	}
	for _, f := range found {
		if len(f.Attrs[strings.ToLower(attribute)]) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// ContextsOf returns the naming contexts that contain entries below the bases; without
// bases these are all naming contexts.
func (l *Live) ContextsOf(bases []string) []string {
	all := l.RootDSE().NamingContexts
	if len(bases) == 0 {
		return all
	}
	var out []string
	for _, context := range all {
		above, err := newBases([]string{context}, Subtree)
		if err != nil {
			continue
		}
		below, err := newBases(bases, Subtree)
		if err != nil {
			return all
		}
		var scratch []byte
		in, err := below.contains([]byte(context), &scratch)
		for _, base := range bases {
			if err == nil && !in {
				in, err = above.contains([]byte(base), &scratch)
			}
		}
		if in && err == nil {
			out = append(out, context)
		}
	}
	return out
}

// Covers reports whether the bases cover everything on the server, that is, all of its
// naming contexts. An empty list covers everything.
func (l *Live) Covers(bases []string) bool {
	if len(bases) == 0 {
		return true
	}
	b, err := newBases(bases, Subtree)
	if err != nil {
		return false
	}
	var scratch []byte
	for _, context := range l.RootDSE().NamingContexts {
		if in, err := b.contains([]byte(context), &scratch); err != nil || !in {
			return false
		}
	}
	return len(l.RootDSE().NamingContexts) > 0
}

// DomainBases returns the base DNs of the entries of the mail domains below root. In
// Sun's Schema 2 this is root itself. In Schema 1 root has an entry for each domain
// whose inetDomainBaseDN is the DN of the organization; root is a base, too. Without a
// root there are no bases, which means everything on the server. The error wraps
// ErrNoDomains when root has no such entry.
func (l *Live) DomainBases(ctx context.Context, root string, schema1 bool) ([]string, error) {
	if root == "" {
		return nil, nil
	}
	bases := []string{root}
	if !schema1 {
		return bases, nil
	}
	found, err := l.Lookup(ctx, root, Subtree, "(inetDomainBaseDN=*)", []string{"inetDomainBaseDN"}, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the domains below %s: %w", root, err)
	}
	seen := map[string]bool{root: true}
	for _, f := range found {
		for _, dn := range f.Attrs["inetdomainbasedn"] {
			if !seen[dn] {
				seen[dn] = true
				bases = append(bases, dn)
			}
		}
	}
	if len(bases) == 1 {
		return nil, fmt.Errorf("%s: %w", root, ErrNoDomains)
	}
	return bases, nil
}

// hiddenOr returns ErrHidden for an err that means missing access rights, and other
// errors unchanged.
func hiddenOr(err error) error {
	switch ResultCode(err) {
	case codeNoSuchObject, codeInappropriateAuth, codeInsufficientAccess, codeUnwilling, codeAuthRequired:
		return ErrHidden
	}
	return err
}

// Result codes of RFC 4511 that a server returns for what it does not show.
const (
	codeAuthRequired       = 8
	codeNoSuchObject       = 32
	codeInappropriateAuth  = 48
	codeInsufficientAccess = 50
	codeUnwilling          = 53
)

// EscapeFilter escapes text for use as a value in a filter (RFC 4515 section 3).
func EscapeFilter(s string) string {
	return strings.NewReplacer(`\`, `\5c`, `*`, `\2a`, `(`, `\28`, `)`, `\29`, "\x00", `\00`).Replace(s)
}
