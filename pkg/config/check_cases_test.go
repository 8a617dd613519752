package config

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// firstLine precedes the files of the cases, because the default of its parameter
// causes a finding.
const firstLine = "davcore.uriinfo.fulluriprefix=https://cal.example.com\n"

// ruleCase is a file that breaks one rule in one place, and one that does not.
type ruleCase struct {
	rule   string
	file   string
	passes string

	severity  finding.Severity
	parameter string
	value     string
	line      int
	detail    string // a part of it
	fix       finding.Fix

	whole         bool        // firstLine does not precede the files
	mode, dirMode fs.FileMode // of the first file; zero for modes that pass
	table         string      // another registry, if not empty
}

const (
	subjects = "davcore.uriinfo.subjectattributes"
	allNames = "cn davstore icsstatus mail mailalternateaddress davuniqueid owner preferredlanguage uid objectclass ou uniquemember memberurl mgrprfc822mailmember"
	withOld  = "service.dav.ischedulewhitelist=192.0.2.1\n" // goes with localuserattr
)

// without returns the default list of subjectattributes without a member.
func without(member string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(allNames), func(m string) bool { return m == member }), " ")
}

func allRuleCases() []ruleCase {
	return slices.Concat(fileCases(), lineCases(), nameCases(), valueCases(), secretCases(), listCases(), backendCases(), ldapCases(), serviceCases())
}

func fileCases() []ruleCase {
	const good = "base.ldapinfo.cachesize=5\n"
	chmod := command("chmod 640 " + checkedPath)
	return []ruleCase{
		{rule: "byte-order-mark", whole: true, file: "\xef\xbb\xbf" + good + firstLine, passes: good + firstLine, severity: finding.Error, line: 1,
			parameter: utf8Mark + "base.ldapinfo.cachesize", detail: "base.ldapinfo.cachesize is not set by this line",
			fix: finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMark})},
		{rule: "byte-order-mark", whole: true, file: "\xef\xbb\xbf# a comment\n" + firstLine, passes: firstLine, severity: finding.Error, line: 1,
			parameter: utf8Mark + "#", detail: "byte-order mark of UTF-8", fix: finding.Do(finding.FixCommand, finding.Task{Do: finding.RemoveMark})},
		{rule: "file-readable", file: good, passes: good, mode: 0o644, severity: finding.Warning, detail: "mode 0644", fix: chmod},
		{rule: "file-readable", file: good, passes: good, mode: 0o604, severity: finding.Warning, detail: "mode 0604", fix: command("chmod 600 " + checkedPath)},
		{rule: "file-writable", file: good, passes: good, mode: 0o660, severity: finding.Warning, detail: "the group", fix: chmod},
		{rule: "file-writable", file: good, passes: good, mode: 0o642, severity: finding.Error, detail: "all users of this host can change", fix: chmod},
		{rule: "file-writable", file: good, passes: good, dirMode: 0o777, severity: finding.Error, detail: "replace the file with another one (mode 0777",
			fix: command("chmod o-w /srv/dav/config")},
		{rule: "control-character", file: "base.ldapinfo.dcroot=o=i\x00sp\n", passes: "base.ldapinfo.dcroot=o=\tisp\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.dcroot", value: "o=i\x00sp", detail: "U+0000 at position 4"},
		{rule: "control-character", file: "log.dav.errors.logdir=logs\\new\n", passes: "log.dav.errors.logdir=logs\\\\new\n", severity: finding.Error, line: 2,
			parameter: "log.dav.errors.logdir", value: "logs\new", detail: "U+000A"},
		{rule: "control-character", file: "base.ldapinfo.cachesize=5\\u0007\n", passes: good, severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", value: "5\a", detail: "U+0007"},
		{rule: "control-character", file: "base.ldapinfo.dcroot=\\ud83d\n", passes: "base.ldapinfo.dcroot=\\ud83d\\ude00\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.dcroot", value: "\xed\xa0\xbd", detail: "surrogate"},
		{rule: "control-character", file: "\n# bell \a\r\nbase.ldapinfo.cachesize=5", passes: "# a\tb", severity: finding.Error, line: 3, detail: "the line contains the control character U+0007"},
		{rule: "non-ascii-text", file: "base.ldapinfo.dcroot=o=gr\xc3\xbc\xc3\x9fe\n", passes: "base.ldapinfo.dcroot=o=gr\\u00fc\n# grüße", severity: finding.Warning,
			line: 2, parameter: "base.ldapinfo.dcroot", value: "o=grÃ¼Ã\u009fe", detail: "written in UTF-8", fix: edits("base.ldapinfo.dcroot := 'o=grüße'")},
		{rule: "non-ascii-text", file: "base.ldapinfo.dcroot=o=gr\xfcn\n", passes: "base.ldapinfo.dcroot=o=gr\\u00fcn\n", severity: finding.Warning,
			line: 2, parameter: "base.ldapinfo.dcroot", value: "o=grün", detail: "written in Latin-1"},
	}
}

