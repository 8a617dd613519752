package directory

import (
	"context"
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// OIDEffectiveRights is the control Get Effective Rights (draft-ietf-ldapext-acl-model)
// of 389 Directory Server and of the directories of Sun and Oracle. With it, a search
// returns which rights a user has to the attributes of the entries found.
const OIDEffectiveRights = "1.3.6.1.4.1.42.2.27.9.5.2"

// Rights is whether the server reports that the bind DN may read an attribute.
type Rights uint8

// The rights to an attribute.
const (
	RightsUnknown Rights = iota // the server does not report rights
	RightsRead
	RightsDenied
)

// AttributeView is what a server shows of an attribute of an entry.
type AttributeView struct {
	Present bool   // a filter for the presence of the attribute matches the entry
	Shown   bool   // the server returns a value
	As      string // the name under which the server returns the value, if it is another one
	Rights  Rights
}

// Viewer returns what a server shows of some attributes of one entry, in the order of
// the names. Without an entry with that DN the result is nil, without an error. It
// sends only searches whose base is that entry. It is implemented by *Live and *Changer.
type Viewer interface {
	View(ctx context.Context, dn string, attributes []string) ([]AttributeView, error)
}

var _, _ Viewer = (*Live)(nil), (*Changer)(nil)

// View implements Viewer. It is safe for concurrent use.
func (l *Live) View(ctx context.Context, dn string, attributes []string) ([]AttributeView, error) {
	v := viewer{dn: dn, attributes: attributes, ask: func(q *search) ([]Found, error) { return l.ask(ctx, q) }}
	v.adapt(&l.dialer.o, &l.root)
	return v.view()
}

// View implements Viewer.
func (c *Changer) View(ctx context.Context, dn string, attributes []string) ([]AttributeView, error) {
	v := viewer{dn: dn, attributes: attributes, ask: func(q *search) ([]Found, error) {
		found, err := lookup(ctx, c.s, q)
		switch {
		case err == nil:
			return found, nil
		case isLost(err) || ctx.Err() != nil:
			return nil, c.fail(err)
		case ResultCode(err) == 0:
			return nil, c.fail(&lostError{err}) // not an answer to the request
		}
		return nil, err
	}}
	v.adapt(&c.o, &c.root)
	return v.view()
}

// viewer asks about one entry.
type viewer struct {
	dn         string
	attributes []string
	rights     string // of whom to request the effective rights; "" to request none
	// together asks about all attributes with one search first, which is enough for most
	// entries. OpenLDAP evaluates each part of an "or" by itself (RFC 4511 section
	// 4.5.1.7), also if access to the attribute of another part is denied.
	together bool
	ask      func(*search) ([]Found, error)
}

// adapt chooses how to ask the server: it requests the rights of the bind DN if the server
// supports it, and asks about several attributes at once if that is safe. With EXTERNAL,
// the identity is known only to the server.
func (v *viewer) adapt(o *Options, root *RootDSE) {
	v.together = root.Product == OpenLDAP
	if o.External {
		return
	}
	for _, oid := range root.Controls {
		if oid == OIDEffectiveRights {
			v.rights = "dn:" + o.BindDN
		}
	}
}

func (v *viewer) view() ([]AttributeView, error) {
	views := make([]AttributeView, len(v.attributes))
	if v.rights != "" {
		if err := v.readRights(views); err != nil {
			return nil, v.explain(err)
		}
	}
	if v.together && len(v.attributes) > 1 {
		switch found, err := v.ask(&search{base: v.dn, scope: BaseOnly, filter: anyPresent(v.attributes), attrs: v.attributes}); {
		case ResultCode(err) == ldap.LDAPResultNoSuchObject:
			return nil, nil
		case err != nil:
			return nil, v.explain(err)
		case len(found) == 0:
			return views, nil
		}
	}
	for i, name := range v.attributes {
		if views[i].Shown || views[i].Rights == RightsRead {
			continue // a value would have been returned
		}
		// Each attribute needs a search of its own: where 389 Directory Server denies
		// access to one attribute of an "or", the filter matches nothing.
		found, err := v.ask(&search{base: v.dn, scope: BaseOnly, filter: present(name), attrs: []string{name}})
		if ResultCode(err) == ldap.LDAPResultNoSuchObject {
			return nil, nil
		}
		if err != nil {
			return nil, v.explain(err)
		}
		if len(found) > 0 {
			views[i].Present = true
			views[i].note(name, &found[0])
		}
	}
	return views, nil
}

func (v *viewer) explain(err error) error {
	return fmt.Errorf("asking whether %q has %s: %w", v.dn, strings.Join(v.attributes, ", "), err)
}

// note records whether an entry that was found has a value of the attribute.
func (a *AttributeView) note(name string, f *Found) {
	name, _, _ = strings.Cut(name, ";")
	for have, values := range f.Attrs {
		base, _, _ := strings.Cut(have, ";")
		switch {
		case len(values) == 0:
		case strings.EqualFold(base, name):
			a.Shown = true
		default:
			a.As = base
		}
	}
}

// templateClass is the class of a fictitious entry of which 389 Directory Server
// reports the rights, too. For an attribute that the classes of an entry do not allow,
// it reports no rights, whatever they are; this class allows every attribute.
const templateClass = "extensibleObject"

// readRights reads the values of the attributes, and the rights to them. A server that
// does not report them is not an error.
func (v *viewer) readRights(views []AttributeView) error {
	attrs := append([]string{"aclRights"}, v.attributes...)
	for _, name := range v.attributes {
		attrs = append(attrs, name+"@"+templateClass)
	}
	found, err := v.ask(&search{base: v.dn, scope: BaseOnly, filter: anyEntry(), attrs: attrs, rights: v.rights})
	if err != nil {
		if isLost(err) || ResultCode(err) == 0 {
			return err
		}
		return nil
	}
	for at := range found {
		for i, name := range v.attributes {
			if at == 0 {
				views[i].Shown = len(found[0].Attrs[strings.ToLower(name)]) > 0
				views[i].Present = views[i].Shown
			}
			// The entry itself is the first one: what it says precedes the template.
			if r := rightsIn(&found[at], name, at > 0); views[i].Rights == RightsUnknown {
				views[i].Rights = r
			}
		}
	}
	return nil
}

// rightsIn returns the rights to an attribute that the server reports with an entry. On
// 389 Directory Server these are the letters of "cn:rscwo, sn:none", on the directories
// of Sun and Oracle "aclRights;attributeLevel;cn: search:1,read:1,...".
func rightsIn(f *Found, name string, template bool) Rights {
	for _, text := range f.Attrs["aclrights;attributelevel;"+strings.ToLower(name)] {
		for word := range strings.SplitSeq(text, ",") {
			switch strings.TrimSpace(word) {
			case "read:1":
				return RightsRead
			case "read:0":
				return RightsDenied
			}
		}
	}
	for _, text := range f.Attrs["attributelevelrights"] {
		for word := range strings.SplitSeq(text, ",") {
			have, letters, found := strings.Cut(strings.TrimSpace(word), ":")
			switch {
			case !found || !strings.EqualFold(have, name):
			case letters == "none" && !template:
				return RightsUnknown
			case letters == "none" || !strings.Contains(letters, "r"):
				return RightsDenied
			default:
				return RightsRead
			}
		}
	}
	return RightsUnknown
}

// present returns a filter for the presence of an attribute (RFC 4511 section 4.5.1.7).
func present(name string) *ber.Packet {
	return ber.NewString(ber.ClassContext, ber.TypePrimitive, ldap.FilterPresent, name, "")
}

// anyPresent returns a filter for the presence of at least one of the attributes.
func anyPresent(names []string) *ber.Packet {
	parts := make([]*ber.Packet, len(names))
	for i, name := range names {
		parts[i] = present(name)
	}
	return filterOf(ldap.FilterOr, parts...)
}

// rightsControls returns the control that requests effective rights. It is not
// critical: without it, the rights are unknown. The servers accept the identity without
// the ASN.1 around it.
func rightsControls(identity string) *ber.Packet {
	control := ber.NewSequence("Control")
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, OIDEffectiveRights, "controlType"))
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, identity, "controlValue"))
	controls := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "Controls")
	controls.AppendChild(control)
	return controls
}
