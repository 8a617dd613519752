//go:build !linux

package fsx

// renameNoReplace is not the same on any two systems, so a link does its work.
func renameNoReplace(_, _ string) error { return errNoReplace }

// dropInheritedACL and copyAttributes do their work on Linux only.
func (d *draft) dropInheritedACL() error { return nil }

func (d *draft) copyAttributes() error { return nil }
