//go:build nogpu || !(linux || darwin || windows) || !(amd64 || arm64)

package opencl

import "errors"

// load says that there is nothing to open libraries with.
func load() (*library, error) {
	return nil, errors.New("this flowrun was built without GPU drivers (with -tags nogpu, or for a system that they aren't made for)")
}

// Libraries names none: there is nothing to open.
func Libraries() []string { return nil }

// syscall is never reached: there is no library without load.
func syscall(uintptr, ...uintptr) uintptr { return 0 }
