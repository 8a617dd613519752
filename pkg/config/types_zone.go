package config

import (
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/tz"
)

// checkTimeZone accepts names of the IANA database in exact letter case, because
// Java's TimeZone.getTimeZone does, and reads every other name as GMT.
func checkTimeZone(value string) []Problem {
	name, form, err := tz.Find(value)
	var unknown *tz.UnknownError
	switch {
	case errors.As(err, &unknown):
		return correctable(quoted(value)+" is not a time zone of the IANA database, such as Europe/Rome", unknown.Near)
	case form == tz.Windows:
		return correctable(quoted(value)+" is the name of a Windows time zone, which the server does not know", name)
	case form == tz.Case:
		return correctable(quoted(value)+" has the wrong letter case", name)
	}
	return nil
}

// canonical returns the form of a value that the server understands, if the value
// says without doubt what is meant, and what was changed. Otherwise it returns the
// value, and an empty note.
func (p *Parameter) canonical(value string) (form, note string) {
	if p == nil || p.Type != TimeZone {
		return value, ""
	}
	name, how, err := tz.Find(value)
	switch {
	case err != nil || how == tz.Exact:
		return value, ""
	case how == tz.Windows:
		return name, fmt.Sprintf("%s is the name of a Windows time zone; the value is %s, its name in the IANA database", quoted(value), name)
	}
	return name, fmt.Sprintf("the value is %s, as the IANA database writes it", name)
}
