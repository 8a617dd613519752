package directory

// CheckFilter returns an error for a filter in the notation of RFC 4515 that not every
// source of this package can apply, as far as this can be decided without a server.
// The empty filter is valid.
func CheckFilter(filter string) error {
	if filter == "" {
		return nil
	}
	_, err := compileFilter(filter)
	return err
}
