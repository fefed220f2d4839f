//go:build !unix

package buildcache

import "os"

// private reports whether a folder is there: who may write into a user's own
// folders is the system's to decide.
func private(folder string) bool {
	info, err := os.Lstat(folder)
	return err == nil && info.IsDir()
}

// openOwn opens a regular file.
func openOwn(path string) (*os.File, os.FileInfo, bool) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil, false
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, false
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, false
	}
	return file, info, true
}
