package calio

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// ChangeKind is what was done to a resource or a calendar.
type ChangeKind string

// The kinds of changes.
const (
	ResourceCreated  ChangeKind = "created"
	ResourceReplaced ChangeKind = "replaced"
	ResourceDeleted  ChangeKind = "deleted"
	CalendarCreated  ChangeKind = "calendar-created"
	CalendarDeleted  ChangeKind = "calendar-deleted"
)

// UndoLine says how one change is undone. Lines are written before the changes, so a change
// whose run was interrupted may not have been made.
type UndoLine struct {
	Kind     ChangeKind `json:"kind"`
	Backend  string     `json:"backend"`
	Account  string     `json:"account"`         // the id
	Address  string     `json:"address"`         // of the account at that time, for messages
	Calendar string     `json:"calendar"`        // the name of the collection
	Name     string     `json:"name,omitempty"`  // of the resource
	UID      string     `json:"uid,omitempty"`   // for messages
	After    string     `json:"after,omitempty"` // the ETag that the change gave the resource
	// Before is the text that the resource had, of a replaced or a deleted one.
	Before []byte `json:"before,omitempty"`
	// ScheduleTag is what the resource had, see store.Component.
	ScheduleTag string `json:"schedule_tag,omitempty"`
}

// Place returns the calendar of the change.
func (l *UndoLine) Place() Place {
	return Place{Backend: l.Backend, Account: l.Account, Address: l.Address, Calendar: l.Calendar}
}

// resource returns the place of the resource in its store.
func (l *UndoLine) resource() store.Place {
	return store.Place{Account: l.Account, Calendar: l.Calendar, Name: l.Name}
}

// String returns the line as JSON, without an end.
func (l *UndoLine) String() string {
	b, err := json.Marshal(l)
	if err != nil { // it has nothing that JSON cannot express
		panic(err)
	}
	return string(b)
}

// ParseUndoLine reads what String returned. The error says what is wrong with it.
func ParseUndoLine(text []byte) (*UndoLine, error) {
	var l UndoLine
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("it is not a JSON object of an undo file: %w", err)
	}
	ofResource := []ChangeKind{ResourceCreated, ResourceReplaced, ResourceDeleted}
	ofCalendar := []ChangeKind{CalendarCreated, CalendarDeleted}
	switch {
	case !slices.Contains(ofResource, l.Kind) && !slices.Contains(ofCalendar, l.Kind):
		return nil, fmt.Errorf("the kind '%.32s' is not known", l.Kind)
	case l.Backend == "" || l.Account == "" || l.Calendar == "":
		return nil, fmt.Errorf("it does not name the back end, the account and the calendar")
	case slices.Contains(ofResource, l.Kind) && l.Name == "":
		return nil, fmt.Errorf("it does not name the resource")
	case l.Kind == ResourceCreated && l.After == "", l.Kind == ResourceReplaced && (l.After == "" || l.Before == nil), l.Kind == ResourceDeleted && l.Before == nil:
		return nil, fmt.Errorf("it does not have the text or the ETag of the resource")
	}
	return &l, nil
}
