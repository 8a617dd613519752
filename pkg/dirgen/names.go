package dirgen

import (
	"strconv"
	"strings"
)

// name is the name of a person, a group or a resource, with its spelling in user ids
// and addresses.
type name struct {
	text  string
	ascii string
	ldif  string // the rest of a line after the attribute
}

// newNames returns the names of a list. The spelling in ASCII follows the '=' if it is
// not just the text in lower case.
func newNames(list []string) []name {
	names := make([]name, len(list))
	for i, entry := range list {
		text, ascii, found := strings.Cut(entry, "=")
		if !found {
			ascii = strings.ToLower(text)
		}
		names[i] = name{text: text, ascii: ascii, ldif: string(appendLine(nil, "", []byte(text)))}
	}
	return names
}

var givenNames = [...]string{
	"Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katja",
	"Lukas", "Maria", "Nils", "Olga", "Paul", "Quentin", "Rosa", "Simon", "Tanja", "Ursula", "Viktor",
	"Wilma", "Xaver", "Yvonne", "Alice", "Brian", "Carol", "Daniel", "Emily", "Frank", "Grace",
	"Henry", "Isabel", "James", "Karen", "Laura", "Martin", "Nora", "Oscar", "Priya", "Rajesh",
	"Sunita", "Tomasz", "Vikram", "Giulia", "Marco", "Sofia", "Pedro", "Lucia", "Jürgen=juergen",
	"François=francois", "Søren=soeren", "Łucja=lucja", "健太=kenta",
}

var familyNames = [...]string{
	"Smith", "Jones", "Taylor", "Brown", "Wilson", "Walker", "Wright", "Hughes", "Edwards", "Green",
	"Schmidt", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann", "Koch", "Richter", "Klein",
	"Neumann", "Martin", "Bernard", "Dubois", "Moreau", "Laurent", "Rossi", "Russo", "Ferrari",
	"Bianchi", "Romano", "Sharma", "Gupta", "Singh", "Kumar", "Patel", "Nowak", "Kowalski", "Novak",
	"Svoboda", "Horvat", "Hansen", "Johansson", "Nielsen", "Larsen", "Virtanen", "de Vries=devries",
	"van den Berg=vandenberg", "O'Brien=obrien", "Smith-Jones", "Fernandez", "Lopez", "Silva", "Costa",
	"Santos", "Müller=mueller", "García=garcia", "Østergård=oestergaard", "Dvořák=dvorak", "田中=tanaka",
}

var groupNames = [...]string{
	"Team", "Board", "Office", "Project", "Choir", "Support", "Équipe=equipe", "Ausschuß=ausschuss",
}

var resourceNames = [...]string{
	"Room", "Projector", "Car", "Lab", "Hall", "Café=cafe",
}

var domainNames = [...]string{
	"meadow", "harbour", "linden", "quarry", "lantern", "willow", "granite", "orchard", "beacon", "juniper",
	"falcon", "copper", "saffron", "glacier", "thistle", "marble", "heron", "cobalt", "bramble", "tundra",
}

// region is the time zone and the language of the people in a domain.
type region struct{ timezone, language string }

var regions = [...]region{
	{"Europe/Berlin", "de"}, {"Europe/London", "en"}, {"America/New_York", "en"}, {"Europe/Paris", "fr"},
	{"Asia/Kolkata", "en"}, {"Asia/Tokyo", "ja"}, {"Europe/Madrid", "es"}, {"America/Los_Angeles", "en"},
}

// domain is a mail domain with texts that are written often.
type domain struct {
	name      string
	alias     string // a second name, "" for none
	people    string // the end of the DN of a user
	groups    string // the end of the DN of a group
	resources string // the end of the DN of a resource
	lines     string // the attributes that all its people have
}

func newDomains(n int) []domain {
	domains := make([]domain, n)
	for i := range domains {
		label := domainNames[i%len(domainNames)]
		if again := i / len(domainNames); again > 0 {
			label += strconv.Itoa(again + 1)
		}
		d := &domains[i]
		d.name = label + ".example"
		if i%3 == 0 {
			d.alias = "mail." + d.name
		}
		org := ",o=" + d.name + "," + suffix
		d.people, d.groups, d.resources = ",ou=People"+org, ",ou=Groups"+org, ",ou=Resources"+org
		r := regions[i%len(regions)]
		d.lines = "icsTimezone: " + r.timezone + "\npreferredLanguage: " + r.language + "\n"
	}
	return domains
}

// newNotes returns description lines that are long enough to be folded.
func newNotes() [][]byte {
	parts := [...]string{
		"Works from home on Fridays and can be reached by telephone only",
		"The deputy accepts invitations while the holder of this account is away",
		"Meetings outside of the core hours need the consent of the works council",
		"Sits in the annex behind the car park, second floor, last door on the left",
		"Calendar is kept by the secretary, who has the right to write",
	}
	var notes [][]byte
	for i := range parts {
		for j := range parts {
			if i == j {
				continue
			}
			all := strings.Join([]string{parts[i], parts[j]}, ". ")
			notes = append(notes, endLine(append([]byte("description: "), all...), 0))
		}
	}
	return notes
}
