package ldapchange

import (
	"slices"
	"strings"
)

// secretAttributes returns attributes that must not be written to a file, by name and by
// OID.
func secretAttributes() []string {
	return []string{
		"userpassword", "authpassword", "unicodepwd", "dbcspwd", "lmpwdhistory", "ntpwdhistory", "sambalmpassword", "sambantpassword",
		"sambapasswordhistory", "krbprincipalkey", "krbmkey", "krb5key", "userpkcs12", "nsds5replicacredentials", "nsmultiplexorcredentials",
		"nssymmetrickey", "oathsecret", "oathencpin", "olcrootpw", "pwdhistory", "passwordhistory", "orclpassword", "orclpasswordattribute", "nsslapd-rootpw",
		"2.5.4.35",                       // userPassword (RFC 4519)
		"1.3.6.1.4.1.4203.1.3.4",         // authPassword (RFC 3112)
		"2.16.840.1.113730.3.1.216",      // userPKCS12 (RFC 2798)
		"1.2.840.113556.1.4.90",          // unicodePwd, and the following three (MS-ADA)
		"1.2.840.113556.1.4.55",          // dBCSPwd
		"1.2.840.113556.1.4.94",          // ntPwdHistory
		"1.2.840.113556.1.4.160",         // lmPwdHistory
		"1.3.6.1.4.1.42.2.27.8.1.20",     // pwdHistory
		"2.16.840.1.113730.3.1.96",       // passwordHistory
		"1.3.6.1.4.1.7165.2.1.24",        // sambaLMPassword
		"1.3.6.1.4.1.7165.2.1.25",        // sambaNTPassword
		"1.3.6.1.4.1.5322.10.1.10",       // krb5Key
		"2.16.840.1.113719.1.301.4.39.1", // krbPrincipalKey
	}
}

// accessAttributes returns attributes by which directory servers decide who may read and
// change entries: those of 389 and Sun, OpenLDAP, OpenDJ, Oracle, eDirectory, IBM, Active
// Directory and X.501.
func accessAttributes() []string {
	return []string{
		"aci", "olcaccess", "openldapaci", "ds-cfg-global-aci", "orclaci", "orclentrylevelaci", "acl", "inheritedacl", "aclentry", "aclpropagate",
		"aclsource", "ibm-filteraclentry", "ibm-filteraclinherit", "entryowner", "ownerpropagate", "ntsecuritydescriptor", "msds-allowedtoactonbehalfofotheridentity",
		"prescriptiveaci", "entryaci", "subentryaci", "accesscontrolscheme", "administrativerole",
	}
}

// baseName returns the name of an attribute in lower case, without its options and without
// the prefix of an OID.
func baseName(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(name)), ";")
	return strings.TrimPrefix(name, "oid.")
}

// IsSecret reports whether an attribute, given by its name or OID and with or without
// options, contains a password or a key.
func IsSecret(name string) bool {
	name = baseName(name)
	return slices.Contains(secretAttributes(), name) || strings.Contains(name, "password") || strings.HasSuffix(name, "passwd") || strings.HasSuffix(name, "pwd")
}

// IsAccessControl reports whether an attribute, with or without options, controls the
// access to entries.
func IsAccessControl(name string) bool {
	name = baseName(name)
	return slices.Contains(accessAttributes(), name) || strings.HasSuffix(name, "aci")
}

// isOID reports whether an attribute is given by its OID.
func isOID(name string) bool {
	name = baseName(name)
	return name != "" && name[0] >= '0' && name[0] <= '9'
}
