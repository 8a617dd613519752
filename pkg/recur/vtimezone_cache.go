package recur

import (
	"crypto/sha256"
	"sync"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The limits of the cache of VTIMEZONEs. It has two generations of this size.
const (
	maxDefinitions = 64
	maxKeptText    = 64 << 10 // bytes of a VTIMEZONE that is worth keeping
)

// definitions keeps the zones of the VTIMEZONEs that were used last, by the hashes of their
// texts: the same few stand in almost all objects of a server. It is safe for concurrent use.
type definitions struct {
	mu      sync.Mutex
	current map[[sha256.Size]byte]definition
	last    map[[sha256.Size]byte]definition // the generation before
}

// get returns what a VTIMEZONE says, read by the given function if it is new.
func (d *definitions) get(c *ical.Component, read func() definition) definition {
	text := c.AppendTo(make([]byte, 0, 2048))
	if len(text) > maxKeptText {
		return read()
	}
	key := sha256.Sum256(text)
	d.mu.Lock()
	found, ok := d.current[key]
	if !ok {
		if found, ok = d.last[key]; ok {
			d.put(key, found)
		}
	}
	d.mu.Unlock()
	if ok {
		return found
	}
	found = read() // without the lock: another reader of the same text does no harm
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(key, found)
	return found
}

func (d *definitions) put(key [sha256.Size]byte, found definition) {
	if len(d.current) >= maxDefinitions || d.current == nil {
		d.current, d.last = make(map[[sha256.Size]byte]definition, maxDefinitions), d.current
	}
	d.current[key] = found
}
