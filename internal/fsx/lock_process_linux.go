package fsx

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLocks limits how much of the list of all locks is read, in bytes.
const maxLocks = 4 << 20

// lockingProcess returns the process that holds a lock on a file according to the kernel
// (proc_locks(5)), or 0 if that is unknown: the file may be on a network file system, or
// the process outside of this container.
func lockingProcess(fi fs.FileInfo) int {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer f.Close()
	return findLock(f, fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino))
}

// findLock returns the process that holds a lock on the file with this id in a list like
// /proc/locks; 0 if absent.
func findLock(r io.Reader, id string) int {
	for lines := bufio.NewScanner(io.LimitReader(r, maxLocks)); lines.Scan(); {
		// 1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF; one that waits has "->" first.
		part := strings.Fields(lines.Text())
		if len(part) < 6 || part[1] == "->" || part[5] != id {
			continue
		}
		if pid, err := strconv.Atoi(part[4]); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}
