package local

import (
	"net/url"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
)

// addresses are the mail addresses of an account, folded.
type addresses map[string]bool

func newAddresses(list []string) addresses {
	a := make(addresses, len(list))
	for _, address := range list {
		a[store.FoldAddress(address)] = true
	}
	return a
}

// has reports whether a property such as ATTENDEE is the account: by its value, or by the
// parameter EMAIL (RFC 7986, 6.2), which programs add to values that are not mail addresses.
// Calendar Server 6 has X-S1CS-EMAIL for that.
func (a addresses) has(p *ical.Property) bool {
	for _, text := range []string{p.Value(), p.Param("EMAIL"), p.Param("X-S1CS-EMAIL")} {
		if text == "" {
			continue
		}
		text, _, _ = strings.Cut(store.CutMailto(strings.TrimSpace(text)), "?")
		if plain, err := url.PathUnescape(text); err == nil && a[store.FoldAddress(plain)] || a[store.FoldAddress(text)] {
			return true
		}
	}
	return false
}
