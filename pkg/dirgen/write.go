package dirgen

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// piece is the number of bytes that are collected before they are written.
const piece = 256 << 10

// WriteLDIF writes the directory as LDIF (RFC 2849), parents before children: the
// containers and domains, then the entries by number. Lines end with LF and are
// folded at 76 columns. With Options.ForServer there is no version line: the RFC
// requires one, but slapadd of OpenLDAP refuses it.
//
// It can be called several times and writes the same each time. If it returns an
// error, which is that of ctx or of w, the text is incomplete.
func (d *Directory) WriteLDIF(ctx context.Context, w io.Writer) error {
	r := &writer{d: d, b: make([]byte, 0, piece+piece/4)}
	if !d.o.ForServer {
		r.b = append(r.b, "version: 1\n"...)
	}
	r.containers()
	c := cursor{d: d}
	for n := range d.layout.entries {
		c.read(&r.e, n)
		r.render()
		if err := r.flush(ctx, w, piece); err != nil {
			return fmt.Errorf("writing the directory: %w", err)
		}
	}
	if err := r.flush(ctx, w, 0); err != nil {
		return fmt.Errorf("writing the directory: %w", err)
	}
	return nil
}

// WriteCS6List writes the users on Calendar Server 6 as its command `cscal list` prints
// them: one calendar per line. WriteCS7List writes the others. Each user is on one of
// the lists, once; groups and resources are on neither.
func (d *Directory) WriteCS6List(ctx context.Context, w io.Writer) error {
	return d.writeList(ctx, w, false, func(b []byte, e *entry) []byte {
		b = appendPerson(b, e)
		b = append(b, ": owner="...)
		b = appendPerson(b, e)
		return append(b, " status=enabled\n"...)
	})
}

// appendPerson appends the user id, with the domain if that is also the domain of the
// mail address.
func appendPerson(b []byte, e *entry) []byte {
	b = append(b, e.uid...)
	if e.unlisted {
		return b
	}
	return append(append(b, '@'), e.domain.name...)
}

// WriteCS7List writes the users on Calendar Server 7: one mail address per line, or the
// user id if the address is missing, malformed or not unique.
func (d *Directory) WriteCS7List(ctx context.Context, w io.Writer) error {
	return d.writeList(ctx, w, true, func(b []byte, e *entry) []byte {
		if e.unlisted {
			b = append(b, e.uid...)
		} else {
			b = append(b, e.mails.v[0]...)
		}
		return append(b, '\n')
	})
}

func (d *Directory) writeList(ctx context.Context, w io.Writer, cs7 bool, line func([]byte, *entry) []byte) error {
	r := &writer{d: d, b: make([]byte, 0, piece+piece/4)}
	c := cursor{d: d}
	for n := range d.layout.entries {
		c.read(&r.e, n)
		if r.e.kind == user && r.e.cs7 == cs7 {
			r.b = line(r.b, &r.e)
		}
		if err := r.flush(ctx, w, piece); err != nil {
			return fmt.Errorf("writing the list: %w", err)
		}
	}
	if err := r.flush(ctx, w, 0); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	return nil
}

// flush writes the collected text if it has at least so many bytes.
func (w *writer) flush(ctx context.Context, to io.Writer, least int) error {
	if len(w.b) < least {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := to.Write(w.b)
	w.b = w.b[:0]
	return err
}

// cursor iterates over the entries and, in the same order, over the plants.
type cursor struct {
	d    *Directory
	next int
}

// read computes entry n with the fault that is planted in it.
func (c *cursor) read(e *entry, n int64) {
	d := c.d
	d.build(e, n)
	if c.next < len(d.plants) && d.plants[c.next].entry == n {
		e.planted = c.next
		p := &d.plants[c.next]
		d.faults[p.fault].alter(d, e, p)
		c.next++
	}
}

// containers appends the parent entries of all others.
func (w *writer) containers() {
	d := w.d
	if d.o.Schema == 1 {
		w.dcTree()
	}
	w.container(suffix, "organization", "o: isp")
	for i := range d.domains {
		dom := &d.domains[i]
		dn := "o=" + dom.name + "," + suffix
		if d.o.Schema == 1 {
			w.container(dn, "organization", "o: "+dom.name)
		} else {
			lines := []string{"o: " + dom.name, "sunPreferredDomain: " + dom.name}
			if dom.alias != "" {
				lines = append(lines, "associatedDomain: "+dom.alias)
			}
			w.container(dn, "organization sunManagedOrganization", lines...)
		}
		for _, unit := range units {
			w.container("ou="+unit+","+dn, "organizationalUnit", "ou: "+unit)
		}
	}
}

var units = [...]string{"People", "Groups", "Resources"}

// dcTree appends the domains of Schema 1, which are in a tree of their own.
func (w *writer) dcTree() {
	w.container(dcSuffix, "organization", "o: internet")
	w.container("dc=example,"+dcSuffix, "domain", "dc: example")
	for i := range w.d.domains {
		dom := &w.d.domains[i]
		label := strings.TrimSuffix(dom.name, ".example")
		dn := "dc=" + label + ",dc=example," + dcSuffix
		base := "inetDomainBaseDN: o=" + dom.name + "," + suffix
		w.container(dn, "domain inetDomain", "dc: "+label, base)
		if dom.alias != "" {
			w.container("dc=mail,"+dn, "domain inetDomain", "dc: mail", base)
		}
	}
}

func (w *writer) container(dn, classes string, lines ...string) {
	b := appendLine(w.b, "dn", []byte(dn))
	b = append(b, "objectClass: top\n"...)
	for class := range strings.FieldsSeq(classes) {
		b = appendLine(b, "objectClass", []byte(class))
	}
	for _, line := range lines {
		start := len(b)
		b = endLine(append(b, line...), start)
	}
	w.b = append(b, '\n')
}
