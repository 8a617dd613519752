package servertest

import "syscall"

// dieWithParent makes the kernel end a child when the thread ends that started
// it, be it by a crash.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
