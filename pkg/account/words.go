package account

import (
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// InWords returns the value of a property for people to read: a flag as yes or no, and a
// sum of flags with what it means. Other values are returned as they are. ParseProperties
// reads yes and no, too.
func InWords(name, value string) string {
	switch name {
	case "notifemail", "transparent":
		switch value {
		case flagText(true):
			return "yes"
		case flagText(false):
			return "no"
		}
	case "attendanceflag":
		if n, err := strconv.ParseUint(value, 10, 8); err == nil {
			return value + " (" + attendanceWords(store.Attendance(n)) + ")"
		}
	}
	return value
}

// attendanceWords returns how invitations are answered.
func attendanceWords(a store.Attendance) string {
	var words []string
	for _, f := range []struct {
		flag store.Attendance
		word string
	}{
		{store.AcceptAutomatically, "accept automatically"},
		{store.RefuseOnConflict, "decline on conflict"},
		{store.RefuseRecurring, "decline recurring"},
	} {
		if a&f.flag != 0 {
			words = append(words, f.word)
		}
	}
	if len(words) == 0 {
		return "no automatic answers"
	}
	return strings.Join(words, ", ")
}
