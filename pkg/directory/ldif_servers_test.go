package directory

import "testing"

// serverFiles are files in the formats of servers and their tools.
var serverFiles = []struct {
	name, text string
	want       []string
	code       int
	err        string // of an *IncompleteError
}{
	{name: "389 Directory Server", text: `version: 1

# entry-id: 1
dn: dc=example,dc=org
objectClass: top
objectClass: domain
creatorsName:
nsUniqueId: ecdc9520-49c6317e-ac4243c0-176227e2

# entry-id: 7
dn: uid=a,ou=People,dc=example,dc=org
objectClass: top
objectClass: person
mail:
cn: A name that is long enough for db2ldif to fold the line that it stands o
 n
davUniqueId: ecdc9521-49c6317e-ac4243c0-176227e2

`, want: []string{
		`0:4 other "dc=example,dc=org"`,
		`0:11 user "uid=a,ou=People,dc=example,dc=org" mail="" cn="A name that is long enough for db2ldif to fold the line that it stands on" davUniqueId="ecdc9521-49c6317e-ac4243c0-176227e2"`,
	}},
	{name: "replica of 389 Directory Server", text: `version: 1

# entry-id: 1
dn: uid=a,o=isp
objectClass;vucsn-4f8ac2a1000000010000: top
objectClass;vucsn-4f8ac2a1000000010000: person
objectClass;vdcsn-4f8ac2a1000000010000;deleted: groupOfNames
cn;vucsn-4f8ac2a1000000010000;mdcsn-4f8ac2a1000000010000: a
cn;vdcsn-4f8ac2a1000000010000;deleted: old
mail;adcsn-4f8ac2a1000000010000;vdcsn-4f8ac2a1000000010000;deletedattribute;deleted:

# entry-id: 2
dn: nsuniqueid=ecdc9520-49c6317e-ac4243c0-176227e2,uid=b,o=isp
objectClass: person
objectClass: nsTombstone
cn: b
`, want: []string{`0:4 user "uid=a,o=isp" cn="a"`}},
	{name: "Sun DSEE", text: "dn: o=isp\r\nobjectClass: organization\r\naci: (targetattr!=\"userPassword\")(version 3.0; acl \"x\"; allow\r\n\t (read) userdn=\"ldap:///anyone\";)\r\n\r\n" +
		"# entry-id: 2\r\nDN: UID=b, ou=People, o=isp\r\nnsUniqueId: 426dfa81-3ec811e0-808bb160-e71a5247\r\nOBJECTCLASS: INETORGPERSON\r\nCN;LANG-DE: B\r\n\r\n",
		want: []string{`0:1 other "o=isp"`, `0:7 user "UID=b, ou=People, o=isp" cn="B"`}},
	{name: "ldapsearch", text: `# extended LDIF
#
# LDAPv3
# base <o=isp> with scope subtree
# filter: (objectclass=*)
# requesting: ALL
#

# a, isp
dn: uid=a,o=isp
objectClass: person
cn: a

# search result
search: 2
result: 0 Success

# numResponses: 2
# numEntries: 1
`, want: []string{`0:10 user "uid=a,o=isp" cn="a"`}},
	{name: "ldapsearch with a limit", text: `# extended LDIF
#

dn: uid=a,o=isp
objectClass: person

# search reference
ref: ldap://b.example/o=b??sub

# search reference
ref: ldap://c.example/o=c??sub

# search result
search: 2
result: 4 Size limit exceeded

# numResponses: 500
`, want: []string{
		`0:4 user "uid=a,o=isp"`,
		`0:0 referral "": the search that wrote the file returned 2 references to other servers, whose entries are not in it`,
	}, code: 4, err: `the search that wrote the file ended with code 4 "Size limit exceeded" (line 15)`},
	{name: "truncated ldapsearch output", text: "# extended LDIF\n#\n\ndn: uid=a,o=isp\nobjectClass: person\n\n",
		want: []string{`0:4 user "uid=a,o=isp"`}, err: "the result at its end is missing"},
	{name: "ldapsearch -L", text: "version: 1\n\n#\n# LDAPv3\n#\n\n# a, isp\ndn: uid=a,o=isp\nobjectClass: person\n\n# search result\n\n# numResponses: 2\n",
		want: []string{`0:8 user "uid=a,o=isp"`}},
	{name: "ldapsearch -LLL with pages", text: "dn: uid=a,o=isp\nobjectClass: person\n\n# pagedresults: cookie=AAAA\ndn: uid=b,o=isp\nobjectClass: groupOfNames\ndavUniqueId: 1\ncn: g\n\n# pagedresults: cookie=\n",
		want: []string{`0:1 user "uid=a,o=isp"`, `0:5 group "uid=b,o=isp" cn="g"`}},
	{name: "ldapsearch -L, truncated", text: "version: 1\n\n#\n# LDAPv3\n#\n\n# a, isp\ndn: uid=a,o=isp\nobjectClass: person\n\n",
		want: []string{`0:8 user "uid=a,o=isp"`}, err: "the result at its end is missing"},
	{name: "nothing", text: ""},
	{name: "a version and comments", text: "version: 1\n\n# nothing\n"},
	{name: "invalid records", text: "dn: o=a\ncn\n\nno record\n\ndn: o=b\ncn:: =\n\ndn: o=c\n\n",
		want: []string{
			`0:2 broken "o=a": "cn" is not the beginning of "name: value"`,
			`0:4 broken "": a record must begin with dn:, not with "no record"`,
			`0:7 broken "o=b": the value of "cn" is not valid base64: illegal base64 data at input byte 0`,
			`0:9 other "o=c"`,
		}},
}

func TestFilesOfServers(t *testing.T) {
	for _, c := range serverFiles {
		t.Run(c.name, func(t *testing.T) {
			err := requireFiles(t, FilesOptions{Paths: writeFiles(t, c.text)}, peopleQuery(), c.want...)
			if c.err == "" && err != nil {
				t.Error(err)
			}
			if c.err != "" {
				requireIncomplete(t, err, "f0.ldif", 1, c.code, c.err)
			}
		})
	}
}
