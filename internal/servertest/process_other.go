//go:build !linux

package servertest

import "syscall"

// dieWithParent has no meaning here: a child outlives a parent that crashes.
func dieWithParent() *syscall.SysProcAttr { return nil }