func lineCases() []ruleCase {
	const cache = "base.ldapinfo.cachesize=5\n"
	return []ruleCase{
		{rule: "duplicate-key", file: cache + "base.ldapinfo.cachesize = 6\n", passes: cache + "#" + cache, severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", value: "5", detail: "again in line 3, to another value",
			fix: edits("base.ldapinfo.cachesize default then base.ldapinfo.cachesize := 6")},
		{rule: "duplicate-key", file: "base.ldapinfo.cachettl=60\n\nbase.ldapinfo.cachettl:60", passes: "base.ldapinfo.cachettl=60", severity: finding.Warning, line: 2,
			parameter: "base.ldapinfo.cachettl", value: "60", detail: "again in line 4, to the same value", fix: edits("base.ldapinfo.cachettl default")},
		{rule: "continuation-swallows-setting", file: "log.dav.errors.logdir=logs\\\n" + cache, passes: "log.dav.errors.logdir=logs\\\\\n" + cache,
			severity: finding.Error, line: 3, parameter: "base.ldapinfo.cachesize", detail: "part of log.dav.errors.logdir",
			fix: edits("log.dav.errors.logdir := logs & base.ldapinfo.cachesize := 5")},
		{rule: "continuation-swallows-setting", file: "davcore.attachment.enable=tr\\\n  ue\\\n base.ldapinfo.cachesize : 5\n", passes: "davcore.attachment.enable=tr\\\n ue\n",
			severity: finding.Error, line: 4, parameter: "base.ldapinfo.cachesize", detail: "the line before it ends in a backslash",
			fix: edits("davcore.attachment.enable := true & base.ldapinfo.cachesize := 5")},
		{rule: "continuation-swallows-setting", file: cache + "base.ldapinfo.dcroot=o=isp\\\r\nbase.ldapinfo.cachesize=7\r\n",
			passes:   cache + "base.ldapinfo.dcroot=o=isp,\\\r\n base.ldapinfo.cachesize\r\n",
			severity: finding.Error, line: 4, parameter: "base.ldapinfo.cachesize", value: "", detail: "part of base.ldapinfo.dcroot", fix: edits("base.ldapinfo.dcroot := o=isp")},
		{rule: "file-ends-in-backslash", file: "log.dav.errors.logdir=trace\\", passes: "log.dav.errors.logdir=trace\\\\", severity: finding.Warning, line: 2,
			parameter: "log.dav.errors.logdir", value: "trace", detail: "part of log.dav.errors.logdir",
			fix: edits("log.dav.errors.logdir default then log.dav.errors.logdir := trace")},
		{rule: "file-ends-in-backslash", file: "\\\n", passes: "\n", severity: finding.Warning, line: 2, detail: "part of this one"},
		{rule: "trailing-blank", file: "base.ldapinfo.dcroot=o=isp \n", passes: "base.ldapinfo.dcroot=o=isp\n", severity: finding.Warning, line: 2,
			parameter: "base.ldapinfo.dcroot", value: "o=isp ", detail: "ends in a blank", fix: edits("base.ldapinfo.dcroot := o=isp")},
		{rule: "trailing-blank", file: subjects + "=" + allNames + "\t\n", passes: "base.ldapinfo.loginseparator=+\\ \n", severity: finding.Warning, line: 2,
			parameter: subjects, value: allNames + "\t", detail: "ends in a blank", fix: edits(subjects + " := '" + allNames + "'")},
	}
}

