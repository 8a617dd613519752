package store

import (
	"fmt"
	"slices"
	"strings"
)

// ItemState is what has happened to an item of the inbox. The numbers are stored.
type ItemState uint8

// States of an item of the inbox. Unread is also the state of all other components.
const (
	Unread    ItemState = 0
	Read      ItemState = 1
	Processed ItemState = 2 // applied to a calendar, or known to need nothing
)

// ItemStates returns all states of an item of the inbox.
func ItemStates() []ItemState { return []ItemState{Unread, Read, Processed} }

// String returns the name of the state, as used in all input and output.
func (s ItemState) String() string {
	switch s {
	case Unread:
		return "unread"
	case Read:
		return "read"
	case Processed:
		return "processed"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// ParseItemState parses the name of a state, in any letter case. The error is an
// *InvalidError.
func ParseItemState(text string) (ItemState, error) {
	var names []string
	for _, s := range ItemStates() {
		if strings.EqualFold(text, s.String()) {
			return s, nil
		}
		names = append(names, s.String())
	}
	return 0, &InvalidError{Field: "state", Value: text, Reason: "is not a valid state (" + strings.Join(names, ", ") + ")"}
}

// Methods returns the methods of scheduling messages (RFC 5546, 1.4).
func Methods() []string {
	return []string{"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"}
}

// checkMethod returns an *InvalidError for text that is not the method of a scheduling
// message.
func checkMethod(method string) error {
	if !slices.Contains(Methods(), method) {
		return &InvalidError{Field: "method", Value: method, Reason: "is not a valid method (" + strings.Join(Methods(), ", ") + ")"}
	}
	return nil
}
