package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrHidden is returned for what a server does not show to whoever is bound.
var ErrHidden = errors.New("the server does not show it")

// Schema returns which of the attributes and object classes the server's schema
// lacks, in the order given. ErrHidden when it does not show its schema.
func (l *Live) Schema(ctx context.Context, attributes, classes []string) (missing []string, err error) {
	dn := l.Root().SubschemaDN
	if dn == "" {
		return nil, ErrHidden
	}
	// RFC 4512 section 4.2: the entry is asked for by this filter.
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

// schemaNames returns the OID and the names in a description of an attribute
// type or object class (RFC 4512 section 4.1): ( OID NAME 'a' ... ) or
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

// nextSchemaWord takes a word or a parenthesis off the front of s, "" at its end.
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

// Indexed returns the kinds of index that an attribute has: "eq", "pres", "sub" and
// "approx". ErrHidden when the server does not show its configuration. It knows
// OpenLDAP's, and that of 389 and the directories of Sun and Oracle.
func (l *Live) Indexed(ctx context.Context, attribute string) ([]string, error) {
	kinds, err := l.indexedLDBM(ctx, attribute)
	if errors.Is(err, ErrHidden) {
		kinds, err = l.indexedOpenLDAP(ctx, attribute)
	}
	return kinds, err
}

// indexedLDBM looks where 389 and its relatives keep their indexes: an entry for
// each attribute below each back end.
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
		kinds = both(kinds, here, i == 0)
	}
	if len(backends) == 0 {
		return nil, ErrHidden
	}
	return kinds, nil
}

// both returns what is in each list: an index counts when every back end has it.
func both(so, here []string, first bool) []string {
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

// indexedOpenLDAP reads olcDbIndex: "attributes [kinds]", where the kinds may be
// those of a value "default kinds" (slapd-mdb(5)).
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
		kinds = both(kinds, openLDAPKinds(d.Attrs["olcdbindex"], attribute), seen == 1)
	}
	if seen == 0 {
		return nil, ErrHidden
	}
	return kinds, nil
}

// openLDAPKinds returns the kinds of index that values of olcDbIndex give an
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

// Sees tells whether any entry shows the attribute to whoever is bound. A search
// for what is hidden, or for an attribute that the schema does not have, finds
// nothing and no error.
func (l *Live) Sees(ctx context.Context, attribute string) (bool, error) {
	for _, base := range l.Root().NamingContexts {
		found, err := l.Lookup(ctx, base, Subtree, "("+EscapeFilter(attribute)+"=*)", []string{attribute}, 1)
		if err != nil {
			return false, fmt.Errorf("looking for an entry with %s: %w", attribute, err)
		}
		for _, f := range found {
			if len(f.Attrs[strings.ToLower(attribute)]) > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// Covers tells whether the bases are all that the server holds: each of its trees
// begins at one of them. No bases are.
func (l *Live) Covers(bases []string) bool {
	if len(bases) == 0 {
		return true
	}
	b, err := newBases(bases, Subtree)
	if err != nil {
		return false
	}
	var scratch []byte
	for _, context := range l.Root().NamingContexts {
		if in, err := b.contains([]byte(context), &scratch); err != nil || !in {
			return false
		}
	}
	return len(l.Root().NamingContexts) > 0
}

// DomainBases returns where the entries of the mail domains begin, below root. In
// Sun's Schema 2 that is root itself; in Schema 1 root holds an entry for each
// domain, which points at the organisation in its inetDomainBaseDN, and root is
// a base, too. No root means all that the server holds: no base.
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
		return nil, fmt.Errorf("no entry below %s points at the organisation of a domain (inetDomainBaseDN), as the layout of Schema 1 wants it; -B names where to begin", root)
	}
	return bases, nil
}

// hiddenOr tells what somebody may not see from what went wrong.
func hiddenOr(err error) error {
	switch ResultCode(err) {
	case codeNoSuchObject, codeInappropriateAuth, codeInsufficientAccess, codeUnwilling, codeAuthRequired:
		return ErrHidden
	}
	return err
}

// Result codes of RFC 4511 that mean: not for you.
const (
	codeAuthRequired       = 8
	codeNoSuchObject       = 32
	codeInappropriateAuth  = 48
	codeInsufficientAccess = 50
	codeUnwilling          = 53
)

// EscapeFilter makes text a value in a filter (RFC 4515 section 3).
func EscapeFilter(s string) string {
	return strings.NewReplacer(`\`, `\5c`, `*`, `\2a`, `(`, `\28`, `)`, `\29`, "\x00", `\00`).Replace(s)
}
