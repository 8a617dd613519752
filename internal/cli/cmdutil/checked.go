package cmdutil

// Checked is the result of a check that can also run as a part of another command.
type Checked struct {
	Report *FindingReport
	Ended  error        // why not everything was looked at; nil if all was
	Close  func() error // frees the findings; nil if there is nothing to free
}

// NotSetUpError is returned by a check of something that the home does not use, so that there
// is nothing to look at.
type NotSetUpError struct {
	Reason string
	Next   string // the command that sets it up, or ""
}

func (e *NotSetUpError) Error() string { return e.Reason }
