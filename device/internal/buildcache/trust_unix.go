//go:build unix

package buildcache

import (
	"os"
	"syscall"
)

const (
	byOthers = 0o022                                   // the bits of a mode that let others write
	openOnly = syscall.O_NOFOLLOW | syscall.O_NONBLOCK // for opening: a link is no file, and nothing is waited for
)

// own reports whether a file or folder belongs to the user that the program runs
// as. What somebody else has put there could be any code at all.
func own(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
