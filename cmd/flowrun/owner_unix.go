//go:build unix

package main

import (
	"os"
	"syscall"
)

// hasOneName reports whether a file has no other names (hard links).
func hasOneName(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink == 1
}

// takeOwner gives a file the owner and the group of another one, if that may be.
func takeOwner(file *os.File, of os.FileInfo) error {
	want, ok := of.Sys().(*syscall.Stat_t)
	if !ok {
		return os.ErrInvalid
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if has, ok := info.Sys().(*syscall.Stat_t); ok && has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	return file.Chown(int(want.Uid), int(want.Gid))
}
