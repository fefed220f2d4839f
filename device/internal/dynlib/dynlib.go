//go:build !nogpu && (linux || darwin || windows) && (amd64 || arm64)

package dynlib

import "github.com/ebitengine/purego"

// Available says that libraries can be opened.
const Available = true

// Call calls a C function. Pointers among the arguments must be converted in the call
// expression itself, which pins what they point to.
//
//go:uintptrescapes
func Call(address uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(address, args...)
	return r
}
