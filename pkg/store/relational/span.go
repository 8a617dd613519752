package relational

import "time"

// span returns the stored form of the start or end of a component's span. An open
// side is NULL, because 0 is a valid time of an event.
func span(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

// fromSpan returns the time of a stored start or end that is not NULL.
func fromSpan(at int64) time.Time { return time.UnixMicro(at).UTC() }