func nameCases() []ruleCase {
	row := func(name, deprecated string) string {
		return name + "\tstring\t\t\t\t\t\t\tno\tS/S\t" + deprecated + "\tText.\n"
	}
	table := registryColumns + "\n" + row("a.new", "") + row("a.old", "a.new") + row("a.older", "nothing") + row("davcore.uriinfo.fulluriprefix", "")
	return []ruleCase{
		{rule: "unknown-parameter", file: "davcore.scheduling.minbookingwindw=2\n", passes: "davcore.scheduling.minbookingwindow=2\n", severity: finding.Warning, line: 2,
			parameter: "davcore.scheduling.minbookingwindw", detail: "did you mean davcore.scheduling.minbookingwindow?",
			fix: edits("davcore.scheduling.minbookingwindow := 2 & davcore.scheduling.minbookingwindw default")},
		{rule: "unknown-parameter", file: "davcore.scheduling.MinBookingWindow=2\ndavcore.scheduling.minbookingwindow=3\n", passes: "davcore.scheduling.minbookingwindow=3\n",
			severity: finding.Warning, line: 2, parameter: "davcore.scheduling.MinBookingWindow", detail: "did you mean davcore.scheduling.minbookingwindow?",
			fix: edits("davcore.scheduling.MinBookingWindow default")},
		{rule: "unknown-parameter", file: "something.else.altogether=2\n", passes: "store.dav.mine.dburl=postgres://localhost/db\n", severity: finding.Warning, line: 2,
			parameter: "something.else.altogether", detail: "not a known parameter"},
		{rule: "unknown-parameter", file: "notification.dav.smtppasword=geheim\n", passes: "notification.dav.smtpport=26\n", severity: finding.Warning, line: 2,
			parameter: "notification.dav.smtppasword", detail: "did you mean notification.dav.smtppassword?"},
		{rule: "unknown-parameter", file: "store.dav.*.purgedelay=60\n", passes: "store.dav.x.purgedelay=60\n", severity: finding.Warning, line: 2,
			parameter: "store.dav.*.purgedelay", detail: "not a known parameter"},
		{rule: "unknown-parameter", file: "=x\n", passes: "", severity: finding.Warning, line: 2, detail: "without a name"},
		{rule: "wrong-file", file: "service.port=8008\n", passes: "# service.port=8008\n", severity: finding.Error, line: 2,
			parameter: "service.port", value: "8008", detail: "belongs in ashttpd.properties", fix: edits("service.port default")},
		{rule: "wrong-file", file: "ashttpd\\:service.port=8008\n", passes: "", severity: finding.Error, line: 2,
			parameter: "ashttpd:service.port", value: "8008", detail: "belongs in ashttpd.properties"},
		{rule: "deprecated-parameter", table: table, file: "a.old=x y\n", passes: "a.new=x\n", severity: finding.Warning, line: 2,
			parameter: "a.old", value: "x y", detail: "its replacement is: a.new", fix: edits("a.new := 'x y' & a.old default")},
		{rule: "deprecated-parameter", table: table, file: "a.older=x\n", passes: "a.new=x\n", severity: finding.Warning, line: 2,
			parameter: "a.older", value: "x", detail: "its replacement is: nothing"},
	}
}

