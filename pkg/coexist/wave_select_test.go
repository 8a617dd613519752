package coexist_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// A user whose mail address no list of users can contain is skipped, with or without a list,
// because 'people.txt' of the wave could not be read. A list that davadmin printed may contain
// such a user.
func TestPlanWaveInvalidAddresses(t *testing.T) {
	people := "dn: o=isp\nobjectClass: organization\no: isp\n\n"
	for _, p := range [][2]string{{"good", "good@example.com"}, {"two", "a@home@example.com"}, {"none", "none.920"}, {"sharp", "#1@example.com"}, {"comma", "a,b@example.com"}} {
		people += "dn: uid=" + p[0] + ",o=isp\nobjectClass: icsCalendarUser\nuid: " + p[0] + "\nmail: " + p[1] + "\ndavUniqueId: id-" + p[0] + "\n\n"
	}
	want := []string{
		"uid=two,o=isp: its mail address 'a@home@example.com' is not valid: more than one @",
		"uid=none,o=isp: its mail address 'none.920' is not valid: not an address",
		"uid=sharp,o=isp: its mail address '#1@example.com' is not valid: it begins with #, as a comment does",
		"uid=comma,o=isp: its mail address 'a,b@example.com' is not valid: neither an address nor a user id",
	}
	for _, list := range []string{
		"",
		"side,kind,mail,uid,calendars,dn\ncs6,user,good@example.com,good,1,\ncs6,user,a@home@example.com,two,1,\ncs6,user,none.920,none,1,\n" +
			"cs6,user,#1@example.com,sharp,1,\ncs6,user,\"a,b@example.com\",comma,1,\n",
		`{"kind":"person","side":"cs6","type":"user","mail":"good@example.com"}` + "\n" + `{"kind":"person","side":"cs6","type":"user","mail":"a@home@example.com"}` + "\n" +
			`{"kind":"person","side":"cs6","type":"user","mail":"none.920"}` + "\n" + `{"kind":"person","side":"cs6","type":"user","mail":"#1@example.com"}` + "\n" +
			`{"kind":"person","side":"cs6","type":"user","mail":"a,b@example.com"}` + "\n" + `{"kind":"summary","complete":true}` + "\n",
	} {
		var skipped []string
		w, err := planWave(t, &deployment{people: people}, coexist.WaveOptions{
			Directory: ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"defaultbackend"}, Tmp: t.TempDir()},
			Users:     setOf(t, "list", list),
			Skipped:   func(s coexist.SkippedUser) { skipped = append(skipped, s.DN+": "+s.Reason.Error()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, skipped); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", list, diff)
		}
		if diff := cmp.Diff([]string{"good@example.com"}, w.Addresses); diff != "" {
			t.Errorf("moved (-want +got):\n%s", diff)
		}
		setOf(t, "people.txt", strings.Join(w.Addresses, "\n")+"\n")
	}
}

// In a list from elsewhere, an invalid address is an error.
func TestInvalidAddressInAForeignList(t *testing.T) {
	for _, list := range []string{"mail,name\na@home@example.com,A\n", "kind,mail\nuser,a@home@example.com\n", "a@home@example.com\n"} {
		n := 0
		for _, err := range cs6.ReadUsers(strings.NewReader(list), cs6.ListOptions{Name: "list"}) {
			if err != nil && strings.Contains(err.Error(), "more than one @") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q: %d errors", list, n)
		}
	}
}
