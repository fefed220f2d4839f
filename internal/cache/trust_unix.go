//go:build unix

package cache

import (
	"os"
	"syscall"
)

const (
	byOthers = 0o022                                   // the mode bits that let others write
	openOnly = syscall.O_NOFOLLOW | syscall.O_NONBLOCK // don't follow links, don't block
)

// own reports whether a file or folder belongs to the user that the program runs as.
// Anybody else's could contain arbitrary code or data.
func own(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