func valueCases() []ruleCase {
	choices := registryColumns + "\na.b\tstring\t\t\t\tx\t\tx|y\tno\tS/S\t\tText.\ndavcore.uriinfo.fulluriprefix\tstring\t\t\t\t\t\t\tno\tS/S\t\tText.\n"
	return []ruleCase{
		{rule: "type-mismatch", file: "base.ldapinfo.cachesize=many\n", passes: "base.ldapinfo.cachesize=1\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", value: "many", detail: "'many' is not an integer (1 to 1000000)", fix: edits("base.ldapinfo.cachesize default")},
		{rule: "type-mismatch", file: "base.ldapinfo.cachesize=5 \n", passes: "base.ldapinfo.cachesize= 5\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", value: "5 ", detail: "begins or ends with a blank; use '5'", fix: edits("base.ldapinfo.cachesize := 5")},
		{rule: "type-mismatch", file: "davcore.attachment.enable=on\n", passes: "davcore.attachment.enable=TRUE\n", severity: finding.Error, line: 2,
			parameter: "davcore.attachment.enable", value: "on", detail: "not a boolean", fix: edits("davcore.attachment.enable := true")},
		{rule: "type-mismatch", file: "log.dav.errors.loglevel=warn\n", passes: "log.dav.errors.loglevel=WARNING\n", severity: finding.Error, line: 2,
			parameter: "log.dav.errors.loglevel", value: "warn", detail: "not a log level", fix: edits("log.dav.errors.loglevel := WARNING")},
		{rule: "type-mismatch", file: "davcore.acl.defaultcalendaracl=@:x\n", passes: "davcore.acl.defaultcalendaracl=@:r\n", severity: finding.Error, line: 2,
			parameter: "davcore.acl.defaultcalendaracl", value: "@:x", detail: "letters other than"},
		{rule: "type-mismatch", file: "base.ldapinfo.cachesize=\n", passes: "base.ldapinfo.cachesize=\\\n 5\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", detail: "the value is empty", fix: edits("base.ldapinfo.cachesize default")},
		{rule: "type-mismatch", file: "store.dav.x.dburl=postgres://localhost:0/db\n", passes: "store.dav.x.dburl=postgres://localhost:1/db\n", severity: finding.Error, line: 2,
			parameter: "store.dav.x.dburl", value: "postgres://localhost:0/db", detail: "port that is not a number"},
		{rule: "type-mismatch", file: "davcore.attachment.enable=true store.document.password=geheim\n", passes: "davcore.attachment.enable=true\n", severity: finding.Error, line: 2,
			parameter: "davcore.attachment.enable", value: "********", detail: "does not have the type boolean", fix: edits("davcore.attachment.enable default")},
		{rule: "range-exceeded", file: "base.ldapinfo.cachesize=0\n", passes: "base.ldapinfo.cachesize=1\n", severity: finding.Error, line: 2,
			parameter: "base.ldapinfo.cachesize", value: "0", detail: "out of range (1 to 1000000)", fix: edits("base.ldapinfo.cachesize default")},
		{rule: "range-exceeded", file: "davcore.scheduling.maxretry=99999999999\n", passes: "davcore.scheduling.maxretry=9\n", severity: finding.Error, line: 2,
			parameter: "davcore.scheduling.maxretry", value: "99999999999", detail: "out of range", fix: edits("davcore.scheduling.maxretry default")},
		{rule: "range-exceeded", table: choices, file: "a.b=z\n", passes: "a.b=y\n", severity: finding.Error, line: 2,
			parameter: "a.b", value: "z", detail: "'z' is not 'x' or 'y'", fix: edits("a.b default")},
		{rule: "range-doubtful", file: "base.ldapinfo.ugldap.ldappoolsize=101\n", passes: "base.ldapinfo.ugldap.ldappoolsize=100\n", severity: finding.Warning, line: 2,
			parameter: "base.ldapinfo.ugldap.ldappoolsize", value: "101", detail: "this range is a guess"},
		{rule: "range-doubtful", file: "davcore.virusscan.clivirusaction=burn\n", passes: "davcore.virusscan.clivirusaction=\n", severity: finding.Warning, line: 2,
			parameter: "davcore.virusscan.clivirusaction", value: "burn", detail: "this list is a guess"},
		{rule: "list-member-repeated", file: "base.ldapinfo.userattrs=mail ismemberof  Mail cn cn mail\n", passes: "base.ldapinfo.userattrs=mail ismemberof cn\n", severity: finding.Warning,
			line: 2, parameter: "base.ldapinfo.userattrs", value: "mail ismemberof  Mail cn cn mail", detail: "base.ldapinfo.userattrs contains more than once: Mail cn",
			fix: edits("base.ldapinfo.userattrs := 'mail ismemberof cn'")},
		{rule: "empty-value", file: "base.ldapinfo.loginseparator=\n", passes: "base.ldapinfo.ugldap.binddn=\ndavcore.virusscan.onlinevirusaction=\n", severity: finding.Warning, line: 2,
			parameter: "base.ldapinfo.loginseparator", detail: "its default '@' does not apply", fix: edits("base.ldapinfo.loginseparator default")},
		{rule: "empty-value", file: "davcore.uriinfo.permanentuniqueid\n", passes: "davcore.uriinfo.permanentuniqueid=davuniqueid\n", severity: finding.Error, line: 2,
			parameter: "davcore.uriinfo.permanentuniqueid", detail: "its default 'davuniqueid' does not apply", fix: edits("davcore.uriinfo.permanentuniqueid default")},
	}
}

