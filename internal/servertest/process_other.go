//go:build !linux

package servertest

import "syscall"

// dieWithParent has no meaning here: a child outlives a parent that crashes, and
// stays the user who the parent is, which a server that refuses root complains of.
func (*identity) dieWithParent() *syscall.SysProcAttr { return nil }

// removeSharedMemory leaves what a process that was killed could not remove.
func removeSharedMemory(int) {}
