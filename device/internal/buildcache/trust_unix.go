//go:build unix

package buildcache

import (
	"os"
	"syscall"
)

// byOthers are the bits of a mode that let others write.
const byOthers = 0o022

// own reports whether a file or folder belongs to the user that the program runs
// as. What somebody else has put there could be any code at all.
func own(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// private reports whether a folder is one that others can't put files into. The
// user's own is made so.
func private(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() || !own(info) {
		return false
	}
	return info.Mode().Perm()&byOthers == 0 || os.Chmod(folder, 0o700) == nil
}

// openOwn opens a regular file of the user's that others can't write; a link is
// none, and nothing is waited for. What was opened is looked at, not what has the
// name a moment later.
func openOwn(path string) (*os.File, os.FileInfo, bool) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, false
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || !own(info) || info.Mode().Perm()&byOthers != 0 {
		file.Close()
		return nil, nil, false
	}
	return file, info, true
}