func secretCases() []ruleCase {
	const url = "store.dav.x.dburl"
	return []ruleCase{
		{rule: "password-in-clear", file: "notification.dav.smtppassword=geheim\n", passes: "notification.dav.smtppassword=\n", severity: finding.Warning, line: 2,
			parameter: "notification.dav.smtppassword", value: "********", detail: "in clear text", fix: edits("notification.dav.smtppassword default")},
		{rule: "password-in-clear", file: "\\\n\n# store.document.password: geheim\n", passes: "# store.document.password:\n# set store.document.password to something\n",
			severity: finding.Warning, line: 4, parameter: "store.document.password", detail: "delete the comment"},
		{rule: "dburl-password", file: url + "=postgres\\://cal:ge%3Aheim@localhost:5432,127.0.0.1/db?a=b&password=x\n", passes: url + "=postgres://cal@localhost:5432,127.0.0.1/db?options=a@b:c\n",
			severity: finding.Error, line: 2, parameter: url, value: "********", detail: "contains a password", fix: edits(url + " := 'postgres://cal@localhost:5432,127.0.0.1/db?a=b'")},
		{rule: "dburl-password", file: url + "=postgres://cal:ge/heim@localhost/db\n", passes: url + "=postgres://cal@localhost/db\n",
			severity: finding.Error, line: 2, parameter: url, value: "********", detail: "contains a password"},
		{rule: "dburl-scheme", file: url + "=mysql://h/db\n", passes: url + "=postgresql://localhost/db\n", severity: finding.Error, line: 2,
			parameter: url, value: "mysql://h/db", detail: "does not begin with postgres://"},
		{rule: "dburl-scheme", file: url + "=jdbc:postgresql://localhost/db\n", passes: url + "=POSTGRES://localhost/db\n", severity: finding.Error, line: 2,
			parameter: url, value: "jdbc:postgresql://localhost/db", detail: "does not begin with postgres://", fix: edits(url + " := postgresql://localhost/db")},
		{rule: "dburl-scheme", file: url + "=postgres://localhost/db?sslmode=VERIFY-FULL\n", passes: url + "=postgres://localhost/db?sslmode=verify-full\n", severity: finding.Error, line: 2,
			parameter: url, value: "postgres://localhost/db?sslmode=VERIFY-FULL", detail: "has an sslmode that PostgreSQL does not know"},
		{rule: "dburl-scheme", file: url + "=postgres://localhost:5432/\n", passes: url + "=postgres://localhost:5432?dbname=x\n", severity: finding.Warning, line: 2,
			parameter: url, value: "postgres://localhost:5432/", detail: "names no database"},
		{rule: "dburl-unverified", file: url + "=postgres://h/db\n", passes: url + "=postgres://h/db?sslmode=verify-full\n", severity: finding.Warning, line: 2,
			parameter: url, value: "postgres://h/db", detail: "sslmode is not set"},
		{rule: "dburl-unverified", file: url + "=postgres://localhost,h:1/db?sslmode=verify-ca\n", passes: url + "=postgres://cal@localhost,127.0.0.1:1,[::1]:2/db\n", severity: finding.Warning, line: 2,
			parameter: url, value: "postgres://localhost,h:1/db?sslmode=verify-ca", detail: "sslmode is verify-ca"},
		{rule: "dburl-unverified", file: url + "=postgres:///db?host=h&sslmode=require\n", passes: url + "=postgres:///db?host=/run/postgresql\n", severity: finding.Warning, line: 2,
			parameter: url, value: "postgres:///db?host=h&sslmode=require", detail: "sslmode is require"},
		{rule: "dburl-unverified", file: url + "=postgres://h/db?sslmode=disable\n", passes: url + "=postgres://h/db?sslrootcert=system\n", severity: finding.Warning, line: 2,
			parameter: url, value: "postgres://h/db?sslmode=disable", detail: "sslmode is disable"},
	}
}

