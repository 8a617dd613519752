//go:build !linux

package fsx

// renameNoReplace differs between systems, so the caller uses a link instead.
func renameNoReplace(_, _ string) error { return errNoReplace }

// dropInheritedACL and copyAttributes are implemented on Linux only.
func (d *draft) dropInheritedACL() error { return nil }

func (d *draft) copyAttributes() error { return nil }
