package ldapchange

// Invert returns the record that takes a change back from an entry that holds
// before of the attributes that the change touches. why says what a server would
// refuse; then there is no record. Without changes in it, r changes nothing.
func Invert(r *Record, before Values) (back Record, why string) {
	then, why := after(r.Changes, before)
	if why != "" {
		return Record{}, why
	}
	return inverse(r, before, then), ""
}