func listCases() []ruleCase {
	const hosted = withOld + "davcore.scheduling.localuserattr=icsHosted\n"
	return []ruleCase{
		{rule: "uniqueid-not-fetched", file: "davcore.uriinfo.permanentuniqueid=employeeNumber\n",
			passes:   "davcore.uriinfo.permanentuniqueid=employeeNumber\n" + subjects + "=" + without("davuniqueid") + " employeenumber\n",
			severity: finding.Error, line: 2, parameter: subjects, detail: "'employeeNumber'", fix: edits(subjects + " += employeeNumber")},
		{rule: "uniqueid-not-fetched", file: subjects + "=" + without("davuniqueid") + "\n", passes: subjects + "=" + strings.ToUpper(allNames) + "\n",
			severity: finding.Error, line: 2, parameter: subjects, value: without("davuniqueid"), detail: "'davuniqueid'", fix: edits(subjects + " += davuniqueid")},
		{rule: "mail-not-fetched", file: subjects + "=" + without("mail") + "\n", passes: subjects + "=" + without("mail") + " rfc822mailbox\ndavcore.ldapattr.mail=rfc822mailbox\n" +
			"davcore.autocreate.emailnotificationaddressattr=rfc822mailbox\n",
			severity: finding.Error, line: 2, parameter: subjects, value: without("mail"), detail: "'mail'", fix: edits(subjects + " += mail")},
		{rule: "mail-not-fetched", file: "davcore.ldapattr.mailalternateaddress=mailEquivalentAddress\n", passes: "davcore.ldapattr.mailalternateaddress=mailAlternateAddress\n",
			severity: finding.Error, line: 2, parameter: subjects, detail: "'mailEquivalentAddress'", fix: edits(subjects + " += mailEquivalentAddress")},
		{rule: "localuserattr-not-fetched", file: hosted, passes: hosted + subjects + "=" + allNames + " icshosted\n",
			severity: finding.Error, line: 3, parameter: subjects, detail: "marks local users", fix: edits(subjects + " += icsHosted")},
		{rule: "backend-attribute-not-fetched", file: "davcore.homeuri.0.backendid=${calstore,defaultbackend}\n",
			passes:   "davcore.homeuri.0.backendid=${calstore,defaultbackend}${1}\n" + subjects + "=" + allNames + " calstore\n",
			severity: finding.Error, line: 0, parameter: subjects, detail: "'calstore'", fix: edits(subjects + " += calstore")},
		{rule: "list-lost-members", file: subjects + "=cn davstore icsstatus mail mailalternateaddress davuniqueid\n", passes: subjects + "=" + allNames + " x\n", severity: finding.Warning,
			line: 2, parameter: subjects, value: "cn davstore icsstatus mail mailalternateaddress davuniqueid", detail: "owner preferredlanguage uid",
			fix: edits(subjects + " += 'owner preferredlanguage uid objectclass ou uniquemember memberurl mgrprfc822mailmember'")},
		{rule: "list-lost-members", file: "base.ldapinfo.domainattrs=icsStatus icsDomainNames externalAuthPreUrlTemplate externalAuthPostUrlTemplate corpDirectoryUrl\n",
			passes: "base.ldapinfo.userattrs=ismemberof mail\n", severity: finding.Warning, line: 2, parameter: "base.ldapinfo.domainattrs",
			value:  "icsStatus icsDomainNames externalAuthPreUrlTemplate externalAuthPostUrlTemplate corpDirectoryUrl",
			detail: "default list: icsDomainAcl", fix: edits("base.ldapinfo.domainattrs += icsDomainAcl")},
		{rule: "uniqueid-unstable", file: "davcore.uriinfo.permanentuniqueid=nsUniqueId\n" + subjects + "=" + allNames + " nsuniqueid\n", passes: "davcore.uriinfo.permanentuniqueid=davUniqueId\n",
			severity: finding.Error, line: 2, parameter: "davcore.uriinfo.permanentuniqueid", value: "nsUniqueId", detail: "do not change it before every entry has a davUniqueId"},
		{rule: "uniqueid-localuser-same", file: withOld + "davcore.scheduling.localuserattr=davUniqueId\n", passes: withOld + "davcore.scheduling.localuserattr=davStore\n",
			severity: finding.Error, line: 3, parameter: "davcore.scheduling.localuserattr", value: "davUniqueId", detail: "including the users on the old server",
			fix: edits("davcore.scheduling.localuserattr := davstore")},
	}
}

