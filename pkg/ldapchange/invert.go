package ldapchange

// Invert returns the record that undoes the change r of an entry. before are the
// values, before the change, of the attributes that r changes. why describes what a
// server would refuse about r; then there is no record. If the returned record has
// no changes, r changes nothing.
func Invert(r *Record, before Values) (back Record, why string) {
	then, why := after(r.Changes, before)
	if why != "" {
		return Record{}, why
	}
	return inverse(r, before, then), ""
}
