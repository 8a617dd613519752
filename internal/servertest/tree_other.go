//go:build !linux

package servertest

import "os"

// killTree kills a process. On this system its children end by themselves, when they
// notice.
func killTree(p *os.Process) error { return p.Kill() }
