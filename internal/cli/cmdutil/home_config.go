package cmdutil

import (
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Parameters of a home that say how its directory is reached and read.
const (
	UserPoolPrefix      = "base.ldapinfo.ugldap."
	paramDCRoot         = "base.ldapinfo.dcroot"
	paramDefaultDomain  = "base.ldapinfo.defaultdomain"
	paramSchemaLevel    = "base.ldapinfo.schemalevel"
	paramUniqueID       = "davcore.uriinfo.permanentuniqueid"
	paramLocalUser      = "davcore.scheduling.localuserattr"
	paramLDAPAttributes = "davcore.ldapattr."
)

// HomeConfig is what the configuration of a home says about its directory. It is
// nil where there is no home.
type HomeConfig struct {
	home     string
	Path     string
	Registry *config.Registry
	Document *config.Document
}

// Value returns what the server works with.
func (h *HomeConfig) Value(name string) string {
	return strings.TrimSpace(h.Registry.Effective(h.Document, name))
}

// IsSet tells whether the file itself gives the parameter a value.
func (h *HomeConfig) IsSet(name string) bool {
	v, ok := h.Document.Get(name)
	return ok && strings.TrimSpace(v) != ""
}

// Names returns the attributes and classes by which the server knows its
// directory.
func (h *HomeConfig) Names() ldapcheck.Names {
	n := ldapcheck.DefaultNames()
	if h == nil {
		return n
	}
	one := func(to *string, parameter string) {
		// The defaults of the parameters are in small letters; in reports the
		// usual spelling reads better.
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
		n.UniqueIDClass = "" // only of davUniqueId is it known
	}
	return n
}

func EqualWords(a, b []string) bool {
	return strings.EqualFold(strings.Join(a, " "), strings.Join(b, " "))
}

// Backends returns the back ends that are configured; nil when that is not
// known.
func (h *HomeConfig) Backends() []string {
	if h == nil {
		return nil
	}
	return config.Backends(h.Registry, h.Document)
}

// Domains returns mail domains that the configuration names.
func (h *HomeConfig) Domains() []string {
	if h == nil || !h.IsSet(paramDefaultDomain) {
		return nil
	}
	return []string{h.Value(paramDefaultDomain)}
}
