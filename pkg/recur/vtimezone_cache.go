package recur

import (
	"sync"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The limits of the cache of VTIMEZONEs. It has two generations of this size, so that the
// texts in it have at most 4 MiB.
const (
	maxDefinitions = 64
	maxKeptText    = 32 << 10 // bytes of a VTIMEZONE that is worth keeping
)

// definitions keeps the zones of the VTIMEZONEs that were used last, by their texts: the same
// few are in almost all objects of a server. It is safe for concurrent use.
type definitions struct {
	mu      sync.Mutex
	current map[string]definition
	last    map[string]definition // the generation before
	buffers sync.Pool             // of *[]byte
}

// get returns what a VTIMEZONE says, read by the given function if it is new.
func (d *definitions) get(c *ical.Component, read func() definition) definition {
	buffer, _ := d.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	text := c.AppendTo((*buffer)[:0])
	if len(text) > maxKeptText {
		return read()
	}
	*buffer = text
	defer d.buffers.Put(buffer)
	if found, ok := d.lookUp(text); ok {
		return found
	}
	found := read() // without the lock: another reader of the same text does no harm
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(string(text), found)
	return found
}

func (d *definitions) lookUp(text []byte) (definition, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, ok := d.current[string(text)]
	if !ok {
		if found, ok = d.last[string(text)]; ok {
			d.put(string(text), found)
		}
	}
	return found, ok
}

func (d *definitions) put(text string, found definition) {
	if len(d.current) >= maxDefinitions || d.current == nil {
		d.current, d.last = make(map[string]definition, maxDefinitions), d.current
	}
	d.current[text] = found
}
