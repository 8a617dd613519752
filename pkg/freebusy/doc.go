// Package freebusy calculates with the times at which people are busy: it merges them,
// finds the times at which several people are free, and writes them as iCalendar.
//
// A time about which nothing is known has a kind of its own, Unknown. It is a period like
// any other, so that no calculation can take it for free time.
package freebusy
