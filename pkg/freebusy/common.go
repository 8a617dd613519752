package freebusy

import "time"

// Hours are the working hours of a day, as times of the clock on the wall in Zone, in whole
// seconds.
type Hours struct {
	From, To time.Duration // since midnight; To is not included
	Days     [7]bool       // indexed by time.Weekday
	Zone     *time.Location
}

// Contains reports whether a time is in the working hours.
func (h Hours) Contains(t time.Time) bool {
	t = t.In(h.Zone)
	clock := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	return h.Days[t.Weekday()] && h.From <= clock && clock < h.To
}

// Common returns the longest times in the working hours of a window at which none of the
// people is taken by any kind, and that last for at least length. Each element of people
// contains the periods of one person, in any order. Unknown times are not free, so that a
// person about whom nothing is known leaves no common time.
func Common(w Window, h Hours, length time.Duration, people ...[]Period) []Window {
	var taken []Period
	for _, periods := range people {
		taken = append(taken, periods...)
	}
	taken = Merge(w, taken)
	var out []Window
	add := func(start, end time.Time) {
		if end.After(start) && end.Sub(start) >= length {
			out = append(out, Window{start, end})
		}
	}
	first := 0 // periods before it end before the day begins
	for _, day := range h.days(w) {
		for first < len(taken) && !taken[first].End.After(day.Start) {
			first++
		}
		at := day.Start
		for _, p := range taken[first:] {
			if !p.Start.Before(day.End) {
				break
			}
			add(at, p.Start)
			at = p.End
		}
		add(at, day.End)
	}
	return out
}

// days returns the working hours of each day of a window, clipped to it.
func (h Hours) days(w Window) []Window {
	var out []Window
	year, month, date := w.Start.In(h.Zone).Date()
	for ; ; date++ {
		day := time.Date(year, month, date, 12, 0, 0, 0, h.Zone) // noon exists on every day
		start := latest(h.clock(day, h.From), w.Start)
		if !h.clock(day, 0).Before(w.End) {
			return out
		}
		if end := earliest(h.clock(day, h.To), w.End); h.Days[day.Weekday()] && end.After(start) {
			out = append(out, Window{start, end})
		}
	}
}

// clock returns a time of the clock on the wall of a day. A time that the clocks skip is
// read with the offset before the change or after it, as time.Date does.
func (h Hours) clock(day time.Time, since time.Duration) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, int(since/time.Second), 0, h.Zone)
}
