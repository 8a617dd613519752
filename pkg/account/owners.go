package account

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// OwnerLookup looks up the people whom entries name as owners by DN, and returns a
// function that finds one of them. It reads a file once more for that.
func (d *Directory) OwnerLookup(ctx context.Context, entries *Entries) (func(dn string) (store.Person, error), error) {
	want := map[string]string{} // the DN as given, by its normal form
	for n, err := range entries.All() {
		if err != nil {
			return nil, err
		}
		for _, dn := range n.Entry.Owners {
			if key, err := normalDN(dn); err == nil {
				want[key] = dn
			}
		}
	}
	people := map[string]store.Person{}
	var err error
	switch {
	case len(want) == 0:
	case d.Live:
		err = d.askDNs(ctx, want, people)
	default:
		err = d.scanDNs(ctx, want, people)
	}
	if err != nil {
		return nil, fmt.Errorf("look up owners: %w", err)
	}
	return func(dn string) (store.Person, error) {
		key, err := normalDN(dn)
		if err != nil {
			return store.Person{}, &store.InvalidError{Field: d.Attributes.Owner, Value: dn, Reason: "is not a valid DN"}
		}
		person, ok := people[key]
		if !ok {
			return person, &store.InvalidError{Field: d.Attributes.Owner, Value: dn, Reason: "does not name an entry with one unique ID and an address"}
		}
		return person, nil
	}, nil
}

func normalDN(dn string) (string, error) {
	b, err := directory.AppendNormalDN(nil, []byte(dn))
	return string(b), err
}

// person returns the person of an entry; ok is false if it cannot own anything.
func (e *Entry) person() (store.Person, bool) {
	if len(e.IDs) != 1 || len(e.Mails) == 0 {
		return store.Person{}, false
	}
	return store.Person{ID: e.IDs[0], Address: e.Mails[0]}, true
}

// scanDNs reads the whole source once.
func (d *Directory) scanDNs(ctx context.Context, want map[string]string, people map[string]store.Person) error {
	r := newReading(&d.Attributes)
	q := r.query(&d.Attributes, true)
	q.Bases, q.Scope = d.Bases, d.Scope
	found, err := d.read(ctx, q, func(_ *Entries, e *directory.Entry) error {
		// An invalid DN has an empty key, which is not wanted.
		key, _ := normalDN(string(e.DN))
		if want[key] == "" {
			return nil
		}
		if p, ok := r.entry(e).person(); ok {
			people[key] = p
		}
		return nil
	})
	if err != nil {
		return err
	}
	return found.Close()
}

// noSuchObject is the result code for a DN without an entry (RFC 4511, 4.1.9).
const noSuchObject = 32

// askDNs reads each of the entries from a server.
func (d *Directory) askDNs(ctx context.Context, want map[string]string, people map[string]store.Person) error {
	r := newReading(&d.Attributes)
	q := r.query(&d.Attributes, true)
	q.Scope = directory.BaseOnly
	for key, dn := range want {
		q.Bases = []string{dn}
		found, err := d.read(ctx, q, func(_ *Entries, e *directory.Entry) error {
			if p, ok := r.entry(e).person(); ok {
				people[key] = p
			}
			return nil
		})
		if directory.ResultCode(err) == noSuchObject {
			continue
		}
		if err != nil {
			return err
		}
		if err := found.Close(); err != nil {
			return err
		}
	}
	return nil
}
