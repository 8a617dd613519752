//go:build !linux

package servertest

import "syscall"

// dieWithParent does nothing on this system: a child survives the crash of its parent,
// and runs as the same user, so a server that refuses root reports an error.
func (*identity) dieWithParent() *syscall.SysProcAttr { return nil }

// removeSharedMemory does nothing on this system.
func removeSharedMemory(int) {}