func backendCases() []ruleCase {
	return []ruleCase{
		{rule: "backend-unknown", file: "davcore.ischedule.backendid=isched\n", passes: "davcore.ischedule.backendid=isched\nstore.dav.isched.dbdir=x\n", severity: finding.Error, line: 2,
			parameter: "davcore.ischedule.backendid", value: "isched", detail: "the back end 'isched'", fix: edits("davcore.ischedule.backendid default")},
		{rule: "backend-unknown", file: "davcore.principalsuri.0.backendid=${davstore,east}\n", passes: "davcore.principalsuri.0.backendid=${davstore,east}\nstore.dav.east.purgedelay=1\n",
			severity: finding.Error, line: 2, parameter: "davcore.principalsuri.0.backendid", value: "${davstore,east}", detail: "the back end 'east'",
			fix: edits("davcore.principalsuri.0.backendid default")},
		{rule: "backend-unknown", file: "davcore.otheruri.0.backendid=default\n", passes: "davcore.otheruri.0.backendid=defaultbackend\ndavcore.homeuri.0.backendid=${davstore}x$1\n",
			severity: finding.Error, line: 2, parameter: "davcore.otheruri.0.backendid", value: "default", detail: "the back end 'default'"},
		{rule: "backend-id-mismatch", file: "store.dav.east.backendid=west\n", passes: "store.dav.east.backendid=east\n", severity: finding.Warning, line: 2,
			parameter: "store.dav.east.backendid", value: "west", detail: "the directory must use that id, not 'east'", fix: edits("store.dav.east.backendid := east")},
		{rule: "backend-id-mismatch", file: "store.dav.defaultbackend.backendid=main\n", passes: "store.dav.defaultbackend.backendid=defaultbackend\n", severity: finding.Warning, line: 2,
			parameter: "store.dav.defaultbackend.backendid", value: "main", detail: "the directory must use that id"},
		{rule: "backend-store-shared", file: "store.dav.a.dbdir=/data/x/\nstore.dav.b.dbdir=/data//x\n", passes: "store.dav.a.dbdir=/x\nstore.dav.b.dbdir=/x\nstore.dav.b.attachstorehost=h\n",
			severity: finding.Error, line: 3, parameter: "store.dav.b.dbdir", value: "/data//x", detail: "store.dav.a.dbdir in line 2"},
		{rule: "backend-store-shared", file: "store.dav.a.dburl=postgres://localhost/db\nstore.dav.b.dburl=postgresql://localhost/db\n", passes: "store.dav.a.dburl=postgres://localhost/a\nstore.dav.b.dburl=postgres://localhost/b\n",
			severity: finding.Error, line: 3, parameter: "store.dav.b.dburl", value: "postgresql://localhost/db", detail: "store.dav.a.dburl in line 2"},
		{rule: "rank-duplicate", file: "davcore.homeuri.0.rank=1\ndavcore.homeuri.1.rank=01\n", passes: "davcore.homeuri.0.rank=1\ndavcore.homeuri.1.rank=2\ndavcore.otheruri.1.rank=1\n",
			severity: finding.Warning, line: 3, parameter: "davcore.homeuri.1.rank", value: "01", detail: "davcore.homeuri.0.rank in line 2"},
	}
}

func ldapCases() []ruleCase {
	const ug, auth, extra = "base.ldapinfo.ugldap.", "base.ldapinfo.authldap.", "base.ldappool.ext."
	return []ruleCase{
		{rule: "ldap-port-mismatch", file: ug + "ldapusessl=true\n", passes: ug + "ldapusessl=true\n" + ug + "ldapport=636\n", severity: finding.Warning, line: 2,
			parameter: ug + "ldapusessl", value: "true", detail: "port 389", fix: edits(ug + "ldaphost := localhost:636")},
		{rule: "ldap-port-mismatch", file: ug + "ldapport=389\n" + ug + "ldapusessl=true\n" + ug + "ldaphost=h1 h2:1636\n", passes: ug + "ldapport=389\n" + ug + "ldapusessl=true\n" + ug + "ldaphost=h1:636\n",
			severity: finding.Warning, line: 3, parameter: ug + "ldapusessl", value: "true", detail: "port 389", fix: edits(ug + "ldapport := 636")},
		{rule: "ldap-port-mismatch", file: extra + "ldaphost=[::1]:636\n", passes: extra + "ldaphost=::1\n", severity: finding.Warning, line: 2,
			parameter: extra + "ldapusessl", detail: "port 636, which is for connections with TLS", fix: edits(extra + "ldapusessl := true")},
		{rule: "ldap-password-in-clear", file: ug + "binddn=uid=cal,o=isp\n" + ug + "ldaphost=h1:389 h2 localhost\n", passes: ug + "binddn=uid=cal,o=isp\n" + ug + "ldaphost=127.0.0.1 ::1 [::1]:389 LOCALHOST:389\n",
			severity: finding.Warning, line: 2, parameter: ug + "binddn", value: "uid=cal,o=isp", detail: "to 'h1' without TLS",
			fix: edits(ug + "ldapusessl := true & " + ug + "ldaphost := 'h1:636 h2 localhost' & " + ug + "ldapport := 636")},
		{rule: "ldap-password-in-clear", file: ug + "binddn=uid=cal,o=isp\n" + ug + "ldaphost=ldaps://h1:1636/ ldaps://h2 h3\n", passes: ug + "binddn=uid=cal,o=isp\n" + ug + "ldapusessl=true\n" + ug + "ldaphost=h1:1636\n",
			severity: finding.Warning, line: 3, parameter: ug + "ldaphost", value: "ldaps://h1:1636/ ldaps://h2 h3", detail: "contains the URL 'ldaps://h1:1636/', but takes HOST or HOST:PORT",
			fix: edits(ug + "ldapusessl := true & " + ug + "ldaphost := 'h1:1636 h2:636 h3' & " + ug + "ldapport := 636")},
		{rule: "ldap-password-in-clear", file: auth + "ldaphost=ldap.example.com\n", passes: ug + "ldaphost=ldap.example.com\n", severity: finding.Warning, line: 2,
			parameter: auth + "binddn", detail: "the passwords of users who log in to 'ldap.example.com'", fix: edits(auth + "ldapusessl := true & " + auth + "ldapport := 636")},
		{rule: "tls-outdated", file: extra + "sslprotocols=TLSv1 TLSv1.1 TLSv1.2\n", passes: extra + "sslprotocols=TLSv1.2 TLSv1.3\n", severity: finding.Warning, line: 2,
			parameter: extra + "sslprotocols", value: "TLSv1 TLSv1.1 TLSv1.2", detail: "allows TLSv1 and TLSv1.1", fix: edits(extra + "sslprotocols -= 'TLSv1 TLSv1.1'")},
		{rule: "tls-outdated", file: ug + "sslprotocols=SSLv3\n", passes: ug + "sslprotocols=TLSv1.2\n", severity: finding.Warning, line: 2,
			parameter: ug + "sslprotocols", value: "SSLv3", detail: "allows SSLv3", fix: edits(ug + "sslprotocols := TLSv1.2")},
	}
}

