package account

import "github.com/davadmin/davadmin/pkg/tz"

// ZoneNote says that the name of a time zone was replaced by the one in the IANA
// database.
type ZoneNote struct {
	Given, Used string
	Windows     bool // Given is the name of a Windows time zone; otherwise it has other letter case
}

// CorrectZones replaces the time zones in properties that people typed by their names in
// the IANA database, and returns what was replaced. Properties of an undo file must not be
// corrected: they restore what there was. The error is a *tz.UnknownError for the first
// name that is not known.
func (p Properties) CorrectZones() ([]ZoneNote, error) {
	var notes []ZoneNote
	for i, x := range p {
		if x.Name != timeZoneProperty || x.Value == "" {
			continue
		}
		name, form, err := tz.Find(x.Value)
		if err != nil {
			return notes, err
		}
		if form != tz.Exact {
			notes = append(notes, ZoneNote{Given: x.Value, Used: name, Windows: form == tz.Windows})
			p[i].Value = name
		}
	}
	return notes, nil
}
