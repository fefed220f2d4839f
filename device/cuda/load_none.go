//go:build nogpu || !(linux || windows) || !(amd64 || arm64)

package cuda

import "errors"

// load says that there is nothing to open libraries with.
func load() (*library, error) {
	return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu, or for a system that has no CUDA)")
}

// Libraries names none: there is nothing to open.
func Libraries() []string { return nil }

// syscall is never reached: there is no library without load.
func syscall(uintptr, ...uintptr) uintptr { return 0 }
