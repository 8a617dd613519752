package servertest

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent makes the kernel end a child when the thread ends that started
// it, be it by a crash.
func (as *identity) dieWithParent() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if as != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
	return attributes
}

// removeSharedMemory removes what a process that was killed could not. That it is
// gone already is the usual case.
func removeSharedMemory(number int) { _, _ = unix.SysvShmCtl(number, unix.IPC_RMID, nil) }
