package servertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// killTree kills a process and its children. It stops the process first, so that it
// starts no more of them, and waits until the children have ended.
func killTree(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("cannot stop process %d: %w", p.Pid, err)
	}
	children := childrenOf(p.Pid)
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL) // fails only if it has already ended
	}
	for _, child := range children {
		for isRunning(child) {
			time.Sleep(time.Millisecond)
		}
	}
	return p.Kill()
}

// childrenOf returns the process IDs of the children of a process.
func childrenOf(pid int) (children []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, path := range paths {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if fields := status(child); len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			children = append(children, child)
		}
	}
	return children
}

// isRunning reports whether a process has not ended. A zombie has.
func isRunning(pid int) bool {
	fields := status(pid)
	return len(fields) > 0 && string(fields[0]) != "Z"
}

// status returns the fields of /proc/PID/stat that follow the name of the program: the
// state, the process ID of the parent, and more (proc(5)). It returns none for a process
// that does not exist.
func status(pid int) [][]byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
}
