// Package busyview draws when several people are busy: as bars of characters for a
// terminal, and as a web page that needs no other file.
//
// A bar shows one day of one person. It is drawn in real time, so that the bar of a day on
// which the clocks change is one hour longer or shorter. A time about which nothing is
// known is never drawn as free.
//
// The package decides nothing: which times are busy and which are common is given to it.
package busyview
