package directory

// CheckFilter returns an error for text that is not a filter in the notation of RFC
// 4515. The empty filter is valid.
func CheckFilter(filter string) error {
	if filter == "" {
		return nil
	}
	_, err := parseFilter(filter)
	return err
}

// CheckFileFilter returns an error for a filter that cannot be evaluated for the entries
// of a file, as far as this can be decided without its entries. The empty filter is
// valid.
func CheckFileFilter(filter string) error {
	_, err := compileFilter(filter, nil, nil)
	return err
}
