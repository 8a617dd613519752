package directory

// CheckFilter says what is wrong with a filter in the notation of RFC 4515, as
// far as that can be told without a server; nil for one that every source of
// this package can obey, and for "".
func CheckFilter(filter string) error {
	if filter == "" {
		return nil
	}
	_, err := compileFilter(filter)
	return err
}
