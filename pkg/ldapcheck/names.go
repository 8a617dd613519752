package ldapcheck

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// Names are the names of the attributes and object classes that a calendar server
// uses. Letter case does not matter.
type Names struct {
	UniqueID        string // davcore.uriinfo.permanentuniqueid
	UniqueIDClass   string // the object class that allows UniqueID
	Store           string // davcore.ldapattr.davstore
	Local           string // davcore.scheduling.localuserattr; "" if unset, then Store is used
	Mail            string
	AlternateMail   string
	UID             string
	Status          string // icsStatus
	UserStatus      string // inetUserStatus
	ResourceStatus  string // inetResourceStatus
	ServiceAccess   string // icsAllowedServiceAccess
	Owner           string
	Members         []string // attributes whose values are DNs of members
	MailMember      string   // the attribute with mail addresses of members
	MemberURL       string   // the attribute with LDAP URLs of searches for members
	UserClasses     []string
	GroupClasses    []string
	ResourceClasses []string
}

// DefaultNames returns the names of a server with default configuration.
func DefaultNames() Names {
	return Names{
		UniqueID: "davUniqueId", UniqueIDClass: "davEntity", Store: "davStore",
		Mail: "mail", AlternateMail: "mailAlternateAddress", UID: "uid",
		Status: "icsStatus", UserStatus: "inetUserStatus", ResourceStatus: "inetResourceStatus",
		ServiceAccess: "icsAllowedServiceAccess", Owner: "owner", Members: []string{"uniqueMember"}, MailMember: "mgrpRFC822MailMember", MemberURL: "memberURL",
		UserClasses:     []string{"icsCalendarUser"},
		GroupClasses:    []string{"groupOfUniqueNames", "groupOfURLs", "inetMailGroup"},
		ResourceClasses: []string{"icsCalendarResource"},
	}
}

// Names for entries that represent mail domains, in both layouts of Sun directories:
// Schema 2 names the domain in the entry of the organisation, Schema 1 has a tree of
// dc entries that refer to the organisation.
const (
	preferredDomain  = "sunPreferredDomain"
	associatedDomain = "associatedDomain"
	domainBase       = "inetDomainBaseDN"
	domainClass1     = "inetDomain"
	domainClass2     = "sunManagedOrganization"
)

// role is the meaning of an attribute for the rules.
type role int

const (
	roleNone role = iota
	roleID
	roleStore
	roleLocal
	roleMail
	roleAlternate
	roleUID
	roleStatus
	roleUserStatus
	roleResourceStatus
	roleAccess
	roleOwner
	roleMember
	roleClass
	roleModified
	rolePreferredDomain
	roleAssociatedDomain
	roleDomainBase
	roleConflict
	roleCount
)

// roles is a set of roles.
type roles uint32

func rolesOf(list ...role) roles {
	var s roles
	for _, r := range list {
		s |= 1 << r
	}
	return s
}

func (s roles) has(r role) bool { return s&(1<<r) != 0 }

// attributes returns the names of the attributes with a role.
func (n *Names) attributes(r role) []string {
	switch r {
	case roleID:
		return []string{n.UniqueID}
	case roleStore:
		return []string{n.Store}
	case roleLocal:
		return []string{n.LocalUserAttr()}
	case roleMail:
		return []string{n.Mail}
	case roleAlternate:
		return []string{n.AlternateMail}
	case roleUID:
		return []string{n.UID}
	case roleStatus:
		return []string{n.Status}
	case roleUserStatus:
		return []string{n.UserStatus}
	case roleResourceStatus:
		return []string{n.ResourceStatus}
	case roleAccess:
		return []string{n.ServiceAccess}
	case roleOwner:
		return []string{n.Owner}
	case roleMember:
		return n.Members
	case roleClass:
		return []string{"objectClass"}
	case roleModified:
		return []string{"modifyTimestamp"}
	case rolePreferredDomain:
		return []string{preferredDomain}
	case roleAssociatedDomain:
		return []string{associatedDomain}
	case roleDomainBase:
		return []string{domainBase}
	case roleConflict:
		return []string{directory.ConflictAttribute}
	}
	return nil
}

// LocalUserAttr returns the attribute whose presence means that a person is hosted on
// the new server.
func (n *Names) LocalUserAttr() string {
	if n.Local != "" {
		return n.Local
	}
	return n.Store
}

// fields maps the attributes of a query to their roles. An attribute may have several
// roles, for example where a site uses uid as its unique id.
type fields struct {
	names []string
	roles []roles // one for each name
}

func (n *Names) fields(wanted roles) fields {
	var f fields
	for r := range roleCount {
		if !wanted.has(r) {
			continue
		}
		for _, name := range n.attributes(r) {
			if name == "" {
				continue
			}
			at := slices.IndexFunc(f.names, func(have string) bool { return strings.EqualFold(have, name) })
			if at < 0 {
				at = len(f.names)
				f.names, f.roles = append(f.names, name), append(f.roles, 0)
			}
			f.roles[at] |= 1 << r
		}
	}
	return f
}

// mask returns the attributes that have one of the roles, as bits.
func (f *fields) mask(wanted roles) uint64 {
	var m uint64
	for i, have := range f.roles {
		if have&wanted != 0 {
			m |= 1 << i
		}
	}
	return m
}

// classesOf returns the object classes of a kind.
func (n *Names) classesOf(k directory.Kind) []string {
	switch k {
	case directory.User:
		return n.UserClasses
	case directory.Group:
		return n.GroupClasses
	case directory.Resource:
		return n.ResourceClasses
	case directory.Domain:
		return []string{domainClass2, domainClass1}
	}
	return nil
}
