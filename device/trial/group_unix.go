//go:build unix

package trial

import (
	"os/exec"
	"syscall"
)

// grouped starts a command in a process group of its own, so that endGroup also kills the
// processes that a driver has started and left behind.
func grouped(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return endGroup(c) }
}

func endGroup(c *exec.Cmd) error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
