package ask

import (
	"net/url"
	"strings"

	"github.com/davadmin/davadmin/pkg/route"
)

// routed returns the result of a person as far as the route alone decides it: Unknown if
// there is no server to ask.
func routed(address string, d *route.Decision) Result {
	switch d.Side {
	case route.Local:
		return Result{Address: address, Route: d}
	case route.OldServer:
		if d.URL == "" {
			return unknown(address, d, NoPeer, d.NoURL, nil)
		}
		if !canBeAsked(d.URL) {
			return unknown(address, d, NoPeer, "the URL in the domain map contains a user name, a password, or is invalid, so it is not used", nil)
		}
		return Result{Address: address, Route: d}
	case route.Ambiguous:
		return unknown(address, d, Ambiguous, "several entries have this address", nil)
	}
	if d.Unread > 0 {
		return unknown(address, d, DirectoryPart, "not found, but parts of the directory could not be read", nil)
	}
	return unknown(address, d, External, "not in the directory, so there is no server to ask", nil)
}

// canBeAsked reports whether a URL of a decision can be used as it is. Decisions mask
// passwords, and a URL with a mask in it would lead elsewhere.
func canBeAsked(at string) bool {
	u, err := url.Parse(at)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && !strings.Contains(at, "****")
}

// peerList groups people by the URL of their server, in the order in which the servers
// were first needed.
type peerList struct {
	order  []string
	people map[string][]int // indices of results
}

func newPeerList() *peerList { return &peerList{people: map[string][]int{}} }

func (p *peerList) add(at string, i int) {
	if _, ok := p.people[at]; !ok {
		p.order = append(p.order, at)
	}
	p.people[at] = append(p.people[at], i)
}

func (p *peerList) urls() []string { return p.order }

// mostHeader is the maximum length of the header line Recipient of a request, in bytes.
// Servers often limit a line to 8 KiB, together with its name and line end.
const mostHeader = 6 << 10

// portions divides people into requests of at most most people whose addresses fit into
// one header line. A person is never dropped: one with a very long address is alone.
func portions(results []Result, people []int, most int) [][]int {
	var all [][]int
	var portion []int
	length := 0
	for _, i := range people {
		n := headerLength(results[i].Route.Address)
		if len(portion) > 0 && (len(portion) == most || length+n > mostHeader) {
			all, portion, length = append(all, portion), nil, 0
		}
		portion, length = append(portion, i), length+n
	}
	if len(portion) > 0 {
		all = append(all, portion)
	}
	return all
}

// headerLength returns an upper bound of the length of an address in a header line:
// anything other than a letter or digit may be percent-encoded.
func headerLength(address string) int {
	n := len("mailto:, ")
	for i := range len(address) {
		switch c := address[i] | 0x20; {
		case 'a' <= c && c <= 'z', '0' <= address[i] && address[i] <= '9':
			n++
		default:
			n += 3
		}
	}
	return n
}
