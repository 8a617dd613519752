package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Parameters of a home that say how its directory is reached and read.
const (
	ldapPool            = "base.ldapinfo.ugldap."
	paramDCRoot         = "base.ldapinfo.dcroot"
	paramDefaultDomain  = "base.ldapinfo.defaultdomain"
	paramSchemaLevel    = "base.ldapinfo.schemalevel"
	paramUniqueID       = "davcore.uriinfo.permanentuniqueid"
	paramLocalUser      = "davcore.scheduling.localuserattr"
	paramLDAPAttributes = "davcore.ldapattr."
)

// ldapHome is what the configuration of a home says about its directory. It is
// nil where there is no home.
type ldapHome struct {
	home     string
	path     string
	registry *config.Registry
	doc      *config.Document
}

// findLDAPHome reads the configuration of the home, if there is one. It is not
// needed for files, nor where the options say all; a home that was named and
// cannot be read is an error all the same.
func (ds *Directories) FindHome(ctx context.Context, o *homeOptions) (*ldapHome, error) {
	c, err := ds.homeFiles.OpenConfig(o, lockOptions{})
	var usage *usageError
	if errors.As(err, &usage) && !ds.homes.Named(o) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := c.file.Load(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !ds.homes.Named(o) {
			return nil, nil
		}
		return nil, ds.homeFiles.ExplainLoad(ctx, err, c.file)
	}
	return &ldapHome{home: c.home, path: c.file.Path(), registry: c.registry, doc: doc}, nil
}

// homeNamed tells whether somebody said which home is meant.
func (hs *Homes) Named(o *homeOptions) bool {
	return hs.global.home != "" || o.clifile != "" || hs.getenv("DAVADMIN_HOME") != "" || hs.getenv("DAVADMIN_CLIFILE") != ""
}

// value returns what the server works with.
func (h *ldapHome) value(name string) string {
	return strings.TrimSpace(h.registry.Effective(h.doc, name))
}

// isSet tells whether the file itself gives the parameter a value.
func (h *ldapHome) isSet(name string) bool {
	v, ok := h.doc.Get(name)
	return ok && strings.TrimSpace(v) != ""
}

// names returns the attributes and classes by which the server knows its
// directory.
func (h *ldapHome) names() ldapcheck.Names {
	n := ldapcheck.DefaultNames()
	if h == nil {
		return n
	}
	one := func(to *string, parameter string) {
		// The defaults of the parameters are in small letters; in reports the
		// usual spelling reads better.
		if v := h.value(parameter); v != "" && !strings.EqualFold(v, *to) {
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
		if words := config.SplitList(h.value(parameter)); len(words) > 0 && !equalWords(words, *to) {
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

func equalWords(a, b []string) bool {
	return strings.EqualFold(strings.Join(a, " "), strings.Join(b, " "))
}

// backends returns the back ends that are configured; nil when that is not
// known.
func (h *ldapHome) backends() []string {
	if h == nil {
		return nil
	}
	return config.Backends(h.registry, h.doc)
}

// domains returns mail domains that the configuration names.
func (h *ldapHome) domains() []string {
	if h == nil || !h.isSet(paramDefaultDomain) {
		return nil
	}
	return []string{h.value(paramDefaultDomain)}
}
