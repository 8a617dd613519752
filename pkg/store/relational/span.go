package relational

import "time"

// span is one end of a component's span as it is stored: NULL where it is open,
// since 0 is a time that an event can have.
func span(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func fromSpan(at int64) time.Time { return time.UnixMicro(at).UTC() }
