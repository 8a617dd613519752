package ischedule

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Answer is what a peer returned for the people in a query.
type Answer struct {
	Peer
	Form       Form
	Recipients []Recipient // one for each recipient of the query, in that order
	Others     []Recipient // people the query did not name, and repeated results
}

// Form is the format of an answer.
type Form string

// The forms of answers.
const (
	FormISchedule Form = "ischedule" // XML in the namespace of the draft
	FormCalDAV    Form = "caldav"    // XML in the namespace of CalDAV
	FormPlain     Form = "plain"     // XML in no namespace
	FormCalendar  Form = "icalendar" // a bare iCalendar object
)

// Recipient is what a peer returned for one person.
type Recipient struct {
	Address  string // mail address: as in the query, or for Others as the peer writes it
	Answered bool   // the peer returned something for this person

	// Code and Text are the request status, such as 2.0 and Success; "" if the
	// peer sends none, as with a bare iCalendar object. With WCAP they are a
	// non-zero X-NSCP-WCAP-ERRNO, such as 29, and its name, "" if it is unknown.
	Code, Text  string
	Meaning     string // with WCAP, what the error number means; "" if it is unknown
	Retry       bool   // with WCAP, the error is temporary: the same query can succeed later
	Reason      string // the name of the element inside <error>
	Description string // response-description; with WCAP, the other address that the peer names

	HasData bool     // there is free/busy; if false, nothing is known about the person's time
	Busy    []Period // sorted by time; periods may overlap and may extend beyond the time range of the query
	// Problem says which part of the data cannot be parsed; the person may be busy
	// at more times than Busy contains.
	Problem string
}

// readAnswer parses the answer to a query about the people in asked.
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

// assign distributes the results to the recipients of the query.
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
			places = []int{0} // one recipient, one result
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

// readCalendar parses a bare iCalendar object.
func readCalendar(r *reply, text []byte) ([]Recipient, error) {
	found, err := readFreeBusy(text)
	switch {
	case errors.Is(err, errCutShort):
		return nil, fail(Truncated, r.at, r.status, fmt.Sprintf("the iCalendar object is truncated after %d bytes", len(text)), err)
	case err != nil:
		return nil, fail(Malformed, r.at, r.status, "invalid iCalendar object: "+err.Error(), err)
	case len(found) == 0:
		return nil, fail(Malformed, r.at, r.status, "the iCalendar object contains no VFREEBUSY", nil)
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
			f.addProblem("a VFREEBUSY has %d attendees, so its periods cannot be assigned to one of them", len(f.attendees))
		}
		said.Code, said.Text = splitStatus(f.status)
		said.add(f)
		if len(all) > 0 && said.Address != "" && strings.EqualFold(all[len(all)-1].Address, said.Address) {
			all[len(all)-1].add(f) // some servers send several for one person
			continue
		}
		all = append(all, said)
	}
	return all, nil
}

// add adds the data of a VFREEBUSY.
func (r *Recipient) add(f freeBusy) {
	r.HasData = true
	r.Busy = append(r.Busy, f.busy...)
	if r.Problem == "" {
		r.Problem = f.problem
	}
}

// readResponses parses a schedule-response: the draft, and RFC 6638, section 10.
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

// readResponse parses the response element of one person.
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
		said.Problem = fmt.Sprintf("its calendar data has the type %q", clip(kind))
		return said
	}
	found, err := readFreeBusy(bytes.TrimSpace(data.text))
	for _, f := range found {
		said.add(f)
	}
	switch {
	case err != nil:
		said.Problem = "invalid calendar data: " + err.Error()
	case len(found) == 0:
		said.Problem = "its calendar data contains no VFREEBUSY"
	}
	return said
}

// splitStatus splits a request status: RFC 5545, section 3.8.8.3.
func splitStatus(s string) (code, text string) {
	code, text, _ = strings.Cut(s, ";")
	text, _, _ = strings.Cut(text, ";")
	return strings.TrimSpace(code), strings.TrimSpace(text)
}
