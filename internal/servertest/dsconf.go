package servertest

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	dsPlugin = "cn=ldbm database,cn=plugins,cn=config"
	dsLDBM   = "cn=config," + dsPlugin
)

// dsBackend returns the name of the database for a suffix; each suffix has its own.
func dsBackend(suffix int) string {
	if suffix == 0 {
		return "userroot"
	}
	return fmt.Sprintf("userroot%d", suffix+1)
}

// dsIndexDN returns the DN below which the indexes of a database are configured.
func dsIndexDN(suffix int) string { return "cn=index,cn=" + dsBackend(suffix) + "," + dsPlugin }

// dsConfig writes dse.ldif, the configuration of the server.
func (s *Server) dsConfig(o DSOptions, ldap, ldaps int) error {
	template, err := os.ReadFile(dsTemplate)
	if err != nil {
		return fmt.Errorf("cannot read the template of the package: %w", err)
	}
	who, err := user.Current()
	if err != nil {
		return fmt.Errorf("cannot find out as whom the server runs: %w", err)
	}
	text := string(template)
	for name, value := range map[string]string{
		"schema_dir": filepath.Join(s.dsConf(), "schema"), "cert_dir": s.dsConf(), "config_dir": s.dsConf(), "inst_dir": s.dir,
		"lock_dir": s.path("lock"), "tmp_dir": s.path("tmp"), "ldif_dir": s.path("ldif"), "bak_dir": s.path("bak"),
		"run_dir": s.path("run"), "log_dir": s.path("log"), "db_dir": s.path("db"), "db_home_dir": s.path("db"), "db_lib": "bdb",
		"fqdn": "localhost", "ds_port": strconv.Itoa(ldap), "ds_user": who.Username,
		"rootdn": s.ManagerDN, "ds_passwd": "{CLEAR}" + Password, "ds_suffix": o.Suffix,
		"ldapi_enabled": "on", "ldapi": s.path("ldapi"), "ldapi_autobind": "off",
	} {
		text = strings.ReplaceAll(text, "%"+name+"%", value)
	}
	if left := regexp.MustCompile(`%\w+%`).FindString(text); left != "" {
		return fmt.Errorf("%s has the unknown variable %s", dsTemplate, left)
	}
	small := true
	if info, err := os.Stat(o.LDIF); err == nil {
		const most = 16 << 20
		small = info.Size() <= most
	}
	for dn, lines := range dsSettings(o, ldaps, small) {
		head := "dn: " + dn + "\n"
		if !strings.Contains(text, head) {
			return fmt.Errorf("%s does not have the entry %s", dsTemplate, dn)
		}
		text = strings.Replace(text, head, head+strings.Join(lines, ""), 1)
	}
	text = strings.TrimRight(text, "\n") + "\n\n"
	for i, suffix := range o.suffixes() {
		text += s.dsBackendEntries(i, suffix, o.Indexes)
	}
	if err := os.WriteFile(filepath.Join(s.dsConf(), "dse.ldif"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	return nil
}

// dsSettings returns lines to be added to the entries of the configuration, by DN.
// small means that the data need no large caches.
func dsSettings(o DSOptions, ldaps int, small bool) map[string][]string {
	config := []string{"nsslapd-listenhost: " + loopback + "\n", "nsslapd-securelistenhost: " + loopback + "\n"}
	ldbm := []string{"nsslapd-db-durable-transaction: off\n"}
	if small {
		// By default it uses half a gigabyte of memory to load one entry.
		ldbm = append(ldbm, "nsslapd-cache-autosize: 0\n", "nsslapd-import-cache-autosize: 0\n", "nsslapd-import-cachesize: 16777216\n")
	}
	encryption := []string{}
	if o.Lax {
		config = append(config, "nsslapd-schemacheck: off\n", "nsslapd-syntaxcheck: off\n")
	}
	if o.SizeLimit != 0 {
		config = append(config, fmt.Sprintf("nsslapd-sizelimit: %d\n", o.SizeLimit))
	}
	if o.LookThroughLimit != 0 {
		ldbm = append(ldbm, fmt.Sprintf("nsslapd-lookthroughlimit: %d\n", o.LookThroughLimit))
	}
	if o.TLS != nil {
		config = append(config, "nsslapd-security: on\n", fmt.Sprintf("nsslapd-secureport: %d\n", ldaps))
		versions := o.TLS.versions()
		for i, name := range []string{"sslVersionMin", "sslVersionMax"} {
			version := versions[i*(len(versions)-1)]
			encryption = append(encryption, fmt.Sprintf("%s: %s\n", name, strings.ReplaceAll(tls.VersionName(version), " ", "")))
		}
		if o.TLS.RSAKeyExchange {
			encryption = append(encryption, "nsSSL3Ciphers: -all,+TLS_RSA_WITH_AES_128_CBC_SHA,+TLS_RSA_WITH_AES_256_CBC_SHA,+TLS_RSA_WITH_AES_128_GCM_SHA256\n")
		}
	}
	return map[string][]string{"cn=config": config, dsLDBM: ldbm, "cn=encryption,cn=config": encryption}
}

// dsBackendEntries returns the entries of a database and its indexes.
func (s *Server) dsBackendEntries(number int, suffix string, indexes []string) string {
	name := dsBackend(number)
	var b strings.Builder
	fmt.Fprintf(&b, "dn: cn=%s,%s\nobjectClass: top\nobjectClass: extensibleObject\nobjectClass: nsBackendInstance\n", name, dsPlugin)
	// Without a cache size, the import has room for only a few entries and takes ten
	// times as long.
	fmt.Fprintf(&b, "cn: %s\nnsslapd-cachememsize: %d\nnsslapd-suffix: %s\nnsslapd-directory: %s\n\n", name, 200<<20, suffix, s.path("db/"+name))
	fmt.Fprintf(&b, "dn: cn=\"%s\",cn=mapping tree,cn=config\nobjectClass: top\nobjectClass: extensibleObject\nobjectClass: nsMappingTree\n", suffix)
	fmt.Fprintf(&b, "cn: %s\nnsslapd-state: backend\nnsslapd-backend: %s\n\n", suffix, name)
	fmt.Fprintf(&b, "dn: %s\nobjectClass: top\nobjectClass: extensibleObject\ncn: index\n\n", dsIndexDN(number))
	for _, index := range indexes {
		attributes, kinds, _ := strings.Cut(index, " ")
		for attribute := range strings.SplitSeq(attributes, ",") {
			fmt.Fprintf(&b, "dn: cn=%s,%s\nobjectClass: top\nobjectClass: nsIndex\ncn: %s\nnsSystemIndex: false\n", attribute, dsIndexDN(number), attribute)
			for kind := range strings.SplitSeq(kinds, ",") {
				fmt.Fprintf(&b, "nsIndexType: %s\n", strings.TrimSpace(kind))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
