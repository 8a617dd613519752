package directory

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
)

// TestViewOnSlapd checks that asking about several attributes at once finds a hidden value
// of one of them, although the server denies any access to another one, or does not know
// it, whatever their order.
func TestViewOnSlapd(t *testing.T) {
	const tree = `dn: o=isp
objectClass: organization
o: isp

dn: uid=a,o=isp
objectClass: inetOrgPerson
objectClass: davEntity
objectClass: icsCalendarUser
uid: a
cn: a
sn: a
davUniqueId: 1
davStore: 2

`
	s := servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{LDIF: writeFile(t, "slapd.ldif", []byte(tree)), Reader: true},
		Access:  "access to attrs=davUniqueId,icsStatus by dn.base=\"cn=reader,o=isp\" none by * read\naccess to attrs=davStore by dn.base=\"cn=reader,o=isp\" search by * read",
	})
	o := Options{URLs: []string{s.URL}, BindDN: s.ReaderDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil }}
	l := openLive(t, o)
	hidden := AttributeView{Present: true}
	for _, c := range []struct {
		names []string
		want  []AttributeView
	}{
		{[]string{"davUniqueId", "davStore"}, []AttributeView{{}, hidden}},
		{[]string{"davStore", "davUniqueId"}, []AttributeView{hidden, {}}},
		{[]string{"noSuchAttribute", "davStore", "icsStatus"}, []AttributeView{{}, hidden, {}}},
		{[]string{"davUniqueId", "noSuchAttribute", "icsStatus", "mail"}, make([]AttributeView, 4)},
		{[]string{"davUniqueId", "uid"}, []AttributeView{{}, {Present: true, Shown: true}}},
	} {
		got, err := l.View(t.Context(), "uid=a,o=isp", c.names)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%v: %v (-want +got):\n%s", c.names, err, diff)
		}
	}
}
