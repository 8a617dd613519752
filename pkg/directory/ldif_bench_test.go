package directory

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// usersText returns entries like those of a directory of calendar users, about 665
// bytes on 24 lines each.
func usersText(size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 4096)
	b.WriteString("version: 1\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "dn: uid=u%07d,ou=People,o=example.com,o=isp\n", i)
		for _, class := range []string{"top", "person", "organizationalPerson", "inetOrgPerson", "ipUser", "inetUser", "icsCalendarUser", "davEntity", "daventity"} {
			fmt.Fprintf(&b, "objectClass: %s\n", class)
		}
		fmt.Fprintf(&b, "uid: u%07d\nsn: Name%d\ngivenName: Given%d\n", i, i%5000, i%300)
		fmt.Fprintf(&b, "cn:: %s\n", base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "Gïven%d Näme%d", i%300, i%5000)))
		fmt.Fprintf(&b, "mail: given%d.name%d.u%07d@example.com\n", i%300, i%5000, i)
		fmt.Fprintf(&b, "mailAlternateAddress: u%07d@old.example.com\npreferredLanguage: en\n", i)
		fmt.Fprintf(&b, "description: a text that is long enough for its line to be folded in the mi\n ddle\n")
		fmt.Fprintf(&b, "davUniqueId: %08x-3ec811e0-808bb160-e71a5247\ndavStore: backend%d\n", i, i%3)
		b.WriteString("inetUserStatus: active\nicsStatus: active\n\n")
	}
	return b.Bytes()
}

// auditQuery returns the query of an audit with all rules.
func auditQuery() Query {
	q := Query{Attributes: []string{
		"davUniqueId", "davStore", "mail", "mailAlternateAddress", "mailEquivalentAddress", "icsStatus", "inetUserStatus",
		"icsAllowedServiceAccess", "uid", "objectClass", "member", "uniqueMember", "owner", "inetDomainBaseDN", "sunPreferredDomain",
	}}
	const all = 1<<15 - 1
	q.Selections = []Selection{
		{Kind: Resource, Classes: []string{"icsCalendarResource"}, Attributes: all},
		{Kind: Group, Classes: []string{"groupOfUniqueNames", "groupOfNames", "inetMailGroup", "groupOfURLs"}, Attributes: all},
		{Kind: User, Classes: []string{"inetOrgPerson", "icsCalendarUser"}, Attributes: all &^ (1<<10 | 1<<11)},
		{Kind: Domain, Classes: []string{"inetDomain", "sunManagedOrganization"}, Attributes: 1<<13 | 1<<14},
	}
	return q
}

func BenchmarkFiles(b *testing.B) {
	text := usersText(64 << 20)
	path := filepath.Join(b.TempDir(), "users.ldif")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	one := func(b *testing.B, run func() error) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if err := run(); err != nil {
				b.Fatal(err)
			}
		}
	}
	scan := func(paths []string, q Query, workers int) error {
		return NewFiles(FilesOptions{Paths: paths}).Scan(context.Background(), q, workers, func(_ int, e *Entry, p *Problem) error {
			if e == nil || e.Kind != User {
				return errors.New("not a user")
			}
			return nil
		})
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint("bare/", workers), func(b *testing.B) {
			one(b, func() error {
				f, err := os.Open(path)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = ldif.ScanParallel(context.Background(), f, ldif.Options{}, workers, func(_ int, _ *ldif.Record, bad *ldif.RecordError) error {
					if bad != nil {
						return bad
					}
					return nil
				})
				return err
			})
		})
		b.Run(fmt.Sprint("scan/", workers), func(b *testing.B) {
			one(b, func() error { return scan([]string{path}, auditQuery(), workers) })
		})
		b.Run(fmt.Sprint("base/", workers), func(b *testing.B) {
			q := auditQuery()
			q.Bases = []string{"o=isp"}
			one(b, func() error { return scan([]string{path}, q, workers) })
		})
		b.Run(fmt.Sprint("otherbase/", workers), func(b *testing.B) {
			q := auditQuery()
			q.Bases = []string{"O=ISP"}
			one(b, func() error { return scan([]string{path}, q, workers) })
		})
		b.Run(fmt.Sprint("filter/", workers), func(b *testing.B) {
			q := auditQuery()
			q.Filter = "(&(uid=u0*)(!(icsStatus=deleted)))"
			one(b, func() error { return scan([]string{path}, q, workers) })
		})
	}
	b.Run("entries", func(b *testing.B) {
		one(b, func() error {
			for _, err := range NewFiles(FilesOptions{Paths: []string{path}}).Entries(context.Background(), auditQuery()) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	for kind, packed := range map[string][]byte{"gzip": packGzip(text), "zstd": packZstd(text)} {
		path := filepath.Join(b.TempDir(), "users."+kind)
		if err := os.WriteFile(path, packed, 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(kind, func(b *testing.B) {
			one(b, func() error { return scan([]string{path}, auditQuery(), 2) })
		})
	}
}

func packGzip(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text)
	_ = w.Close()
	return b.Bytes()
}

func packZstd(text []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(text, nil)
}
