package ischedule

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Answer is what a peer says about the people that it was asked about.
type Answer struct {
	Peer
	Form       Form
	Recipients []Recipient // one for each that was asked about, in that order
	Others     []Recipient // of whom the peer speaks unasked, or a second time
}

// Form is how an answer is written.
type Form string

// The forms of answers.
const (
	FormISchedule Form = "ischedule" // XML in the namespace of the draft
	FormCalDAV    Form = "caldav"    // XML in the namespace of CalDAV
	FormPlain     Form = "plain"     // XML in no namespace
	FormCalendar  Form = "icalendar" // an iCalendar object alone
)

// Recipient is what a peer says about one person.
type Recipient struct {
	Address  string // mail address: as it was asked about, or for Others as the peer writes it
	Answered bool   // the peer speaks of this person

	// Code and Text are the request status, such as 2.0 and Success; "" where the
	// peer gives none, as in an iCalendar object alone. Of WCAP they are an
	// X-NSCP-WCAP-ERRNO that is not 0, such as 29, and its name, "" if not known.
	Code, Text  string
	Reason      string // the name of the element inside <error>
	Description string // response-description; of WCAP, which other address the peer names

	HasData bool     // there is free/busy; without it, nothing is known about the person's time
	Busy    []Period // in the order of their times; they may overlap, and leave the time that was asked about
	// Problem says what of the data cannot be read; the person may be busy at more
	// times than Busy has.
	Problem string
}

// readAnswer reads the answer to a question about some people.
func readAnswer(r *reply, asked []string, bare bool) (*Answer, error) {
	a := &Answer{Recipients: make([]Recipient, len(asked))}
	for i, address := range asked {
		a.Recipients[i].Address = address
	}
	var all []Recipient
	var err error
	if text := r.text(); isCalendar(text) {
		a.Form = FormCalendar
		all, err = readCalendar(r, text)
	} else {
		all, err = a.readResponses(r, bare)
	}
	if err != nil {
		return nil, err
	}
	a.assign(all)
	return a, nil
}

// assign gives what the peer says to the people that were asked about.
func (a *Answer) assign(all []Recipient) {
	index := make(map[string][]int, len(a.Recipients))
	for i, r := range a.Recipients {
		key := strings.ToLower(r.Address)
		index[key] = append(index[key], i)
	}
	for _, said := range all {
		said.Answered = true
		sortPeriods(said.Busy)
		places := index[strings.ToLower(said.Address)]
		if said.Address == "" && len(all) == 1 && len(a.Recipients) == 1 {
			places = []int{0} // one question, one answer
		}
		if len(places) == 0 || a.Recipients[places[0]].Answered {
			a.Others = append(a.Others, said)
			continue
		}
		for _, i := range places {
			said.Address = a.Recipients[i].Address
			a.Recipients[i] = said
		}
	}
}

func isCalendar(text []byte) bool {
	const begin = "BEGIN:VCALENDAR"
	return len(text) >= len(begin) && strings.EqualFold(string(text[:len(begin)]), begin)
}

// readCalendar reads an iCalendar object that stands alone.
func readCalendar(r *reply, text []byte) ([]Recipient, error) {
	found, err := readFreeBusy(text)
	switch {
	case errors.Is(err, errCutShort):
		return nil, fail(Truncated, r.at, r.status, fmt.Sprintf("the iCalendar object ends in the middle, after %d bytes", len(text)), err)
	case err != nil:
		return nil, fail(Malformed, r.at, r.status, "the iCalendar object cannot be read: "+err.Error(), err)
	case len(found) == 0:
		return nil, fail(Malformed, r.at, r.status, "the iCalendar object has no VFREEBUSY in it", nil)
	}
	var all []Recipient
	for _, f := range found {
		said := Recipient{}
		switch len(f.attendees) {
		case 0:
		case 1:
			said.Address = f.attendees[0]
		default:
			said.Address = clip(strings.Join(f.attendees, ", "))
			f.trouble("a VFREEBUSY with %d attendees, whose time it is cannot be said", len(f.attendees))
		}
		said.Code, said.Text = splitStatus(f.status)
		said.add(f)
		if len(all) > 0 && said.Address != "" && strings.EqualFold(all[len(all)-1].Address, said.Address) {
			all[len(all)-1].add(f) // servers give several for one person
			continue
		}
		all = append(all, said)
	}
	return all, nil
}

// add takes over the data of a VFREEBUSY.
func (r *Recipient) add(f freeBusy) {
	r.HasData = true
	r.Busy = append(r.Busy, f.busy...)
	if r.Problem == "" {
		r.Problem = f.problem
	}
}

// readResponses reads a schedule-response: draft, and RFC 6638, section 10.
func (a *Answer) readResponses(r *reply, bare bool) ([]Recipient, error) {
	root, err := r.readXML()
	if err != nil {
		return nil, err
	}
	if e := rejectionOf(r, root, bare); e != nil {
		return nil, e
	}
	if !root.is("schedule-response") {
		return nil, r.unexpected(root, "schedule-response")
	}
	switch root.space {
	case nsISchedule:
		a.Form = FormISchedule
	case nsCalDAV:
		a.Form = FormCalDAV
	default:
		a.Form = FormPlain
	}
	var all []Recipient
	for _, e := range root.children {
		if e.is("response") {
			all = append(all, readResponse(e))
		}
	}
	return all, nil
}

// readResponse reads what is said about one person.
func readResponse(e *element) Recipient {
	to := e.child("recipient")
	said := Recipient{Address: to.trimmed(), Description: e.child("response-description").trimmed()}
	if to != nil {
		if href := to.child("href"); href != nil {
			said.Address = href.trimmed()
		}
	}
	said.Address = mailAddress(said.Address)
	said.Code, said.Text = splitStatus(e.child("request-status").trimmed())
	if refused := e.child("error"); refused != nil && len(refused.children) > 0 {
		said.Reason = clip(refused.children[0].name)
	}
	data := e.child("calendar-data")
	if data == nil || len(bytes.TrimSpace(data.text)) == 0 {
		return said
	}
	if kind := data.attribute("content-type"); kind != "" && !strings.HasPrefix(strings.ToLower(kind), "text/calendar") {
		said.Problem = fmt.Sprintf("calendar data of the type %q", clip(kind))
		return said
	}
	found, err := readFreeBusy(bytes.TrimSpace(data.text))
	for _, f := range found {
		said.add(f)
	}
	switch {
	case err != nil:
		said.Problem = "its calendar data cannot be read: " + err.Error()
	case len(found) == 0:
		said.Problem = "its calendar data has no VFREEBUSY in it"
	}
	return said
}

// splitStatus takes a request status apart: RFC 5545, section 3.8.8.3.
func splitStatus(s string) (code, text string) {
	code, text, _ = strings.Cut(s, ";")
	text, _, _ = strings.Cut(text, ";")
	return strings.TrimSpace(code), strings.TrimSpace(text)
}