func serviceCases() []ruleCase {
	const local = "davcore.scheduling.localuserattr=davstore\n"
	return []ruleCase{
		{rule: "smtp-auth-incomplete", file: "notification.dav.smtpauth=true\n", passes: "notification.dav.smtpauth=true\nnotification.dav.smtpuser=x\n", severity: finding.Error, line: 2,
			parameter: "notification.dav.smtpauth", value: "true", detail: "notification.dav.smtpuser is empty"},
		{rule: "smtp-auth-incomplete", file: "davcore.virusscan.auth=true\n", passes: "davcore.virusscan.auth=false\n", severity: finding.Error, line: 2,
			parameter: "davcore.virusscan.auth", value: "true", detail: "davcore.virusscan.user is empty"},
		{rule: "smtp-auth-incomplete", file: "davcore.virusscan.onlineenable=True\n", passes: "davcore.virusscan.onlineenable=true\ndavcore.virusscan.host=h\n", severity: finding.Error, line: 2,
			parameter: "davcore.virusscan.onlineenable", value: "True", detail: "nothing is scanned"},
		{rule: "freebusy-closed-to-peer", file: local + withOld + "davcore.acl.schedulinganonymousall=false\n", passes: "davcore.acl.schedulinganonymousall=false\n", severity: finding.Warning, line: 4,
			parameter: "davcore.acl.schedulinganonymousall", value: "false", detail: "asks without logging in", fix: edits("davcore.acl.schedulinganonymousall := true")},
		{rule: "ischedule-whitelist-empty", file: local, passes: local + withOld, severity: finding.Warning, line: 2,
			parameter: "service.dav.ischedulewhitelist", detail: "so no host, not even the old server, can post"},
		{rule: "fulluriprefix-local", whole: true, file: "", passes: firstLine, severity: finding.Info, parameter: "davcore.uriinfo.fulluriprefix", detail: "is not set"},
		{rule: "fulluriprefix-local", whole: true, file: "davcore.uriinfo.fulluriprefix=https://[::1]:8443/dav\n", passes: firstLine, severity: finding.Warning, line: 1,
			parameter: "davcore.uriinfo.fulluriprefix", value: "https://[::1]:8443/dav", detail: "names the host '[::1]'"},
		{rule: "loglevel-verbose", file: "log.dav.commands.loglevel=FINER\n", passes: "log.dav.commands.loglevel=INFO\n", severity: finding.Warning, line: 2,
			parameter: "log.dav.commands.loglevel", value: "FINER", detail: "slows the server down", fix: edits("log.dav.commands.loglevel := WARNING")},
		{rule: "loglevel-verbose", file: "service.dav.telemetry.forcetelemetry=true\n", passes: "service.dav.telemetry.forcetelemetry=false\n", severity: finding.Warning, line: 2,
			parameter: "service.dav.telemetry.forcetelemetry", value: "true", detail: "written to disk", fix: edits("service.dav.telemetry.forcetelemetry default")},
	}
}
