package cmdutil

import (
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Parameters about access to the directory of a home. UserPoolPrefix is what the names of
// the parameters of its LDAP pool begin with.
const (
	UserPoolPrefix      = "base.ldapinfo.ugldap."
	paramDCRoot         = "base.ldapinfo.dcroot"
	paramDefaultDomain  = "base.ldapinfo.defaultdomain"
	paramSchemaLevel    = "base.ldapinfo.schemalevel"
	paramUniqueID       = "davcore.uriinfo.permanentuniqueid"
	paramLocalUser      = "davcore.scheduling.localuserattr"
	paramLDAPAttributes = "davcore.ldapattr."
)

// HomeConfig is the configuration of a home, as far as other commands need it. A nil
// HomeConfig means that there is no home.
type HomeConfig struct {
	home     string
	Path     string
	Registry *config.Registry
	Document *config.Document
}

// Value returns the effective value of a parameter: the value that is set, or the default.
func (h *HomeConfig) Value(name string) string {
	return strings.TrimSpace(h.Registry.Effective(h.Document, name))
}

// IsSet reports whether the file itself contains a value for the parameter.
func (h *HomeConfig) IsSet(name string) bool {
	v, ok := h.Document.Get(name)
	return ok && strings.TrimSpace(v) != ""
}

// origin says where the value of a parameter comes from, for messages.
func (h *HomeConfig) origin(name string) string {
	if h.IsSet(name) {
		return "from " + name + " in " + h.Path
	}
	return "the default of " + name
}

// Names returns the names of the attributes and object classes that the server uses in its
// directory.
func (h *HomeConfig) Names() ldapcheck.Names {
	n := ldapcheck.DefaultNames()
	if h == nil {
		return n
	}
	one := func(to *string, parameter string) {
		// The parameters have their defaults in lower case; reports keep the usual
		// spelling.
		if v := h.Value(parameter); v != "" && !strings.EqualFold(v, *to) {
			*to = v
		}
	}
	one(&n.UniqueID, paramUniqueID)
	one(&n.Local, paramLocalUser)
	one(&n.Store, paramLDAPAttributes+"davstore")
	if strings.EqualFold(n.Local, n.Store) {
		n.Local = n.Store
	}
	one(&n.Mail, paramLDAPAttributes+"mail")
	one(&n.AlternateMail, paramLDAPAttributes+"mailalternateaddress")
	one(&n.UID, paramLDAPAttributes+"uid")
	one(&n.Status, paramLDAPAttributes+"icsstatus")
	one(&n.UserStatus, paramLDAPAttributes+"inetuserstatus")
	one(&n.ResourceStatus, paramLDAPAttributes+"inetresourcestatus")
	one(&n.ServiceAccess, paramLDAPAttributes+"icsallowedserviceaccess")
	one(&n.MailMember, paramLDAPAttributes+"mailgroupmember")
	one(&n.MemberURL, paramLDAPAttributes+"urlgroupmember")
	list := func(to *[]string, parameter string) {
		if words := config.SplitList(h.Value(parameter)); len(words) > 0 && !EqualWords(words, *to) {
			*to = words
		}
	}
	list(&n.Members, paramLDAPAttributes+"dngroupmember")
	list(&n.UserClasses, paramLDAPAttributes+"userobject")
	list(&n.GroupClasses, paramLDAPAttributes+"groupobject")
	list(&n.ResourceClasses, paramLDAPAttributes+"resourceobject")
	if !strings.EqualFold(n.UniqueID, "davUniqueId") {
		n.UniqueIDClass = "" // known for davUniqueId only
	}
	return n
}

// EqualWords reports whether two lists are equal, ignoring case.
func EqualWords(a, b []string) bool {
	return strings.EqualFold(strings.Join(a, " "), strings.Join(b, " "))
}

// Backends returns the configured back ends, or nil if there is no home.
func (h *HomeConfig) Backends() []string {
	if h == nil {
		return nil
	}
	return config.BackendIDs(h.Registry, h.Document)
}

// Domains returns the mail domains that the configuration names.
func (h *HomeConfig) Domains() []string {
	if h == nil || !h.IsSet(paramDefaultDomain) {
		return nil
	}
	return []string{h.Value(paramDefaultDomain)}
}
