package servertest

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent makes the kernel kill a child when the thread that started it ends,
// even by a crash.
func (as *identity) dieWithParent() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if as != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
	return attributes
}

// removeSharedMemory removes the shared memory of a process that was killed. Usually it
// no longer exists.
func removeSharedMemory(number int) { _, _ = unix.SysvShmCtl(number, unix.IPC_RMID, nil) }
